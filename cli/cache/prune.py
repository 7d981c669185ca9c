"""`cache prune`: keep the directory within limits."""

from argparse import Namespace

from cachewasm.cache import prune as pruning
from cachewasm.cache.inspect import ListedFile

from .. import exit_codes, text
from ..failure import printable
from ..parser import Commands, add_command, add_json, add_place, age, size
from ..place import chosen_directory, chosen_rules


def add(verbs: Commands) -> None:
    """Add the verb."""
    summary = "remove entries, least recently used first, and what killed writers have left"
    parser = add_command(verbs, "prune", prune, summary)
    add_place(parser)
    add_json(parser)
    parser.add_argument(
        "--max-size", type=size, metavar="SIZE", help="what to keep at most: 500MB, 2GiB"
    )
    parser.add_argument(
        "--older-than", type=age, metavar="AGE", help="remove what was not used so long: 12h, 30d"
    )
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be removed")


def prune(options: Namespace) -> int:
    """Remove what the limits ask for; files that cannot be removed are a failure."""
    report = pruning.prune(
        chosen_directory(options.cache_dir, options.config),
        chosen_rules(),
        max_size=options.max_size,
        older_than=options.older_than,
        dry_run=options.dry_run,
    )
    if options.json:
        facts: dict[str, text.Fact] = {
            "dry_run": bool(options.dry_run),
            "removed": _paths(report.removed),
            "stale": _paths(report.stale),
            "failed": _paths(report.failed),
            "removed_bytes": report.removed_bytes,
            "kept_entries": report.kept_entries,
            "kept_bytes": report.kept_bytes,
        }
        print(text.as_json(facts))
    else:
        for path in _paths(report.failed):
            print(printable(f"cannot be removed: {path}"))
        verb = "would remove" if options.dry_run else "removed"
        print(
            f"{verb} {len(report.removed)} entries and {len(report.stale)} leftovers "
            f"({text.size(report.removed_bytes)}), "
            f"kept {report.kept_entries} entries ({text.size(report.kept_bytes)})"
        )
    return exit_codes.FAILURE if report.failed else exit_codes.OK


def _paths(listed: tuple[ListedFile, ...]) -> list[str]:
    return [file.path for file in listed]
