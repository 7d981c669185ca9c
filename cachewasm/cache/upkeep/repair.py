"""Act on what verify has found: delete damaged files, or put them into quarantine.

Damaged is what is torn, corrupt or under the wrong name. What is untrusted or of another version is
left: it may be right for somebody else, and a store replaces it. Each file is read once more first,
since another process may have replaced it meanwhile: an entry under its key's lock, which is told by
its name. Who has that lock has missed the entry and replaces it, so there is nothing left to do.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from cachewasm.cache.byte_lock import has_turn
from cachewasm.cache.history import statistics
from cachewasm.cache.keys import parse_entry_name
from cachewasm.cache.reasons import CORRUPT, TORN, WRONG_KEY, EntryError
from cachewasm.cache.survey.inspect import ListedFile
from cachewasm.cache.survey.verify import OK, Finding, check_again
from cachewasm.cache.trust import DEFAULT_RULES, Rules
from cachewasm.cache.upkeep import quarantine
from cachewasm.cache.upkeep.prune import abandoned
from cachewasm.cache.upkeep.removal import Outcome, remove

DAMAGED = (TORN, CORRUPT, WRONG_KEY)

DELETE, QUARANTINE, REPAIR = "delete", "quarantine", "repair"

DELETED, QUARANTINED, FAILED = "deleted", "quarantined", "failed"
BUSY, LEFT = "busy", "left"


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done about one file, or would be in a dry run; BUSY is left to who compiles it.

    LEFT is what QUARANTINE cannot do. `why` is a clause that tells what is not to be expected.
    """

    file: ListedFile
    done: str
    why: str = ""


def repair(
    directory: str,
    findings: Iterable[Finding],
    action: str,
    rules: Rules = DEFAULT_RULES,
    *,
    now: float,
    dry_run: bool,
    turns: Iterable[object] = (),
) -> list[Repair]:
    """Do one of the three: DELETE what is damaged; QUARANTINE what is fit for it, and no more; REPAIR.

    REPAIR puts into quarantine what is fit for it, deletes what else is damaged or cannot be put there,
    and removes what killed writers have left. A lock that another process has is tried again after each
    of `turns`.
    """
    repairs = []
    for finding in findings:
        if finding.verdict not in DAMAGED:
            continue
        name = finding.file.name
        is_locked = parse_entry_name(name) is not None and not dry_run
        if action == QUARANTINE and _unfit(finding):
            is_locked = False
        with ExitStack() as stack:
            if is_locked and not has_turn(stack, directory, name, rules, turns):
                repairs.append(Repair(finding.file, BUSY))
            else:
                repairs += _repaired(directory, finding, action, rules, now=now, dry_run=dry_run)
    if action == REPAIR:
        for file in abandoned(directory, now=now):
            repairs += _deleted(file, dry_run=dry_run)
    count = sum(each.done == QUARANTINED for each in repairs)
    if not dry_run:
        statistics.append(directory, {"quarantined": count}, rules)
    return repairs


def _repaired(
    directory: str, finding: Finding, action: str, rules: Rules, *, now: float, dry_run: bool
) -> list[Repair]:
    file, why = finding.file, ""
    if action != DELETE:
        why = _unfit(finding)
        if not why:
            move = _quarantined(directory, file, rules, now=now, dry_run=dry_run)
            if move.is_done:
                return [Repair(file, QUARANTINED)]
            why = move.problem
    if check_again(file, rules).verdict not in DAMAGED:
        return []
    if action == QUARANTINE:
        return [Repair(file, LEFT, why)]
    return _deleted(file, why, dry_run=dry_run)


def _unfit(finding: Finding) -> str:
    """Why a damaged file is none for quarantine; nothing if it is one."""
    if parse_entry_name(finding.file.name) is None:
        return "an alias is not put into quarantine"
    if finding.verdict not in quarantine.REASONS:
        return f"what is {finding.verdict} is not put into quarantine"
    return ""


def _quarantined(
    directory: str, file: ListedFile, rules: Rules, *, now: float, dry_run: bool
) -> quarantine.Move:
    if dry_run:
        problem = quarantine.obstacle(directory, file.size, rules)
        return quarantine.Move(problem is None, problem or "")
    return quarantine.move_if_damaged(
        directory, file.name, partial(_read, file, rules), rules, now=now
    )


def _read(file: ListedFile, rules: Rules) -> None:
    finding = check_again(file, rules)
    if finding.verdict != OK:
        raise EntryError(finding.verdict, finding.detail)


def _deleted(file: ListedFile, why: str = "", *, dry_run: bool) -> list[Repair]:
    outcome = remove(file, dry_run=dry_run)
    if outcome is Outcome.REMOVED:
        return [Repair(file, DELETED, why)]
    return [Repair(file, FAILED, "it cannot be removed")] if outcome is Outcome.FAILED else []
