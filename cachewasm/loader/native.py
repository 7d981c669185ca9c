"""Native memory from Python: the C library's calls, owned blocks and mappings, raw access.

An `Owner` of native memory is an `int` subclass without attributes: its value is the address. Such
objects are withdrawn from the cyclic collector, which tracks the instances of every class made in
Python, so their `__del__` runs only when the last reference is gone. A finalizer of a tracked object
would run as soon as its cycle is garbage, while other objects of that cycle may still be called by
their own finalizers and execute unmapped code.

On the warm path.
"""

import ctypes
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

libc = ctypes.CDLL(None, use_errno=True)
python = ctypes.pythonapi

PROT_NONE, PROT_READ, PROT_WRITE, PROT_EXEC = 0, 1, 2, 4
PROT_BTI = 0x10  # AArch64: an indirect branch into the page must land on a marked place
MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS, MAP_NORESERVE = 0x02, 0x10, 0x20, 0x4000
MAP_FAILED = 2**64 - 1
_MADV_HUGEPAGE = 14
_MADV_POPULATE_WRITE = 23

# SAFETY: the prototypes of POSIX and glibc on 64-bit Linux.
_mmap = libc.mmap
_mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
)
_mmap.restype = ctypes.c_size_t
_munmap = libc.munmap
_munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_mprotect = libc.mprotect
_mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_madvise = libc.madvise
_madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_calloc = libc.calloc
_calloc.argtypes = (ctypes.c_size_t, ctypes.c_size_t)
_calloc.restype = ctypes.c_size_t
_free = libc.free
_free.argtypes = (ctypes.c_void_p,)
_free.restype = None

# SAFETY: the prototype in CPython's documentation; the view owns nothing.
_memory_view = python.PyMemoryView_FromMemory
_memory_view.argtypes = (ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int)
_memory_view.restype = ctypes.py_object
_PYBUF_WRITE = 0x200

_u64_at = ctypes.c_uint64.from_address
_u32_at = ctypes.c_uint32.from_address


def read_u64(address: int) -> int:
    """The 8 bytes at `address`, which the caller knows to be readable."""
    return _u64_at(address).value


def write_u64(address: int, value: int) -> None:
    """Store 8 bytes at `address`, which the caller knows to be writable."""
    _u64_at(address).value = value


def write_words(address: int, words: "Sequence[int]") -> None:
    """Store words of 8 bytes from `address` on, where the caller knows as many to be writable."""
    # An array of ctypes would do it, too, but its type has to be made for each length: 20 us.
    ctypes.memmove(address, struct.pack(f"={len(words)}Q", *words), 8 * len(words))


def read_u128(address: int) -> int:
    """The 16 bytes at `address`, which the caller knows to be readable."""
    return _u64_at(address).value | _u64_at(address + 8).value << 64


def write_u128(address: int, value: int) -> None:
    """Store 16 bytes at `address`, which the caller knows to be writable."""
    _u64_at(address).value = value & 0xFFFF_FFFF_FFFF_FFFF
    _u64_at(address + 8).value = value >> 64


def read_u32(address: int) -> int:
    """The 4 bytes at `address`, which the caller knows to be readable."""
    return _u32_at(address).value


def write_u32(address: int, value: int) -> None:
    """Store 4 bytes at `address`, which the caller knows to be writable."""
    _u32_at(address).value = value


def view(address: int, size: int) -> memoryview:
    """A writable view of `size` bytes at `address`; the caller keeps them mapped."""
    found: memoryview = _memory_view(address, size, _PYBUF_WRITE)
    return found


def address_of(part: memoryview) -> int:
    """The address of a view of native memory; 0 of an empty one."""
    return ctypes.addressof(ctypes.c_char.from_buffer(part)) if len(part) else 0


def symbol(library: ctypes.CDLL, name: str) -> int:
    """The address of a function or object of a loaded library. Raises ValueError if absent."""
    return ctypes.addressof(ctypes.c_char.in_dll(library, name))


def mmap(
    size: int, protection: int, flags: int, *, fd: int = -1, address: int = 0, offset: int = 0
) -> int:
    """mmap(2). Raises OSError."""
    # SAFETY: MAP_FIXED is used only inside a mapping that the caller owns.
    found = _mmap(address, size, protection, flags, fd, offset)
    if found == MAP_FAILED:
        number = ctypes.get_errno()
        raise OSError(number, f"mmap of {size} bytes failed")
    return int(found)


