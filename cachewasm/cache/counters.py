"""Counts of what one store did in this process: plain integers under stable names.

The names are "hit", "store", "miss." and "store-failure." with a reason of reasons.py; of aliases the
same behind "alias-"; "quarantined". Of those who miss a key at the same time (single_flight.py): "wait" for another's
compile, "shared" if that made the entry, "give-up" if it took too long, "nested" inside another
compile, "lock-failure." with a reason. On the warm path.
"""

from _thread import allocate_lock

from blake3 import blake3

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_DIGEST_DIGITS = 8


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


def record_of(counts: "Mapping[str, int]", time: int) -> bytes:
    """One line of statistics, on a line of its own whatever the file ended with. docs/format/cache.md"""
    pairs = "".join(f" {name}={count}" for name, count in sorted(counts.items()))
    record = f"1 {time}{pairs}".encode()
    return b"\n%b %b\n" % (record, check_of(record))


def check_of(record: bytes) -> bytes:
    """What tells a record from a part of one."""
    return blake3(record).hexdigest()[:_DIGEST_DIGITS].encode()
