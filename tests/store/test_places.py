"""Where a large artifact of a hit is put: every kind of place and codec, whole or not at all."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from cachewasm.cache.entry import CODEC_RAW, CODEC_ZSTD, Entry, pack
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore, Miss
from cachewasm.cache.payload import FRAME_SIZE, Memory
from cachewasm.cache.reasons import CORRUPT, TORN, UNREADABLE
from cachewasm.loader.image import AnonymousCopy, SealedCopy

# Several frames; and more than is read in one piece.
SIZES = [1_000_000, 1_500_001]

HugeCopy = partial(AnonymousCopy, huge=True)
PLACES = {"memory": Memory, "sealed": SealedCopy, "anonymous": AnonymousCopy, "huge": HugeCopy}


def _raw(size: int) -> bytes:
    return (b"artifact" + size.to_bytes(4, "little")) * (size // 12) + b"." * (size % 12)


@pytest.mark.parametrize("make_place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("codec", [CODEC_RAW, CODEC_ZSTD])
@pytest.mark.parametrize("size", SIZES)
def test_get_puts_the_artifact_in_the_place(
    store: LocalStore,
    entry_path: Path,
    key: ArtifactKey,
    size: int,
    codec: int,
    make_place: Callable[[int], Memory],
) -> None:
    entry_path.write_bytes(pack(key, _raw(size), {"module": "demo"}, codec=codec))
    entry = store.get(key, make_place=make_place)
    assert isinstance(entry, Entry)
    assert type(entry.place) is type(make_place(1))
    assert entry.raw == _raw(size)
    assert entry.manifest["module"] == "demo"


@pytest.mark.parametrize("codec", [CODEC_RAW, CODEC_ZSTD])
@pytest.mark.parametrize("size", [8, FRAME_SIZE])
def test_get_small_artifact_needs_no_place(
    store: LocalStore, entry_path: Path, key: ArtifactKey, size: int, codec: int
) -> None:
    def refuse(size: int) -> Memory:
        raise AssertionError(f"a place of {size} bytes")

    entry_path.write_bytes(pack(key, _raw(size), {"module": "demo"}, codec=codec))
    entry = store.get(key, make_place=refuse)
    assert isinstance(entry, Entry)
    assert (entry.place, entry.raw, entry.raw.readonly) == (None, _raw(size), True)


@pytest.mark.parametrize("answer", [OSError(22, "Invalid argument"), 0])
def test_get_large_raw_entry_where_sendfile_fails_is_a_hit(
    store: LocalStore,
    entry_path: Path,
    key: ArtifactKey,
    monkeypatch: pytest.MonkeyPatch,
    answer: OSError | int,
) -> None:
    entry_path.write_bytes(pack(key, _raw(SIZES[-1]), {}, codec=CODEC_RAW))
    real = os.sendfile
    calls = []

    def sendfile(target: int, source: int, offset: int, count: int) -> int:
        calls.append(offset)
        if len(calls) == 1:
            return real(target, source, offset, 1000)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(os, "sendfile", sendfile)
    entry = store.get(key, make_place=SealedCopy)
    assert isinstance(entry, Entry)
    assert entry.raw == _raw(SIZES[-1])
    assert len(calls) == 2


@pytest.mark.parametrize("make_place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("at", [8, 5000, 70_000, 1_500_000, -40, -1])
def test_get_large_raw_entry_with_an_altered_byte_is_a_miss(
    store: LocalStore,
    entry_path: Path,
    key: ArtifactKey,
    at: int,
    make_place: Callable[[int], Memory],
) -> None:
    data = bytearray(pack(key, _raw(SIZES[-1]), {"module": "demo"}, codec=CODEC_RAW))
    data[at] ^= 1
    entry_path.write_bytes(data)
    missed = store.get(key, make_place=make_place)
    assert isinstance(missed, Miss)
    assert missed.reason == ("foreign-version" if at == 8 else CORRUPT)


@pytest.mark.parametrize("make_place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("size", [100, 5000, 65536, 1_000_000, -1])
def test_get_large_raw_entry_cut_short_is_torn(
    store: LocalStore,
    entry_path: Path,
    key: ArtifactKey,
    size: int,
    make_place: Callable[[int], Memory],
) -> None:
    data = pack(key, _raw(SIZES[-1]), {}, codec=CODEC_RAW)
    entry_path.write_bytes(data[:size])
    missed = store.get(key, make_place=make_place)
    assert isinstance(missed, Miss)
    assert missed.reason == TORN


@pytest.mark.parametrize("make_place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("codec", [CODEC_RAW, CODEC_ZSTD])
def test_get_large_entry_that_shrinks_while_it_is_read_is_torn(
    store: LocalStore,
    entry_path: Path,
    key: ArtifactKey,
    codec: int,
    make_place: Callable[[int], Memory],
) -> None:
    # Random bytes, so that the compressed entry is large as well.
    entry_path.write_bytes(pack(key, os.urandom(SIZES[-1]), {}, codec=codec))

    def make(size: int) -> Memory:
        os.truncate(entry_path, 1_200_000)
        return make_place(size)

    missed = store.get(key, make_place=make)
    assert isinstance(missed, Miss)
    assert missed.reason == TORN


def test_get_large_entry_that_changes_while_it_is_read_is_corrupt(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    data = pack(key, os.urandom(SIZES[-1]), {}, codec=CODEC_ZSTD)
    entry_path.write_bytes(data)

    def make(size: int) -> Memory:
        entry_path.write_bytes(data[:20] + b"." + data[21:])
        return Memory(size)

    missed = store.get(key, make_place=make)
    assert isinstance(missed, Miss)
    assert (missed.reason, "changed while" in missed.detail) == (CORRUPT, True)


@pytest.mark.parametrize("error", [OSError(12, "Cannot allocate memory"), MemoryError()])
@pytest.mark.parametrize("codec", [CODEC_RAW, CODEC_ZSTD])
@pytest.mark.parametrize("size", SIZES)
def test_get_without_memory_is_an_explained_miss(
    store: LocalStore,
    entry_path: Path,
    key: ArtifactKey,
    size: int,
    codec: int,
    error: OSError | MemoryError,
) -> None:
    def refuse(size: int) -> Memory:
        raise error

    entry_path.write_bytes(pack(key, _raw(size), {}, codec=codec))
    missed = store.get(key, make_place=refuse)
    assert isinstance(missed, Miss)
    assert (missed.reason, "no memory" in missed.detail) == (UNREADABLE, True)
