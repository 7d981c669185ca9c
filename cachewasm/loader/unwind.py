"""The process's unwinder (libgcc_s): telling it of code that was mapped, and where its functions are.

Loaded when the first module with tags is, or one with unwind tables that everybody shall see. On the
warm path of such modules only.
"""

import ctypes

from cachewasm.errors import HostError
from cachewasm.loader import native

_LIBRARY = "libgcc_s.so.1"


class Unwinder:
    """Registers tables by the address of their .eh_frame, which ends with a zero length."""

    __slots__ = ("_deregister", "_library", "_register")

    def __init__(self) -> None:
        """Raises HostError if the system has no such library."""
        try:
            self._library = ctypes.CDLL(_LIBRARY)
        except OSError as error:
            raise HostError(f"cannot run code with exceptions: {error}") from error
        # SAFETY: the prototypes of libgcc: void (const void *), void *(const void *).
        self._register = self._library["__register_frame"]
        self._register.argtypes = (ctypes.c_void_p,)
        self._register.restype = None
        self._deregister = self._library["__deregister_frame"]
        self._deregister.argtypes = (ctypes.c_void_p,)
        self._deregister.restype = ctypes.c_void_p

    def address(self, name: str) -> int:
        """Where a function of the library is."""
        return native.symbol(self._library, name)

    def register(self, frames: int) -> None:
        """Let exceptions pass through the functions of these tables, until they are deregistered."""
        self._register(frames)

    def deregister(self, frames: int) -> None:
        """Forget tables that have been registered, before they are unmapped."""
        self._deregister(frames)
