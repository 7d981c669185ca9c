"""`cache clear`: remove everything that the cache has put into its directory."""

from argparse import Namespace

from cachewasm.cache.upkeep import clear as clearing

from .. import exit_codes, text
from ..failure import Failure, UsageError, printable
from ..parser import Commands, add_command, add_json, add_place
from ..place import chosen_to_change
from .choose import add_namespace, names_of

_EPILOG = """Pinned entries go, too. Foreign files and the statistics stay. A directory without our
CACHEDIR.TAG is refused: it was not made for the cache alone.
"""


def add(verbs: Commands) -> None:
    """Add the verb."""
    parser = add_command(
        verbs, "clear", clear, "remove all entries and what belongs to them", _EPILOG
    )
    add_place(parser)
    add_json(parser)
    add_namespace(parser, "only the entries that were stored for this namespace")
    parser.add_argument("--yes", action="store_true", help="needed, since nothing asks")
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be removed")


def clear(options: Namespace) -> int:
    """Empty the directory; files that cannot be removed are a failure."""
    if options.yes == options.dry_run:
        raise UsageError("cachewasm cache clear", "it takes either --yes or --dry-run")
    store = chosen_to_change(options.cache_dir, options.config, dry_run=options.dry_run)
    directory = store.directory
    if not clearing.is_ours(directory):
        raise Failure(f"{printable(directory)}: no CACHEDIR.TAG of cachewasm is there")
    among = names_of(store, namespace=options.namespace)
    report = clearing.clear(directory, store.rules, dry_run=options.dry_run, among=among)
    if options.json:
        facts: dict[str, text.Fact] = {
            "dry_run": bool(options.dry_run),
            "removed": [file.path for file in report.removed],
            "others": [file.path for file in report.others],
            "failed": [file.path for file in report.failed],
            "removed_bytes": report.removed_bytes,
        }
        print(text.as_json(facts))
    else:
        for file in report.failed:
            print(printable(f"cannot be removed: {file.path}"))
        verb = "would remove" if options.dry_run else "removed"
        print(
            f"{verb} {text.counted(len(report.removed), 'entry', 'entries')} and "
            f"{text.counted(len(report.others), 'other file')} "
            f"({text.size(report.removed_bytes)})"
        )
    return exit_codes.FAILURE if report.failed else exit_codes.OK
