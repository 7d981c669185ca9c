"""AArch64: let every processor fetch the code that has just been put into memory.

There, instructions are fetched through a cache that does not see what is written, and a processor
may have fetched from an address before other code was mapped to it. Linux looks after the first when
it makes a page executable, as it must for every shared library, but promises it nowhere; so both
steps that the architecture asks for are taken. Sources: Arm Architecture Reference Manual
(A-profile, on concurrent modification and execution of instructions); membarrier(2).

On the warm path of AArch64; x86-64 does all of this by itself and never imports it.
"""

import ctypes

from cachewasm.loader import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SYS_MEMBARRIER = 283  # AArch64
_SYNC_CORE, _REGISTER_SYNC_CORE = 1 << 5, 1 << 6

# SAFETY: membarrier(2) takes numbers and touches no memory.
_syscall = native.libc.syscall
_syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_uint, ctypes.c_int)


def _find_clear_cache() -> "Callable[[int, int], None] | None":
    try:
        # SAFETY: the prototype of GCC's run-time library; cleaning and invalidating by address
        # need no more of a range than that it is mapped readable.
        function = ctypes.CDLL("libgcc_s.so.1").__clear_cache
    except (OSError, AttributeError):  # then what Linux does has to do
        return None
    function.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    function.restype = None
    return function


_clear_cache = _find_clear_cache()


def show_code(address: int, size: int) -> None:
    """Make `size` bytes of mapped code what this process's threads execute from now on."""
    if _clear_cache is not None:
        _clear_cache(address, address + size)
    if not _synchronize() and _syscall(_SYS_MEMBARRIER, _REGISTER_SYNC_CORE, 0, 0) == 0:
        _synchronize()


def _synchronize() -> bool:
    """Have all threads begin fetching anew; False before this process has registered for it.

    A kernel without it (before 4.16) leaves that to what threads do anyway to learn of new code:
    they take locks, which enter the kernel and leave it.
    """
    return bool(_syscall(_SYS_MEMBARRIER, _SYNC_CORE, 0, 0) == 0)
