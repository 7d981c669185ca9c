"""Values of scripts against values of the API: bits, NaNs, references."""

import math
import struct

import pytest

from cachewasm.wasm.text.commands import (
    Either,
    FunctionReference,
    HostReference,
    NanPattern,
    NullReference,
    Number,
    Pattern,
    UnknownValue,
    VectorPattern,
)
from cachewasm.wasm.types import EXTERNREF, F32, F64, FUNCREF, I32, I64, V128
from cachewasm.wast import values
from cachewasm.wast.values import HostObject, Result

F32_BITS = (
    *(0, 1, 0x7F_FFFF, 0x80_0000, 0x3F80_0000, 0x4426_A666, 0x7F7F_FFFF, 0x7F80_0000),
    *(0x7F80_0001, 0x7FA0_0000, 0x7FBF_FFFF, 0x7FC0_0000, 0x7FC0_0001, 0x7FFF_FFFF),
)


@pytest.mark.parametrize("bits", [bits | sign for bits in F32_BITS for sign in (0, 1 << 31)])
def test_f32_bits_of_its_value_are_the_same(bits: int) -> None:
    assert values.f32_bits(values.f32_value(bits)) == bits


def test_f32_value_of_a_signalling_nan_is_widened_unchanged() -> None:
    assert values.f64_bits(values.f32_value(0xFFA0_0001)) == 0xFFF4_0000_2000_0000


@pytest.mark.parametrize("bits", [0, 1, 0x7FF0_0000_0000_0001, 0xFFF8_0000_0000_0000, 1 << 63])
def test_f64_bits_of_its_value_are_the_same(bits: int) -> None:
    assert values.f64_bits(values.f64_value(bits)) == bits


def _f32(bits: int) -> Result:
    return Result(F32, values.f32_value(bits))


def _f64(bits: int) -> Result:
    return Result(F64, values.f64_value(bits))


def _vector(*words: int) -> Result:
    return Result(V128, struct.pack("<4I", *words))


CANONICAL, ARITHMETIC = NanPattern(F32, True), NanPattern(F32, False)
WIDE_CANONICAL, WIDE_ARITHMETIC = NanPattern(F64, True), NanPattern(F64, False)
NANS = VectorPattern((Number(F32, 5), CANONICAL, ARITHMETIC, Number(F32, 5)))
WIDE_NANS = VectorPattern((WIDE_CANONICAL, WIDE_ARITHMETIC))


@pytest.mark.parametrize(
    ("pattern", "result"),
    [
        (Number(I32, 0xFFFF_FFFF), Result(I32, -1)),
        (Number(I64, 1 << 63), Result(I64, -(1 << 63))),
        (Number(F32, 1 << 31), Result(F32, -0.0)),
        (Number(F32, 0x7FA0_0000), _f32(0x7FA0_0000)),
        (Number(F64, 0x7FF8_0000_0000_0001), _f64(0x7FF8_0000_0000_0001)),
        (CANONICAL, _f32(0x7FC0_0000)),
        (CANONICAL, _f32(0xFFC0_0000)),
        (ARITHMETIC, _f32(0x7FC0_0001)),
        (WIDE_CANONICAL, _f64(0xFFF8_0000_0000_0000)),
        (WIDE_ARITHMETIC, _f64(0x7FFF_FFFF_FFFF_FFFF)),
        (NullReference(None), Result(FUNCREF, None)),
        (NullReference(None), Result(EXTERNREF, None)),
        (NullReference(FUNCREF), Result(FUNCREF, None)),
        (HostReference(None), Result(EXTERNREF, HostObject(3))),
        (HostReference(3), Result(EXTERNREF, HostObject(3))),
        (FunctionReference(), Result(FUNCREF, print)),
        (Either((Number(I32, 1), Number(I32, 2))), Result(I32, 2)),
        (Number(V128, 1 << 127 | 2), _vector(2, 0, 0, 1 << 31)),
        (NANS, _vector(5, 0x7FC0_0000, 0xFFC0_0001, 5)),
        (WIDE_NANS, _vector(0, 0x7FF8_0000, 1, 0x7FF8_0000)),
    ],
)
def test_matches_what_is_expected(pattern: Pattern, result: Result) -> None:
    assert values.matches(pattern, result)


