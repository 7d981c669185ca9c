"""GuestMemory: every access is checked against the length of the moment."""

import pytest

from cachewasm.wasi.errno import FAULT, WasiError
from cachewasm.wasi.memory import GuestMemory


class Growing:
    """A reservation of 64 bytes of which `length` exist."""

    def __init__(self, length):
        self.length = length
        self.bytes = bytearray(range(64))
        self.mem = GuestMemory(memoryview(self.bytes), lambda: self.length)


@pytest.fixture
def memory():
    return Growing(16)


def test_loads_are_little_endian(memory):
    mem = memory.mem
    assert (mem.load_u8(3), mem.load_u16(2), mem.load_u32(1)) == (3, 0x0302, 0x04030201)
    assert mem.load_u64(8) == 0x0F0E0D0C0B0A0908


def test_stores_are_little_endian(memory):
    mem = memory.mem
    mem.store_u8(0, 0xFE)
    mem.store_u16(1, 0x0102)
    mem.store_u32(3, 0x03040506)
    mem.store_u64(8, 0xFFFFFFFFFFFFFFFE)
    assert memory.bytes[:7] == bytes([0xFE, 2, 1, 6, 5, 4, 3])
    assert memory.bytes[8:16] == b"\xfe" + b"\xff" * 7


@pytest.mark.parametrize("width", [8, 16, 32, 64])
def test_integers_at_the_end_fit_exactly(memory, width):
    size = width // 8
    load, store = getattr(memory.mem, f"load_u{width}"), getattr(memory.mem, f"store_u{width}")
    store(16 - size, 1)
    assert load(16 - size) == 1
    before = bytes(memory.bytes)
    for ptr in (17 - size, 16, 0xFFFFFFFF, -1):
        with pytest.raises(WasiError) as e:
            load(ptr)
        assert e.value.errno == FAULT
        with pytest.raises(WasiError):
            store(ptr, 0)
    assert memory.bytes == before


@pytest.mark.parametrize(("ptr", "size"), [(0, 17), (16, 1), (17, 0), (-1, 1), (0xFFFFFFFF, 2)])
def test_ranges_outside_are_fault(memory, ptr, size):
    for access in (memory.mem.read, memory.mem.slice, memory.mem.check):
        with pytest.raises(WasiError):
            access(ptr, size)
    with pytest.raises(WasiError):
        memory.mem.write(ptr, bytes(size))


def test_empty_range_at_the_end_is_inside(memory):
    assert memory.mem.read(16, 0) == b""
    memory.mem.write(16, b"")


def test_slice_is_the_memory_itself(memory):
    memory.mem.slice(4, 2)[:] = b"ab"
    assert memory.mem.read(4, 2) == b"ab"


def test_growth_is_seen(memory):
    with pytest.raises(WasiError):
        memory.mem.read(16, 8)
    memory.length = 32
    assert memory.mem.read(16, 8) == bytes(range(16, 24))
