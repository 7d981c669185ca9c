"""WASI functions as imports: host functions that work on the caller's memory. On the warm path."""

from cachewasm.abi.vmctx import MEMORY
from cachewasm.errors import WasmtimeError
from cachewasm.loader import native
from cachewasm.runtime.host_functions import HostFunction
from cachewasm.runtime.memory import Memory
from cachewasm.wasi.memory import GuestMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cachewasm.runtime.store import Store
    from cachewasm.wasi.preview1.table import WasiFunction


class WasiHostFunction(HostFunction):
    """A function of WASI, which works on what `Store.set_wasi` was given."""

    __slots__ = ("_function",)

    def __init__(self, function: "WasiFunction") -> None:
        super().__init__(function.type, function)
        self._function = function

    def _callable(self, store: "Store") -> "tuple[Callable[..., object], bool]":
        returns = bool(self.type.result_types)
        return _wasi_callable(store, self._function, returns=returns), True


def _wasi_callable(
    store: "Store", function: "WasiFunction", *, returns: bool
) -> "Callable[..., int | None]":
    """A callable that runs a WASI function with the store's WASI context. Its first argument is the
    address of the caller's context; without `returns` it has no result.
    """
    memories = store._guest_memories
    if memories is None:
        memories = store._guest_memories = GuestMemories(store)

    def call(caller: int, *args: int) -> "int | None":
        context = store._wasi
        if context is None:
            raise WasmtimeError("wasi is not configured in this store: call Store.set_wasi first")
        errno = function(context, memories.of(caller), *args)
        return errno if returns else None

    return call


class GuestMemories:
    """The memory `memory` of each calling instance, by the address of its context."""

    __slots__ = ("_known", "_store")

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._known: dict[int, tuple[int, int, int, GuestMemory]] = {}

    def of(self, caller: int) -> GuestMemory:
        """The GuestMemory of a caller. Raises WasmtimeError if it exports no memory."""
        known = self._known.get(caller)
        if known is not None:
            definition, base, capacity, guest = known
            if base == native.read_u64(definition + MEMORY.base) and capacity == native.read_u64(
                definition + MEMORY.capacity
            ):
                return guest
        instance = self._store._instances.get(caller)
        memory = None if instance is None else instance._export("memory")
        if not isinstance(memory, Memory):
            raise WasmtimeError("missing required memory export")
        definition = memory._definition
        base = native.read_u64(definition + MEMORY.base)
        capacity = native.read_u64(definition + MEMORY.capacity)
        # SAFETY: the capacity is mapped address space, and GuestMemory checks the length first; a
        # memory that has moved, or got more room where it is, is noticed above.
        guest = GuestMemory(
            native.view(base, capacity), lambda: native.read_u64(definition + MEMORY.length)
        )
        self._known[caller] = (definition, base, capacity, guest)
        return guest
