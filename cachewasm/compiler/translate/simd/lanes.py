"""Vector instructions that move lanes: constants, splat, extract and replace, shuffle, swizzle."""

from cachewasm.abi import symbols
from cachewasm.compiler.translate.ir import CODE, fence
from cachewasm.compiler.translate.registry import Lowering
from cachewasm.compiler.translate.simd.shapes import (
    I8X16,
    INTEGERS,
    SHAPES,
    Shape,
    VectorFamily,
    has,
    hidden_bits,
    is_constant,
    is_x86,
    pop,
    pop_two,
    push,
    push_constant,
    splat,
    view,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

FAMILY = VectorFamily()


@FAMILY.lowers("v128.const")
def _const(t: "FunctionTranslator", bits: int) -> None:
    push_constant(t, bits)


# A lane of 8 or 16 bits is an i32 on the stack.
_NARROW = frozenset(shape.name for shape in INTEGERS if shape.bits < 32)


def _as_lane(t: "FunctionTranslator", shape: Shape, operand: str) -> str:
    """An operand of the stack as a lane."""
    if shape.name in _NARROW:
        if is_constant(operand):
            return str(int(operand) & ((1 << shape.bits) - 1))
        return t.value(f"trunc i32 {operand} to {shape.lane}")
    if shape.is_float and is_constant(operand):
        return t.value(fence(shape.lane, operand))
    return operand


def _splat(shape: Shape) -> Lowering:
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        operand = t.stack.pop()
        if is_constant(operand) and not shape.is_float:
            # Floats that are made of these bits know that they are constant.
            lane = int(operand) & ((1 << shape.bits) - 1)
            push_constant(t, sum(lane << i * shape.bits for i in range(shape.lanes)))
            return
        push(t, splat(t, shape, _as_lane(t, shape, operand)), shape.type)

    return lower


def _extract(shape: Shape, extension: str) -> Lowering:
    def lower(t: "FunctionTranslator", lane: int) -> None:
        value = t.value(f"extractelement {shape.type} {pop(t, shape)}, i64 {lane}")
        if extension:
            value = t.value(f"{extension} {shape.lane} {value} to i32")
        t.stack.append(value)

    return lower


def _replace(shape: Shape) -> Lowering:
    def lower(t: "FunctionTranslator", lane: int) -> None:
        operand, vector = t.stack.pop(), t.stack.pop()
        if is_constant(operand) and is_constant(vector):
            vector = hidden_bits(t, vector)
        operand, vector = _as_lane(t, shape, operand), view(t, vector, shape.type)
        replaced = f"insertelement {shape.type} {vector}, {shape.lane} {operand}, i64 {lane}"
        push(t, t.value(replaced), shape.type)

    return lower


@FAMILY.lowers("i8x16.shuffle")
def _shuffle(t: "FunctionTranslator", lanes: bytes) -> None:
    # Of one operand alone, it is an instruction of one operand.
    if max(lanes) < 16:
        t.stack.pop()
        a = pop(t, I8X16)
        b = "poison"
    elif min(lanes) >= 16:
        b = pop(t, I8X16)
        t.stack.pop()
        a = "poison"
    else:
        a, b = pop_two(t, I8X16)
    indices = ", ".join(f"i32 {lane}" for lane in lanes)
    shuffled = f"shufflevector {I8X16.type} {a}, {I8X16.type} {b}, <16 x i32> <{indices}>"
    push(t, t.value(shuffled), I8X16.type)


@FAMILY.lowers("i8x16.swizzle")
def swizzle(t: "FunctionTranslator", _imm: None) -> None:
    """Lanes by variable indices; 0 for an index of 16 or more."""
    table, indices = pop_two(t, I8X16)
    if is_x86(t) and not has(t, "ssse3"):
        v = I8X16.type
        t.context.library.add(f"declare hidden {v} @{symbols.SWIZZLE}({v}, {v}) {CODE}")
        push(t, t.value(f"call {v} @{symbols.SWIZZLE}({v} {table}, {v} {indices})"), v)
        return
    if is_x86(t):
        # pshufb gives 0 where bit 7 is set, and ignores bits 4 to 6.
        high = f"{I8X16.type} {indices}, {I8X16.type} splat (i8 112)"
        indices = t.value(f"call {I8X16.type} @llvm.uadd.sat.v16i8({high})")
    push_looked_up(t, table, indices)


def push_looked_up(t: "FunctionTranslator", table: str, indices: str) -> None:
    """Push lanes of `table` as the target's instruction picks them."""
    name = "x86.ssse3.pshuf.b.128" if is_x86(t) else "aarch64.neon.tbl1.v16i8"
    arguments = f"{I8X16.type} {table}, {I8X16.type} {indices}"
    push(t, t.value(f"call {I8X16.type} @llvm.{name}({arguments})"), I8X16.type)


def _add_tables() -> None:
    for shape in SHAPES.values():
        FAMILY.add(f"{shape.name}.splat", _splat(shape))
        FAMILY.add(f"{shape.name}.replace_lane", _replace(shape))
        if shape.name in _NARROW:
            FAMILY.add(f"{shape.name}.extract_lane_s", _extract(shape, "sext"))
            FAMILY.add(f"{shape.name}.extract_lane_u", _extract(shape, "zext"))
        else:
            FAMILY.add(f"{shape.name}.extract_lane", _extract(shape, ""))


_add_tables()
