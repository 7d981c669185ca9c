"""`Table`: tables of references from Python. On the warm path."""

import ctypes

from cachewasm.errors import WasmtimeError
from cachewasm.managed import Uncopied
from cachewasm.runtime.linear import TableElements
from cachewasm.runtime.store import Store, store_of
from cachewasm.wasm.types import TableType, expect_int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.runtime.caller import Caller

# SAFETY: prototype of the support image's table_grow(definition, init, count) -> length before.
_GROW = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_size_t, ctypes.c_uint64, ctypes.c_uint64)


class Table(Uncopied):
    """A table of a store. Elements are functions (`Func`) or any objects, or None for null."""

    __slots__ = ("_definition", "_store", "_type")

    def __init__(self, store: "Store | Caller", ty: TableType, init: object) -> None:
        if not isinstance(ty, TableType):
            raise TypeError("expected a TableType")
        # Once more: its attributes may have been set since.
        ty._check()
        if ty.limits.min < 0:
            raise WasmtimeError("size minimum must not be negative")
        if ty.limits.max is not None and ty.limits.max < ty.limits.min:
            raise WasmtimeError("size minimum must not be greater than maximum")
        owner = store_of(store)
        self._store = owner
        self._definition = owner._add_table(ty, owner._to_raw(ty.element, init))
        self._type = ty

    @classmethod
    def _of(cls, store: Store, definition: TableElements, type: TableType) -> "Table":
        self = cls.__new__(cls)
        self._store = store
        self._definition = definition
        self._type = type
        return self

    def _check(self, store: "Store | Caller") -> None:
        own = self._store
        if (store is not own or own._closed) and store_of(store) is not own:
            raise WasmtimeError("object used with the wrong store")

    def type(self, store: "Store | Caller") -> TableType:
        """The type that it was made with."""
        self._check(store)
        return self._type

    def size(self, store: "Store | Caller") -> int:
        """Elements."""
        self._check(store)
        return self._definition.size

    def grow(self, store: "Store | Caller", amt: int, init: object) -> int:
        """Add `amt` elements; returns the size before. Raises WasmtimeError beyond a limit."""
        self._check(store)
        self._store._check_thread()
        expect_int("amt", amt)
        if amt < 0:
            raise WasmtimeError("cannot grow by negative amount")
        raw = self._store._to_raw(self._type.element, init)
        # SAFETY: a builtin of the support image on a definition that the store keeps.
        before: int = _GROW(self._store._support.address["table_grow"])(
            self._definition, raw, min(amt, 2**48)
        )
        if before < 0:
            raise WasmtimeError(f"failed to grow table by `{amt}`")
        return before

    def get(self, store: "Store | Caller", idx: int) -> object:
        """The element; None if it is null or `idx` is out of bounds."""
        expect_int("idx", idx)
        if not 0 <= idx < self.size(store):
            return None
        return self._store._from_raw(self._type.element, self._elements()[idx])

    def set(self, store: "Store | Caller", idx: int, val: object) -> None:
        """Replace an element. Raises WasmtimeError if `idx` is out of bounds."""
        expect_int("idx", idx)
        raw = self._store._to_raw(self._type.element, val)
        if not 0 <= idx < self.size(store):
            raise WasmtimeError("table element index out of bounds")
        self._elements()[idx] = raw

    def _elements(self) -> memoryview:
        self._store._fill_table(self._definition)
        return self._definition.view()
