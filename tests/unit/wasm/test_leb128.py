"""LEB128: the strictness of section 5.2.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachewasm.errors import MalformedModule
from cachewasm.wasm.leb128 import read_signed, read_u32, read_unsigned, signed, unsigned


@pytest.mark.parametrize(
    ("encoded", "value"),
    [("00", 0), ("7f", 127), ("8001", 128), ("8000", 0), ("ffffffff0f", 2**32 - 1)],
)
def test_read_u32_valid_gives_value_and_position(encoded: str, value: int) -> None:
    data = bytes.fromhex(encoded)
    assert read_u32(data + b"\xff", 0) == (value, len(data))


@pytest.mark.parametrize(
    ("encoded", "message", "offset"),
    [
        ("", "unexpected end", 0),
        ("80", "unexpected end", 1),
        ("ffffffff1f", "integer too large", 4),
        ("ffffffff10", "integer too large", 4),
        ("808080808000", "integer representation too long", 5),
        ("8080808080", "integer representation too long", 5),
    ],
)
def test_read_u32_malformed_names_fault_and_offset(encoded: str, message: str, offset: int) -> None:
    with pytest.raises(MalformedModule) as caught:
        read_u32(bytes.fromhex(encoded), 0)
    assert caught.value.message.startswith(message)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("encoded", "bits", "value"),
    [
        ("7f", 32, -1),
        ("ff7f", 32, -1),
        ("3f", 32, 63),
        ("40", 32, -64),
        ("8080808078", 32, -(2**31)),
        ("ffffffff07", 32, 2**31 - 1),
        ("8080808070", 33, -(2**32)),
        ("ffffffff0f", 33, 2**32 - 1),
        ("8080808080808080807f", 64, -(2**63)),
        ("ffffffffffffffffff00", 64, 2**63 - 1),
    ],
)
def test_read_signed_valid_gives_value(encoded: str, bits: int, value: int) -> None:
    data = bytes.fromhex(encoded)
    assert read_signed(data, 0, bits) == (value, len(data))


@pytest.mark.parametrize(
    ("encoded", "bits", "message"),
    [
        ("8080808070", 32, "integer too large"),
        ("ffffffff0f", 32, "integer too large"),
        ("ffffffff1f", 33, "integer too large"),
        ("808080808000", 32, "integer representation too long"),
        ("80808080808080808001", 64, "integer too large"),
        ("8080808080808080808000", 64, "integer representation too long"),
        ("ff", 64, "unexpected end"),
    ],
)
def test_read_signed_malformed_names_fault(encoded: str, bits: int, message: str) -> None:
    with pytest.raises(MalformedModule, match=message):
        read_signed(bytes.fromhex(encoded), 0, bits)


@given(st.integers(0, 2**64 - 1))
def test_unsigned_any_value_round_trips(value: int) -> None:
    encoded = unsigned(value)
    assert read_unsigned(encoded, 0, 64) == (value, len(encoded))


@given(st.integers(-(2**63), 2**63 - 1))
def test_signed_any_value_round_trips(value: int) -> None:
    encoded = signed(value)
    assert read_signed(encoded, 0, 64) == (value, len(encoded))
