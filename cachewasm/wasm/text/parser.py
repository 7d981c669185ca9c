"""Parse modules of the text format, alone or inside a script.

A parser is a cursor (cursor.py) over the tokens of a whole text. Who parses scripts makes one, reads
its own commands with the cursor's methods (`at_form`, `take_form`, `take`, `expect`, `string`,
`name`, `optional_identifier`, `error`, `unexpected`, `skip_form`) and calls these where theirs begin:

    parser = Parser(tokenize(text))
    parser.pos                      the next token; parser.token is its text, parser.place its place
    parser.module()                 at `(module`, up to and with its closing parenthesis
    parser.fields(name)             after `(module $name`, up to the closing parenthesis, which stays
    parser.numeric_const()          at `(i32.const` and its like, with the parenthesis
    parser.vector_const()           at `(v128.const`, likewise

`parse_module` and `wat2wasm` are for a text that holds one module. Errors are `TextError`, except
for what is no matter of grammar: `UnsupportedModule` for later proposals, `InvalidModule` for an
initial value that is no constant expression, which a `ModuleSource` cannot hold.
"""

from dataclasses import dataclass
from typing import TypeVar

from cachewasm.wasm.encode import ModuleSource, encode
from cachewasm.wasm.opcodes import V128_CONST
from cachewasm.wasm.text.context import Context
from cachewasm.wasm.text.cursor import Cursor
from cachewasm.wasm.text.lexer import tokenize
from cachewasm.wasm.text.literals import (
    NAN_PATTERNS,
    Shape,
    f32,
    f64,
    i32,
    i64,
    lane,
    vector_lanes,
    vector_shape,
)
from cachewasm.wasm.text.outline import Outline
from cachewasm.wasm.text.parse_fields import Fields
from cachewasm.wasm.types import F32, F64, I32, I64, ValType

_Parsed = TypeVar("_Parsed")

_CONSTS = {f"{valtype.name}.const": valtype for valtype in (I32, I64, F32, F64)}


@dataclass(frozen=True, slots=True)
class NumericConst:
    """A literal of a script: the raw bits of a value, or a pattern that NaNs are held to.

    `bits` is unsigned. `pattern` is empty, "nan:canonical" or "nan:arithmetic"; then bits are 0.
    """

    type: ValType
    bits: int
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class VectorConst:
    """A vector of a script: its shape, and of each lane the raw bits or a pattern, as above."""

    shape: Shape
    lanes: tuple[int | str, ...]


class Parser(Cursor):
    """A cursor that parses modules and literals. It may be moved by setting `pos`."""

    __slots__ = ()

    def module(self) -> ModuleSource:
        """The module `(module $name? field*)`."""
        if not self.take_form("module"):
            raise self.unexpected("`(module`")
        module = self.fields(self.optional_identifier())
        self.expect(")")
        return module

    def fields(self, name: str | None) -> ModuleSource:
        """The module of the fields up to a closing parenthesis or the end, which stays."""
        context = Context()
        outlined = Outline(self, context).read()
        end = self.pos
        fields = Fields(self, context)
        for field in outlined:
            fields.parse(field)
        self.pos = end
        return fields.module(name)

    def numeric_const(self) -> NumericConst:
        """A literal `(i32.const 1)`, or of another numeric type, or a pattern of NaNs."""
        valtype = _CONSTS.get(self.texts[self.pos + 1]) if self.token == "(" else None
        if valtype is None:
            raise self.unexpected("a numeric literal")
        self.pos += 2
        if valtype in (F32, F64) and self.token in NAN_PATTERNS:
            found = NumericConst(valtype, 0, self.token)
            self.pos += 1
        elif valtype is I32:
            found = NumericConst(valtype, i32(self) & 0xFFFF_FFFF)
        elif valtype is I64:
            found = NumericConst(valtype, i64(self) & 0xFFFF_FFFF_FFFF_FFFF)
        else:
            found = NumericConst(valtype, f32(self) if valtype is F32 else f64(self))
        self.expect(")")
        return found

    def vector_const(self) -> VectorConst:
        """A literal `(v128.const i32x4 1 2 3 4)`, or with patterns of NaNs among its lanes."""
        if not self.take_form(V128_CONST.name):
            raise self.unexpected("a vector")
        shape = vector_shape(self)
        found = VectorConst(shape, tuple(vector_lanes(self, shape, _lane_or_pattern)))
        self.expect(")")
        return found


def parse_module(text: str | bytes) -> ModuleSource:
    """The module that is all of `text`, whose outermost `(module ...)` may be left out.

    Bytes must be UTF-8.
    """
    parser = Parser(tokenize(text))
    return _whole(parser, parser.module() if parser.at_form("module") else parser.fields(None))


def wat2wasm(text: str | bytes) -> bytes:
    """The binary of the module that is all of `text`. It has been parsed, not validated.

    The form `(module binary "...")`, which spells the bytes out, is taken too.
    """
    parser = Parser(tokenize(text))
    if not parser.at_form("module"):
        return encode(_whole(parser, parser.fields(None)))
    start = parser.pos
    parser.pos += 2
    parser.optional_identifier()
    if parser.take("binary"):
        return _whole(parser, _binary(parser))
    parser.pos = start
    return encode(_whole(parser, parser.module()))


def _lane_or_pattern(c: Cursor, shape: Shape) -> int | str:
    if shape.form is not None and c.token in NAN_PATTERNS:
        c.pos += 1
        return c.texts[c.pos - 1]
    return lane(c, shape)


def _binary(parser: Parser) -> bytes:
    parts: list[bytes] = []
    while not parser.take(")"):
        parts.append(parser.string())
    return b"".join(parts)


def _whole(parser: Parser, parsed: _Parsed) -> _Parsed:
    """`parsed`, after which nothing may follow."""
    if parser.token:
        raise parser.unexpected("the end of the input")
    return parsed
