"""Make a cache directory smaller: least recently used entries first.

`plan` decides, `evict` deletes. Deleting is safe at any time: a hit reads the whole entry before it
uses any of it, whoever has the file open keeps it, and whoever comes later compiles. Only entries,
aliases, what was put into quarantine and what killed writers have left in tmp/ are ever deleted:
never a pinned entry, never a foreign file. A file of an entry's name that is too large for one costs
no entry its place: it goes, and does not count. An alias goes when it was not used for too long or
when no entry is left for it to lead to. Several prunes may run at once; each reports what it removed
itself.
"""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachewasm.cache import file_locks, files
from cachewasm.cache.entry import MAX_ENTRY_SIZE
from cachewasm.cache.history import statistics
from cachewasm.cache.keys import wasm_prefix
from cachewasm.cache.reasons import CORRUPT, TORN, WRONG_KEY, EntryError
from cachewasm.cache.survey.inspect import (
    ListedFile,
    alias_listing,
    leftovers,
    listing,
    module_of,
    read_alias,
)
from cachewasm.cache.trust import DEFAULT_RULES, Rules
from cachewasm.cache.upkeep import pins
from cachewasm.cache.upkeep.quarantine import quarantined
from cachewasm.cache.upkeep.removal import Removal
from cachewasm.log import WARNING, log

if TYPE_CHECKING:
    from cachewasm.cache.settings import CacheConfig

# No writer takes this long over one entry, so what is older in tmp/ has been left by a killed one.
STALE_AFTER = 3600.0
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a directory may hold: bytes, entries, seconds since the last use. None is no limit.

    Once there are more than `max_size` bytes or `max_files` entries, entries go until there are at
    most `size_left` and `files_left`; by default these are the same numbers. A time that is more than
    `drift` seconds in the future is wrong, and says nothing about the last use.
    """

    max_size: int | None = None
    max_files: int | None = None
    size_left: int | None = None
    files_left: int | None = None
    max_age: float | None = None
    drift: float = _DAY

    @classmethod
    def of(cls, config: "CacheConfig") -> "Limits":
        """The limits that are configured."""
        max_size, max_files = config.files_total_size_soft_limit, config.file_count_soft_limit
        return cls(
            max_size=max_size,
            max_files=max_files,
            size_left=max_size * config.files_total_size_limit_percent_if_deleting // 100,
            files_left=max_files * config.file_count_limit_percent_if_deleting // 100,
            max_age=config.max_age,
            drift=config.allowed_clock_drift_for_files_from_future,
        )

    def is_exceeded(self, size: int, count: int) -> bool:
        """Whether this many bytes in this many entries are too much."""
        return _is_above(size, self.max_size) or _is_above(count, self.max_files)

    def is_left(self, size: int, count: int) -> bool:
        """Whether this many are few enough, once there were too many."""
        files_left = self.max_files if self.files_left is None else self.files_left
        return not (self.is_above_rest(size) or _is_above(count, files_left))

    def is_above_rest(self, size: int) -> bool:
        """Whether this many bytes are more than may be left, once there were too many."""
        return _is_above(size, self.max_size if self.size_left is None else self.size_left)


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What was removed, or would be in a dry run; and what stays.

    `removed` are entries, `stale` aliases, quarantined and temporary files and such as are too large for
    an entry. `failed` are files of all kinds that could not be removed; such entries are part of what
    is kept, and so are the pinned ones. What somebody else removed is nowhere. `is_complete` unless the time was up.
    """

    removed: tuple[ListedFile, ...]
    stale: tuple[ListedFile, ...]
    failed: tuple[ListedFile, ...]
    kept_entries: int
    kept_bytes: int
    pinned_entries: int = 0
    is_complete: bool = True

    @property
    def removed_bytes(self) -> int:
        """The size of all that was removed."""
        return sum(file.size for file in self.removed + self.stale)


def plan(
    entries: Iterable[ListedFile],
    limits: Limits,
    *,
    now: float,
    aged_at: float | None = None,
    spared: Collection[str] = (),
) -> list[ListedFile]:
    """Which of `entries` to evict, least recently used first; pure.

    All that are too large to be entries (is_no_entry), which count for nothing, and all that were not
    used for more than `limits.max_age` seconds before `aged_at`, by default `now`; then, if the rest is
    too much, as many as it takes. What is larger than all that may be left then goes first, since it
    could not stay whatever else went. An entry from the future, beyond the drift, is no old one, but
    among the rest it goes first. Entries used at the same time go in the order of their names. The names
    in `spared` stay, and count if they are entries.
    """
    aged_at = now if aged_at is None else aged_at
    future_ns = int((now + limits.drift) * 1e9)
    ordered = sorted(
        entries, key=lambda file: (file.mtime_ns <= future_ns, file.mtime_ns, file.name)
    )
    evicted: list[ListedFile] = []
    rest: list[ListedFile] = []
    for file in ordered:
        if is_no_entry(file):
            if file.name not in spared:
                evicted.append(file)
            continue
        is_old = limits.max_age is not None and aged_at - file.mtime > limits.max_age
        (evicted if is_old and file.name not in spared else rest).append(file)
    size, count = sum(file.size for file in rest), len(rest)
    if not limits.is_exceeded(size, count):
        return evicted
    # Stable: otherwise they stay in order.
    rest.sort(key=lambda file: not limits.is_above_rest(file.size))
    for file in rest:
        if limits.is_left(size, count):
            break
        if file.name not in spared:
            evicted.append(file)
            size -= file.size
            count -= 1
    return evicted


