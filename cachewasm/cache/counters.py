"""Counts of what one store did in this process: plain integers under stable names.

The names are "hit", "store", "miss." and "store-failure." with a reason of reasons.py; of aliases the
same behind "alias-". On the warm path.
"""

from _thread import allocate_lock


class Counters:
    """Named counts that start at zero. Thread-safe."""

    __slots__ = ("_counts", "_lock")

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._counts: dict[str, int] = {}

    def add(self, name: str) -> int:
        """Count one more of `name`; how many there are now."""
        with self._lock:
            count = self._counts[name] = self._counts.get(name, 0) + 1
        return count

    def snapshot(self) -> dict[str, int]:
        """A copy of the counts; what never happened is not in it."""
        with self._lock:
            return dict(self._counts)
