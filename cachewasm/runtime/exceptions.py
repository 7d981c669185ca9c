"""The exceptions of a store that wasm code holds references to, and when they are freed.

A reference is an address, which may lie in registers, on the stack, in a global, a table or another
exception. Compiled code says nothing about where its references are, so the stack is searched
conservatively: any word that points into an exception keeps it. That runs when so many have been kept
that it pays, and reads the stack between the innermost and the outermost entry of this thread.

On the warm path.
"""

from cachewasm.abi.vmctx import ACTIVATION, EXCEPTION, KEPT_EXCEPTIONS, THREAD
from cachewasm.loader import native
from cachewasm.runtime import threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cachewasm.runtime.store import Store

_FIRST_COLLECTION = 10_000


class KeptExceptions(native.Block):
    """The head of the list, and what it leads to."""

    __slots__ = ()

    @classmethod
    def make(cls, size: int = KEPT_EXCEPTIONS.size) -> "KeptExceptions":
        """An empty list. Raises MemoryError."""
        self = super().make(size)
        native.write_u64(self + KEPT_EXCEPTIONS.limit, _FIRST_COLLECTION)
        return self  # type: ignore[return-value]

    def addresses(self) -> list[int]:
        """All exceptions, the latest first."""
        found = []
        # SAFETY: a list of exceptions that are freed by this class alone.
        at = native.read_u64(self + KEPT_EXCEPTIONS.first)
        while at:
            found.append(at)
            at = native.read_u64(at + EXCEPTION.next)
        return found

    def carried(self) -> list[memoryview]:
        """What each of them carries."""
        found = []
        for start in self.addresses():
            size = native.read_u64(start + EXCEPTION.offsets["size"])
            # SAFETY: the exception is alive and as long as it says.
            found.append(native.view(start, size)[EXCEPTION.size :].cast("Q"))
        return found

    def collect(self, roots: "Iterable[memoryview]") -> None:
        """Free what no word of `roots` points into, directly or by way of another exception."""
        exceptions = self.addresses()
        if not exceptions:
            return
        from bisect import bisect_right

        starts = sorted(exceptions)
        ends = [start + native.read_u64(start + EXCEPTION.offsets["size"]) for start in starts]
        low, high = starts[0], ends[-1]
        reachable: set[int] = set()
        waiting = list(roots)
        while waiting:
            for word in set(waiting.pop()):
                if low <= word < high:
                    i = bisect_right(starts, word) - 1
                    start, end = starts[i], ends[i]
                    if word < end and start not in reachable:
                        reachable.add(start)
                        # SAFETY: the exception is alive and as long as it says.
                        waiting.append(native.view(start, end - start)[EXCEPTION.size :].cast("Q"))
        kept = [start for start in exceptions if start in reachable]
        previous = int(self) + KEPT_EXCEPTIONS.first
        for start in kept:
            native.write_u64(previous, start)
            previous = start + EXCEPTION.next
        native.write_u64(previous, 0)
        native.write_u64(self + KEPT_EXCEPTIONS.count, len(kept))
        native.write_u64(self + KEPT_EXCEPTIONS.limit, max(_FIRST_COLLECTION, 2 * len(kept)))
        for start in exceptions:
            if start not in reachable:
                native.free(start)

    def _release(self) -> None:
        for start in self.addresses():
            native.free(start)
        super()._release()


def collect(store: "Store", lowest: int) -> None:
    """Free what is unreachable while code of `store` runs on this thread; `lowest` is the end of its
    stack.
    """
    record = threads.record(store._support.thread_key)
    entry = native.read_u64(record + THREAD.activation)
    highest = lowest
    while entry:
        highest = native.read_u64(entry + ACTIVATION.entry_frame)
        entry = native.read_u64(entry + ACTIVATION.previous)
    # SAFETY: this thread's stack, from a frame that is alive to another.
    stack = native.view(lowest, (highest - lowest) & -8).cast("Q")
    # What was kept last is on its way to the code that asked for it.
    first = store._exceptions + KEPT_EXCEPTIONS.first
    latest = native.view(first, 8).cast("Q")
    store._exceptions.collect([stack, latest, *store._exception_roots()])