@pytest.mark.parametrize(
    ("pattern", "result"),
    [
        (Number(I32, 1), Result(I32, 2)),
        (Number(I32, 1), Result(I64, 1)),
        (Number(F32, 0), Result(F32, -0.0)),
        (Number(F32, 0x7FA0_0000), _f32(0x7FE0_0000)),
        (CANONICAL, _f32(0x7FC0_0001)),
        (CANONICAL, _f32(0x7F80_0000)),
        (CANONICAL, Result(F32, 1.5)),
        (CANONICAL, _f64(0x7FF8_0000_0000_0000)),
        (ARITHMETIC, _f32(0x7FA0_0000)),
        (ARITHMETIC, _f32(0x7F80_0000)),
        (ARITHMETIC, Result(I32, 0)),
        (WIDE_CANONICAL, _f64(0x7FF8_0000_0000_0001)),
        (WIDE_ARITHMETIC, _f64(0x7FF4_0000_0000_0000)),
        (NullReference(None), Result(FUNCREF, print)),
        (NullReference(None), Result(I32, 0)),
        (NullReference(EXTERNREF), Result(FUNCREF, None)),
        (HostReference(None), Result(EXTERNREF, None)),
        (HostReference(3), Result(EXTERNREF, HostObject(4))),
        (HostReference(3), Result(EXTERNREF, None)),
        (FunctionReference(), Result(FUNCREF, None)),
        (Either((Number(I32, 1), Number(I32, 2))), Result(I32, 3)),
        (Either(()), Result(I32, 3)),
        (Number(V128, 0), _vector(0, 0, 0, 1)),
        (Number(V128, 0), Result(I32, 0)),
        (NANS, _vector(4, 0x7FC0_0000, 0xFFC0_0001, 5)),
        (NANS, _vector(5, 0x7FC0_0001, 0xFFC0_0001, 5)),
        (NANS, _vector(5, 0x7FC0_0000, 0xFF80_0001, 5)),
        (NANS, Result(I32, 5)),
        (UnknownValue("ref.i31"), Result(I32, 0)),
    ],
)
def test_matches_nothing_else(pattern: Pattern, result: Result) -> None:
    assert not values.matches(pattern, result)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Number(I32, 0xFFFF_FFFF), 0xFFFF_FFFF),
        (Number(F32, 0xBFC0_0000), -1.5),
        (Number(F64, 0x3FF8 << 48), 1.5),
        (Number(V128, 1 << 120 | 2), b"\2" + bytes(14) + b"\1"),
        (NullReference(FUNCREF), None),
        (HostReference(3), HostObject(3)),
    ],
)
def test_to_python_is_what_the_api_takes(
    value: Number | NullReference | HostReference, expected: object
) -> None:
    assert values.to_python(value) == expected


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (Number(I32, 0xFFFF_FFFF), "i32 -1"),
        (Number(I64, 5), "i64 5"),
        (Number(F32, 0x7FA0_0000), "f32 nan (0x7fa00000)"),
        (Number(F64, 0), "f64 0.0 (0x0000000000000000)"),
        (CANONICAL, "f32 nan:canonical"),
        (WIDE_ARITHMETIC, "f64 nan:arithmetic"),
        (NullReference(None), "null"),
        (NullReference(FUNCREF), "funcref null"),
        (HostReference(None), "externref not null"),
        (HostReference(3), "externref 3"),
        (FunctionReference(), "funcref not null"),
        (Either((Number(I32, 1), CANONICAL)), "either of (i32 1, f32 nan:canonical)"),
        (Number(V128, 1 << 127 | 2), "v128 0x80000000000000000000000000000002"),
        (WIDE_NANS, "v128 of f64 nan:canonical, f64 nan:arithmetic"),
        (UnknownValue("ref.i31"), "ref.i31"),
    ],
)
def test_describe_says_the_pattern(pattern: Pattern, words: str) -> None:
    assert values.describe(pattern) == words


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (Result(I32, -1), "i32 -1"),
        (Result(F32, math.inf), "f32 inf (0x7f800000)"),
        (_vector(2, 0, 0, 0), "v128 0x00000000000000000000000000000002"),
        (Result(FUNCREF, None), "funcref null"),
        (Result(FUNCREF, print), "funcref not null"),
        (Result(EXTERNREF, HostObject(3)), "externref 3"),
    ],
)
def test_describe_result_says_the_value(result: Result, words: str) -> None:
    assert values.describe_result(result) == words
