"""`cache prune`: keep the directory within limits."""

import time
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from cachewasm.cache.survey.inspect import ListedFile
from cachewasm.cache.upkeep import prune as pruning
from cachewasm.cache.upkeep.prune import Limits

from .. import exit_codes, text
from ..failure import UsageError, printable
from ..parser import Commands, add_command, add_json, add_place, age, size
from ..place import chosen_to_change

_EPILOG = """Without limits, those of the configuration count. Pinned entries are never removed.
"""
_GLOB = frozenset("*?[")


def add(verbs: Commands) -> None:
    """Add the verb."""
    summary = "remove entries, least recently used first, and what killed writers have left"
    parser = add_command(verbs, "prune", prune, summary, _EPILOG)
    add_place(parser)
    add_json(parser)
    parser.add_argument(
        "--max-size", type=size, metavar="SIZE", help="what to keep at most: 500MB, 2GiB"
    )
    parser.add_argument(
        "--max-files", type=_count, metavar="COUNT", help="how many entries to keep at most"
    )
    parser.add_argument(
        "--older-than", type=age, metavar="AGE", help="remove what was not used so long: 12h, 30d"
    )
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="KEY|GLOB",
        help="spare the entries whose names begin or match so; may be given several times",
    )
    parser.add_argument(
        "--tmp", action="store_true", help="remove only what killed writers have left"
    )
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be removed")


def prune(options: Namespace) -> int:
    """Remove what the limits ask for; files that cannot be removed are a failure."""
    store = chosen_to_change(options.cache_dir, options.config, dry_run=options.dry_run)
    directory = store.directory
    given = (options.max_size, options.max_files, options.older_than)
    configured = Limits.of(store.config)
    now = time.time()
    if options.tmp:
        if given != (None, None, None) or options.keep:
            raise UsageError("cachewasm cache prune", "--tmp goes with --dry-run only")
        report = pruning.sweep(directory, now=now, drift=configured.drift, dry_run=options.dry_run)
    else:
        limits = configured
        if given != (None, None, None):
            limits = Limits(
                max_size=options.max_size,
                max_files=options.max_files,
                max_age=options.older_than,
                drift=configured.drift,
            )
        keep = _kept(options.keep) if options.keep else None
        report = pruning.evict(
            directory, limits, store.rules, now=now, keep=keep, dry_run=options.dry_run
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
            "pinned_entries": report.pinned_entries,
        }
        print(text.as_json(facts))
    else:
        for path in _paths(report.failed):
            print(printable(f"cannot be removed: {path}"))
        verb = "would remove" if options.dry_run else "removed"
        pinned = f", {report.pinned_entries} of them pinned" if report.pinned_entries else ""
        print(
            f"{verb} {_entries(len(report.removed))} and "
            f"{text.counted(len(report.stale), 'leftover')} "
            f"({text.size(report.removed_bytes)}), "
            f"kept {_entries(report.kept_entries)} ({text.size(report.kept_bytes)}){pinned}"
        )
    return exit_codes.FAILURE if report.failed else exit_codes.OK


def _kept(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a name is one to keep: the beginning of a name, or a pattern of the whole."""
    globs = [each if _GLOB.intersection(each) else f"{each}*" for each in patterns]

    def keep(name: str) -> bool:
        file_name = name.partition("/")[2]
        return any(fnmatchcase(file_name, glob) for glob in globs)

    return keep


def _count(argument: str) -> int:
    if not (argument.isascii() and argument.isdecimal() and len(argument) <= 18):
        raise ArgumentTypeError(f"{argument!r} is not a number of files")
    return int(argument)


def _entries(count: int) -> str:
    return text.counted(count, "entry", "entries")


def _paths(listed: tuple[ListedFile, ...]) -> list[str]:
    return [file.path for file in listed]
