"""Compressed payloads: frames of fixed content, decompressed by two threads or by one."""

import _thread
import struct

import pytest

from cachewasm import parallel
from cachewasm.cache import payload, zstd
from cachewasm.cache.payload import FRAME_SIZE, Memory, decode, encode

RAW = b"".join(
    struct.pack("<Q", number * 0x9E3779B97F4A7C15 % (1 << 64)) for number in range(40000)
)
SIZES = [1, 100, FRAME_SIZE - 1, FRAME_SIZE, FRAME_SIZE + 1, 3 * FRAME_SIZE, 5 * FRAME_SIZE + 7]


def _raw(size: int) -> bytes:
    return (RAW * (size // len(RAW) + 1))[:size]


@pytest.mark.parametrize("size", SIZES)
def test_decode_gives_back_what_was_encoded(size: int) -> None:
    raw = _raw(size)
    decoded, place = decode(memoryview(encode(raw, 1)), size, Memory)
    assert (decoded, decoded.readonly) == (raw, True)
    # What one frame holds needs no place.
    assert (place is None) is (size <= FRAME_SIZE)


def test_encode_is_the_same_without_a_second_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = _raw(SIZES[-1])
    expected = encode(raw, 3)

    def refuse(*arguments: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(parallel, "start_new_thread", refuse)
    assert encode(raw, 3) == expected
    assert decode(memoryview(expected), len(raw), Memory)[0] == raw


def test_encode_writes_sizes_then_frames() -> None:
    raw = _raw(2 * FRAME_SIZE + 5)
    encoded = encode(raw, 3)
    frames = [zstd.compress(raw[at : at + FRAME_SIZE], 3) for at in range(0, len(raw), FRAME_SIZE)]
    assert encoded == struct.pack("<3I", *map(len, frames)) + b"".join(frames)


@pytest.mark.parametrize("claimed", [99, 101, FRAME_SIZE, FRAME_SIZE + 1, 1 << 30])
def test_decode_other_raw_size_is_refused(claimed: int) -> None:
    with pytest.raises(zstd.ZstdError):
        decode(memoryview(encode(_raw(100), 1)), claimed, Memory)


def test_decode_table_of_another_size_is_refused_before_anything_is_allocated() -> None:
    def make_place(size: int) -> Memory:
        raise AssertionError(f"{size} bytes were allocated")

    for claimed in (FRAME_SIZE + 1, 1 << 30):
        with pytest.raises(zstd.ZstdError, match="frames"):
            decode(memoryview(encode(_raw(100), 1)), claimed, make_place)


def test_decode_damaged_frame_of_many_raises_in_the_caller() -> None:
    raw = _raw(SIZES[-1])
    for at in range(6):
        encoded = bytearray(encode(raw, 1))
        sizes = struct.unpack_from("<6I", encoded)
        encoded[24 + sum(sizes[:at])] ^= 1
        with pytest.raises(zstd.ZstdError):
            decode(memoryview(encoded), len(raw), Memory)


def test_decode_place_that_refuses_raises_its_error() -> None:
    class Full(Memory):
        def write(self, offset: int, data: object) -> None:
            raise OSError(28, "No space left on device")

    raw = _raw(SIZES[-1])
    with pytest.raises(OSError, match="No space left"):
        decode(memoryview(encode(raw, 1)), len(raw), Full)


def test_decode_interrupted_wait_ends_the_other_thread_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lock is interrupted once; the interrupt comes out only when all is written."""

    class Interrupted:
        def __init__(self) -> None:
            self._lock = _thread.allocate_lock()
            self._waits = 0

        def acquire(self) -> bool:
            self._waits += 1
            if self._waits == 2:
                raise KeyboardInterrupt
            return self._lock.acquire()

        def release(self) -> None:
            self._lock.release()

    raw = _raw(SIZES[-1])
    encoded = memoryview(encode(raw, 1))
    monkeypatch.setattr(parallel, "allocate_lock", Interrupted)
    places = []

    def make_place(size: int) -> Memory:
        places.append(Memory(size))
        return places[0]

    with pytest.raises(KeyboardInterrupt):
        decode(encoded, len(raw), make_place)
    assert places[0].sealed() == raw


def test_memory_is_read_only_once_sealed() -> None:
    place = payload.Memory(4)
    place.write(1, b"ab")
    sealed = place.sealed()
    assert sealed == b"\0ab\0"
    assert sealed.readonly


def test_encode_by_size_is_quick_for_one_frame_and_small_for_several() -> None:
    small, large = _raw(FRAME_SIZE), _raw(FRAME_SIZE + 1)
    assert encode(small) == encode(small, -1) != encode(small, 3)
    assert encode(large) == encode(large, 3)
