"""Values of `run --invoke`, from text and to text."""

import math
import struct

import pytest
from cachewasm_cli.values import parse, render
from hypothesis import example, given
from hypothesis import strategies as st

from cachewasm import ValType
from cachewasm.wasm.types import EXTERNREF, F32, F64, FUNCREF, I32, I64


@pytest.mark.parametrize(
    ("text", "type", "value"),
    [
        ("0", I32, 0),
        ("007", I32, 7),
        ("-1", I32, -1),
        ("4294967295", I32, -1),
        ("0xFFFFFFFF", I32, -1),
        ("-0x80000000", I32, -(1 << 31)),
        ("2147483648", I32, -(1 << 31)),
        ("0x7fffffffffffffff", I64, (1 << 63) - 1),
        ("18446744073709551615", I64, -1),
        ("1.5", F64, 1.5),
        ("-inf", F64, -math.inf),
        ("0x1.8p1", F64, 3.0),
        ("3", F32, 3.0),
    ],
)
def test_parse_value_in_range_is_the_number(text: str, type: ValType, value: float) -> None:
    assert parse(text, type) == value


def test_parse_nan_is_a_nan() -> None:
    assert math.isnan(parse("nan", F32))
    assert math.isnan(parse("nan", F64))


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("", I32),
        ("x", I32),
        ("1.0", I32),
        ("4294967296", I32),
        ("-2147483649", I32),
        ("18446744073709551616", I64),
        ("9" * 5000, I64),
        ("", F64),
        ("one", F32),
        ("1e39", F32),
        ("0x1p99999", F64),
    ],
)
def test_parse_what_is_no_value_of_the_type_is_an_error(text: str, type: ValType) -> None:
    with pytest.raises(ValueError, match=f"is not a value of type {type}$"):
        parse(text, type)


@pytest.mark.parametrize("type", [FUNCREF, EXTERNREF])
def test_parse_reference_cannot_be_given(type: ValType) -> None:
    with pytest.raises(ValueError, match="cannot be given on a command line"):
        parse("null", type)


@given(st.floats(width=32, allow_nan=False))
@example(3.4025001647762064e38)  # with few digits, more than the largest f32
def test_render_f32_reads_back_as_itself(value: float) -> None:
    text = render(value, F32)
    assert struct.pack("<f", parse(text, F32)) == struct.pack("<f", value)


def test_render_f32_has_no_digits_of_a_double() -> None:
    assert render(struct.unpack("<f", struct.pack("<f", 0.1))[0], F32) == "0.1"


@given(st.floats(allow_nan=False))
def test_render_f64_reads_back_as_itself(value: float) -> None:
    assert struct.pack("<d", parse(render(value, F64), F64)) == struct.pack("<d", value)


@pytest.mark.parametrize(
    ("value", "type", "text"),
    [
        (-1, I32, "-1"),
        (math.nan, F32, "nan"),
        (math.inf, F32, "inf"),
        (-math.inf, F64, "-inf"),
        (None, FUNCREF, "null"),
    ],
)
def test_render_value_is_one_word(value: object, type: ValType, text: str) -> None:
    assert render(value, type) == text
