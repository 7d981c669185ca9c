"""`Store`: what instances, functions, memories, tables and globals belong to.

A store owns all native memory that wasm code can reach: contexts, descriptors, memories, tables and
the images of its instances live exactly as long as the store. Every handle (Func, Memory, ...)
holds its store, so they may be dropped in any order.

A store runs wasm code on one thread at a time, and may be entered again by that thread from a host
function. On the warm path.
"""

import ctypes

from cachewasm.abi.vmctx import (
    DESCRIPTOR,
    FUNCREF,
    MEMORY,
    RESERVATION,
    RESULT_SLOTS,
    SLOT_SIZE,
    STORE,
    TABLE,
    noted_frames,
)
from cachewasm.errors import WasmtimeError
from cachewasm.loader import native
from cachewasm.managed import ALREADY_CLOSED, Closable, Uncopied
from cachewasm.runtime import threads, values
from cachewasm.runtime.engine import Engine, require_open
from cachewasm.runtime.externrefs import ExternrefTable
from cachewasm.runtime.func import func_of, funcref_of, store_address
from cachewasm.runtime.limits import StoreLimits
from cachewasm.runtime.linear import LinearMemory, TableElements
from cachewasm.runtime.process import support_image
from cachewasm.runtime.typeids import entry_by_id
from cachewasm.wasm.types import EXNREF, EXTERNREF, MemoryType, TableType, expect_int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cachewasm.runtime.exceptions import KeptExceptions
    from cachewasm.runtime.func import Func
    from cachewasm.runtime.instance import Instance
    from cachewasm.runtime.module import Module
    from cachewasm.runtime.values import Val
    from cachewasm.runtime.wasi import GuestMemories
    from cachewasm.wasi.config import WasiConfig
    from cachewasm.wasi.ctx import WasiCtx
    from cachewasm.wasm.types import ValType

_MAX_U64 = (1 << 64) - 1
_MAX_USABLE_FUEL = (1 << 63) - 1


