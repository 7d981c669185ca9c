"""The record of a thread that runs wasm code: its stack's bounds and its alternate signal stack.

Made at the thread's first entry and found again through a pthread key; when the thread ends, the
key's destructor (in the support image) gives everything back.

On the warm path.
"""

import ctypes

from cachewasm.abi.vmctx import THREAD
from cachewasm.errors import HostError
from cachewasm.loader import native

# Room for the handler, and for the one it passes foreign faults on to (faulthandler prints).
_ALTERNATE_STACK = 64 * 1024
# What host functions, and Python below them, may need of the stack beneath wasm code.
_MAX_HOST_RESERVE = 256 * 1024
_GUARD_BELOW = 64 * 1024
_SS_DISABLE = 2
BUSY = "the store is in use by another thread: a store runs wasm code on one thread at a time"
_ATTRIBUTES_SIZE = 64  # pthread_attr_t is 56 bytes on x86-64 and 64 on AArch64

# SAFETY: prototypes of POSIX and glibc; pointers are to blocks of sufficient size.
_self = native.libc.pthread_self
_self.restype = ctypes.c_size_t
_getattr_np = native.libc.pthread_getattr_np
_getattr_np.argtypes = (ctypes.c_size_t, ctypes.c_void_p)
_getstack = native.libc.pthread_attr_getstack
_getstack.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_attr_destroy = native.libc.pthread_attr_destroy
_attr_destroy.argtypes = (ctypes.c_void_p,)
_setspecific = native.libc.pthread_setspecific
_setspecific.argtypes = (ctypes.c_uint, ctypes.c_void_p)
_getspecific = native.libc.pthread_getspecific
_getspecific.argtypes = (ctypes.c_uint,)
_getspecific.restype = ctypes.c_size_t
_sigaltstack = native.libc.sigaltstack
_sigaltstack.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
_calloc = native.libc.calloc


def record(key: int) -> int:
    """The address of this thread's record, or 0."""
    return int(_getspecific(key))


def set_up(key: int) -> None:
    """Make this thread's record, if it has none. Raises HostError."""
    if record(key):
        return
    low, size = _stack_bounds()
    # The key's destructor frees the record, so it is no Block.
    address = _calloc(1, THREAD.size)
    if not address:
        raise MemoryError("cannot allocate a thread's record")
    native.write_u64(address + THREAD.stack_floor, low + min(_MAX_HOST_RESERVE, size // 4))
    native.write_u64(address + THREAD.guard_start, max(0, low - _GUARD_BELOW))
    native.write_u64(address + THREAD.guard_end, low + min(_GUARD_BELOW, size // 8))
    _use_alternate_stack(address)
    if _setspecific(key, address):
        raise HostError("cannot run wasm code: no memory for this thread's record")


def _stack_bounds() -> tuple[int, int]:
    """The lowest address of this thread's stack, and its size in bytes."""
    attributes = native.Block.make(_ATTRIBUTES_SIZE)
    pair = native.Block.make(16)
    # SAFETY: glibc fills the attributes and the two words.
    if _getattr_np(_self(), attributes) or _getstack(attributes, pair, pair + 8):
        raise HostError("cannot run wasm code: the bounds of the thread's stack are not known")
    _attr_destroy(attributes)
    return native.read_u64(pair), native.read_u64(pair + 8)


def _use_alternate_stack(address: int) -> None:
    """Give the thread an alternate signal stack, unless it has one that is large enough."""
    # stack_t { void *ss_sp; int ss_flags; size_t ss_size; }
    stack = native.Block.make(24)
    _sigaltstack(None, stack)
    if (
        not native.read_u32(stack + 8) & _SS_DISABLE
        and native.read_u64(stack + 16) >= _ALTERNATE_STACK
    ):
        return
    # thread_exit unmaps it: it must outlive every Python object of the thread.
    mapped = native.mmap(
        _ALTERNATE_STACK,
        native.PROT_READ | native.PROT_WRITE,
        native.MAP_PRIVATE | native.MAP_ANONYMOUS | native.MAP_NORESERVE,
    )
    native.write_u64(stack, mapped)
    native.write_u32(stack + 8, 0)
    native.write_u64(stack + 16, _ALTERNATE_STACK)
    if _sigaltstack(stack, None):
        native.munmap(mapped, _ALTERNATE_STACK)
        raise HostError("cannot run wasm code: the alternate signal stack cannot be set")
    native.write_u64(address + THREAD.alternate_stack, mapped)
    native.write_u64(address + THREAD.alternate_stack_size, _ALTERNATE_STACK)
