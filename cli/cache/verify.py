"""`cache verify`: check everything or a part of it, and say in the exit code what was found."""

import argparse
import os
import random
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from cachewasm.cache import reasons
from cachewasm.cache.survey import verify as verifying
from cachewasm.cache.survey.inspect import ListedFile
from cachewasm.cache.survey.verify import Finding, VerifyReport
from cachewasm.cache.trust import Rules
from cachewasm.cache.upkeep import repair as repairing
from cachewasm.cache.upkeep.quarantine import quarantined
from cachewasm.cache.upkeep.repair import Repair
from cachewasm.hashing import digest_of

from .. import exit_codes, text
from ..failure import UsageError, printable
from ..note import Note
from ..parser import Commands, add_command, add_json, add_place, count
from ..place import chosen_to_change
from ..waiting import add_wait, turns
from . import lock
from .recompile import Modules, Recompiled, recompile

_COMMAND = "cachewasm cache verify"
_MAX_DIGITS = 9
# They do no harm, so a few are enough to tell whose they are.
_MAX_FOREIGN = 10
_ACTIONS = {
    repairing.DELETE: "delete what is damaged",
    repairing.QUARANTINE: "put corrupt entries, and those under a wrong name, into quarantine",
    repairing.REPAIR: "do that; delete what else is damaged or cannot go there, and what killed writers have left",
}
_EPILOG = f"""exit code: the sum of what was found among the entries, whatever was done about it
{exit_codes.lines(exit_codes.VERIFY_MEANINGS)}
or else {exit_codes.BUSY}, if something was to be done and another process had the lock
"""

# Which bit of verify's exit code each verdict sets.
VERDICT_BITS = {
    verifying.OK: exit_codes.OK,
    verifying.FOREIGN: exit_codes.OK,
    reasons.TORN: exit_codes.CORRUPT,
    reasons.CORRUPT: exit_codes.CORRUPT,
    reasons.WRONG_KEY: exit_codes.CORRUPT,
    reasons.UNTRUSTED: exit_codes.UNTRUSTED,
    reasons.UNREADABLE: exit_codes.UNREADABLE,
    reasons.FOREIGN_VERSION: exit_codes.FOREIGN_VERSION,
}


def add(verbs: Commands) -> None:
    """Add the verb."""
    parser = add_command(verbs, "verify", verify, "check every byte of every entry", _EPILOG)
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument(
        "--quick", action="store_true", help="check only headers, sizes, names and owners"
    )
    how_much.add_argument("--full", action="store_true", help="check every byte, as by default")
    parser.add_argument(
        "--sample",
        type=share,
        metavar="N|P%|N/T",
        help="check so many of the entries, chosen at random; or of T parts, of which each entry is "
        "always in the same one, the N-th",
    )
    parser.add_argument(
        "--from-wasm",
        action="append",
        default=[],
        metavar="PATH",
        help="report entries whose module is neither this file nor in this folder",
    )
    parser.add_argument(
        "--recompile",
        type=count,
        metavar="N",
        help="compile the modules of N entries again, which --from-wasm finds, and compare the code",
    )
    add_place(parser)
    add_json(parser)
    parser.add_argument(
        "--lock", metavar="LOCK", help="check what this lock file names, and only that"
    )
    action = parser.add_mutually_exclusive_group()
    for name, what in _ACTIONS.items():
        action.add_argument(f"--{name}", action="store_const", const=name, dest="action", help=what)
    add_wait(parser)
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be done")


def verify(options: Namespace) -> int:
    """Check, and act on it if told so; the exit code is the sum of VERDICT_BITS. Of a lock file it is
    0 or 1.
    """
    if options.lock is not None:
        others = (
            *(options.quick, options.full, options.sample, options.from_wasm),
            options.recompile,
        )
        if any((*others, options.action, options.dry_run)):
            raise UsageError(_COMMAND, "--lock is a check of its own")
        return lock.check(options.lock, options)
    if options.recompile is not None and not options.from_wasm:
        raise UsageError(
            _COMMAND, "--recompile needs --from-wasm: an entry does not hold its module"
        )
    if (options.wait or options.dry_run) and options.action is None:
        name = "--wait" if options.wait else "--dry-run"
        raise UsageError(_COMMAND, f"{name} goes with what is to be done: --repair, ...")
    is_reading = options.action is None or options.dry_run
    store = chosen_to_change(options.cache_dir, options.config, dry_run=is_reading, judges=True)
    modules = Modules(options.from_wasm) if options.from_wasm else None
    chance = random.SystemRandom()
    note = Note("cachewasm: checking ...", things="files")
    with note:
        report = verifying.verify(
            store.directory,
            store.rules,
            quick=options.quick,
            choose=None if options.sample is None else _chooser(options.sample, chance),
            progress=note.progress,
        )
    repairs = []
    if options.action is not None:
        repairs = repairing.repair(
            *(store.directory, report.findings, options.action, store.rules),
            now=time.time(),
            dry_run=options.dry_run,
            turns=turns(options.wait),
        )
    sound = [found.file for found in report.findings if found.verdict == verifying.OK]
    lost: list[ListedFile] | None = None
    recompiled: Recompiled | None = None
    if modules is not None:
        lost = [file for file in sound if modules.has_that_of(file) is False]
        if options.recompile is not None:
            present = [file for file in sound if modules.has_that_of(file)]
            chance.shuffle(present)
            recompiled = _recompile(present, modules, options.recompile, store.rules)
    if options.json:
        facts: dict[str, text.Fact] = {
            **_facts(report, lost, recompiled),
            "quarantined": [file.path for file in quarantined(store.directory)],
            "dry_run": bool(options.dry_run),
            "repairs": [
                {"path": each.file.path, "done": each.done, "detail": each.why} for each in repairs
            ],
        }
        print(text.as_json(facts))
    else:
        would = "would be " if options.dry_run else ""
        _print(report, [f"{each.file.path}: {would}{_told(each)}" for each in repairs])
        _print_modules(lost, recompiled)
    if any(each.done == repairing.BUSY for each in repairs):
        return exit_codes.BUSY
    return _code(report, recompiled)


