"""Native storage of linear memories and tables.

An owner's integer value is the address of its definition (abi/vmctx MEMORY, TABLE), where compiled
code finds base and length; see loader/native.py for why owners are integers. On the warm path.
"""

from cachewasm.abi.vmctx import MEMORY, TABLE
from cachewasm.engine.tunables import SIZE_UNIT
from cachewasm.errors import HostError, WasmtimeError
from cachewasm.loader import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.tunables import Tunables
    from cachewasm.loader.image import SealedCopy
    from cachewasm.runtime.memory_images import MemoryImage
    from cachewasm.wasm.types import MemoryType, TableType

MAX_TABLE_ELEMENTS = 10_000_000
_MAX_PAGES_LOG2 = 32  # bytes that a 32-bit memory can address
_NO_ACCESS = native.PROT_NONE
_ACCESS = native.PROT_READ | native.PROT_WRITE

_calloc = native.libc.calloc  # its prototype is in native.py


class LinearMemory(native.Owner):
    """The storage of a linear memory: a guard, the capacity from the base on, another guard.

    Where a fault is the check, the capacity is address space for every index. Otherwise compiled
    code checks every access, and the capacity is what was asked for but at least what is needed.
    A memory that outgrows it moves, if it may; of such a memory all of the capacity is accessible,
    one mapping that the system can move, of any other as much as its length.
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
        capacity = max(_round_up(length), tunables.memory_reservation, SIZE_UNIT)
        movable = tunables.memories_move and capacity < most
        if not movable:
            most = min(most, capacity)
        after = tunables.memory_guard_size
        before = after if tunables.guard_before_linear_memory else 0
        base = _map(before, capacity, after, accessible=capacity if movable else length)
        definition = _calloc(1, MEMORY.size)
        if not definition:
            native.munmap(base - before, before + capacity + after)
            raise MemoryError("cannot allocate the definition of a memory")
        growth = tunables.memory_reservation_for_growth
        words = (
            *(base, length, most, capacity),
            *(type.page_size_log2, movable, before, after, growth),
        )
        # SAFETY: all words of the structure, in its order.
        native.write_words(definition, words)
        _declared_maximum[definition] = most
        return cls(definition)

    @property
    def movable(self) -> bool:
        """Whether growing may change the base."""
        return bool(native.read_u64(self + MEMORY.movable))

    @property
    def reservation_end(self) -> int:
        """The address behind the reservation, guard included."""
        return (
            native.read_u64(self + MEMORY.base)
            + native.read_u64(self + MEMORY.capacity)
            + native.read_u64(self + MEMORY.guard_after)
        )

    def map_image(self, file: "SealedCopy", image: "MemoryImage", offset: int) -> bool:
        """Make an image, which is at `offset` of the file, the content of its pages, which are
        accessible and in a memory that does not move. False, and they are as before, if the system
        refuses. Raises HostError.
        """
        address = native.read_u64(self + MEMORY.base) + image.start
        try:
            file.map_over(address, offset, image.size)
        except OSError:
            # SAFETY: the same range; the system may have unmapped it before it refused.
            flags = native.MAP_PRIVATE | native.MAP_ANONYMOUS | native.MAP_NORESERVE
            try:
                native.mmap(image.size, _ACCESS, flags | native.MAP_FIXED, address=address)
            except OSError as error:
                raise HostError(f"cannot map a linear memory: {error.strerror or error}") from error
            return False
        return True

    def limit(self, size: int) -> None:
        """Let it grow to `size` bytes at most, and never beyond its type; negative: only its type."""
        most = _declared_maximum[int(self)]
        if size >= 0:
            length = native.read_u64(self + MEMORY.length)
            most = max(min(most, size), length)
        native.write_u64(self + MEMORY.maximum, most)

    def _release(self) -> None:
        # SAFETY: the definition says what this object mapped; memory.grow keeps it true.
        start = native.read_u64(self + MEMORY.base) - native.read_u64(self + MEMORY.guard_before)
        native.munmap(start, self.reservation_end - start)
        # Before the address is free for a memory of another thread.
        del _declared_maximum[int(self)]
        native.free(int(self))


def _round_up(size: int) -> int:
    return -(-size // SIZE_UNIT) * SIZE_UNIT


def _map(before: int, capacity: int, after: int, *, accessible: int) -> int:
    """The base of new address space: `accessible` bytes of the capacity, no access to all else.

    Raises HostError.
    """
    total = before + capacity + after
    flags = native.MAP_PRIVATE | native.MAP_ANONYMOUS | native.MAP_NORESERVE
    try:
        if accessible == total:
            return native.mmap(total, _ACCESS, flags)
        start = native.mmap(total, _NO_ACCESS, flags)
        if accessible:
            try:
                native.mprotect(start + before, accessible, _ACCESS)
            except OSError:
                native.munmap(start, total)
                raise
        return start + before
    except OSError as error:
        raise HostError(
            f"cannot reserve {total} bytes of address space for a linear memory "
            f"({error.strerror or error}); set Config.memory_reservation = 0 to do without"
        ) from error


# The sizes in bytes that the types of live memories allow, by address of the definition.
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
        base = _calloc(max(length, 1), 8)
        if not base:
            raise MemoryError(f"cannot allocate a table of {length} elements")
        if init:
            # SAFETY: all of the new block.
            native.view(base, 8 * length)[:] = init.to_bytes(8, "little") * length
        # SAFETY: the words of the structure, in its order; the others stay 0.
        native.write_words(definition, (base, length, min(most, MAX_TABLE_ELEMENTS), length))
        _table_definitions[int(definition)] = definition
        return cls(definition)

    @property
    def size(self) -> int:
        """Elements."""
        return native.read_u64(self + TABLE.count)

    @property
    def is_pending(self) -> bool:
        """Whether elements are still to be put into it, by the support image's fill_table."""
        return bool(native.read_u64(self + TABLE.pending))

    def leave_pending(self, elements: int, context: int) -> None:
        """Let the PendingElements at an address be put into it when somebody looks for one."""
        native.write_u64(self + TABLE.length, 0)
        native.write_u64(self + TABLE.pending, elements)
        native.write_u64(self + TABLE.context, context)

    def view(self) -> memoryview:
        """The elements, none of which is pending, until the table grows."""
        size = 8 * self.size
        # SAFETY: base and size are the definition's own, and growing keeps them true.
        view = native.view(native.read_u64(self + TABLE.base), size)
        return view.cast("Q") if size else view

    def _release(self) -> None:
        # SAFETY: the base is a live block of calloc or realloc that belongs to this object alone.
        native.free(native.read_u64(self + TABLE.base))
        del _table_definitions[int(self)]


_table_definitions: dict[int, native.Block] = {}
