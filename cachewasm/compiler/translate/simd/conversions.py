"""Vector instructions between integer and float lanes, and between floats of different sizes.

LLVM's conversions to integers are poison out of range. Those of the targets are not: AArch64's saturate
as wasm's do, x86-64's give the least integer, from where the right result is a few steps away.
"""

from cachewasm.compiler.translate.ir import fence
from cachewasm.compiler.translate.simd.floats import splat_constant
from cachewasm.compiler.translate.simd.shapes import (
    F32X4,
    F64X2,
    I32X4,
    I64X2,
    VectorFamily,
    is_x86,
    pop,
    push,
    shuffled,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator
    from cachewasm.compiler.translate.registry import Lowering

FAMILY = VectorFamily()

_LOW = range(2)
_TWO_INTEGERS, _TWO_FLOATS = "<2 x i32>", "<2 x float>"
_LEAST = "splat (i32 -2147483648)"


def _to_floats(instruction: str) -> "Lowering":
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        value = pop(t, I32X4)
        push(t, t.value(f"{instruction} {I32X4.type} {value} to {F32X4.type}"), F32X4.type)

    return lower


def _to_doubles(instruction: str) -> "Lowering":
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        low = shuffled(t, I32X4.type, pop(t, I32X4), "poison", _LOW)
        push(t, t.value(f"{instruction} {_TWO_INTEGERS} {low} to {F64X2.type}"), F64X2.type)

    return lower


@FAMILY.lowers("f32x4.demote_f64x2_zero")
def _demote(t: "FunctionTranslator", _imm: None) -> None:
    # LLVM would fold demote(promote(x)) to x, which does not quiet a NaN.
    fenced = t.value(fence(F64X2.type, pop(t, F64X2)))
    low = t.value(f"fptrunc {F64X2.type} {fenced} to {_TWO_FLOATS}")
    push(t, shuffled(t, _TWO_FLOATS, low, "zeroinitializer", range(4)), F32X4.type)


@FAMILY.lowers("f64x2.promote_low_f32x4")
def _promote(t: "FunctionTranslator", _imm: None) -> None:
    low = shuffled(t, F32X4.type, pop(t, F32X4), "poison", _LOW)
    push(t, t.value(f"fpext {_TWO_FLOATS} {low} to {F64X2.type}"), F64X2.type)


# --- f32x4 to i32x4 -------------------------------------------------------------------------------


def truncated(t: "FunctionTranslator", floats: str) -> str:
    """cvttps2dq: the least integer for what is out of range, or no number."""
    return t.value(f"call {I32X4.type} @llvm.x86.sse2.cvttps2dq({F32X4.type} {floats})")


def _saturated(t: "FunctionTranslator", sign: str, floats: str) -> str:
    call = f"call {I32X4.type} @llvm.fpto{sign}i.sat.v4i32.v4f32"
    return t.value(f"{call}({F32X4.type} {floats})")


def _conditions(t: "FunctionTranslator", comparison: str) -> str:
    """A comparison of four floats as a mask."""
    found = t.value(f"fcmp {comparison}")
    return t.value(f"sext {I32X4.conditions} {found} to {I32X4.type}")


@FAMILY.lowers("i32x4.trunc_sat_f32x4_s")
def trunc_sat_s(t: "FunctionTranslator", _imm: None) -> None:
    """Of what is too large, the greatest integer is the complement of what x86-64 gives."""
    v, i = F32X4.type, I32X4.type
    floats = pop(t, F32X4)
    if not is_x86(t):
        push(t, _saturated(t, "s", floats), i)
        return
    found = truncated(t, floats)
    too_large = _conditions(t, f"oge {v} {floats}, {splat_constant(F32X4, 2.0**31)}")
    fitting = t.value(f"xor {i} {found}, {too_large}")
    number = _conditions(t, f"ord {v} {floats}, {floats}")
    push(t, t.value(f"and {i} {fitting}, {number}"), i)


@FAMILY.lowers("i32x4.trunc_sat_f32x4_u")
def trunc_sat_u(t: "FunctionTranslator", _imm: None) -> None:
    """From 2^31 on x86-64 gives 2^31, to which what is beyond it is added."""
    v, i = F32X4.type, I32X4.type
    floats = pop(t, F32X4)
    if not is_x86(t):
        push(t, _saturated(t, "u", floats), i)
        return
    is_positive = t.value(f"fcmp ogt {v} {floats}, zeroinitializer")
    positive = t.value(
        f"select {F32X4.conditions} {is_positive}, {v} {floats}, {v} zeroinitializer"
    )
    low = truncated(t, positive)
    beyond = t.value(f"fsub {v} {positive}, {splat_constant(F32X4, 2.0**31)}")
    high = truncated(t, beyond)
    is_high = t.value(f"ashr {i} {low}, splat (i32 31)")
    rest = t.value(f"and {i} {high}, {is_high}")
    found = t.value(f"or {i} {low}, {rest}")
    too_large = _conditions(t, f"oge {v} {positive}, {splat_constant(F32X4, 2.0**32)}")
    push(t, t.value(f"or {i} {found}, {too_large}"), i)


# --- f64x2 to the lower half of i32x4 -------------------------------------------------------------


def truncated_doubles(t: "FunctionTranslator", doubles: str) -> str:
    """cvttpd2dq: the least integer for what is out of range, or no number; then two zeros."""
    return t.value(f"call {I32X4.type} @llvm.x86.sse2.cvttpd2dq({F64X2.type} {doubles})")


def _saturated_doubles(t: "FunctionTranslator", sign: str, doubles: str) -> str:
    call = f"call {_TWO_INTEGERS} @llvm.fpto{sign}i.sat.v2i32.v2f64"
    low = t.value(f"{call}({F64X2.type} {doubles})")
    return shuffled(t, _TWO_INTEGERS, low, "zeroinitializer", range(4))


def _limited(t: "FunctionTranslator", comparison: str, doubles: str, limit: str) -> str:
    """`doubles` where they compare so with `limit`, which stands in for the others."""
    v = F64X2.type
    condition = t.value(f"fcmp {comparison} {v} {doubles}, {limit}")
    return t.value(f"select {F64X2.conditions} {condition}, {v} {doubles}, {v} {limit}")


@FAMILY.lowers("i32x4.trunc_sat_f64x2_s_zero")
def trunc_sat_doubles_s(t: "FunctionTranslator", _imm: None) -> None:
    """What is too small becomes the least integer by itself."""
    v = F64X2.type
    doubles = pop(t, F64X2)
    if not is_x86(t):
        push(t, _saturated_doubles(t, "s", doubles), I32X4.type)
        return
    # What is no number is zero: it compares with nothing.
    ordered = t.value(f"fcmp ord {v} {doubles}, {doubles}")
    number = t.value(f"select {F64X2.conditions} {ordered}, {v} {doubles}, {v} zeroinitializer")
    limited = _limited(t, "olt", number, splat_constant(F64X2, 2.0**31 - 1))
    push(t, truncated_doubles(t, limited), I32X4.type)


@FAMILY.lowers("i32x4.trunc_sat_f64x2_u_zero")
def trunc_sat_doubles_u(t: "FunctionTranslator", _imm: None) -> None:
    """From 2^31 on, that much less is converted, and added again."""
    v = F64X2.type
    doubles = pop(t, F64X2)
    if not is_x86(t):
        push(t, _saturated_doubles(t, "u", doubles), I32X4.type)
        return
    positive = _limited(t, "ogt", doubles, "zeroinitializer")
    limited = _limited(t, "olt", positive, splat_constant(F64X2, 2.0**32 - 1))
    half = splat_constant(F64X2, 2.0**31)
    is_high = t.value(f"fcmp oge {v} {limited}, {half}")
    taken = t.value(f"select {F64X2.conditions} {is_high}, {v} {half}, {v} zeroinitializer")
    found = truncated_doubles(t, t.value(f"fsub {v} {limited}, {taken}"))
    # As i64 lanes: the lower two i32 lanes of the result are the lower halves of them.
    mask = t.value(f"sext {I64X2.conditions} {is_high} to {I64X2.type}")
    lanes = t.value(f"bitcast {I64X2.type} {mask} to {I32X4.type}")
    high = t.value(
        f"shufflevector {I32X4.type} {lanes}, {I32X4.type} zeroinitializer, "
        "<4 x i32> <i32 0, i32 2, i32 4, i32 5>"
    )
    added = t.value(f"and {I32X4.type} {high}, {_LEAST}")
    push(t, t.value(f"xor {I32X4.type} {found}, {added}"), I32X4.type)


FAMILY.add("f32x4.convert_i32x4_s", _to_floats("sitofp"))
FAMILY.add("f32x4.convert_i32x4_u", _to_floats("uitofp"))
FAMILY.add("f64x2.convert_low_i32x4_s", _to_doubles("sitofp"))
FAMILY.add("f64x2.convert_low_i32x4_u", _to_doubles("uitofp"))
