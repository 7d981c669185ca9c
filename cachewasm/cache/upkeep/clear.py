"""Empty a cache directory of all that is ours: entries, aliases, pins, quarantine, index, leftovers,
and the record of the last misses, which the entries explain.

Only a directory that bears our tag is emptied: it was made for nothing else. Even there only files of
our names go. What a writer is writing just now stays, and so do the lock file, since others may hold
locks on it, and the statistics.
"""

import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from cachewasm.cache import files, layout, scan
from cachewasm.cache.history import statistics
from cachewasm.cache.survey.inspect import ListedFile, alias_listing, listed, listing
from cachewasm.cache.trust import DEFAULT_RULES, Rules
from cachewasm.cache.upkeep import pins
from cachewasm.cache.upkeep.prune import abandoned
from cachewasm.cache.upkeep.quarantine import quarantined
from cachewasm.cache.upkeep.removal import Removal


@dataclass(frozen=True, slots=True)
class ClearReport:
    """What was removed, or would be in a dry run: entries, and all else. `failed` are of both kinds."""

    removed: tuple[ListedFile, ...]
    others: tuple[ListedFile, ...]
    failed: tuple[ListedFile, ...]

    @property
    def removed_bytes(self) -> int:
        """The size of all that was removed."""
        return sum(file.size for file in self.removed + self.others)


def is_ours(directory: str) -> bool:
    """Whether the directory bears the tag that only an empty one gets."""
    path = os.path.join(directory, layout.TAG)
    return files.content_of(path, len(layout.TAG_CONTENT)) == layout.TAG_CONTENT


def clear(
    directory: str,
    rules: Rules = DEFAULT_RULES,
    *,
    dry_run: bool,
    among: Collection[str] | None = None,
) -> ClearReport:
    """Remove all that is ours, or the entries `among` these names with their pins; the caller has asked
    is_ours().
    """
    removal = Removal(dry_run=dry_run)
    entries = listing(directory)
    removed = tuple(removal.of(f for f in entries if among is None or f.name in among))
    others = tuple(removal.of(_others(directory) if among is None else _pins(directory, among)))
    if not dry_run:
        counts = {"evicted": len(removed), "evicted-bytes": sum(file.size for file in removed)}
        statistics.append(directory, counts, rules)
    return ClearReport(removed, others, tuple(removal.failed))


def _pins(directory: str, among: Collection[str]) -> Iterator[ListedFile]:
    for name in sorted(pins.pinned(directory).intersection(among)):
        yield from _present(directory, os.path.join(layout.PINS, name))


def _others(directory: str) -> Iterator[ListedFile]:
    yield from alias_listing(directory)
    yield from quarantined(directory)
    yield from abandoned(directory, now=time.time())
    paths = [os.path.join(layout.PINS, name) for name in sorted(pins.pinned(directory))]
    for folder, names in (
        (layout.INDEX, layout.DATABASE_FILES),
        (layout.STATISTICS, (layout.MISSES, layout.OLD_MISSES)),
    ):
        present = scan.names_below(directory, folder)
        paths += [os.path.join(folder, name) for name in names if name in present]
    for path in paths:
        yield from _present(directory, path)


def _present(directory: str, path: str) -> Iterator[ListedFile]:
    file = listed(path, os.path.join(directory, path))
    if file is not None and file.is_regular:
        yield file
