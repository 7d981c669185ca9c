"""`cache recompress`: compress entries again, at another level."""

import argparse
from argparse import Namespace

from cachewasm.cache.setting import Level
from cachewasm.cache.survey import inspect
from cachewasm.cache.survey.inspect import ListedFile
from cachewasm.cache.upkeep import recompress as recompressing

from .. import exit_codes, text
from ..failure import Failure, printable
from ..note import Note
from ..parser import Commands, add_command, add_json, add_place
from ..place import chosen_to_change
from ..waiting import add_wait, turns
from .choose import add_namespace, names_of
from .find import beginning_of

_EPILOG = f"""Entries of every other codec than zstd stay as they are; so do their times. What is damaged is left to
`cachewasm cache verify`. Without KEY, all entries are meant. The exit code is {exit_codes.BUSY} if another process
had the lock of an entry.
"""


def add(verbs: Commands) -> None:
    """Add the verb."""
    summary = "compress entries again, at another level"
    parser = add_command(verbs, "recompress", recompress, summary, _EPILOG)
    parser.add_argument(
        "keys",
        metavar="KEY",
        nargs="*",
        help="an entry or all of a module: a path, or what names begin with",
    )
    parser.add_argument(
        "--level",
        type=level,
        metavar="L",
        required=True,
        help=f"the zstd level, 0 to {Level.MAXIMUM}; 0 is zstd's own default",
    )
    add_namespace(parser, "only entries that were stored for this namespace")
    add_place(parser)
    add_wait(parser)
    add_json(parser)
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be saved")


def recompress(options: Namespace) -> int:
    """Compress what is meant; what fails does not stop the others."""
    store = chosen_to_change(options.cache_dir, options.config, dry_run=options.dry_run)
    listed = _chosen(store.directory, options.keys)
    among = names_of(store, namespace=options.namespace)
    if among is not None:
        listed = [file for file in listed if file.name in among]
    results = []
    note = Note("cachewasm: compressing ...", things="entries")
    with note:
        for result in recompressing.recompress(
            store.directory,
            listed,
            options.level,
            store.rules,
            sync=store.config.sync,
            dry_run=options.dry_run,
            turns=turns(options.wait),
        ):
            results.append(result)
            note.progress(len(results), len(listed))
    there = [result for result in results if result.done != recompressing.GONE]
    before, after = sum(each.file.size for each in there), sum(each.size for each in there)
    counts: dict[str, int] = {}
    for each in results:
        counts[each.done] = counts.get(each.done, 0) + 1
    failed = [each for each in results if each.done == recompressing.FAILED]
    if options.json:
        facts: dict[str, text.Fact] = {
            "level": options.level,
            "dry_run": bool(options.dry_run),
            "counts": counts,
            "bytes_before": before,
            "bytes_after": after,
            "failed": [{"path": each.file.path, "detail": each.detail} for each in failed],
        }
        print(text.as_json(facts))
    else:
        for each in failed:
            print(printable(f"{each.file.path}: {each.detail}"))
        said = ", ".join(f"{count} {done}" for done, count in sorted(counts.items()))
        after_it = "would be left" if options.dry_run else "after"
        entries = text.counted(len(results), "entry", "entries")
        sizes = f"{text.size(before)} before, {text.size(after)} {after_it}"
        print(f"{entries}: {said + '; ' if said else ''}{sizes}")
    if counts.get(recompressing.BUSY):
        return exit_codes.BUSY
    return exit_codes.FAILURE if failed else exit_codes.OK


def level(argument: str) -> int:
    """The type of an argument that is a zstd level."""
    if argument.isascii() and argument.isdecimal() and len(argument) <= 2:
        number = int(argument)
        if number <= Level.MAXIMUM:
            return number
    raise argparse.ArgumentTypeError(f"{argument!r} is not a level from 0 to {Level.MAXIMUM}")


def _chosen(directory: str, keys: list[str]) -> list[ListedFile]:
    if not keys:
        return list(inspect.listing(directory))
    found: dict[str, ListedFile] = {}
    for key in keys:
        listed = list(inspect.listing_of(directory, beginning_of(key)))
        if not listed:
            raise Failure(f"{printable(key)}: there is no such entry in the cache")
        found.update((file.name, file) for file in listed)
    return list(found.values())
