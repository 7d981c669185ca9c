"""Canonical NaNs: lowerings of instructions whose NaN results depend on the hardware otherwise.

WebAssembly lets arithmetic give any of several NaNs (4.3.3, NaN propagation). With the option
`nan_canonicalization` it always gives the positive one with nothing but the quiet bit in its
payload, so a program computes the same bits on every machine and in every tier. What moves the bits
of a float (loads, stores, reinterpretations, abs, neg, copysign, pmin, pmax) is left alone: its results
are decided already.
"""

from cachewasm.compiler.translate.ir import LLVM_TYPES, f32_literal, f64_literal, fence
from cachewasm.compiler.translate.registry import Lowering
from cachewasm.wasm.opcodes import Op
from cachewasm.wasm.types import V128

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

_ARITHMETIC = (
    *("add", "sub", "mul", "div", "min", "max"),
    *("sqrt", "ceil", "floor", "trunc", "nearest"),
)
_RELAXED = ("relaxed_madd", "relaxed_nmadd", "relaxed_min", "relaxed_max")
MAKES_NAN = frozenset(
    {f"{f}.{name}" for f in ("f32", "f64") for name in _ARITHMETIC}
    | {f"{f}.{name}" for f in ("f32x4", "f64x2") for name in (*_ARITHMETIC, *_RELAXED)}
    | {"f32.demote_f64", "f64.promote_f32"}
    | {"f32x4.demote_f64x2_zero", "f64x2.promote_low_f32x4"}
)
_CANONICAL = {"float": f32_literal(0x7FC0_0000), "double": f64_literal(0x7FF8 << 48)}


def _hidden(op: Op) -> bool:
    """Whether LLVM would leave the NaN of this instruction as it is: to it, it is as good as any."""
    return op.name.endswith(".sqrt")


def canonical(op: Op, lowering: Lowering) -> Lowering:
    """A lowering that gives the canonical NaN wherever `lowering` gives some NaN."""
    if op.name not in MAKES_NAN or not op.results:
        return lowering
    if op.results[0] is V128:
        return _canonical_lanes(op, lowering)
    t_ = LLVM_TYPES[op.results[0]]
    nan, hidden = _CANONICAL[t_], _hidden(op)

    def lower(t: "FunctionTranslator", imm: None) -> None:
        lowering(t, imm)
        value = t.opaque(t_, t.stack[-1]) if hidden else t.stack[-1]
        is_nan = t.value(f"fcmp uno {t_} {value}, {value}")
        t.stack[-1] = t.value(f"select i1 {is_nan}, {t_} {nan}, {t_} {value}")

    return lower


def _canonical_lanes(op: Op, lowering: Lowering) -> Lowering:
    from cachewasm.compiler.translate.simd import shapes

    shape = shapes.SHAPES[op.name.partition(".")[0]]
    v, hidden = shape.type, _hidden(op)
    nan = f"splat ({shape.lane} {_CANONICAL[shape.lane]})"

    def lower(t: "FunctionTranslator", imm: None) -> None:
        lowering(t, imm)
        value = shapes.view(t, t.stack.pop(), v)
        if hidden:
            value = t.value(fence(v, value))
        are_nan = t.value(f"fcmp uno {v} {value}, {value}")
        chosen = t.value(f"select {shape.conditions} {are_nan}, {v} {nan}, {v} {value}")
        shapes.push(t, chosen, v)

    return lower
