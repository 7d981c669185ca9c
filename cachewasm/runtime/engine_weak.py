"""`EngineWeak`: a handle that tells whether an engine is still there without keeping it.

For whoever remembers things by engine, or ticks its epochs from a thread that should end with it.
"""

from _weakref import ref

from cachewasm.managed import Uncopied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.runtime.engine import Engine


class EngineWeak(Uncopied):
    """What `Engine.weak` gives. Thread-safe."""

    __slots__ = ("_engine",)

    def __init__(self, engine: "Engine") -> None:
        self._engine = ref(engine)

    def upgrade(self) -> "Engine | None":
        """The engine; None once nobody holds it any more, no module and no store of it either."""
        return self._engine()
