"""Native storage of linear memories and tables.

An owner's integer value is the address of its definition (abi/vmctx MEMORY, TABLE), where compiled
code finds base and length; see loader/native.py for why owners are integers. On the warm path.
"""

import ctypes

from cachewasm.abi.vmctx import MEMORY, TABLE
from cachewasm.errors import HostError, WasmtimeError
from cachewasm.loader import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.tunables import Tunables
    from cachewasm.wasm.types import MemoryType, TableType

MAX_TABLE_ELEMENTS = 10_000_000
_MAX_PAGES_LOG2 = 32  # bytes that a 32-bit memory can address
_NO_ACCESS = native.PROT_NONE
_ACCESS = native.PROT_READ | native.PROT_WRITE

# SAFETY: prototypes of the C library.
_malloc = native.libc.malloc
_malloc.argtypes = (ctypes.c_size_t,)
_malloc.restype = ctypes.c_size_t


class LinearMemory(native.Owner):
    """The storage of a linear memory.

    With guard pages, address space for every index and a guard behind it is reserved, and the base
    never changes. Without, compiled code checks every access; what is needed (at least the
    reservation asked for) is mapped, and growing beyond it moves the memory, if it may.
    """

    __slots__ = ()

    @classmethod
    def make(cls, type: "MemoryType", tunables: "Tunables") -> "LinearMemory":
        """Raises WasmtimeError for an impossible type, HostError if the system has no room."""
        length = type.limits.min << type.page_size_log2
        most = 1 << _MAX_PAGES_LOG2
        if length > most:
            raise WasmtimeError("memory size must be at most 65536 pages (4GiB)")
        if type.limits.max is not None:
            most = min(most, type.limits.max << type.page_size_log2)
        checked = tunables.explicit_bounds_checks
        movable = checked and tunables.memory_may_move
        capacity = tunables.memory_reservation + tunables.memory_guard_size
        if checked:
            # All of it is accessible: code compares with the length.
            page = 1 << max(type.page_size_log2, 16)
            capacity = max(length, tunables.memory_reservation, page)
            if not movable:
                most = min(most, capacity)
        definition = native.Block.make(MEMORY.size)
        flags = native.MAP_PRIVATE | native.MAP_ANONYMOUS | native.MAP_NORESERVE
        try:
            base = native.mmap(capacity, _ACCESS if checked else _NO_ACCESS, flags)
            if length and not checked:
                try:
                    native.mprotect(base, length, _ACCESS)
                except OSError:
                    native.munmap(base, capacity)
                    raise
        except OSError as error:
            raise HostError(
                f"cannot reserve {capacity} bytes of address space for a linear memory "
                f"({error.strerror or error}); set Config.memory_reservation = 0 to do without"
            ) from error
        native.write_u64(definition + MEMORY.base, base)
        native.write_u64(definition + MEMORY.length, length)
        native.write_u64(definition + MEMORY.maximum, most)
        native.write_u64(definition + MEMORY.capacity, capacity)
        native.write_u64(definition + MEMORY.page_size_log2, type.page_size_log2)
        native.write_u64(definition + MEMORY.movable, movable)
        _declared_maximum[int(definition)] = most
        self = cls(definition)
        _definitions[int(definition)] = definition
        return self

    @property
    def movable(self) -> bool:
        """Whether growing may change the base."""
        return bool(native.read_u64(self + MEMORY.movable))

    @property
    def reservation_end(self) -> int:
        """The address behind the reservation, guard included."""
        return native.read_u64(self + MEMORY.base) + native.read_u64(self + MEMORY.capacity)

    def limit(self, size: int) -> None:
        """Let it grow to `size` bytes at most, and never beyond its type; negative: only its type."""
        most = _declared_maximum[int(self)]
        if size >= 0:
            length = native.read_u64(self + MEMORY.length)
            most = max(min(most, size), length)
        native.write_u64(self + MEMORY.maximum, most)

    def _release(self) -> None:
        # SAFETY: base and capacity say what this object mapped; memory.grow keeps them true.
        native.munmap(native.read_u64(self + MEMORY.base), native.read_u64(self + MEMORY.capacity))
        del _declared_maximum[int(self)], _definitions[int(self)]


# Definitions of live memories, and the sizes in bytes that their types allow.
_definitions: dict[int, native.Block] = {}
_declared_maximum: dict[int, int] = {}


class TableElements(native.Owner):
    """The storage of a table: 8 bytes an element, in a block of the C library."""

    __slots__ = ()

    @classmethod
    def make(cls, type: "TableType", init: int) -> "TableElements":
        """Raises WasmtimeError for a type beyond the limits, MemoryError."""
        length = type.limits.min
        if length > MAX_TABLE_ELEMENTS:
            raise WasmtimeError(f"table minimum size of {length} elements exceeds table limits")
        most = MAX_TABLE_ELEMENTS if type.limits.max is None else type.limits.max
        definition = native.Block.make(TABLE.size)
        base = _malloc(max(8 * length, 8))
        if not base:
            raise MemoryError(f"cannot allocate a table of {length} elements")
        (ctypes.c_uint64 * length).from_address(base)[:] = [init] * length
        native.write_u64(definition + TABLE.base, base)
        native.write_u64(definition + TABLE.length, length)
        native.write_u64(definition + TABLE.maximum, min(most, MAX_TABLE_ELEMENTS))
        _table_definitions[int(definition)] = definition
        return cls(definition)

    def view(self) -> "ctypes.Array[ctypes.c_uint64]":
        """The elements, until the table grows."""
        # SAFETY: base and length are the definition's own, and growing keeps them true.
        length = native.read_u64(self + TABLE.length)
        return (ctypes.c_uint64 * length).from_address(native.read_u64(self + TABLE.base))

    def _release(self) -> None:
        # SAFETY: the base is a live block of malloc or realloc that belongs to this object alone.
        native.free(native.read_u64(self + TABLE.base))
        del _table_definitions[int(self)]


_table_definitions: dict[int, native.Block] = {}
