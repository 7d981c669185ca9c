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
BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done about one file, or would be in a dry run; BUSY is left to who compiles it."""

    file: ListedFile
    done: str


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

    REPAIR puts into quarantine what is fit for it, deletes what else is damaged, and removes what
    killed writers have left. A lock that another process has is tried again after each of `turns`.
    """
    repairs = []
    for finding in findings:
        if finding.verdict not in DAMAGED:
            continue
        file = finding.file
        is_entry = parse_entry_name(file.name) is not None
        is_fit = is_entry and finding.verdict in quarantine.REASONS
        if not is_fit and action == QUARANTINE:
            continue
        with ExitStack() as stack:
            if is_entry and not dry_run and not has_turn(stack, directory, file.name, rules, turns):
                repairs.append(Repair(file, BUSY))
            elif action != DELETE and is_fit:
                is_done = dry_run or quarantine.move_if_damaged(
                    directory, file.name, partial(_read, file, rules), rules, now=now
                )
                repairs.append(Repair(file, QUARANTINED if is_done else FAILED))
            elif check_again(file, rules).verdict in DAMAGED:
                repairs += _deleted(file, dry_run=dry_run)
    if action == REPAIR:
        for file in abandoned(directory, now=now):
            repairs += _deleted(file, dry_run=dry_run)
    count = sum(each.done == QUARANTINED for each in repairs)
    if not dry_run:
        statistics.append(directory, {"quarantined": count}, rules)
    return repairs


def _read(file: ListedFile, rules: Rules) -> None:
    finding = check_again(file, rules)
    if finding.verdict != OK:
        raise EntryError(finding.verdict, finding.detail)


def _deleted(file: ListedFile, *, dry_run: bool) -> list[Repair]:
    outcome = remove(file, dry_run=dry_run)
    if outcome is Outcome.REMOVED:
        return [Repair(file, DELETED)]
    return [Repair(file, FAILED)] if outcome is Outcome.FAILED else []
