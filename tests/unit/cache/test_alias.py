"""The format of an alias, spelled out, and every way in which bytes are not the alias asked for."""

import struct

import pytest
from blake3 import blake3

from cachewasm.cache.alias import ALIAS_SIZE, Alias, AliasKey, is_alias_name, unpack
from cachewasm.cache.reasons import CORRUPT, FOREIGN_VERSION, TORN, WRONG_KEY, EntryError
from cachewasm.errors import InternalError

KEY = AliasKey(bytes(range(32)), bytes(range(32, 64)))
WASM_DIGEST = bytes(range(64, 96))


def _record() -> bytes:
    return Alias(KEY, WASM_DIGEST).to_bytes()


def _reason(data: bytes, key: AliasKey = KEY) -> str:
    with pytest.raises(EntryError) as caught:
        unpack(data, key)
    assert caught.value.detail
    return caught.value.reason


def test_alias_is_spelled_out() -> None:
    record = b"\x93cwalias" + b"\x01\x00" + bytes(range(96))
    assert _record() == record + blake3(record).digest()
    assert len(_record()) == ALIAS_SIZE


def test_alias_name_holds_prefixes() -> None:
    name = "00/000102030405060708090a0b0c0d0e0f.2021222324252627"
    assert KEY.alias_name == name
    assert is_alias_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "00/", "000102030405060708090a0b0c0d0e0f.2021222324252627"),
        "01/000102030405060708090a0b0c0d0e0f.2021222324252627",
        "00/000102030405060708090a0b0c0d0e0.2021222324252627",
        "00/000102030405060708090a0b0c0d0e0F.2021222324252627",
        "00/000102030405060708090a0b0c0d0e0f.202122232425262",
        "00/000102030405060708090a0b0c0d0e0f.2021222324252627.baseline",
        "00/notes.txt",
    ],
)
def test_name_of_no_alias_is_not_one(name: str) -> None:
    assert not is_alias_name(name)


def test_unpack_gives_back_the_digest() -> None:
    assert unpack(_record(), KEY).wasm_digest == WASM_DIGEST


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_unpack_every_altered_byte_is_refused(mask: int) -> None:
    data = bytearray(_record())
    for position in range(len(data)):
        data[position] ^= mask
        expected = FOREIGN_VERSION if position in (8, 9) else CORRUPT
        assert _reason(bytes(data)) == expected
        data[position] ^= mask


def test_unpack_every_truncation_is_torn() -> None:
    for size in range(ALIAS_SIZE):
        assert _reason(_record()[:size]) == TORN


def test_unpack_trailing_byte_is_corrupt() -> None:
    assert _reason(_record() + b"\0") == CORRUPT


def test_unpack_other_version_under_a_right_digest_is_foreign() -> None:
    body = bytearray(_record()[:-32])
    struct.pack_into("<H", body, 8, 2)
    assert _reason(bytes(body) + blake3(bytes(body)).digest()) == FOREIGN_VERSION


@pytest.mark.parametrize(
    "key", [AliasKey(bytes(32), KEY.encoder), AliasKey(KEY.text_digest, bytes(32))]
)
def test_unpack_alias_of_another_key_is_wrong_key(key: AliasKey) -> None:
    assert _reason(_record(), key) == WRONG_KEY


@pytest.mark.parametrize("sizes", [(31, 32), (32, 33)])
def test_key_of_other_sizes_is_a_bug_of_the_caller(sizes: tuple[int, int]) -> None:
    with pytest.raises(InternalError):
        AliasKey(bytes(sizes[0]), bytes(sizes[1]))
