"""`Caller`: what a host function sees of the instance that called it. On the warm path."""

from cachewasm.managed import Uncopied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.runtime.externs import Extern
    from cachewasm.runtime.store import Store


class Caller(Uncopied):
    """The calling instance's exports; also usable in place of the store, until the call returns."""

    __slots__ = ("_context", "_store")

    def __init__(self, store: "Store", context: int) -> None:
        self._store: Store | None = store
        self._context = context

    def _own_store(self) -> "Store":
        if self._store is None:
            raise ValueError("caller is no longer valid")
        return self._store

    def _close(self) -> None:
        self._store = None

    def get(self, name: str) -> "Extern | None":
        """The export `name` of the caller; None if there is none or the call has returned."""
        if self._store is None:
            return None
        instance = self._store._instances.get(self._context)
        return None if instance is None else instance._export(name)

    def __getitem__(self, name: str) -> "Extern":
        found = self.get(name)
        if found is None:
            raise KeyError(f"failed to find export {name}")
        return found