class Store(Closable, Uncopied):
    """A store of an engine. `data` is any object of the embedder's, given back by `data()`."""

    __slots__ = (
        "__weakref__",
        "_blocks",
        "_context",
        "_data",
        "_descriptors",
        "_exception_cells",
        "_exception_tables",
        "_exceptions",
        "_externref_cells",
        "_externref_tables",
        "_externrefs",
        "_fuel_reserve",
        "_func_type",
        "_funcs",
        "_guest_memories",
        "_instances",
        "_limits",
        "_memories",
        "_modules",
        "_objects",
        "_reservations",
        "_support",
        "_table_count",
        "_trampolines",
        "_waiting_descriptors",
        "_waiting_funcrefs",
        "_wasi",
        "engine",
    )

    def __init__(self, engine: Engine | None = None, data: object = None) -> None:
        if engine is None:
            engine = Engine()
        elif type(engine) is not Engine:
            require_open(engine)
        if hasattr(self, "_context"):
            # Functions refer by address to what a second call would replace.
            raise WasmtimeError("a store cannot be initialized twice")
        self.engine = engine
        self._data = data
        self._support, self._func_type = support_image(engine._cache)
        if engine._environment.tunables.debug_info:
            from cachewasm.runtime import debugger

            debugger.register(self._support._image)
        # Owners of native memory that compiled code refers to by address.
        self._blocks: list[int] = []
        # Python objects that native memory refers to by address.
        self._objects: list[object] = []
        self._context = self._allocate(STORE.size)
        native.write_u64(self._context + STORE.results, self._allocate(RESULT_SLOTS * SLOT_SIZE))
        native.write_u64(self._context + STORE.max_wasm_stack, engine._max_wasm_stack)
        native.write_u64(self._context + STORE.object, id(self))
        native.write_u64(self._context + STORE.backtrace, noted_frames(engine._max_frames))
        # The table of reservations, and how many have room in it.
        self._reservations: tuple[int, int] = (0, 0)
        if engine._epoch is not None:
            native.write_u64(self._context + STORE.epoch, engine._epoch.address)
        # What compiled code cannot count: it is never used up.
        self._fuel_reserve = 0
        self._exceptions: KeptExceptions | None = None
        self._exception_cells: list[int] = []
        self._exception_tables: list[TableElements] = []
        self._memories: list[LinearMemory] = []
        self._limits = StoreLimits()
        self._table_count = 0
        self._modules: list[Module] = []
        self._instances: dict[int, Instance] = {}
        self._externrefs = ExternrefTable()
        self._externref_tables: list[TableElements] = []
        self._externref_cells: list[int] = []
        # Funcs and descriptors by address of the Funcref.
        self._funcs: dict[int, Func] = {}
        self._descriptors: dict[int, native.Block] = {}
        # Addresses of (array-call thunk, host stub) by type number, and who waits for them.
        self._trampolines: dict[int, tuple[int, int]] = {}
        self._waiting_descriptors: dict[int, list[int]] = {}
        self._waiting_funcrefs: dict[int, list[int]] = {}
        self._wasi: WasiCtx | None = None
        self._guest_memories: GuestMemories | None = None

    # --- The drop-in API

    def data(self) -> object:
        """The object given to the constructor."""
        return self._data

    def gc(self) -> None:
        """Forget the externref objects and exceptions that wasm code cannot reach any more.

        Does nothing while wasm code of this store runs.
        """
        self._collect(spare=0)
        if self._exceptions is not None and not native.read_u64(self._context + STORE.thread):
            self._exceptions.collect(self._exception_roots())

    def _exception_roots(self) -> list[memoryview]:
        """What may hold references to exceptions besides the stack."""
        # SAFETY: cells and tables of this store; the results of a call lie in its result area.
        results = native.read_u64(self._context + STORE.results)
        return [
            native.view(results, RESULT_SLOTS * SLOT_SIZE).cast("Q"),
            *(native.view(cell, 8).cast("Q") for cell in self._exception_cells),
            *(table.view() for table in self._exception_tables),
        ]

    def _collect(self, *, spare: int) -> None:
        if native.read_u64(self._context + STORE.thread):
            return
        reachable = {native.read_u64(cell) for cell in self._externref_cells}
        for table in self._externref_tables:
            reachable.update(table.view())
        # What exceptions carry may be handles; taking other words for some keeps a little too much.
        if self._exceptions is not None:
            for carried in self._exceptions.carried():
                reachable.update(carried)
        self._externrefs.collect(reachable, spare=spare)

    def set_fuel(self, fuel: int) -> None:
        """Give wasm code this much fuel instead of what it has left; a new store has none.

        From 0 to 2**64 - 1, of which 2**63 - 1 can be used up. A host function may do so, too. Raises
        WasmtimeError without `consume_fuel`, and while another thread runs code of this store.
        """
        self._require_fuel()
        fuel = _u64("fuel", fuel)
        self._check_thread()
        usable = min(fuel, _MAX_USABLE_FUEL)
        self._fuel_reserve = fuel - usable
        native.write_u64(self._context + STORE.fuel, usable)

    def get_fuel(self) -> int:
        """The fuel that is left, as of the last call or return of wasm code; so after a trap it may be
        more than what was left when that happened. Raises WasmtimeError without `consume_fuel`.
        """
        self._require_fuel()
        left = native.read_u64(self._context + STORE.fuel)
        # Below 0: code that makes no further check went on after the last one.
        return (left if left <= _MAX_USABLE_FUEL else 0) + self._fuel_reserve

    def _require_fuel(self) -> None:
        if not self.engine._environment.tunables.consume_fuel:
            raise WasmtimeError("fuel is not configured in this store")

    def _fuel_used_up(self) -> None:
        """Wasm code has trapped because it has none left; what it had is in no register any more."""
        native.write_u64(self._context + STORE.fuel, 0)

    def set_epoch_deadline(self, ticks_after_current: int) -> None:
        """Let wasm code trap once the engine's epoch is this many ticks beyond the current one; a new
        store's code traps at once. Any thread may do so at any time. Without `epoch_interruption` no
        code looks at the deadline.
        """
        ticks = _u64("ticks_after_current", ticks_after_current)
        epoch = self.engine._epoch
        now = 0 if epoch is None else epoch.current
        native.write_u64(self._context + STORE.epoch_deadline, min(now + ticks, _MAX_U64))

    def set_wasi(self, wasi: "WasiConfig") -> None:
        """Use this WASI configuration, which is used up, for the instances of this store."""
        self._wasi = wasi._consume()

    def set_limits(
        self,
        memory_size: int = -1,
        table_elements: int = -1,
        instances: int = -1,
        tables: int = -1,
        memories: int = -1,
    ) -> None:
        """Bound what wasm code may take: bytes per memory, elements per table, and numbers of
        instances, tables and memories. A negative number is no limit.
        """
        for name, limit in (
            ("memory_size", memory_size),
            ("table_elements", table_elements),
            ("instances", instances),
            ("tables", tables),
            ("memories", memories),
        ):
            expect_int(name, limit)
        self._limits = StoreLimits(memory_size, table_elements, instances, tables, memories)
        for memory in self._memories:
            memory.limit(memory_size)

    # --- For the rest of runtime/

    def _own_store(self) -> "Store":
        if self._closed:
            raise ValueError(ALREADY_CLOSED)
        return self

    def _release(self) -> None:
        """Stop what can run code and close what the guest has opened. Raises WasmtimeError while code
        runs. Native memory stays, for others may have addresses in it.
        """
        if not hasattr(self, "_context"):
            return
        if native.read_u64(self._context + STORE.thread):
            raise WasmtimeError("the store cannot be closed while code of it runs")
        # The calls of its functions end in `call_slowly` from now on, which asks the store.
        for descriptor in list(self._descriptors.values()):
            native.write_u64(descriptor + DESCRIPTOR.store_object, 0)
        if self._wasi is not None:
            self._wasi.close()
        # Instances refer to the store, and to their exports, which refer to them: without this all would
        # wait for the collector.
        for instance in list(self._instances.values()):
            instance._exports = None
        self._instances.clear()
        self._data = None

    def _check_thread(self) -> None:
        """Raises WasmtimeError if another thread runs wasm code of this store: what that code works
        on must not move meanwhile.
        """
        owner = native.read_u64(self._context + STORE.thread)
        if owner and owner != threads.record(self._support.thread_key):
            raise WasmtimeError(threads.BUSY)

    def _allocate(self, size: int) -> int:
        """Zeroed native memory that lives as long as the store."""
        block = native.Block.make(size)
        self._blocks.append(block)
        return block

    def _add_memory(self, type: MemoryType) -> LinearMemory:
        """A new linear memory of this store. Raises WasmtimeError beyond a limit."""
        self._check_thread()
        self._limits.check_memory(len(self._memories), type)
        memory = LinearMemory.make(type, self.engine._environment.tunables)
        if self._limits.memory_size >= 0:
            memory.limit(self._limits.memory_size)
        self._memories.append(memory)
        if not self.engine._environment.tunables.explicit_bounds_checks:
            self._note_reservation(memory)
        return memory

    def _note_reservation(self, memory: LinearMemory) -> None:
        """Let a fault in the address space of a memory be a trap."""
        count = native.read_u64(self._context + STORE.memory_count)
        rows, room = self._reservations
        if count == room:
            larger = native.Block.make(max(2 * room, 4) * RESERVATION.size)
            ctypes.memmove(larger, rows, count * RESERVATION.size)
            # The old rows stay until the new ones are in place; only this thread reads them.
            native.write_u64(self._context + STORE.memories, larger)
            rows, room = self._reservations = (larger, max(2 * room, 4))
        at = rows + count * RESERVATION.size
        native.write_u64(at + RESERVATION.start, native.read_u64(memory + MEMORY.base))
        native.write_u64(at + RESERVATION.end, memory.reservation_end)
        native.write_u64(at + RESERVATION.memory, memory)
        native.write_u64(self._context + STORE.memory_count, count + 1)

    def _add_table(self, type: TableType, init: int) -> TableElements:
        """A new table of this store, filled with `init`. Raises WasmtimeError beyond a limit."""
        self._limits.check_table(self._table_count, type)
        table = TableElements.make(type, init)
        if self._limits.table_elements >= 0:
            most = native.read_u64(table + TABLE.maximum)
            native.write_u64(table + TABLE.maximum, min(most, self._limits.table_elements))
        self._table_count += 1
        self._blocks.append(table)
        if type.element is EXTERNREF:
            self._externref_tables.append(table)
        elif type.element is EXNREF:
            self._exception_tables.append(table)
        return table

    def _fill_table(self, table: TableElements) -> None:
        """Put the elements that are pending into a table. Raises WasmtimeError while another thread
        runs code of this store, which may do the same and go on.
        """
        if table.is_pending:
            from cachewasm.runtime.lazy_tables import FILL_TABLE

            self._check_thread()
            self._support.function("fill_table", FILL_TABLE)(table)

    def _use_exceptions(self) -> "KeptExceptions":
        """The exceptions that are kept; what a store must have before it runs code with tags."""
        if self._exceptions is None:
            from cachewasm.runtime.exceptions import KeptExceptions

            self._support.unwind()
            self._exceptions = KeptExceptions.make()
            native.write_u64(self._context + STORE.exceptions, self._exceptions)
        return self._exceptions

    def _note_cell(self, cell: int, content: "ValType") -> None:
        """Remember the cell of a global that may hold a reference to what is collected."""
        if content is EXTERNREF:
            self._externref_cells.append(cell)
        elif content is EXNREF:
            self._exception_cells.append(cell)

    def _add_trampolines(self, found: dict[int, tuple[int, int]]) -> None:
        """Note the trampolines of types, and give them to whoever waits for them."""
        self._trampolines = {**found, **self._trampolines} if self._trampolines else found.copy()
        for number in [*self._waiting_descriptors, *self._waiting_funcrefs]:
            known = self._trampolines.get(number)
            if known is None:
                continue
            for descriptor in self._waiting_descriptors.pop(number, ()):
                native.write_u64(descriptor + DESCRIPTOR.thunk, known[0])
            for funcref in self._waiting_funcrefs.pop(number, ()):
                native.write_u64(funcref + FUNCREF.code, known[1])

    def _host_code(self, number: int) -> int:
        """The code of host functions of a type; 0 if there is none yet."""
        known = self._trampolines.get(number)
        return 0 if known is None else known[1]

    def _await_host_code(self, number: int, funcref: int) -> None:
        """Set the code of a host function's Funcref once there is some for its type."""
        code = self._host_code(number)
        if code:
            native.write_u64(funcref + FUNCREF.code, code)
        else:
            self._waiting_funcrefs.setdefault(number, []).append(funcref)

    def _descriptor(self, funcref: int) -> int:
        """The FuncDescriptor of a Funcref; made on first use."""
        known = self._descriptors.get(funcref)
        if known is not None:
            return known
        if self._closed:
            raise ValueError(ALREADY_CLOSED)
        entry = entry_by_id(native.read_u32(funcref + FUNCREF.type_id))
        descriptor = native.Block.make(DESCRIPTOR.size)
        native.write_u64(descriptor + DESCRIPTOR.store_object, id(self))
        native.write_u64(descriptor + DESCRIPTOR.store, self._context)
        native.write_u64(descriptor + DESCRIPTOR.funcref, funcref)
        native.write_u64(descriptor + DESCRIPTOR.signature, entry.signature)
        trampolines = self._trampolines.get(entry.id)
        if trampolines is None:
            self._waiting_descriptors.setdefault(entry.id, []).append(descriptor)
        else:
            native.write_u64(descriptor + DESCRIPTOR.thunk, trampolines[0])
        self._descriptors[funcref] = descriptor
        return descriptor

    def _func(self, funcref: int) -> "Func":
        """The `Func` of a Funcref."""
        return func_of(self, funcref)

    def _funcref_of(self, func: "Func") -> int:
        """The Funcref of a function of this store. Raises WasmtimeError for another store's."""
        funcref = funcref_of(func)
        if store_address(func) != id(self):
            raise WasmtimeError("object used with the wrong store")
        return funcref

    def _module_at(self, address: int) -> "Module | None":
        """The module whose code lies at a native address."""
        for module in self._modules:
            if 0 <= address - module._image.text < module._image.text_size:
                return module
        return None

    def _externref(self, value: object) -> int:
        """The handle of an object."""
        handle = self._externrefs.handle(value)
        if len(self._externrefs) > self._externrefs.threshold:
            # The arguments of one call, which are no more than results, may be on the stack only.
            self._collect(spare=RESULT_SLOTS)
        return handle

    def _to_raw(self, type: "ValType", value: "Any | Val") -> int:
        return values.raw_of_type(self, type, value)

    def _from_raw(self, type: "ValType", raw: int) -> object:
        return values.of_raw_type(self, type, raw)


def _u64(name: str, value: int) -> int:
    if not isinstance(value, int):
        raise TypeError(f"expected an int for {name}")
    if not 0 <= value <= _MAX_U64:
        raise WasmtimeError(f"{name} must be from 0 to {_MAX_U64}")
    return value


def store_of(store: "Store | Any") -> Store:
    """The store behind a Store or a Caller. Raises TypeError for anything else."""
    own = getattr(store, "_own_store", None)
    if own is None:
        raise TypeError("expected a Store")
    found: Store = own()
    return found
