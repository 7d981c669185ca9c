"""Constant expressions: what initialises globals, offsets and element segments.

An expression is a tuple of (kind, operand) in evaluation order, as the decoder produces it: small
enough to store in an artifact and to evaluate on the warm path without the body decoder.
Values are cells: the raw bits of a value as an unsigned int; a null reference is 0.

Stored form: one 9-byte row per operator, little-endian: u8 kind, 64 bits of operand; a second row
holds the upper half of a vector.
Specification, section 3.4.13 (with extended-const).
"""

from struct import Struct

from cachewasm.errors import IncompatibleArtifact
from cachewasm.wasm.types import VALTYPE_BY_CODE, ValType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

ConstOp = tuple[int, int | ValType]  # (kind, operand)
ConstExpr = tuple[ConstOp, ...]

# Kinds, each with what its operand is.
I32_CONST = 0  # signed int
I64_CONST = 1  # signed int
F32_CONST = 2  # raw bits
F64_CONST = 3  # raw bits
GLOBAL_GET = 4  # globalidx
REF_NULL = 5  # the ValType
REF_FUNC = 6  # funcidx
I32_ADD = 7  # the arithmetic kinds: 0
I32_SUB = 8
I32_MUL = 9
I64_ADD = 10
I64_SUB = 11
I64_MUL = 12
V128_CONST = 13  # raw bits
KINDS = 14

# Of a row of the stored form alone: the upper half of the V128_CONST before it.
_V128_UPPER = 14

_I32_MASK = 0xFFFF_FFFF
_I64_MASK = 0xFFFF_FFFF_FFFF_FFFF
ROW = Struct("<BQ")


def is_arithmetic(kind: int) -> bool:
    """Whether this is an operator on two values, which constant expressions were extended by."""
    return I32_ADD <= kind <= I64_MUL


def evaluate(
    expr: ConstExpr, global_value: "Callable[[int], int]", func_ref: "Callable[[int], int]"
) -> int:
    """The cell that a valid `expr` produces.

    `global_value` gives the cell of a global that is initialised already, `func_ref` the cell of a
    reference to a function of the instance.
    """
    stack: list[int] = []
    for kind, operand in expr:
        if isinstance(operand, ValType):
            stack.append(0)
        elif kind == GLOBAL_GET:
            stack.append(global_value(operand))
        elif kind == REF_FUNC:
            stack.append(func_ref(operand))
        elif kind == I32_CONST:
            stack.append(operand & _I32_MASK)
        elif kind == V128_CONST:
            stack.append(operand)
        elif kind <= F64_CONST:
            stack.append(operand & _I64_MASK)
        else:
            right, left = stack.pop(), stack.pop()
            mask = _I32_MASK if kind <= I32_MUL else _I64_MASK
            if kind in (I32_ADD, I64_ADD):
                stack.append(left + right & mask)
            elif kind in (I32_SUB, I64_SUB):
                stack.append(left - right & mask)
            else:
                stack.append(left * right & mask)
    return stack.pop()


def to_bytes(expr: ConstExpr) -> bytes:
    """`expr` in its stored form."""
    stored = bytearray()
    for kind, operand in expr:
        bits = operand.code if isinstance(operand, ValType) else operand
        stored += ROW.pack(kind, bits & _I64_MASK)
        if kind == V128_CONST:
            stored += ROW.pack(_V128_UPPER, bits >> 64)
    return bytes(stored)


def from_bytes(stored: bytes) -> ConstExpr:
    """The expression that `to_bytes` stored; raises `IncompatibleArtifact` if it cannot be one.

    What is returned leaves exactly one value, so evaluating it cannot exhaust the stack.
    """
    if len(stored) % ROW.size:
        raise IncompatibleArtifact("damaged constant expression: odd length")
    expr: list[ConstOp] = []
    height = 0
    rows = ROW.iter_unpack(stored)
    for kind, bits in rows:
        if kind >= KINDS:
            raise IncompatibleArtifact(f"damaged constant expression: unknown operator {kind}")
        operand: int | ValType = bits
        if kind == REF_NULL:
            valtype = VALTYPE_BY_CODE.get(bits)
            if valtype is None or not valtype.is_ref:
                raise IncompatibleArtifact("damaged constant expression: not a reference type")
            operand = valtype
        elif kind <= I64_CONST and bits >> 63:
            operand = bits - (1 << 64)
        elif kind == V128_CONST:
            half, upper = next(rows, (V128_CONST, 0))
            if half != _V128_UPPER:
                raise IncompatibleArtifact("damaged constant expression: half a vector")
            operand = bits | upper << 64
        height += -1 if is_arithmetic(kind) else 1
        if height < 1:
            raise IncompatibleArtifact("damaged constant expression: operand missing")
        expr.append((kind, operand))
    if height != 1:
        raise IncompatibleArtifact("damaged constant expression: not one value")
    return tuple(expr)