def _chooser(
    share: "Share", chance: random.Random
) -> Callable[[list[ListedFile]], list[ListedFile]]:
    def choose(entries: list[ListedFile]) -> list[ListedFile]:
        if isinstance(share, Part):
            return [file for file in entries if share.has(file)]
        # Of a part of anything there is at least one.
        wanted = share if isinstance(share, int) else max(1, round(share * len(entries)))
        chosen = chance.sample(entries, min(wanted, len(entries)))
        return sorted(chosen, key=lambda file: file.name)

    return choose


def _recompile(entries: list[ListedFile], modules: Modules, limit: int, rules: Rules) -> Recompiled:
    outcome = Recompiled()
    note = Note("cachewasm: compiling again ...", things="entries")
    total = min(limit, len(entries))
    with note:
        for outcome in recompile(entries, modules, limit, rules):
            note.progress(outcome.same + len(outcome.different), total)
    return outcome


def _code(report: VerifyReport, recompiled: Recompiled | None) -> int:
    code = exit_codes.OK
    for finding in report.findings:
        code |= VERDICT_BITS[finding.verdict]
    if report.directory_problem is not None:
        code |= exit_codes.UNTRUSTED
    if recompiled is not None and recompiled.different:
        code |= exit_codes.DIFFERENT
    return code


def _facts(
    report: VerifyReport, lost: list[ListedFile] | None, recompiled: Recompiled | None
) -> dict[str, text.Fact]:
    facts: dict[str, text.Fact] = {
        "counts": report.counts,
        "directory_problem": report.directory_problem,
        "leftovers": [file.path for file in report.leftovers],
        "findings": [
            {"path": each.file.path, "verdict": each.verdict, "detail": each.detail}
            for each in report.findings
        ],
    }
    if lost is not None:
        facts["without_module"] = [file.path for file in lost]
    if recompiled is not None:
        facts["recompiled"] = {
            "same": recompiled.same,
            "different": [{"path": f.path, "detail": why} for f, why in recompiled.different],
            "skipped": [{"path": f.path, "detail": why} for f, why in recompiled.skipped],
        }
    return facts


def _line(finding: Finding) -> str:
    return f"{finding.file.path}: {finding.verdict}: {finding.detail}"


def _told(repair: Repair) -> str:
    why = f": {repair.why}" if repair.why else ""
    hint = "; --repair or --delete removes it" if repair.done == repairing.LEFT else ""
    return f"{repair.done}{why}{hint}"


def _print(report: VerifyReport, repairs: list[str]) -> None:
    for finding in report.findings:
        if VERDICT_BITS[finding.verdict]:
            print(printable(_line(finding)))
    foreign = [each for each in report.findings if each.verdict == verifying.FOREIGN]
    for finding in foreign[:_MAX_FOREIGN]:
        print(printable(_line(finding)))
    if len(foreign) > _MAX_FOREIGN:
        print(f"{len(foreign) - _MAX_FOREIGN} more are foreign (--json names them)")
    for done in repairs:
        print(printable(done))
    if report.directory_problem is not None:
        print(printable(f"the directory is not trusted: {report.directory_problem}"))
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(report.counts.items()))
    print(text.counted(len(report.findings), "file") + (f": {counts}" if counts else ""))


def _print_modules(lost: list[ListedFile] | None, recompiled: Recompiled | None) -> None:
    for file in lost or ():
        print(printable(f"{file.path}: its module is not there"))
    if recompiled is not None:
        for file, why in recompiled.different:
            print(printable(f"{file.path}: different: {why}"))
        for file, why in recompiled.skipped:
            print(printable(f"{file.path}: not compiled again: {why}"))
        print(
            f"compiled again: {recompiled.same} the same, {len(recompiled.different)} different, "
            f"{len(recompiled.skipped)} skipped"
        )


@dataclass(frozen=True, slots=True)
class Part:
    """The part `number`, from 1, of `total`: which one an entry is in depends on its name alone."""

    number: int
    total: int

    def has(self, file: ListedFile) -> bool:
        """Whether the entry is in it."""
        digest = digest_of(os.fsencode(file.name))
        return int.from_bytes(digest, "little") % self.total == self.number - 1


Share: TypeAlias = Fraction | int | Part


def share(text: str) -> Share:
    """The type of an argument that is a number, a part of all in percent, or one of several parts."""
    number, slash, total = text.partition("/")
    if slash:
        one = Part(count(number), count(total))
        if one.number > one.total:
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {total} parts")
        return one
    number, percent, rest = text.partition("%")
    if not percent:
        return count(text)
    digits = number.replace(".", "", 1)
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS
    part = Fraction(number) / 100 if is_number else Fraction(0)
    if rest or not 0 < part <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number from 1 nor 1% to 100%")
    return part