def is_no_entry(file: ListedFile) -> bool:
    """Whether a listed file is larger than any entry, whatever its name: only somebody else can have
    made it, and it may take no space at all (a sparse file).
    """
    return file.size > MAX_ENTRY_SIZE


def prune(
    directory: str,
    rules: Rules = DEFAULT_RULES,
    *,
    max_size: int | None = None,
    max_files: int | None = None,
    older_than: float | None = None,
    dry_run: bool = False,
) -> PruneReport:
    """Evict down to exactly these limits, as things are now."""
    limits = Limits(max_size=max_size, max_files=max_files, max_age=older_than)
    return evict(directory, limits, rules, now=time.time(), dry_run=dry_run)


def evict(
    directory: str,
    limits: Limits,
    rules: Rules = DEFAULT_RULES,
    *,
    now: float,
    aged_at: float | None = None,
    keep: Callable[[str], bool] | None = None,
    among: Collection[str] | None = None,
    dry_run: bool = False,
    is_late: Callable[[], bool] | None = None,
) -> PruneReport:
    """Evict what `plan` says from `directory`, and remove what is stale.

    That are aliases, what was quarantined too long ago, and what killed writers have left. What is no
    entry for its size is removed with it, told of in the log, and not counted as an entry. Entries
    whose names `keep` accepts stay, as pinned ones do. With `among`, the limits are for the entries of
    these names, as if there were no others. A file that was used or replaced since it was listed is
    spared; once it `is_late`, so are all others.
    """
    aged_at = now if aged_at is None else aged_at
    entries = list(listing(directory))
    held = pins.pinned(directory)
    spared = held if keep is None else held.union(f.name for f in entries if keep(f.name))
    judged = entries if among is None else [file for file in entries if file.name in among]
    evicted = plan(judged, limits, now=now, aged_at=aged_at, spared=spared)
    max_age = limits.max_age if among is None else None
    gone = {file.name for file in evicted}
    kept = [file for file in entries if file.name not in gone]
    oversized = [file for file in evicted if is_no_entry(file)]
    stale = [
        *_stale_aliases(directory, kept, rules, max_age, aged_at),
        *(
            file
            for file in quarantined(directory)
            if max_age is not None and aged_at - file.time > max_age
        ),
        *abandoned(directory, now=now, drift=limits.drift),
    ]
    removal = Removal(dry_run=dry_run, is_late=is_late)
    cleared = removal.of(oversized)
    removed = removal.of(file for file in evicted if not is_no_entry(file))
    kept += removal.spared
    if not dry_run:
        counts = {"evicted": len(removed), "evicted-bytes": sum(file.size for file in removed)}
        statistics.append(directory, counts, rules)
        if cleared:
            message = (
                "files too large for an entry, and so none, are removed: %d, first %s of %d bytes"
            )
            log(WARNING, message, len(cleared), cleared[0].path, cleared[0].size)
        for file in kept:
            if file.mtime > now + limits.drift:
                # From here on it ages as all others do.
                files.touch_if_old(file.path, file.mtime)
    return PruneReport(
        removed=tuple(removed),
        stale=(*cleared, *removal.of(stale)),
        failed=tuple(removal.failed),
        kept_entries=len(kept),
        kept_bytes=sum(file.size for file in kept),
        pinned_entries=sum(file.name in held for file in kept),
        is_complete=not removal.was_late,
    )


def sweep(directory: str, *, now: float, drift: float = _DAY, dry_run: bool = False) -> PruneReport:
    """Remove what killed writers have left, and nothing else."""
    entries = list(listing(directory))
    removal = Removal(dry_run=dry_run)
    return PruneReport(
        removed=(),
        stale=tuple(removal.of(abandoned(directory, now=now, drift=drift))),
        failed=tuple(removal.failed),
        kept_entries=len(entries),
        kept_bytes=sum(file.size for file in entries),
    )


def abandoned(directory: str, *, now: float, drift: float = _DAY) -> list[ListedFile]:
    """What killed writers have left in tmp/: nobody holds it, or its time is out of the question."""
    return [
        file
        for file in leftovers(directory)
        if not -drift <= now - file.mtime <= STALE_AFTER or not file_locks.is_held(file.path)
    ]


def _is_above(number: int, limit: int | None) -> bool:
    return limit is not None and number > limit


def _stale_aliases(
    directory: str,
    kept: Iterable[ListedFile],
    rules: Rules,
    max_age: float | None,
    aged_at: float,
) -> list[ListedFile]:
    aliases = list(alias_listing(directory))
    if not aliases:
        return []
    modules = {module_of(file.name) for file in kept}
    return [
        file
        for file in aliases
        if (max_age is not None and aged_at - file.mtime > max_age)
        or not _leads_to(file, modules, rules)
    ]


def _leads_to(file: ListedFile, modules: set[str], rules: Rules) -> bool:
    """Whether an alias may lead to one of `modules`: in doubt, unless it is damaged, it may."""
    try:
        digest = read_alias(file, rules).wasm_digest
    except EntryError as error:
        return error.reason not in (TORN, CORRUPT, WRONG_KEY)
    return wasm_prefix(digest) in modules
