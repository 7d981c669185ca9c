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

    __slots__ = ("_call", "_function")

    def __init__(self, function: "WasiFunction") -> None:
        super().__init__(function.type, function)
        self._function = function
        self._call: Callable[..., int | None] | None = None

    def _callable(self, store: "Store") -> "tuple[Callable[..., object], bool]":
        call = self._call
        if call is None:
            call = _wasi_call(self._function, returns=bool(self.type.result_types))
            self._call = call
        memories = store._guest_memories
        if memories is None:
            memories = store._guest_memories = GuestMemories(store)
        # A bound method: the least that a store can keep of each function.
        bound: Callable[..., object] = call.__get__(memories)
        return bound, True


def _wasi_call(function: "WasiFunction", *, returns: bool) -> "Callable[..., int | None]":
    """What runs a WASI function with the WASI context of a store, whose GuestMemories it gets first,
    then the address of the caller's context; without `returns` it has no result.
    """

    def call(memories: GuestMemories, caller: int, *args: int) -> "int | None":
        context = memories.store._wasi
        if context is None:
            raise WasmtimeError("wasi is not configured in this store: call Store.set_wasi first")
        errno = function(context, memories.of(caller), *args)
        return errno if returns else None

    return call


class GuestMemories:
    """The memory `memory` of each calling instance, by the address of its context."""

    __slots__ = ("_known", "store")

    def __init__(self, store: "Store") -> None:
        self.store = store
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
        instance = self.store._instances.get(caller)
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
