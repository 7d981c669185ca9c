"""The entry format, spelled out, and every way in which bytes are not the entry asked for."""

import struct

import pytest
from blake3 import blake3

from cachewasm.cache import entry, manifest
from cachewasm.cache.entry import CODEC_RAW, CODEC_ZSTD, Entry, Header, check_raw_digest, pack, read
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.payload import Memory
from cachewasm.cache.reasons import (
    CORRUPT,
    FOREIGN_VERSION,
    TORN,
    WRONG_KEY,
    EntryError,
)
from cachewasm.errors import InternalError

KEY = ArtifactKey(bytes(range(32)), bytes(range(32, 64)), "x86-64-v3:+avx,+avx2", "optimized")
OTHER = ArtifactKey(bytes(32), bytes(32), "x86-64-v1", "baseline")
RAW = b"artifact"
PAIRS: dict[str, str | int] = {"module": "demo", "compile_ms": 12}


def _sealed(body: bytes) -> bytes:
    return body + blake3(body).digest()


def _pair(name: bytes, kind: int, value: bytes) -> bytes:
    return struct.pack("<BBH", len(name), kind, len(value)) + name + value


MANIFEST = (
    b"\x06\x00"
    + _pair(b"compat", 0, b"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f")
    + _pair(b"compile_ms", 1, b"\x0c\0\0\0\0\0\0\0")
    + _pair(b"isa", 0, b"x86-64-v3:+avx,+avx2")
    + _pair(b"module", 0, b"demo")
    + _pair(b"tier", 0, b"optimized")
    + _pair(b"wasm_digest", 0, b"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
)


def _spelled(codec: int, payload_offset: int, payload: bytes) -> bytes:
    head = b"\x93cwentry"
    head += b"\x01\x00"
    head += codec.to_bytes(2, "little")
    head += len(MANIFEST).to_bytes(4, "little")
    head += bytes.fromhex("6482960b80039bbc40475f2c5e7e435978f1c163685f587f3f9c68ac0882899e")
    head += payload_offset.to_bytes(8, "little")
    head += len(payload).to_bytes(8, "little")
    head += (8).to_bytes(8, "little")
    head += bytes.fromhex("e068dc010bf492707f7e8d896457770f24703784cfe76bd785f8b76cc010bbf3")
    head += (payload_offset + len(payload) + len(MANIFEST) + 32).to_bytes(8, "little")
    assert len(head) == 112
    return _sealed(head + bytes(payload_offset - 112) + payload + MANIFEST)


class _File:
    """An entry's file, as entry.read() uses it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, size: int) -> bytes:
        found = self._data[offset : offset + size]
        if len(found) < size:
            raise EntryError(TORN, "the file ends")
        return found

    def copy(self, place: Memory, offset: int, size: int) -> None:
        place.write(0, self.read(offset, size))


def unpack(data: bytes, key: ArtifactKey) -> Entry:
    return read(_File(data), key)


def test_pack_compressed_entry_is_spelled_out() -> None:
    # One raw block: too short for any version of zstd to compress.
    frame = b"\x28\xb5\x2f\xfd" + b"\x20\x08" + b"\x41\x00\x00" + b"artifact"
    table = (17).to_bytes(4, "little")
    assert pack(KEY, RAW, PAIRS) == _spelled(1, 112, table + frame)


def test_pack_raw_entry_is_spelled_out() -> None:
    assert pack(KEY, RAW, PAIRS, codec=CODEC_RAW) == _spelled(0, 4096, RAW)


def test_pack_test_vector_ends_with_its_digest() -> None:
    expected = "8ceaa86cfdc9d86d1c8d8857cf5ccec0c7f31e41491c05b087cd569a0fd45bfd"
    assert pack(KEY, RAW, PAIRS)[-32:].hex() == expected


@pytest.mark.parametrize("codec", [CODEC_RAW, CODEC_ZSTD])
def test_unpack_gives_back_what_was_packed(codec: int) -> None:
    raw = bytes(range(256)) * 999
    unpacked = unpack(pack(KEY, raw, PAIRS, codec=codec), KEY)
    assert unpacked.raw == raw
    assert unpacked.raw.readonly
    assert unpacked.raw_digest == blake3(raw).digest()
    assert unpacked.manifest == {
        **PAIRS,
        "wasm_digest": KEY.wasm_digest.hex(),
        "compat": KEY.compat.hex(),
        "isa": KEY.isa,
        "tier": KEY.tier,
    }


def _reason(data: bytes, key: ArtifactKey = KEY) -> str:
    with pytest.raises(EntryError) as caught:
        unpack(data, key)
    assert caught.value.detail
    return caught.value.reason


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_unpack_every_altered_byte_is_refused(mask: int) -> None:
    data = bytearray(pack(KEY, RAW, PAIRS))
    for position in range(len(data)):
        data[position] ^= mask
        assert _reason(bytes(data)) in (CORRUPT, TORN, FOREIGN_VERSION)
        data[position] ^= mask


def test_unpack_every_truncation_is_torn() -> None:
    data = pack(KEY, RAW, PAIRS)
    for size in range(len(data)):
        assert _reason(data[:size]) == TORN


def test_unpack_truncated_padding_of_raw_entry_is_torn() -> None:
    data = pack(KEY, RAW, PAIRS, codec=CODEC_RAW)
    assert _reason(data[:1000]) == TORN


def test_unpack_trailing_bytes_are_corrupt() -> None:
    assert _reason(pack(KEY, RAW, PAIRS) + b"\0") == CORRUPT


def test_unpack_zeros_are_corrupt() -> None:
    assert _reason(bytes(4096)) == CORRUPT


def test_unpack_entry_of_another_key_is_wrong_key() -> None:
    assert _reason(pack(OTHER, RAW, PAIRS)) == WRONG_KEY


def _with_field(offset: int, form: str, value: int) -> bytes:
    body = bytearray(pack(KEY, RAW, PAIRS)[:-32])
    struct.pack_into(form, body, offset, value)
    return _sealed(bytes(body))


def test_unpack_other_format_version_is_foreign() -> None:
    assert _reason(_with_field(8, "<H", 2)) == FOREIGN_VERSION


def test_unpack_unknown_codec_is_foreign() -> None:
    assert _reason(_with_field(10, "<H", 2)) == FOREIGN_VERSION


@pytest.mark.parametrize(
    ("offset", "form", "value"),
    [
        (10, "<H", CODEC_RAW),
        (12, "<I", 0),
        (12, "<I", 0xFFFFFFFF),
        (48, "<Q", 111),
        (48, "<Q", 0),
        (56, "<Q", 0),
        (56, "<Q", (1 << 64) - 1),
        (64, "<Q", 0),
        (64, "<Q", 7),
        (64, "<Q", entry.MAX_RAW_SIZE),
        (64, "<Q", entry.MAX_RAW_SIZE + 1),
        (64, "<Q", (1 << 64) - 1),
    ],
)
def test_unpack_lie_under_a_right_digest_is_corrupt(offset: int, form: str, value: int) -> None:
    assert _reason(_with_field(offset, form, value)) == CORRUPT


def test_unpack_damaged_frame_under_a_right_digest_is_corrupt() -> None:
    body = bytearray(pack(KEY, RAW, PAIRS)[:-32])
    body[116] ^= 1
    assert _reason(_sealed(bytes(body))) == CORRUPT


@pytest.mark.parametrize("size", [0, 16, 18, 0xFFFFFFFF])
def test_unpack_wrong_size_of_a_frame_under_a_right_digest_is_corrupt(size: int) -> None:
    assert _reason(_with_field(112, "<I", size)) == CORRUPT


def test_check_raw_digest_other_content_under_a_right_digest_is_corrupt() -> None:
    body = bytearray(pack(KEY, RAW, PAIRS, codec=CODEC_RAW)[:-32])
    body[4096] ^= 1
    unpacked = unpack(_sealed(bytes(body)), KEY)
    with pytest.raises(EntryError, match="digest of the payload"):
        check_raw_digest(unpacked)


def test_manifest_damaged_under_a_right_digest_is_corrupt_when_read() -> None:
    body = bytearray(pack(KEY, RAW, PAIRS)[:-32])
    body[-len(MANIFEST)] ^= 1
    unpacked = unpack(_sealed(bytes(body)), KEY)
    with pytest.raises(EntryError) as caught:
        _ = unpacked.manifest
    assert caught.value.reason == CORRUPT


def test_header_round_trip() -> None:
    data = pack(KEY, RAW, PAIRS)
    header = Header.from_bytes(data[: entry.HEADER_SIZE], len(data))
    assert header.to_bytes() == data[: entry.HEADER_SIZE]
    assert manifest.decode(data[header.manifest_offset : -32])["module"] == "demo"


def test_pack_empty_artifact_is_refused() -> None:
    with pytest.raises(InternalError):
        pack(KEY, b"", PAIRS)


def test_pack_manifest_that_sets_the_key_is_refused() -> None:
    with pytest.raises(InternalError):
        pack(KEY, RAW, {"tier": "baseline"})
