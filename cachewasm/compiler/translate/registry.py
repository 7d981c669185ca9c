"""Registration of lowerings: one function per instruction, by mnemonic.

A lowering is called as `lowering(translator, imm)` for each reachable instruction, after it was
validated. `imm` has the type that the instruction's row promises. Each family of instructions is a
module with a `Family`; dispatch.py puts them together.
"""

from collections.abc import Callable

from cachewasm.errors import InternalError
from cachewasm.generics import TypeVar

Lowering = Callable[..., None]
_L = TypeVar("_L", bound=Lowering)


class Family:
    """The lowerings of one family of instructions."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: dict[str, Lowering] = {}

    def add(self, name: str, lowering: Lowering) -> None:
        """Register the lowering of the instruction `name`."""
        if name in self.rows:
            raise InternalError(f"{name} has two lowerings")
        self.rows[name] = lowering

    def lowers(self, *names: str) -> Callable[[_L], _L]:
        """Register the decorated function for the instructions named."""

        def register(lowering: _L) -> _L:
            for name in names:
                self.add(name, lowering)
            return lowering

        return register
