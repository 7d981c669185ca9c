"""Counts of what one store did in this process: plain integers under stable names.

The names are "hit", "subset-hit" of an entry for less than was asked for, "store", "miss." and "store-failure." with a reason of reasons.py; of aliases
the same behind "alias-"; "quarantined". Of those who miss a key at the same time
(single_flight.py): "wait" for another's compile, "shared" if that made the entry, "give-up" if it
took too long, "nested" inside another compile, "lock-failure." with a reason. "degraded" is counted
once by a process to which a directory is of no use. On the warm path.
"""

import os
import sys
from _thread import allocate_lock

from blake3 import blake3

from cachewasm.log import DEBUG, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from cachewasm.cache.alias import AliasKey
    from cachewasm.cache.entry import Entry
    from cachewasm.cache.keys import ArtifactKey

    Key: TypeAlias = ArtifactKey | AliasKey

_DIGEST_DIGITS = 8

MAX_PROGRAM = 32
PROGRAM_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")


class Counters:
    """Named counts that start at zero. Thread-safe."""

    __slots__ = ("_counts", "_lock")

    def __init__(self) -> None:
        self.forget()

    def add(self, name: str, amount: int = 1) -> int:
        """Count `amount` more of `name`; how many there are now."""
        with self._lock:
            count = self._counts[name] = self._counts.get(name, 0) + amount
        return count

    def snapshot(self) -> dict[str, int]:
        """A copy of the counts; what never happened is not in it."""
        with self._lock:
            return dict(self._counts)

    def forget(self) -> None:
        """Start anew, in a forked child: what was counted before is the parent's to tell."""
        self._lock = allocate_lock()
        self._counts: dict[str, int] = {}


class Events:
    """What every store does besides its work: count what happens, tell of it and log it.

    What is no hit is in outcomes.py, which a hit need not import.

    `counters` are events of this process, `amounts` their bytes and milliseconds. `on_event`, if set,
    is called with each event as it is counted: its name ("hit", "subset-hit", "miss", "store",
    "store-failure", or these of aliases), the key, and the reason or "". What it raises reaches who called the store.
    `place` says where the store is, and is equal for stores that share their entries; `trouble`, once
    there is any, why that place is of no use.
    """

    __slots__ = ("amounts", "counters", "on_event", "place", "trouble")

    def __init__(self, place: str) -> None:
        self.place = place
        self.counters = Counters()
        self.amounts = Counters()
        self.on_event: Callable[[str, Key, str], object] | None = None
        self.trouble = ""

    def hit(self, key: "ArtifactKey", entry: "Entry", event: str = "hit") -> None:
        """An entry was found."""
        self.happened(event, key)
        self.amounts.add("hit-bytes", len(entry.raw))
        self.amounts.add("saved-ms", entry.compile_ms)
        log(DEBUG, "cache hit for %s", key)

    def note_miss(self, key: "ArtifactKey", reason: str) -> None:
        """Remember a lookup of an entry that was in vain, where there is a place for that."""

    def note_damage(self, key: "ArtifactKey") -> None:
        """Remember that the entry of `key` is damaged, where it could be put out of the way."""

    def happened(self, event: str, key: "Key", reason: str = "") -> int:
        """Count an event and tell of it; how many of its kind there are now."""
        count = self.counters.add(f"{event}.{reason}" if reason else event)
        if self.on_event is not None:
            self.on_event(event, key, reason)
        return count


def record_of(counts: "Mapping[str, int]", time: int, process: str = "") -> bytes:
    """One line of statistics, on a line of its own whatever the file ended with: of a process, as
    this_process() tells it, or the sums of many. docs/format/cache.md
    """
    pairs = "".join(f" {name}={count}" for name, count in sorted(counts.items()))
    head = f"2 {time} {process}" if process else f"1 {time}"
    record = f"{head}{pairs}".encode()
    return b"\n%b %b\n" % (record, check_of(record))


def this_process() -> str:
    """The number of this process and the name of its program, as a record has them."""
    arguments = getattr(sys, "argv", None) or [""]
    name = os.path.basename(arguments[0])[:MAX_PROGRAM]
    if not PROGRAM_CHARACTERS.issuperset(name):
        name = "".join(c if c in PROGRAM_CHARACTERS else "_" for c in name)
    return f"{os.getpid()} {name or '_'}"


def check_of(record: bytes) -> bytes:
    """What tells a record from a part of one."""
    return blake3(record).hexdigest()[:_DIGEST_DIGITS].encode()
