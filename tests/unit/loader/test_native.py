"""Native memory: who owns it, and when it is given back."""

import copy
import gc
import os
import pickle

import pytest

from cachewasm.loader import native


def _is_mapped(address: int) -> bool:
    with open("/proc/self/maps") as maps:
        ranges = (line.split()[0].split("-") for line in maps)
        return any(int(start, 16) <= address < int(end, 16) for start, end in ranges)


def test_block_is_zeroed_and_aligned() -> None:
    block = native.Block.make(100)
    assert block % 16 == 0
    assert bytes(native.view(block, 100)) == bytes(100)
    native.write_u64(block + 8, 2**64 - 1)
    native.write_u32(block + 16, 7)
    assert native.read_u64(block + 8) == 2**64 - 1
    assert native.read_u32(block + 16) == 7
    assert native.read_u32(block + 12) == 2**32 - 1
    native.write_words(block + 8, (1, 2**64 - 1))
    assert [native.read_u64(block + at) for at in (0, 8, 16, 24)] == [0, 1, 2**64 - 1, 0]
    native.write_words(block, ())


def test_block_of_no_bytes_has_an_address() -> None:
    assert native.Block.make(0) > 0


def test_block_too_large_is_a_memory_error() -> None:
    with pytest.raises(MemoryError):
        native.Block.make(2**62)


def test_owner_is_not_tracked_by_the_collector() -> None:
    assert not gc.is_tracked(native.Block.make(8))
    assert not gc.is_tracked(native.Mapping.make(4096, native.PROT_NONE, 0))


def test_mapping_is_unmapped_with_the_last_reference() -> None:
    size = os.sysconf("SC_PAGE_SIZE")
    mapping = native.Mapping.make(size, native.PROT_READ | native.PROT_WRITE, 0)
    address = int(mapping)
    second = mapping
    assert mapping.size == size
    del mapping
    assert _is_mapped(address)
    native.view(address, size)[0] = 1
    del second
    assert not _is_mapped(address)


def test_mmap_refused_is_an_os_error_with_the_reason() -> None:
    with pytest.raises(OSError, match="mmap of 0 bytes failed") as caught:
        native.mmap(0, native.PROT_NONE, native.MAP_PRIVATE | native.MAP_ANONYMOUS)
    assert caught.value.errno == 22


def test_mprotect_refused_is_an_os_error() -> None:
    with pytest.raises(OSError, match="mprotect"):
        native.mprotect(1, 4096, native.PROT_READ)


def test_symbol_unknown_is_a_value_error() -> None:
    assert native.symbol(native.libc, "memmove") > 0
    with pytest.raises(ValueError):
        native.symbol(native.libc, "no_such_function_of_the_c_library")


def test_owner_is_not_copied_and_releases_once() -> None:
    mapping = native.Mapping.make(4096, native.PROT_READ, native.MAP_NORESERVE)
    address = int(mapping)
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="native memory cannot be copied or pickled"):
            attempt(mapping)
    with pytest.raises(TypeError, match="native memory cannot be copied or pickled"):
        copy.deepcopy([mapping])
    gc.collect()
    assert _is_mapped(address)
    del mapping
    assert not _is_mapped(address)
