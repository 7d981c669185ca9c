"""The manifest encoding: one encoding per value, and nothing hostile gets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachewasm.cache import manifest
from cachewasm.cache.reasons import CORRUPT, EntryError
from cachewasm.errors import InternalError

NAMES = st.text(min_size=1, max_size=20)
VALUES = st.text(max_size=20) | st.integers(-(1 << 63), (1 << 63) - 1)
SAMPLE: dict[str, str | int] = {"a": "x", "bc": -2}
ENCODED = b"\x02\x00" + b"\x01\x00\x01\x00ax" + b"\x02\x01\x08\x00bc" + b"\xfe" + b"\xff" * 7


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_manifest_round_trip(pairs: dict[str, str | int]) -> None:
    assert manifest.decode(manifest.encode(pairs)) == pairs


def test_manifest_bytes_are_spelled_out() -> None:
    assert manifest.encode(SAMPLE) == ENCODED


def test_manifest_order_of_insertion_does_not_matter() -> None:
    assert manifest.encode({"bc": -2, "a": "x"}) == ENCODED


@given(st.binary(max_size=60))
def test_manifest_decode_accepts_only_what_encode_makes(encoded: bytes) -> None:
    try:
        pairs = manifest.decode(encoded)
    except EntryError as error:
        assert error.reason == CORRUPT
    else:
        assert manifest.encode(pairs) == encoded


def test_manifest_every_truncation_is_refused() -> None:
    for size in range(len(ENCODED)):
        with pytest.raises(EntryError):
            manifest.decode(ENCODED[:size])


@pytest.mark.parametrize(
    "encoded",
    [
        ENCODED + b"\0",
        b"\x02\x00" + b"\x01\x00\x01\x00ax" * 2,
        b"\x02\x00" + b"\x01\x00\x01\x00bx" + b"\x01\x00\x01\x00ax",
        b"\x01\x00" + b"\x00\x00\x01\x00x",
        b"\x01\x00" + b"\x01\x02\x01\x00ax",
        b"\x01\x00" + b"\x01\x01\x01\x00ax",
        b"\x01\x00" + b"\x01\x00\x01\x00a\xff",
        b"\xff\xff",
        bytes(manifest.MAX_SIZE + 1),
    ],
)
def test_manifest_other_bytes_are_refused(encoded: bytes) -> None:
    with pytest.raises(EntryError):
        manifest.decode(encoded)


@pytest.mark.parametrize(
    "pairs",
    [
        {"": "x"},
        {"n" * 256: "x"},
        {"n": "x" * 65536},
        {"n": 1 << 63},
        {str(number): "" for number in range(257)},
        {"a": "x" * 40000, "b": "x" * 40000},
    ],
)
def test_manifest_beyond_its_bounds_is_not_encoded(pairs: dict[str, str | int]) -> None:
    with pytest.raises(InternalError):
        manifest.encode(pairs)
