"""Where a hit's artifact is put: every kind of place, every codec and size, whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cachewasm.cache.entry import CODEC_RAW, CODEC_ZSTD, Entry, pack
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore, Miss
from cachewasm.cache.payload import Memory
from cachewasm.cache.reasons import CORRUPT, TORN, UNREADABLE
from cachewasm.loader.image import AnonymousCopy, SealedCopy

# One frame; several; and more than is read in one piece.
SIZES = [8, 1_000_000, 1_500_001]


def _raw(size: int) -> bytes:
    return (b"artifact" + size.to_bytes(4, "little")) * (size // 12) + b"." * (size % 12)


@pytest.mark.parametrize("make_place", [Memory, SealedCopy, AnonymousCopy])
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
    assert isinstance(entry.place, make_place)  # type: ignore[arg-type]
    assert entry.raw == _raw(size)
    assert entry.manifest["module"] == "demo"


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


@pytest.mark.parametrize("at", [8, 5000, 70_000, 1_500_000, -40, -1])
def test_get_large_raw_entry_with_an_altered_byte_is_a_miss(
    store: LocalStore, entry_path: Path, key: ArtifactKey, at: int
) -> None:
    data = bytearray(pack(key, _raw(SIZES[-1]), {"module": "demo"}, codec=CODEC_RAW))
    data[at] ^= 1
    entry_path.write_bytes(data)
    missed = store.get(key, make_place=SealedCopy)
    assert isinstance(missed, Miss)
    assert missed.reason == ("foreign-version" if at == 8 else CORRUPT)


@pytest.mark.parametrize("size", [100, 5000, 65536, 1_000_000, -1])
def test_get_large_raw_entry_cut_short_is_torn(
    store: LocalStore, entry_path: Path, key: ArtifactKey, size: int
) -> None:
    data = pack(key, _raw(SIZES[-1]), {}, codec=CODEC_RAW)
    entry_path.write_bytes(data[:size])
    missed = store.get(key, make_place=SealedCopy)
    assert isinstance(missed, Miss)
    assert missed.reason == TORN


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
