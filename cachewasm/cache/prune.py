"""Make a cache directory smaller: least recently used entries first.

`plan` decides, `prune` deletes. Deleting is safe at any time: whoever has an entry open keeps it,
and whoever comes later compiles. Only entries, aliases, and what killed writers have left in tmp/, are
ever deleted, never a foreign file. An alias goes when it was not used for too long or when no entry
is left for it to lead to. Several prunes may run at once; each reports what it removed itself.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from cachewasm.cache import files, statistics
from cachewasm.cache.inspect import ListedFile, alias_listing, leftovers, listing, read_alias
from cachewasm.cache.keys import parse_entry_name, wasm_prefix
from cachewasm.cache.reasons import CORRUPT, TORN, WRONG_KEY, EntryError
from cachewasm.cache.trust import DEFAULT_RULES, Rules

# No writer takes this long over one entry, so what is older in tmp/ has been left by a killed one.
STALE_AFTER = 3600.0


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What was removed, or would be in a dry run; and what stays.

    `removed` are entries, `stale` aliases and temporary files. `failed` are files of all kinds that
    could not be removed; such entries are part of what is kept. What somebody else removed is
    nowhere.
    """

    removed: tuple[ListedFile, ...]
    stale: tuple[ListedFile, ...]
    failed: tuple[ListedFile, ...]
    kept_entries: int
    kept_bytes: int

    @property
    def removed_bytes(self) -> int:
        """The size of all that was removed."""
        return sum(file.size for file in self.removed + self.stale)


def plan(
    entries: Iterable[ListedFile], *, max_size: int | None, older_than: float | None, now: float
) -> list[ListedFile]:
    """Which of `entries` to evict, least recently used first; pure.

    All that were not used for more than `older_than` seconds before `now`, then as many as it takes
    until the rest has at most `max_size` bytes. None sets no limit. Entries used at the same time
    go in the order of their names.
    """
    ordered = sorted(entries, key=lambda file: (file.mtime_ns, file.name))
    total = sum(file.size for file in ordered)
    evicted = []
    for file in ordered:
        is_too_old = older_than is not None and now - file.mtime > older_than
        is_too_much = max_size is not None and total > max_size
        if not is_too_old and not is_too_much:
            break
        evicted.append(file)
        total -= file.size
    return evicted


def prune(
    directory: str,
    rules: Rules = DEFAULT_RULES,
    *,
    max_size: int | None,
    older_than: float | None,
    dry_run: bool,
) -> PruneReport:
    """Evict what `plan` says from `directory`, stale aliases, and temporary files over an hour old.

    A file that was used or replaced since it was listed is spared.
    """
    now = time.time()
    entries = list(listing(directory))
    evicted = plan(entries, max_size=max_size, older_than=older_than, now=now)
    kept_modules = _modules(set(entries).difference(evicted))
    stale = [
        file
        for file in alias_listing(directory)
        if (older_than is not None and now - file.mtime > older_than)
        or not _leads_to(file, kept_modules, rules)
    ]
    stale += [file for file in leftovers(directory) if now - file.mtime > STALE_AFTER]
    outcomes = {file: _remove(file, dry_run=dry_run) for file in [*evicted, *stale]}
    lost = (_Outcome.REMOVED, _Outcome.GONE)
    kept = [file for file in entries if outcomes.get(file) not in lost]
    removed = tuple(file for file in evicted if outcomes[file] is _Outcome.REMOVED)
    if not dry_run:
        counts = {"evicted": len(removed), "evicted-bytes": sum(file.size for file in removed)}
        statistics.append(directory, counts, rules)
    return PruneReport(
        removed=removed,
        stale=tuple(file for file in stale if outcomes[file] is _Outcome.REMOVED),
        failed=tuple(file for file in outcomes if outcomes[file] is _Outcome.FAILED),
        kept_entries=len(kept),
        kept_bytes=sum(file.size for file in kept),
    )


def _modules(entries: Iterable[ListedFile]) -> set[str]:
    """The prefixes of the wasm digests of which there is an entry."""
    names = (parse_entry_name(file.name) for file in entries)
    return {name.wasm for name in names if name is not None}


def _leads_to(file: ListedFile, modules: set[str], rules: Rules) -> bool:
    """Whether an alias may lead to one of `modules`: in doubt, unless it is damaged, it may."""
    try:
        digest = read_alias(file, rules).wasm_digest
    except EntryError as error:
        return error.reason not in (TORN, CORRUPT, WRONG_KEY)
    return wasm_prefix(digest) in modules


class _Outcome(Enum):
    REMOVED = "removed"  # by this call, or would be in a dry run
    GONE = "gone"  # by somebody else since it was listed
    SPARED = "spared"  # used or replaced since it was listed
    FAILED = "failed"


def _remove(file: ListedFile, *, dry_run: bool) -> _Outcome:
    status = files.status_of(file.path)
    if status is None:
        return _Outcome.GONE
    if status.st_mtime_ns != file.mtime_ns:
        return _Outcome.SPARED
    if dry_run or files.remove(file.path):
        return _Outcome.REMOVED
    return _Outcome.GONE if files.status_of(file.path) is None else _Outcome.FAILED
