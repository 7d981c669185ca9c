"""Vector instructions on all bits, and those that give one number for a whole vector."""

from cachewasm.compiler.translate.condition import push_comparison
from cachewasm.compiler.translate.simd.shapes import (
    BITS,
    I8X16,
    I16X8,
    I32X4,
    I64X2,
    INTEGERS,
    Shape,
    VectorFamily,
    binary,
    has,
    is_x86,
    pop,
    pop_three,
    pop_two,
    push,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator
    from cachewasm.compiler.translate.registry import Lowering

FAMILY = VectorFamily()

_ONES = "splat (i64 -1)"


@FAMILY.lowers("v128.not")
def _not(t: "FunctionTranslator", _imm: None) -> None:
    push(t, t.value(f"xor {BITS} {pop(t, I64X2)}, {_ONES}"), BITS)


@FAMILY.lowers("v128.andnot")
def _andnot(t: "FunctionTranslator", _imm: None) -> None:
    left, right = pop_two(t, I64X2)
    inverted = t.value(f"xor {BITS} {right}, {_ONES}")
    push(t, t.value(f"and {BITS} {left}, {inverted}"), BITS)


@FAMILY.lowers("v128.bitselect")
def bitselect(t: "FunctionTranslator", _imm: None) -> None:
    """Bits of the first operand where the third has ones, else of the second."""
    first, second, mask = pop_three(t, I64X2)
    chosen = t.value(f"and {BITS} {first}, {mask}")
    inverted = t.value(f"xor {BITS} {mask}, {_ONES}")
    others = t.value(f"and {BITS} {second}, {inverted}")
    push(t, t.value(f"or {BITS} {chosen}, {others}"), BITS)


def _byte_mask(t: "FunctionTranslator", value: str) -> str:
    """The highest bits of all bytes, as an i32 (pmovmskb)."""
    return t.value(f"call i32 @llvm.x86.sse2.pmovmskb.128({I8X16.type} {value})")


@FAMILY.lowers("v128.any_true")
def _any_true(t: "FunctionTranslator", _imm: None) -> None:
    if not is_x86(t):
        value = pop(t, I32X4)
        greatest = t.value(f"call i32 @llvm.vector.reduce.umax.v4i32({I32X4.type} {value})")
        push_comparison(t, f"icmp ne i32 {greatest}, 0")
    elif has(t, "sse4.1"):
        value = pop(t, I64X2)
        is_zero = t.value(f"call i32 @llvm.x86.sse41.ptestz({BITS} {value}, {BITS} {value})")
        push_comparison(t, f"icmp eq i32 {is_zero}, 0")
    else:
        zeros = t.value(f"icmp eq {I8X16.type} {pop(t, I8X16)}, zeroinitializer")
        mask = _byte_mask(t, t.value(f"sext {I8X16.conditions} {zeros} to {I8X16.type}"))
        push_comparison(t, f"icmp ne i32 {mask}, 65535")


def _all_true(shape: Shape) -> "Lowering":
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        if is_x86(t):
            zeros = t.value(f"icmp eq {shape.type} {pop(t, shape)}, zeroinitializer")
            wide = t.value(f"sext {shape.conditions} {zeros} to {shape.type}")
            if shape is not I8X16:
                wide = t.value(f"bitcast {shape.type} {wide} to {I8X16.type}")
            mask = _byte_mask(t, wide)
            push_comparison(t, f"icmp eq i32 {mask}, 0")
            return
        value, reduced = pop(t, shape), shape
        if shape is I64X2:  # there is no minimum of such lanes
            ones = t.value(f"icmp ne {BITS} {value}, zeroinitializer")
            wide = t.value(f"sext {shape.conditions} {ones} to {BITS}")
            value, reduced = t.value(f"bitcast {BITS} {wide} to {I32X4.type}"), I32X4
        call = f"call {reduced.lane} @llvm.vector.reduce.umin.{reduced.mangled}"
        least = t.value(f"{call}({reduced.type} {value})")
        push_comparison(t, f"icmp ne {reduced.lane} {least}, 0")

    return lower


def _bitmask(shape: Shape) -> "Lowering":
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        if not is_x86(t):
            negative = t.value(f"icmp slt {shape.type} {pop(t, shape)}, zeroinitializer")
            bits = t.value(f"bitcast {shape.conditions} {negative} to i{shape.lanes}")
            t.stack.append(t.value(f"zext i{shape.lanes} {bits} to i32"))
            return
        if shape is I8X16:
            mask = _byte_mask(t, pop(t, shape))
        elif shape is I16X8:  # saturation keeps signs
            arguments = f"{shape.type} {pop(t, shape)}, {shape.type} zeroinitializer"
            packed = t.value(f"call {I8X16.type} @llvm.x86.sse2.packsswb.128({arguments})")
            mask = _byte_mask(t, packed)
        else:
            name, seen = ("sse.movmsk.ps", "<4 x float>")
            if shape is I64X2:
                name, seen = ("sse2.movmsk.pd", "<2 x double>")
            value = t.value(f"bitcast {shape.type} {pop(t, shape)} to {seen}")
            mask = t.value(f"call i32 @llvm.x86.{name}({seen} {value})")
        t.stack.append(mask)

    return lower


def _add_tables() -> None:
    for name in ("and", "or", "xor"):
        FAMILY.add(f"v128.{name}", binary(I64X2, name))
    for shape in INTEGERS:
        FAMILY.add(f"{shape.name}.all_true", _all_true(shape))
        FAMILY.add(f"{shape.name}.bitmask", _bitmask(shape))


_add_tables()
