"""Values in text: every spelling is read back as the same value by an independent reader."""

import struct

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from cachewasm.wasm.text import spelling

F32_EDGES = (
    *(0, 1, 2, 3, 0x007F_FFFF, 0x0080_0000, 0x0080_0001, 0x3F80_0000, 0x3F7F_FFFF, 0x3DCC_CCCD),
    *(0x4B00_0000, 0x4B7F_FFFF, 0x7F7F_FFFF, 0x7F80_0000, 0x7F80_0001, 0x7FC0_0000, 0x7FFF_FFFF),
)
F64_EDGES = (
    *(0, 1, 0x000F_FFFF_FFFF_FFFF, 0x0010_0000_0000_0000, 0x3FF0_0000_0000_0000),
    *(0x3FB9_9999_9999_999A, 0x4340_0000_0000_0001, 0x7FEF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000),
    *(0x7FF0_0000_0000_0001, 0x7FF8_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF),
)


def _read_back(kind: str, texts: list[str]) -> tuple[int, ...]:
    """The bits that the oracle reads: they are the data of one segment's worth of constants."""
    size, form = (4, "I") if kind == "f32" else (8, "Q")
    body = "".join(f"({kind}.const {text}) drop " for text in texts)
    binary = bytes(wasmtime.wat2wasm(f"(module (func {body}))"))
    # Each instruction is its opcode, the bits and `drop`; the function ends with `end`.
    step = size + 2
    code = binary[len(binary) - 1 - step * len(texts) : -1]
    return tuple(struct.unpack_from(f"<{form}", code, step * i + 1)[0] for i in range(len(texts)))


def test_f32_edges_read_back() -> None:
    bits = [edge | sign for edge in F32_EDGES for sign in (0, 1 << 31)]
    assert _read_back("f32", [spelling.f32(each) for each in bits]) == tuple(bits)


def test_f64_edges_read_back() -> None:
    bits = [edge | sign for edge in F64_EDGES for sign in (0, 1 << 63)]
    assert _read_back("f64", [spelling.f64(each) for each in bits]) == tuple(bits)


@given(st.lists(st.integers(0, (1 << 32) - 1), min_size=1, max_size=50))
def test_f32_any_bits_read_back(bits: list[int]) -> None:
    assert _read_back("f32", [spelling.f32(each) for each in bits]) == tuple(bits)


@given(st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=50))
def test_f64_any_bits_read_back(bits: list[int]) -> None:
    assert _read_back("f64", [spelling.f64(each) for each in bits]) == tuple(bits)


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        (0x3F80_0000, "1"),
        (0xBDCC_CCCD, "-0.1"),
        (0x8000_0000, "-0"),
        (0x4B80_0000, "16777216"),
        (0x7F80_0000, "inf"),
        (0xFFC0_0000, "-nan"),
        (0x7FA0_0000, "nan:0x200000"),
    ],
)
def test_f32_is_as_short_as_can_be(bits: int, text: str) -> None:
    assert spelling.f32(bits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", '"plain"'),
        ('"\\', '"\\"\\\\"'),
        ("a\tb\nc\r", '"a\\tb\\nc\\r"'),
        ("\0\x7f", '"\\00\\7f"'),
        ("żółw", '"żółw"'),
        ("ż\u202e\n", '"ż\\e2\\80\\ae\\n"'),
    ],
)
def test_string_escapes_what_cannot_be_seen(value: str, text: str) -> None:
    assert spelling.string(value) == text


def test_byte_string_of_every_byte_is_printable() -> None:
    text = spelling.byte_string(bytes(range(256)))
    assert text.isascii() and text.isprintable()
    binary = bytes(wasmtime.wat2wasm(f"(module (data {text}))"))
    assert binary.endswith(bytes(range(256)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f", "$f"),
        ("core::fmt::<T>'s", "$core::fmt::<T>'s"),
        ("operator()", '$"operator()"'),
        ("a b", '$"a b"'),
        ("ü", '$"ü"'),
    ],
)
def test_identifier_is_quoted_where_it_must_be(name: str, text: str) -> None:
    assert spelling.identifier(name) == text
