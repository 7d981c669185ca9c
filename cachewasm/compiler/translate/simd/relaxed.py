"""Relaxed vector instructions: the specification allows each a few results where targets differ.

With the tunable `wasm_relaxed_simd_deterministic` each is its strict counterpart, which is what the
specification's deterministic profile prescribes. Otherwise it is what the target has an instruction
for, the strict counterpart where that is as good. A choice depends on the target's features alone, so
an instruction means the same wherever it stands, in both tiers.
"""

from cachewasm.compiler.translate.simd import bits, conversions, floats, integers, lanes
from cachewasm.compiler.translate.simd.shapes import (
    F32X4,
    F64X2,
    FLOATS,
    I8X16,
    I16X8,
    I32X4,
    INTEGERS,
    Shape,
    VectorFamily,
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


def _is_free(t: "FunctionTranslator", feature: str = "sse2") -> bool:
    """Whether an instruction of x86-64 may decide, which comes with a feature."""
    free = not t.context.env.tunables.wasm_relaxed_simd_deterministic
    return free and is_x86(t) and has(t, feature)


@FAMILY.lowers("i8x16.relaxed_swizzle")
def _swizzle(t: "FunctionTranslator", _imm: None) -> None:
    if _is_free(t, "ssse3"):  # from 16 to 127: the index modulo 16
        lanes.push_looked_up(t, *pop_two(t, I8X16))
    else:
        lanes.swizzle(t, None)


@FAMILY.lowers("i32x4.relaxed_trunc_f32x4_s")
def _trunc_s(t: "FunctionTranslator", _imm: None) -> None:
    if _is_free(t):  # out of range: the least integer
        push(t, conversions.truncated(t, pop(t, F32X4)), I32X4.type)
    else:
        conversions.trunc_sat_s(t, None)


@FAMILY.lowers("i32x4.relaxed_trunc_f64x2_s_zero")
def _trunc_doubles_s(t: "FunctionTranslator", _imm: None) -> None:
    if _is_free(t):
        push(t, conversions.truncated_doubles(t, pop(t, F64X2)), I32X4.type)
    else:
        conversions.trunc_sat_doubles_s(t, None)


@FAMILY.lowers("i32x4.relaxed_trunc_f32x4_u")
def _trunc_u(t: "FunctionTranslator", _imm: None) -> None:
    conversions.trunc_sat_u(t, None)


@FAMILY.lowers("i32x4.relaxed_trunc_f64x2_u_zero")
def _trunc_doubles_u(t: "FunctionTranslator", _imm: None) -> None:
    conversions.trunc_sat_doubles_u(t, None)


def _madd(shape: Shape, *, negated: bool) -> "Lowering":
    """a * b + c, rounded once where there is an instruction for that."""

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        v = shape.type
        a, b, c = pop_three(t, shape)
        if negated:
            a = t.value(f"fneg {v} {a}")
        deterministic = t.context.env.tunables.wasm_relaxed_simd_deterministic
        if not deterministic and (not is_x86(t) or has(t, "fma")):
            call = f"call {v} @llvm.fma.{shape.mangled}({v} {a}, {v} {b}, {v} {c})"
            push(t, t.value(call), v)
            return
        product = t.value(f"fmul {v} {a}, {b}")
        push(t, t.value(f"fadd {v} {product}, {c}"), v)

    return lower


def _extremum(shape: Shape, name: str) -> "Lowering":
    """Of NaNs and zeros of both signs, minps and maxps give the second operand."""
    strict = floats.extremum(shape, name)

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        if _is_free(t):
            left, right = pop_two(t, shape)
            push(t, floats.picked(t, shape, name, left, right), shape.type)
        else:
            strict(t, None)

    return lower


# By lanes: the instruction that looks at the highest bit of each, and what it takes them for. It is
# one instruction for i16x8 as well, but looks at each byte.
_BLENDS = {
    "i8x16": ("sse41.pblendvb", "<16 x i8>"),
    "i32x4": ("sse41.blendvps", "<4 x float>"),
    "i64x2": ("sse41.blendvpd", "<2 x double>"),
}


def _laneselect(shape: Shape) -> "Lowering":
    blend = _BLENDS.get(shape.name)

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        if blend is None or not _is_free(t, "sse4.1"):
            bits.bitselect(t, None)
            return
        name, v = blend
        first, second, mask = (
            t.value(f"bitcast {shape.type} {value} to {v}") for value in pop_three(t, shape)
        )
        push(t, t.value(f"call {v} @llvm.x86.{name}({v} {second}, {v} {first}, {v} {mask})"), v)

    return lower


@FAMILY.lowers("i16x8.relaxed_q15mulr_s")
def _q15mulr(t: "FunctionTranslator", _imm: None) -> None:
    if not _is_free(t, "ssse3"):
        integers.q15mulr(t, None)
        return
    left, right = pop_two(t, I16X8)
    v = I16X8.type
    push(t, t.value(f"call {v} @llvm.x86.ssse3.pmul.hr.sw.128({v} {left}, {v} {right})"), v)


def _dot(t: "FunctionTranslator", left: str, right: str) -> str:
    """Products of i8 lanes, neighbours added with saturation. pmaddubsw takes lanes of `right`, which
    should have seven bits, for unsigned ones.
    """
    v = I16X8.type
    if _is_free(t, "ssse3"):
        name = "@llvm.x86.ssse3.pmadd.ub.sw.128"
        return t.value(f"call {v} {name}({I8X16.type} {right}, {I8X16.type} {left})")
    pairs = zip(
        integers.even_and_odd(t, I8X16, "s", left),
        integers.even_and_odd(t, I8X16, "s", right),
        strict=True,
    )
    even, odd = (t.value(f"mul {v} {a}, {b}") for a, b in pairs)
    return t.value(f"call {v} @llvm.sadd.sat.v8i16({v} {even}, {v} {odd})")


@FAMILY.lowers("i16x8.relaxed_dot_i8x16_i7x16_s")
def _relaxed_dot(t: "FunctionTranslator", _imm: None) -> None:
    push(t, _dot(t, *pop_two(t, I8X16)), I16X8.type)


@FAMILY.lowers("i32x4.relaxed_dot_i8x16_i7x16_add_s")
def _relaxed_dot_add(t: "FunctionTranslator", _imm: None) -> None:
    left, right, added = pop_three(t, I8X16)
    sums = integers.added_pairs(t, I16X8, "s", _dot(t, left, right))
    lanes_ = t.value(f"bitcast {I8X16.type} {added} to {I32X4.type}")
    push(t, t.value(f"add {I32X4.type} {sums}, {lanes_}"), I32X4.type)


def _add_tables() -> None:
    for shape in FLOATS:
        FAMILY.add(f"{shape.name}.relaxed_madd", _madd(shape, negated=False))
        FAMILY.add(f"{shape.name}.relaxed_nmadd", _madd(shape, negated=True))
        for name in ("min", "max"):
            FAMILY.add(f"{shape.name}.relaxed_{name}", _extremum(shape, name))
    for shape in INTEGERS:
        FAMILY.add(f"{shape.name}.relaxed_laneselect", _laneselect(shape))


_add_tables()
