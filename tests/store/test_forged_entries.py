"""Entries that lie under right digests: in the frame, in the sizes, in the manifest.

Only who may write the cache could make them, or a broken writer. They cost no more than they say, and
no more than an entry may; all are explained misses, and verify finds them.
"""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from blake3 import blake3

from cachewasm.cache.entry import HEADER_SIZE, pack
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore, Miss
from cachewasm.cache.reasons import CORRUPT
from cachewasm.cache.survey.inspect import entries
from cachewasm.cache.survey.verify import verify
from tests.fuzz.bounded import run_bounded

RAW = b"artifact" * 1000
_COMPRESSOR = zstandard.ZstdCompressor(level=3)
_FRAME = _COMPRESSOR.compress(RAW)
_SKIPPABLE = b"\x50\x2a\x4d\x18" + (8).to_bytes(4, "little") + bytes(8)


def forged(key: ArtifactKey, frame: bytes, raw_size: int = len(RAW)) -> bytes:
    """An entry of `frame`, under digests that fit."""
    intact = pack(key, RAW, {"module": "demo"})
    (manifest_size,) = struct.unpack_from("<I", intact, 12)
    return _sealed(intact, frame, intact[-32 - manifest_size : -32], raw_size)


def _sealed(intact: bytes, frame: bytes, manifest: bytes, raw_size: int) -> bytes:
    # What stands before the first frame is a table of sizes, if anything.
    table = intact[HEADER_SIZE : intact.index(_FRAME[:4], HEADER_SIZE)]
    payload = struct.pack("<I", len(frame)) * (len(table) // 4) + frame
    header = bytearray(intact[:HEADER_SIZE])
    struct.pack_into("<I", header, 12, len(manifest))
    struct.pack_into("<QQ", header, 56, len(payload), raw_size)
    struct.pack_into("<Q", header, 104, HEADER_SIZE + len(payload) + len(manifest) + 32)
    body = bytes(header) + payload + manifest
    return body + blake3(body).digest()


def _with_declared_size(size: int) -> bytes:
    # A single segment with a size field of eight bytes, then what is left of the frame.
    assert _FRAME[4] >> 6 == 1 and _FRAME[4] & 0x20
    return _FRAME[:4] + bytes([0xE0]) + size.to_bytes(8, "little") + _FRAME[7:]


def _with_dictionary() -> bytes:
    samples = [bytes(range(at % 200, at % 200 + 50)) * 4 for at in range(200)]
    dictionary = zstandard.train_dictionary(1024, samples)
    return zstandard.ZstdCompressor(dict_data=dictionary).compress(RAW)


def _without_size() -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(RAW)


FRAMES: dict[str, tuple[bytes, int]] = {
    "declares_more": (_with_declared_size(len(RAW) + 1), len(RAW) + 1),
    "declares_less": (_with_declared_size(len(RAW) - 1), len(RAW) - 1),
    "declares_other_than_the_header": (_with_declared_size(len(RAW) + 1), len(RAW)),
    "declares_much_more": (_with_declared_size(500_000), 500_000),
    "followed_by_a_byte": (_FRAME + b"\0", len(RAW)),
    "followed_by_a_frame": (_FRAME + _FRAME, len(RAW)),
    "followed_by_a_skippable_frame": (_FRAME + _SKIPPABLE, len(RAW)),
    "after_a_skippable_frame": (_SKIPPABLE + _FRAME, len(RAW)),
    "needs_a_dictionary": (_with_dictionary(), len(RAW)),
    "has_no_size": (_without_size(), len(RAW)),
    "has_a_huge_window": (_FRAME[:4] + b"\x80\xff" + len(RAW).to_bytes(4, "little"), len(RAW)),
    "is_cut_short": (_FRAME[:-1], len(RAW)),
    "is_empty": (b"", len(RAW)),
    "is_no_frame": (bytes(100), len(RAW)),
}


@pytest.mark.parametrize("name", FRAMES)
def test_get_entry_with_a_hostile_frame_is_corrupt(
    store: LocalStore, entry_path: Path, key: ArtifactKey, name: str
) -> None:
    entry_path.write_bytes(forged(key, *FRAMES[name]))
    missed = store.get(key)
    assert isinstance(missed, Miss)
    assert (missed.reason, bool(missed.detail)) == (CORRUPT, True)
    assert verify(store.directory).counts == {CORRUPT: 1}


def test_verify_entry_with_the_frame_of_another_artifact_is_corrupt(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    entry_path.write_bytes(forged(key, _COMPRESSOR.compress(bytes(len(RAW)))))
    assert verify(store.directory).counts == {CORRUPT: 1}


def test_forged_entry_with_the_right_frame_is_a_hit(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    entry_path.write_bytes(forged(key, _FRAME))
    assert not isinstance(store.get(key), Miss)


BOMB = """
import tracemalloc
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
directory, parts = sys.stdin.readline().strip(), eval(sys.stdin.readline())
tracemalloc.start()
print(LocalStore(directory).get(ArtifactKey(*parts)).reason, tracemalloc.get_traced_memory()[1] < 1 << 20)
"""


def test_get_entry_whose_header_denies_a_bomb_takes_little_memory(
    entry_path: Path, key: ArtifactKey, store: LocalStore
) -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 26))
    entry_path.write_bytes(forged(key, bomb))
    parts = (key.wasm_digest, key.compat, key.isa, key.tier)
    said = run_bounded(BOMB, f"{store.directory}\n{parts!r}\n".encode())
    assert said == "corrupt True"


def _of_pairs(count: int, pairs: bytes) -> bytes:
    return struct.pack("<H", count) + pairs


def _pairs(count: int) -> bytes:
    return b"".join(struct.pack("<BBH", 4, 0, 0) + b"%04x" % number for number in range(count))


MANIFESTS: dict[str, Callable[[], bytes]] = {
    "of_as_many_pairs_as_can_be_said": lambda: _of_pairs(65535, _pairs(8191)),
    "of_as_many_pairs_as_fit": lambda: _of_pairs(8191, _pairs(8191)),
    "of_a_pair_too_many": lambda: _of_pairs(257, _pairs(257)),
    "of_no_pair": lambda: _of_pairs(0, b""),
    "of_nothing": lambda: b"",
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_verify_entry_with_a_hostile_manifest_is_corrupt_and_listed_so(
    store: LocalStore, entry_path: Path, key: ArtifactKey, name: str
) -> None:
    intact = pack(key, RAW, {})
    entry_path.write_bytes(_sealed(intact, _FRAME, MANIFESTS[name](), len(RAW)))
    (finding,) = verify(store.directory).findings
    assert finding.verdict == CORRUPT
    (info,) = entries(store.directory)
    assert info.reason == (None if name == "of_no_pair" else CORRUPT)
