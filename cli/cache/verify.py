"""`cache verify`: check everything, and say in the exit code what was found."""

import time
from argparse import Namespace

from cachewasm.cache import reasons
from cachewasm.cache import repair as repairing
from cachewasm.cache import verify as verifying
from cachewasm.cache.quarantine import quarantined

from .. import exit_codes, text
from ..failure import printable
from ..parser import Commands, add_command, add_json, add_place
from ..place import chosen_directory
from .chosen import directory_to_change

_ACTIONS = {
    repairing.DELETE: "delete what is damaged",
    repairing.QUARANTINE: "put corrupt entries, and those under a wrong name, into quarantine",
    repairing.REPAIR: "do that, delete what else is damaged and what killed writers have left",
}
_EPILOG = f"""exit code: the sum of what was found among the entries, whatever was done about it
{exit_codes.lines(exit_codes.VERIFY_MEANINGS)}
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
    add_place(parser)
    add_json(parser)
    action = parser.add_mutually_exclusive_group()
    for name, what in _ACTIONS.items():
        action.add_argument(f"--{name}", action="store_const", const=name, dest="action", help=what)
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be done")


def verify(options: Namespace) -> int:
    """Check everything, and act on it if told so; the exit code is the sum of VERDICT_BITS."""
    directory = chosen_directory(options.cache_dir, options.config)
    if options.action is not None:
        directory = directory_to_change(options, dry_run=options.dry_run)
    report = verifying.verify(directory)
    repairs = []
    if options.action is not None:
        repairs = repairing.repair(
            *(directory, report.findings, options.action),
            now=time.time(),
            dry_run=options.dry_run,
        )
    bad = [found for found in report.findings if VERDICT_BITS[found.verdict]]
    code = exit_codes.OK
    for finding in bad:
        code |= VERDICT_BITS[finding.verdict]
    if report.directory_problem is not None:
        code |= exit_codes.UNTRUSTED
    if options.json:
        facts: dict[str, text.Fact] = {
            "counts": report.counts,
            "directory_problem": report.directory_problem,
            "leftovers": [file.path for file in report.leftovers],
            "findings": [
                {"path": each.file.path, "verdict": each.verdict, "detail": each.detail}
                for each in report.findings
            ],
            "quarantined": [file.path for file in quarantined(directory)],
            "dry_run": bool(options.dry_run),
            "repairs": [{"path": each.file.path, "done": each.done} for each in repairs],
        }
        print(text.as_json(facts))
        return code
    for finding in bad:
        print(printable(f"{finding.file.path}: {finding.verdict}: {finding.detail}"))
    for each in repairs:
        would = "would be " if options.dry_run else ""
        print(printable(f"{each.file.path}: {would}{each.done}"))
    if report.directory_problem is not None:
        print(printable(f"the directory is not trusted: {report.directory_problem}"))
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(report.counts.items()))
    print(f"{len(report.findings)} files" + (f": {counts}" if counts else ""))
    return code
