"""The exceptions of a store that wasm code holds references to, and when they are freed.

A reference is an address, which may lie in registers, on the stack, in a global, a table or another
exception. Compiled code says nothing about where its references are, so the stack is searched
conservatively: any word that points into an exception keeps it. That runs when so many have been kept
that it pays, and reads the stack between the innermost and the outermost entry of this thread.

On the warm path of modules with tags only.
"""

import gc
from bisect import bisect_right

from cachewasm.abi.vmctx import ACTIVATION, EXCEPTION, KEPT_EXCEPTIONS, THREAD
from cachewasm.loader import native
from cachewasm.runtime import threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cachewasm.runtime.store import Store

_FIRST_COLLECTION = 10_000
_SIZE = EXCEPTION.total_size


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
        return [_carried(start) for start in self.addresses()]

    def collect(self, roots: "Iterable[memoryview]") -> None:
        """Free what no word of `roots` points into, directly or by way of another exception."""
        # A finalizer that ran now could call wasm code, which moves references about.
        collecting = gc.isenabled()
        gc.disable()
        try:
            self._collect(roots)
        finally:
            if collecting:
                gc.enable()

    def _collect(self, roots: "Iterable[memoryview]") -> None:
        exceptions = self.addresses()
        if not exceptions:
            return
        starts = sorted(exceptions)
        low, high = starts[0], starts[-1] + _size(starts[-1])
        reachable: set[int] = set()
        waiting = list(roots)
        while waiting:
            for word in set(waiting.pop()):
                if low <= word < high:
                    start = starts[bisect_right(starts, word) - 1]
                    if start not in reachable and word < start + _size(start):
                        reachable.add(start)
                        waiting.append(_carried(start))
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


def _size(exception: int) -> int:
    # SAFETY: the exception is alive.
    return native.read_u64(exception + _SIZE)


def _carried(exception: int) -> memoryview:
    # SAFETY: the exception is alive and as long as it says.
    return native.view(exception, _size(exception))[EXCEPTION.size :].cast("Q")


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
    exceptions = store._use_exceptions()
    latest = native.view(exceptions + KEPT_EXCEPTIONS.first, 8).cast("Q")
    exceptions.collect([stack, latest, *store._exception_roots()])
