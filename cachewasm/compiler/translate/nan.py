"""Canonical NaNs: lowerings of instructions whose NaN results depend on the hardware otherwise.

WebAssembly lets arithmetic give any of several NaNs (4.3.3, NaN propagation). With the option
`nan_canonicalization` it always gives the positive one with nothing but the quiet bit in its
payload, so a program computes the same bits on every machine and in every tier. What moves the bits
of a float (loads, stores, reinterpretations, abs, neg, copysign) is left alone: its results are
decided already.
"""

from cachewasm.compiler.translate.ir import LLVM_TYPES, f32_literal, f64_literal
from cachewasm.compiler.translate.registry import Lowering
from cachewasm.wasm.opcodes import Op
from cachewasm.wasm.types import F32, F64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

_ARITHMETIC = (
    *("add", "sub", "mul", "div", "min", "max"),
    *("sqrt", "ceil", "floor", "trunc", "nearest"),
)
MAKES_NAN = frozenset(
    {f"{f}.{name}" for f in ("f32", "f64") for name in _ARITHMETIC}
    | {"f32.demote_f64", "f64.promote_f32"}
)
_CANONICAL = {F32: f32_literal(0x7FC0_0000), F64: f64_literal(0x7FF8 << 48)}


def canonical(op: Op, lowering: Lowering) -> Lowering:
    """A lowering that gives the canonical NaN wherever `lowering` gives some NaN."""
    if op.name not in MAKES_NAN or not op.results:
        return lowering
    t_, nan = LLVM_TYPES[op.results[0]], _CANONICAL[op.results[0]]

    def lower(t: "FunctionTranslator", imm: None) -> None:
        lowering(t, imm)
        value = t.stack[-1]
        is_nan = t.value(f"fcmp uno {t_} {value}, {value}")
        t.stack[-1] = t.value(f"select i1 {is_nan}, {t_} {nan}, {t_} {value}")

    return lower
