"""Functions of a linker: they belong to no store, and each instance that imports one gets a Funcref
of its own, without a `Func`. On the warm path.
"""

from cachewasm.errors import LinkError
from cachewasm.runtime.externs import type_mismatch
from cachewasm.runtime.func import func_of, host_funcrefs
from cachewasm.runtime.typeids import TypeEntry, entry_of
from cachewasm.wasm.types import FuncType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cachewasm.runtime.func import Func
    from cachewasm.runtime.store import Store
    from cachewasm.wasm.types import ImportType


class HostFunction:
    """A Python callable with a function type. With `access_caller` it gets the `Caller` first."""

    __slots__ = ("_access_caller", "_entry", "_func", "type")

    def __init__(
        self, type: FuncType, func: "Callable[..., object]", *, access_caller: bool = False
    ) -> None:
        self.type = type
        self._func = func
        self._access_caller = access_caller
        self._entry: TypeEntry | None = None

    def check(self, want: "ImportType") -> None:
        """Raises LinkError unless this may stand for an import."""
        problem = type_mismatch(want.type, self.type)
        if problem is not None:
            name = f"{want.module}::{want.name}"
            raise LinkError(f"incompatible import type for `{name}`: {problem}")

    def row(self, store: "Store") -> "tuple[TypeEntry, Callable[..., object], bool]":
        """What `host_funcrefs` wants to know."""
        entry = self._entry
        if entry is None:
            entry = self._entry = entry_of(self.type)
        func, wants_context = self._callable(store)
        return entry, func, wants_context

    def _callable(self, store: "Store") -> "tuple[Callable[..., object], bool]":
        """What to call in `store`, and whether its first argument is the caller's context."""
        if not self._access_caller:
            return self._func, False
        from cachewasm.runtime.func import with_caller

        return with_caller(store, self._func), True

    def make(self, store: "Store") -> "Func":
        """A `Func` in `store`."""
        return func_of(store, host_funcrefs(store, [self.row(store)])[0][0])
