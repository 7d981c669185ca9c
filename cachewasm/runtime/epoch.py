"""The epoch of an engine: a number in native memory, which compiled code reads by itself.

Adding to it must be one step for whatever else runs Python: other threads, and signal handlers, which
run between any two instructions of the interpreter and must never wait for a lock. `next` on a `map` of
functions of C is such a step: it counts and stores without an instruction in between. The store is
one of 8 bytes, so code on other processors sees the old epoch or the new one.

On the warm path, for engines that have epochs.
"""

from cachewasm.loader import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Epoch:
    """A counter that begins at 0; `address` is that of its 8 bytes, which live as long as this."""

    __slots__ = ("_steps", "address")

    def __init__(self) -> None:
        from itertools import count, repeat

        self.address = native.Block.make(8)
        # SAFETY: the view is of this object's own block, and goes when this object does.
        cell = native.view(self.address, 8).cast("Q")
        self._steps: Iterator[None] = map(cell.__setitem__, repeat(0), count(1))

    def increment(self) -> None:
        """Add 1. Any thread may do so, and any signal handler."""
        next(self._steps)

    @property
    def current(self) -> int:
        """The epoch now."""
        return native.read_u64(self.address)