def mprotect(address: int, size: int, protection: int) -> None:
    """mprotect(2) on a mapping that the caller owns. Raises OSError."""
    if _mprotect(address, size, protection):
        raise OSError(ctypes.get_errno(), f"mprotect of {size} bytes failed")


def advise_huge_pages(address: int, size: int) -> None:
    """Ask for huge pages in a mapping; without effect where the system has none."""
    _madvise(address, size, _MADV_HUGEPAGE)


def make_pages(address: int, size: int) -> None:
    """Give writable memory its pages; without effect on a kernel that makes one at a time, when it is
    first written to.
    """
    _madvise(address, size, _MADV_POPULATE_WRITE)


def munmap(address: int, size: int) -> None:
    """munmap(2) of a range that the caller owns and nobody uses any more."""
    _munmap(address, size)


def free(address: int) -> None:
    """Give a block back to the C library, which made it."""
    _free(address)


class Owner(int):
    """Something native that is released with the last reference to this object.

    When the interpreter ends nothing is released: the system does that, and by then the collector
    may have emptied the very objects that releasing needs.
    """

    __slots__ = ()

    def __new__(cls, address: int) -> "Self":
        self = super().__new__(cls, address)
        # SAFETY: a new object that refers to nothing; deallocation expects either state.
        python.PyObject_GC_UnTrack(ctypes.py_object(self))
        return self

    if TYPE_CHECKING:

        def _release(self) -> None:
            """Give back what the value is the address of; every subclass defines it."""

    # SAFETY: what is released belongs to this object alone, and whoever uses it holds a reference.
    def __del__(self, _ending: "Callable[[], bool]" = sys.is_finalizing) -> None:
        if not _ending():
            self._release()

    def __reduce_ex__(self, protocol: object) -> str:
        # A copy would release the same address once more.
        raise TypeError("native memory cannot be copied or pickled")


# SAFETY: a reference that is never given back, so that __del__ itself is whole to the end.
python.Py_IncRef(ctypes.py_object(Owner))


class Block(Owner):
    """Zeroed bytes of the C library's heap, 16-byte aligned."""

    __slots__ = ()

    @classmethod
    def make(cls, size: int) -> "Block":
        """Raises MemoryError."""
        address = _calloc(1, size or 1)
        if not address:
            raise MemoryError(f"cannot allocate {size} bytes")
        return cls(address)

    def _release(self) -> None:
        _free(int(self))


# Sizes of live mappings, and what to call before they are unmapped, by address.
_mapping_sizes: dict[int, int] = {}
_before_unmap: "dict[int, list[Callable[[], None]]]" = {}


class Mapping(Owner):
    """An address range from mmap."""

    __slots__ = ()

    @classmethod
    def make(cls, size: int, protection: int, flags: int) -> "Mapping":
        """A new mapping of `size` bytes without a file. Raises OSError."""
        return cls.at(mmap(size, protection, flags | MAP_PRIVATE | MAP_ANONYMOUS), size)

    @classmethod
    def of_file(cls, fd: int, size: int, protection: int) -> "Mapping":
        """A new private mapping of the first `size` bytes of a file. Raises OSError."""
        return cls.at(mmap(size, protection, MAP_PRIVATE, fd=fd), size)

    @classmethod
    def at(cls, address: int, size: int) -> "Self":
        """What has been mapped; it belongs to the object from now on."""
        self = cls(address)
        _mapping_sizes[address] = size
        return self

    @property
    def size(self) -> int:
        """Bytes in the mapping."""
        return _mapping_sizes[int(self)]

    def before_unmap(self, callback: "Callable[[], None]") -> None:
        """Have `callback` called when the mapping is about to go."""
        _before_unmap.setdefault(int(self), []).append(callback)

    def _release(self) -> None:
        for callback in _before_unmap.pop(int(self), ()):
            callback()
        self._unmap(_mapping_sizes.pop(int(self)))

    def _unmap(self, size: int) -> None:
        _munmap(int(self), size)
