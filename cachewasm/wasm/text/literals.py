"""Literals of instructions: integers, floats and vectors, from the tokens at a cursor (section 6.5).

A vector is a shape and its lanes; in scripts a lane of floats may be a pattern of NaNs instead. What
is wrong with a literal is said in the words of the reference interpreter.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from cachewasm.wasm.text import keywords, numbers
from cachewasm.wasm.text.cursor import Cursor
from cachewasm.wasm.text.lexer import quoted
from cachewasm.wasm.text.numbers import F32_FORMAT, F64_FORMAT, FloatFormat

_Lane = TypeVar("_Lane")

# What a lane of floats may be in an expected result of a script.
NAN_PATTERNS = frozenset(("nan:canonical", "nan:arithmetic"))

_SHUFFLE_LANES = 16


@dataclass(frozen=True, slots=True)
class Shape:
    """How a vector divides into lanes; `form` is None for integers."""

    name: str
    lanes: int
    form: FloatFormat | None = None

    @property
    def bits(self) -> int:
        """The bits of a lane."""
        return 128 // self.lanes


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("i8x16", 16),
        Shape("i16x8", 8),
        Shape("i32x4", 4),
        Shape("i64x2", 2),
        Shape("f32x4", 4, F32_FORMAT),
        Shape("f64x2", 2, F64_FORMAT),
    )
}


def i32(c: Cursor) -> int:
    """The signed value of the `i32` literal that must be next."""
    return _number(c, lambda token: numbers.integer(token, 32))


def i64(c: Cursor) -> int:
    """The signed value of the `i64` literal that must be next."""
    return _number(c, lambda token: numbers.integer(token, 64))


def f32(c: Cursor) -> int:
    """The bits of the `f32` literal that must be next."""
    return _number(c, lambda token: numbers.float_bits(token, F32_FORMAT))


def f64(c: Cursor) -> int:
    """The bits of the `f64` literal that must be next."""
    return _number(c, lambda token: numbers.float_bits(token, F64_FORMAT))


def v128(c: Cursor) -> int:
    """The bits of the vector that must be next, from its shape on."""
    shape = vector_shape(c)
    return pack(shape, vector_lanes(c, shape, lane))


def vector_shape(c: Cursor) -> Shape:
    """The shape that must be next."""
    shape = SHAPES.get(c.token)
    if shape is None:
        raise c.unexpected("a shape of vectors")
    c.pos += 1
    return shape


def vector_lanes(c: Cursor, shape: Shape, read: Callable[[Cursor, Shape], _Lane]) -> list[_Lane]:
    """The lanes that must be next, each read by `read`."""
    start = end = c.pos
    while numbers.is_number(c.texts[end]) or c.texts[end] in NAN_PATTERNS:
        end += 1
    if end - start != shape.lanes:
        c.pos = end
        after = c.token
        if after[:1] in ("", *'("$)') or keywords.is_known(after):
            raise c.error(
                f"wrong number of lane literals: {end - start}, expected {shape.lanes}", start
            )
        raise c.unexpected("a number")
    return [read(c, shape) for _ in range(shape.lanes)]


def lane(c: Cursor, shape: Shape) -> int:
    """The raw bits of the lane that must be next."""
    bits, form = shape.bits, shape.form
    if form is None:
        return _number(c, lambda token: numbers.integer(token, bits)) & (1 << bits) - 1
    return _number(c, lambda token: numbers.float_bits(token, form))


def pack(shape: Shape, lanes: Iterable[int]) -> int:
    """The bits of the vector of these lanes, each as raw bits."""
    return sum(each << i * shape.bits for i, each in enumerate(lanes))


def lane_index(c: Cursor) -> int:
    """The index of a lane that must be next: a byte."""
    start = c.pos
    index = c.u32()
    if index > 0xFF:
        raise c.error("i8 constant out of range", start)
    return index


def shuffle_lanes(c: Cursor) -> bytes:
    """The lanes that a shuffle takes, which must be next."""
    start = c.pos
    while numbers.is_number(c.token):
        c.pos += 1
    if c.pos - start != _SHUFFLE_LANES:
        raise c.error(f"invalid lane length: {c.pos - start}, expected {_SHUFFLE_LANES}", start)
    lanes = bytearray()
    for position in range(start, c.pos):
        token = c.texts[position]
        try:
            lanes.append(numbers.unsigned(token, 8))
        except numbers.NumberError:
            raise c.error(f"i8 constant out of range: {quoted(token)}", position) from None
    return bytes(lanes)


def _number(c: Cursor, parse: Callable[[str], int]) -> int:
    token = c.token
    if not token or token[0] in '("$)':
        raise c.unexpected("a number")
    try:
        value = parse(token)
    except numbers.NotANumber:
        raise c.unexpected("a number") from None
    except numbers.NumberError as error:
        raise c.error(error.reason) from None
    c.pos += 1
    return value
