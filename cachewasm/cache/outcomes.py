"""What a store counts, tells and logs of whatever is not a hit.

That a directory is of no use is said once by a process, whatever it was asked for first: it makes
every lookup a miss and every store a failure. Imported by a miss only.
"""

import errno

from cachewasm.cache.reasons import (
    ABSENT,
    CORRUPT,
    FULL,
    TOO_LARGE,
    UNWRITABLE,
    WRONG_KEY,
    DirectoryError,
    EntryError,
    Miss,
    StoreFailure,
)
from cachewasm.log import DEBUG, WARNING, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from cachewasm.cache.alias import AliasKey
    from cachewasm.cache.counters import Events, Key
    from cachewasm.cache.keys import ArtifactKey
    from cachewasm.cache.store import ArtifactStore

FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# Places of which this process has said that they are of no use.
_degraded: set[str] = set()


def stored(
    events: "Events",
    key: "ArtifactKey",
    raw: "bytes | memoryview",
    manifest: "Mapping[str, str | int]",
) -> None:
    """An entry was published."""
    events.happened("store", key)
    events.amounts.add("store-bytes", len(raw))
    compile_ms = manifest.get("compile_ms", 0)
    if isinstance(compile_ms, int):
        events.amounts.add("compile-ms", max(0, compile_ms))
    log(DEBUG, "stored %s", key)


def missed(
    events: "Events", key: "ArtifactKey", error: EntryError, *, is_last: bool = True
) -> Miss:
    """A key was looked up in vain. If it is not the last one, the lookup may still succeed: that it has
    not is for count_miss().
    """
    if error.reason in (CORRUPT, WRONG_KEY):
        events.note_damage(key)
    if is_last:
        count_miss(events, key, error.reason)
    return _told(events, key, error)


def count_miss(events: "Events | ArtifactStore", key: "ArtifactKey", reason: str) -> None:
    """A lookup of an entry, under whatever keys, was in vain: `key` and `reason` are what tells most."""
    events.note_miss(key, reason)
    events.happened("miss", key, reason)


def hits_in(counts: "Mapping[str, int]") -> int:
    """Lookups that found an entry, at once or after waiting for another's compile; also one that was
    made for less than the machine has.
    """
    return sum(counts.get(name, 0) for name in ("hit", "subset-hit", "shared"))


def misses_in(counts: "Mapping[str, int]") -> int:
    """Lookups that found none, for whatever reason, and did not get it by waiting either."""
    missed = sum(count for name, count in counts.items() if name.startswith("miss."))
    return max(0, missed - counts.get("shared", 0))


def missed_alias(events: "Events", key: "AliasKey", error: EntryError) -> Miss:
    """A lookup of an alias was in vain."""
    events.happened("alias-miss", key, error.reason)
    return _told(events, key, error)


def _told(events: "Events", key: "Key", error: EntryError) -> Miss:
    if isinstance(error, DirectoryError):
        _degrade(events, error.reason, error.detail)
    is_news = error.reason != ABSENT and not isinstance(error, DirectoryError)
    message = "cache miss for %s: %s (%s)"
    log(WARNING if is_news else DEBUG, message, key, error.reason, error.detail)
    return Miss(error.reason, error.detail)


def failed(events: "Events", counter: str, key: "Key", error: EntryError | OSError) -> StoreFailure:
    """An entry or alias could not be stored."""
    if isinstance(error, EntryError):
        reason, detail = error.reason, error.detail
    else:
        reason = FULL if error.errno in FULL_ERRORS else UNWRITABLE
        detail = f"{error.filename or 'write'}: {error.strerror}"
    count = events.happened(counter, key, reason)
    is_news = reason == TOO_LARGE and count == 1
    if reason != TOO_LARGE:
        # What stops one store stops them all.
        _degrade(events, reason, detail)
    message = "%s is not stored: %s (%s)"
    log(WARNING if is_news else DEBUG, message, key, reason, detail)
    return StoreFailure(reason, detail)


def _degrade(events: "Events", reason: str, detail: str) -> None:
    """The place is of no use: everything is compiled."""
    if not events.trouble:
        events.trouble = f"{reason}: {detail}"
    if events.place not in _degraded:
        _degraded.add(events.place)
        events.counters.add("degraded")
        log(WARNING, "compiled code is not cached: %s (%s)", reason, detail)
