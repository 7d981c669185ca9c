"""Python objects held by wasm code: externref handles of a store.

Wasm code sees small numbers; 0 is null. An object keeps its handle while it is known, so equal
references are equal numbers. Handles that no table and no global holds are freed by `collect`,
which is safe only while no wasm code of the store runs: then no handle is on a stack, but for those
of the arguments of a call that is about to begin, which are among the last ones asked for.

On the warm path.
"""

_FIRST_COLLECTION = 1000


class ExternrefTable:
    """The handles of one store."""

    __slots__ = ("_by_identity", "_next", "_objects", "threshold")

    def __init__(self) -> None:
        self._objects: dict[int, object] = {}
        self._by_identity: dict[int, int] = {}
        self._next = 1
        self.threshold = _FIRST_COLLECTION

    def __len__(self) -> int:
        return len(self._objects)

    def handle(self, value: object) -> int:
        """The handle of an object; None is null."""
        if value is None:
            return 0
        known = self._by_identity.get(id(value))
        if known is not None:
            self._objects[known] = self._objects.pop(known)  # the last one asked for, again
            return known
        handle = self._next
        self._next += 1
        self._objects[handle] = value
        # The identity stays taken while the table holds the object.
        self._by_identity[id(value)] = handle
        return handle

    def object(self, handle: int) -> object:
        """The object of a handle that wasm code gave back."""
        return self._objects[handle] if handle else None

    def collect(self, reachable: "set[int]", *, spare: int) -> None:
        """Forget every handle that is not in `reachable`, nor among the `spare` last asked for."""
        for handle in [h for h in [*self._objects][: -spare or None] if h not in reachable]:
            del self._by_identity[id(self._objects[handle])]
            del self._objects[handle]
        self.threshold = max(_FIRST_COLLECTION, 2 * len(self._objects))
