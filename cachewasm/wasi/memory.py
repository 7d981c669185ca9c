"""Linear memory as WASI functions see it: little-endian, bounds-checked, without copies.

The guest chooses every pointer and length. Each access is checked against the memory's length at
that moment; one that does not fit fails with errno `fault` and touches nothing. A slice must not
outlive the call in which it was made.
"""

from struct import Struct

from cachewasm.wasi.errno import FAULT, WasiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_U16 = Struct("<H")
_U32 = Struct("<I")
_U64 = Struct("<Q")


class GuestMemory:
    """A view of one linear memory.

    `view` (bytes, writable) spans all that the memory may ever grow to; `length()` tells how much
    of it exists now.
    """

    __slots__ = ("_length", "_view")

    def __init__(self, view: memoryview, length: "Callable[[], int]") -> None:
        self._view = view
        self._length = length

    def check(self, ptr: int, size: int) -> None:
        """Fail with `fault` unless [ptr, ptr + size) exists."""
        if not 0 <= ptr <= self._length() - size:
            raise WasiError(FAULT)

    def slice(self, ptr: int, size: int) -> memoryview:
        """The memory itself at [ptr, ptr + size)."""
        self.check(ptr, size)
        return self._view[ptr : ptr + size]

    def read(self, ptr: int, size: int) -> bytes:
        self.check(ptr, size)
        return self._view[ptr : ptr + size].tobytes()

    def write(self, ptr: int, data: "bytes | memoryview") -> None:
        self.check(ptr, len(data))
        self._view[ptr : ptr + len(data)] = data

    def load_u8(self, ptr: int) -> int:
        self.check(ptr, 1)
        return self._view[ptr]

    def load_u16(self, ptr: int) -> int:
        return self._load(_U16, ptr)

    def load_u32(self, ptr: int) -> int:
        return self._load(_U32, ptr)

    def load_u64(self, ptr: int) -> int:
        return self._load(_U64, ptr)

    def store_u8(self, ptr: int, value: int) -> None:
        self.check(ptr, 1)
        self._view[ptr] = value

    def store_u16(self, ptr: int, value: int) -> None:
        self._store(_U16, ptr, value)

    def store_u32(self, ptr: int, value: int) -> None:
        self._store(_U32, ptr, value)

    def store_u64(self, ptr: int, value: int) -> None:
        self._store(_U64, ptr, value)

    def _load(self, layout: Struct, ptr: int) -> int:
        self.check(ptr, layout.size)
        value: int = layout.unpack_from(self._view, ptr)[0]
        return value

    def _store(self, layout: Struct, ptr: int, value: int) -> None:
        self.check(ptr, layout.size)
        layout.pack_into(self._view, ptr, value)
