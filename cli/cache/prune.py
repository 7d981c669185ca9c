"""`cache prune`: keep the directory within limits."""

import time
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase

from cachewasm.cache.survey import inspect
from cachewasm.cache.survey.inspect import ListedFile
from cachewasm.cache.upkeep import prune as pruning
from cachewasm.cache.upkeep.prune import Limits

from .. import exit_codes, text
from ..failure import UsageError, printable, say
from ..parser import Commands, add_command, add_json, add_place, age, size
from ..place import chosen_to_change
from .choose import CURRENT, ENGINE, OTHER, add_namespace, engine_version, names_of

_EPILOG = """Without limits, those of the configuration count. With --namespace or --engine-version, the limits are
for these entries alone; without limits, all of them are removed. Pinned entries are never removed.
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
    ages = parser.add_mutually_exclusive_group()
    ages.add_argument(
        "--older-than", type=age, metavar="AGE", help="remove what was not used so long: 12h, 30d"
    )
    ages.add_argument(
        "--unused-since",
        type=moment,
        metavar="DATE",
        help="remove what was not used since then: 2026-11-01, 2026-11-01T12:00; or an age",
    )
    add_namespace(parser, "only entries that were stored for this namespace")
    parser.add_argument(
        "--engine-version",
        type=engine_version,
        metavar=ENGINE,
        help=f"only entries of this version of cachewasm; `{CURRENT}`: of this very engine; `{OTHER}`: of any "
        "other one, which this one never finds",
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
    now = time.time()
    max_age = options.older_than
    if options.unused_since is not None:
        max_age = now - options.unused_since
    given = (options.max_size, options.max_files, max_age)
    chosen = (options.namespace, options.engine_version)
    configured = Limits.of(store.config)
    if options.tmp:
        if given != (None, None, None) or options.keep or chosen != (None, None):
            raise UsageError("cachewasm cache prune", "--tmp goes with --dry-run only")
        report = pruning.sweep(directory, now=now, drift=configured.drift, dry_run=options.dry_run)
    else:
        limits = configured
        if given != (None, None, None):
            limits = Limits(
                max_size=options.max_size,
                max_files=options.max_files,
                max_age=max_age,
                drift=configured.drift,
            )
        elif chosen != (None, None):
            limits = Limits(max_files=0, drift=configured.drift)
        among = names_of(store, namespace=options.namespace, engine_version=options.engine_version)
        keep = _kept(options.keep) if options.keep else None
        version = options.engine_version
        if among == frozenset() and version not in (None, CURRENT, OTHER):
            say(f"cachewasm: no entry is of the version {version} that --engine-version names")
        _tell_of_idle(options.keep, directory)
        report = pruning.evict(
            directory,
            limits,
            store.rules,
            now=now,
            keep=keep,
            among=among,
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


def _tell_of_idle(patterns: Sequence[str], directory: str) -> None:
    """Say which patterns spare nothing: maybe they are not what was meant."""
    if not patterns:
        return
    names = [file.name for file in inspect.listing(directory)]
    for pattern in patterns:
        if not any(map(_kept([pattern]), names)):
            say(f"cachewasm: --keep {pattern} matches no entry")


def _kept(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a name is one to keep: the beginning of a name, or a pattern of the whole."""
    globs = [each if _GLOB.intersection(each) else f"{each}*" for each in patterns]

    def keep(name: str) -> bool:
        file_name = name.partition("/")[2]
        return any(fnmatchcase(file_name, glob) for glob in globs)

    return keep


def moment(argument: str) -> float:
    """The type of an argument that is a time in the past, in seconds since the epoch: a date of the local
    time zone unless it says another, or how long ago.
    """
    now = time.time()
    try:
        found = datetime.fromisoformat(argument).timestamp()
    except (ValueError, OverflowError, OSError):
        try:
            found = now - age(argument)
        except ArgumentTypeError:
            raise ArgumentTypeError(
                f"{argument!r} is neither a date such as 2026-11-01 nor an age such as 30d"
            ) from None
    if found > now:
        raise ArgumentTypeError(f"{argument!r} is in the future")
    return found


def _count(argument: str) -> int:
    if not (argument.isascii() and argument.isdecimal() and len(argument) <= 18):
        raise ArgumentTypeError(f"{argument!r} is not a number of files")
    return int(argument)


def _entries(count: int) -> str:
    return text.counted(count, "entry", "entries")


def _paths(listed: tuple[ListedFile, ...]) -> list[str]:
    return [file.path for file in listed]
