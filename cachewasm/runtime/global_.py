"""`Global`: global variables from Python. On the warm path."""

from cachewasm.abi.vmctx import GLOBAL_CELL_SIZE
from cachewasm.errors import WasmtimeError
from cachewasm.loader import native
from cachewasm.managed import Uncopied
from cachewasm.runtime.store import Store, store_of
from cachewasm.wasm.types import V128, GlobalType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.runtime.caller import Caller
    from cachewasm.wasm.types import ValType


def read_cell(cell: int, content: "ValType") -> int:
    """The raw value of a global."""
    return native.read_u128(cell) if content is V128 else native.read_u64(cell)


def write_cell(cell: int, content: "ValType", raw: int) -> None:
    """Set the raw value of a global."""
    if content is V128:
        native.write_u128(cell, raw)
    else:
        native.write_u64(cell, raw)


class Global(Uncopied):
    """A global variable of a store."""

    __slots__ = ("_cell", "_store", "_type")

    def __init__(self, store: "Store | Caller", ty: GlobalType, val: object) -> None:
        if not isinstance(ty, GlobalType):
            raise TypeError("expected a GlobalType")
        owner = store_of(store)
        raw = owner._to_raw(ty.content, val)
        self._store = owner
        self._cell = owner._allocate(GLOBAL_CELL_SIZE)
        self._type = ty
        write_cell(self._cell, ty.content, raw)
        owner._note_cell(self._cell, ty.content)

    @classmethod
    def _of(cls, store: Store, cell: int, type: GlobalType) -> "Global":
        self = cls.__new__(cls)
        self._store = store
        self._cell = cell
        self._type = type
        return self

    def _check(self, store: "Store | Caller") -> None:
        own = self._store
        if (store is not own or own._closed) and store_of(store) is not own:
            raise WasmtimeError("object used with the wrong store")

    def type(self, store: "Store | Caller") -> GlobalType:
        """The type."""
        self._check(store)
        return self._type

    def value(self, store: "Store | Caller") -> object:
        """The current value."""
        self._check(store)
        return self._store._from_raw(self._type.content, read_cell(self._cell, self._type.content))

    def set_value(self, store: "Store | Caller", val: object) -> None:
        """Replace the value. Raises WasmtimeError if the global is immutable."""
        self._check(store)
        raw = self._store._to_raw(self._type.content, val)
        if not self._type.mutable:
            raise WasmtimeError("immutable global cannot be set")
        write_cell(self._cell, self._type.content, raw)
