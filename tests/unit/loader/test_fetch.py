"""Code that replaces other code at the same address is what runs, in the thread that knew the other."""

import ctypes
import os
import struct

import pytest

PAGE = os.sysconf("SC_PAGE_SIZE")
pytestmark = pytest.mark.skipif(
    os.uname().machine != "aarch64", reason="x86-64 fetches what was written"
)


def _returning(number: int) -> bytes:
    """`mov w0, #number; ret`."""
    return struct.pack("<II", 0x52800000 | number << 5, 0xD65F03C0)


def test_show_code_replaced_code_runs() -> None:
    from cachewasm.loader import fetch, native

    mapping = native.Mapping.make(PAGE, native.PROT_READ | native.PROT_WRITE, 0)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(int(mapping))
    for number in range(50):
        native.mprotect(int(mapping), PAGE, native.PROT_READ | native.PROT_WRITE)
        native.view(int(mapping), 8)[:] = _returning(number)
        native.mprotect(int(mapping), PAGE, native.PROT_READ | native.PROT_EXEC)
        fetch.show_code(int(mapping), 8)
        assert function() == number


def test_show_code_asks_the_compilers_library_and_the_kernel() -> None:
    from cachewasm.loader import fetch, native

    # Debian has both, and so has the emulator.
    assert fetch._clear_cache is not None
    mapping = native.Mapping.make(PAGE, native.PROT_READ, 0)
    fetch.show_code(int(mapping), PAGE)
    assert fetch._synchronize()
