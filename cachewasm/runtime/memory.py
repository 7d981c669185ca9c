"""`Memory`: linear memory from Python. On the warm path."""

import ctypes

from cachewasm.abi.vmctx import MEMORY
from cachewasm.errors import WasmtimeError
from cachewasm.loader import native
from cachewasm.managed import Uncopied
from cachewasm.runtime.linear import LinearMemory
from cachewasm.runtime.store import Store, store_of
from cachewasm.wasm.types import MemoryType, expect_int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from cachewasm.runtime.caller import Caller

    View = TypeVar("View")

# SAFETY: prototype of the support image's memory_grow(definition, pages) -> pages before, or -1.
_GROW = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_size_t, ctypes.c_uint64)

# SAFETY: the C API's own prototype: (const char *, Py_ssize_t) -> new reference. One copy of the
# bytes, where string_at and bytearray would make two.
_bytearray_at = ctypes.pythonapi.PyByteArray_FromStringAndSize
_bytearray_at.argtypes = (ctypes.c_void_p, ctypes.c_ssize_t)
_bytearray_at.restype = ctypes.py_object


class Memory(Uncopied):
    """A linear memory of a store. Reads and writes are checked against its current length."""

    __slots__ = ("_definition", "_store", "_type")

    def __init__(self, store: "Store | Caller", ty: MemoryType) -> None:
        if not isinstance(ty, MemoryType):
            raise TypeError("expected a MemoryType")
        # Once more: its attributes may have been set since.
        ty._check()
        if ty.is_64 or ty.is_shared or ty.page_size_log2 != 16:
            raise WasmtimeError(
                "64-bit, shared and custom-page-size memories are not supported yet"
            )
        owner = store_of(store)
        self._store = owner
        self._definition = owner._add_memory(ty)
        self._type = ty

    @classmethod
    def _of(cls, store: Store, definition: LinearMemory, type: MemoryType) -> "Memory":
        self = cls.__new__(cls)
        self._store = store
        self._definition = definition
        self._type = type
        return self

    def _check(self, store: "Store | Caller") -> None:
        own = self._store
        if (store is not own or own._closed) and store_of(store) is not own:
            raise WasmtimeError("object used with the wrong store")

    def type(self, store: "Store | Caller") -> MemoryType:
        """The type that it was made with."""
        self._check(store)
        return self._type

    def size(self, store: "Store | Caller") -> int:
        """Pages."""
        return self.data_len(store) >> self._type.page_size_log2

    def grow(self, store: "Store | Caller", delta: int) -> int:
        """Add `delta` pages; returns the pages before. Raises WasmtimeError beyond a limit."""
        self._check(store)
        self._store._check_thread()
        expect_int("delta", delta)
        if delta < 0:
            raise WasmtimeError("cannot grow by negative amount")
        # SAFETY: a builtin of the support image on a definition that the store keeps.
        before: int = _GROW(self._store._support.address["memory_grow"])(
            self._definition, min(delta, 2**48)
        )
        if before < 0:
            raise WasmtimeError(f"failed to grow memory by `{delta}`")
        return before

    def data_len(self, store: "Store | Caller") -> int:
        """Bytes."""
        self._check(store)
        return native.read_u64(self._definition + MEMORY.length)

    def data_ptr(self, store: "Store | Caller") -> "ctypes._Pointer[ctypes.c_ubyte]":
        """A pointer to byte 0; check all accesses against `data_len`."""
        self._check(store)
        base = native.read_u64(self._definition + MEMORY.base)
        return self._kept_by(ctypes.cast(base, ctypes.POINTER(ctypes.c_ubyte)))

    def get_buffer_ptr(
        self, store: "Store | Caller", size: int | None = None, offset: int = 0
    ) -> "ctypes.Array[ctypes.c_ubyte]":
        """A writable buffer of `size` bytes (default: all from `offset`) without a copy.

        It keeps the store, but must not be used after growth where memories may move.
        Raises IndexError if it does not lie within the memory.
        """
        length = self.data_len(store)
        if size is None:
            size = length - offset
        if offset < 0 or size < 0 or offset + size > length:
            raise IndexError("index out of range")
        base = native.read_u64(self._definition + MEMORY.base)
        return self._kept_by((ctypes.c_ubyte * size).from_address(base + offset))

    def _kept_by(self, view: "View") -> "View":
        """`view` of this memory, which is mapped as long as that lives."""
        view._memory = self  # type: ignore[attr-defined]
        return view

    def read(
        self, store: "Store | Caller", start: int | None = 0, stop: int | None = None
    ) -> bytearray:
        """A copy of the bytes [start:stop], with the meaning of a slice."""
        start, stop, _ = slice(start, stop).indices(self.data_len(store))
        if stop <= start:
            return bytearray()
        base = native.read_u64(self._definition + MEMORY.base)
        # SAFETY: the slice lies within the memory's current length.
        copy: bytearray = _bytearray_at(base + start, stop - start)
        return copy

    def write(
        self, store: "Store | Caller", value: "bytes | bytearray", start: int | None = None
    ) -> int:
        """Copy `value` to `start` (negative: from the end); returns the number of bytes.

        Raises IndexError if it does not fit.
        """
        length = self.data_len(store)
        start = slice(start, None).indices(length)[0]
        if start >= length:
            raise IndexError("index out of range")
        if not isinstance(value, (bytes, bytearray)):
            value = bytearray(value)
        size = len(value)
        if start + size > length:
            raise IndexError("index out of range")
        base = native.read_u64(self._definition + MEMORY.base)
        # SAFETY: the range lies within the memory's current length.
        ctypes.memmove(base + start, bytes(value), size)
        return size

    def page_size(self, store: "Store | Caller") -> int:
        """Bytes in a page."""
        self._check(store)
        return self._type.page_size

    def page_size_log2(self, store: "Store | Caller") -> int:
        """Logarithm to base 2 of the bytes in a page."""
        self._check(store)
        return self._type.page_size_log2
