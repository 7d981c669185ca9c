"""`cache verify`: check everything, and say in the exit code what was found."""

from argparse import Namespace

from cachewasm.cache import reasons
from cachewasm.cache import verify as verifying

from .. import exit_codes, text
from ..failure import printable
from ..parser import Commands, add_command, add_json, add_place
from ..place import chosen_directory
from . import lock

_EPILOG = f"""exit code: the sum of what was found among the entries
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
    parser.add_argument(
        "--lock", metavar="LOCK", help="check what this lock file names, and only that"
    )


def verify(options: Namespace) -> int:
    """Check everything; the exit code is the sum of VERDICT_BITS. Of a lock file it is 0 or 1."""
    if options.lock is not None:
        return lock.check(options.lock, options)
    report = verifying.verify(chosen_directory(options.cache_dir, options.config))
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
        }
        print(text.as_json(facts))
        return code
    for finding in bad:
        print(printable(f"{finding.file.path}: {finding.verdict}: {finding.detail}"))
    if report.directory_problem is not None:
        print(printable(f"the directory is not trusted: {report.directory_problem}"))
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(report.counts.items()))
    print(f"{len(report.findings)} files" + (f": {counts}" if counts else ""))
    return code
