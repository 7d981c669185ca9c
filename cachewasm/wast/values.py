"""Values of a script against values of the API, bit by bit. A vector is 16 bytes, lane 0 first.

A Python float carries an f32 with its NaN payload: widened, all bits moved and none changed, so a
signalling NaN stays one. Python's own conversions would quiet it; those here only move bits.
"""

import struct
from dataclasses import dataclass
from typing import assert_never

from cachewasm.wasm.text.commands import (
    Either,
    FunctionReference,
    HostReference,
    NanPattern,
    NullReference,
    Number,
    Pattern,
    UnknownValue,
    Value,
    VectorPattern,
)
from cachewasm.wasm.types import EXTERNREF, F32, F64, FUNCREF, I32, I64, V128, ValType

_WIDTHS = {I32: 32, I64: 64, F32: 32, F64: 64}
_MANTISSAS = {F32: 23, F64: 52}
# From an f32's mantissa to an f64's.
_WIDENING = 52 - 23


@dataclass(frozen=True, slots=True)
class Result:
    """A value that came out of wasm, and its type."""

    type: ValType
    value: object


@dataclass(frozen=True, slots=True)
class HostObject:
    """What `(ref.extern N)` stands for; equal numbers are equal objects."""

    number: int


def f32_value(bits: int) -> float:
    """The float that carries the f32 of these bits."""
    if _is_nan(F32, bits):
        sign, mantissa = bits >> 31, bits & ((1 << 23) - 1)
        return f64_value(sign << 63 | 0x7FF << 52 | mantissa << _WIDENING)
    value: float = struct.unpack("<f", struct.pack("<I", bits))[0]
    return value


def f32_bits(value: float) -> int:
    """The bits of the f32 that a float carries. Raises OverflowError if it carries none."""
    if value != value:
        wide = f64_bits(value)
        return wide >> 63 << 31 | 0xFF << 23 | wide >> _WIDENING & ((1 << 23) - 1)
    bits: int = struct.unpack("<I", struct.pack("<f", value))[0]
    return bits


def f64_value(bits: int) -> float:
    """The float of these bits."""
    value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value


def f64_bits(value: float) -> int:
    """The bits of a float."""
    bits: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return bits


def type_of(value: Value) -> ValType | None:
    """The type of an argument; None if it fits several or none."""
    match value:
        case Number(type) | NullReference(type):
            return type
        case HostReference():
            return EXTERNREF
        case UnknownValue():
            return None
    assert_never(value)


def to_python(value: Number | NullReference | HostReference) -> object:
    """The Python value that the API takes for an argument."""
    match value:
        case Number(type, bits):
            if type is F32:
                return f32_value(bits)
            if type is V128:
                return bits.to_bytes(16, "little")
            return f64_value(bits) if type is F64 else bits
        case NullReference():
            return None
        case HostReference(number):
            return HostObject(0 if number is None else number)
    assert_never(value)


def matches(pattern: Pattern, result: Result) -> bool:
    """Whether a result is an expected one. Patterns hold others only one level deep."""
    match pattern:
        case Number(type, bits):
            return result.type is type and _bits(result) == bits
        case NanPattern(type, canonical):
            return result.type is type and _is_nan_of(type, _bits(result), canonical=canonical)
        case VectorPattern(lanes):
            return result.type is V128 and _lanes_match(lanes, _bits(result))
        case NullReference(None):
            return result.type.is_ref and result.value is None
        case NullReference(type):
            return result.type is type and result.value is None
        case HostReference(None):
            return result.type is EXTERNREF and result.value is not None
        case HostReference(number):
            return result.type is EXTERNREF and _host_number(result.value) == number
        case FunctionReference():
            return result.type is FUNCREF and result.value is not None
        case Either(options):
            return any(matches(option, result) for option in options)
        case UnknownValue():
            return False
    assert_never(pattern)


def describe(pattern: Pattern) -> str:
    """An expected value for people."""
    match pattern:
        case Number(type, bits):
            return _number(type, bits)
        case NanPattern(type, canonical):
            return f"{type} nan:{'canonical' if canonical else 'arithmetic'}"
        case VectorPattern(lanes):
            return f"{V128} of {', '.join(map(describe, lanes))}"
        case NullReference(type):
            return "null" if type is None else f"{type} null"
        case HostReference(number):
            return f"{EXTERNREF} {'not null' if number is None else number}"
        case FunctionReference():
            return f"{FUNCREF} not null"
        case Either(options):
            return f"either of ({', '.join(describe(option) for option in options)})"
        case UnknownValue(keyword):
            return keyword
    assert_never(pattern)


def describe_result(result: Result) -> str:
    """A result for people."""
    if not result.type.is_ref:
        return _number(result.type, _bits(result))
    value = result.value
    if value is None:
        return f"{result.type} null"
    number = _host_number(value)
    return f"{result.type} {'not null' if number is None else number}"


def _host_number(value: object) -> int | None:
    return value.number if isinstance(value, HostObject) else None


def _bits(result: Result) -> int:
    value = result.value
    if isinstance(value, bytes):
        return int.from_bytes(value, "little")
    if isinstance(value, float):
        return f32_bits(value) if result.type is F32 else f64_bits(value)
    assert isinstance(value, int)
    return value & ((1 << _WIDTHS[result.type]) - 1)


def _is_nan(type: ValType, bits: int) -> bool:
    exponent = ((1 << _WIDTHS[type] - 1) - 1) >> _MANTISSAS[type] << _MANTISSAS[type]
    return bits & ((1 << _WIDTHS[type] - 1) - 1) > exponent


def _is_nan_of(type: ValType, bits: int, *, canonical: bool) -> bool:
    """Whether a pattern of NaNs takes these bits: the canonical ones, or all that are quiet."""
    quiet = 1 << (_MANTISSAS[type] - 1)
    payload = bits & ((quiet << 1) - 1)
    return _is_nan(type, bits) and (payload == quiet if canonical else bool(payload & quiet))


def _lanes_match(lanes: tuple[Number | NanPattern, ...], vector: int) -> bool:
    width = 128 // len(lanes)
    for i, lane in enumerate(lanes):
        found = vector >> i * width & ((1 << width) - 1)
        match lane:
            case Number(_, bits):
                if found != bits:
                    return False
            case NanPattern(type, canonical):
                if not _is_nan_of(type, found, canonical=canonical):
                    return False
    return True


def _number(type: ValType, bits: int) -> str:
    if type is V128:
        return f"{type} {bits:#034x}"
    if type is I32 or type is I64:
        width = _WIDTHS[type]
        return f"{type} {bits - (bits >> (width - 1) << width)}"
    value = f32_value(bits) if type is F32 else f64_value(bits)
    return f"{type} {value!r} (0x{bits:0{_WIDTHS[type] // 4}x})"
