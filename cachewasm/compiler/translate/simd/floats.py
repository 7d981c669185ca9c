"""Vector instructions on float lanes. Each lane is computed as the scalar instruction would."""

from struct import Struct

from cachewasm.compiler.translate.ir import FLOAT_OPERATIONS, FLOAT_PREDICATES, fence
from cachewasm.compiler.translate.simd.shapes import (
    BITS,
    F32X4,
    FLOATS,
    I64X2,
    Shape,
    VectorFamily,
    binary,
    compare,
    has,
    is_x86,
    pop,
    pop_two,
    push,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator
    from cachewasm.compiler.translate.registry import Lowering

FAMILY = VectorFamily()

_F64 = Struct("<d")
_U64 = Struct("<Q")

_ROUNDINGS = {"ceil": "ceil", "floor": "floor", "trunc": "trunc", "nearest": "roundeven"}


def splat_constant(shape: Shape, value: float) -> str:
    """A constant whose lanes are all `value`, which both float types represent exactly."""
    return f"splat ({shape.lane} 0x{_U64.unpack(_F64.pack(value))[0]:016X})"


def _signs(shape: Shape) -> str:
    """The sign bits of all lanes, as a constant of BITS."""
    sign = 1 << shape.bits - 1
    return f"splat (i64 {sum(sign << i for i in range(0, 64, shape.bits))})"


def _magnitudes(shape: Shape) -> str:
    """All bits but the signs."""
    magnitude = (1 << shape.bits - 1) - 1
    return f"splat (i64 {sum(magnitude << i for i in range(0, 64, shape.bits))})"


def _on_bits(instruction: str, constant: str) -> "Lowering":
    """On the bits, NaNs too."""

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        push(t, t.value(f"{instruction} {BITS} {pop(t, I64X2)}, {constant}"), BITS)

    return lower


def _sqrt(shape: Shape) -> "Lowering":
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        call = f"call {shape.type} @llvm.sqrt.{shape.mangled}({shape.type} {pop(t, shape)})"
        push(t, t.value(call), shape.type)

    return lower


# --- Extrema --------------------------------------------------------------------------------------


def extremum(shape: Shape, name: str) -> "Lowering":
    """min and max: -0 is less than +0, and a NaN operand gives a quiet NaN."""

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        left, right = pop_two(t, shape)
        if not is_x86(t):
            call = f"call {shape.type} @llvm.{name}imum.{shape.mangled}"
            push(t, t.value(f"{call}({shape.type} {left}, {shape.type} {right})"), shape.type)
            return
        # minps gives the second operand if they are equal, or one is NaN. Asked both ways, equal ones
        # differ at most in their signs, which `or` and `and` of the bits combine.
        one = t.value(f"bitcast {shape.type} {picked(t, shape, name, left, right)} to {BITS}")
        other = t.value(f"bitcast {shape.type} {picked(t, shape, name, right, left)} to {BITS}")
        combine = "or" if name == "min" else "and"
        bits = t.value(f"{combine} {BITS} {one}, {other}")
        number = t.value(f"bitcast {BITS} {bits} to {shape.type}")
        unordered = t.value(f"fcmp uno {shape.type} {left}, {right}")
        nan = t.value(f"fadd {shape.type} {left}, {right}")
        push(t, _select(t, shape, unordered, nan, number), shape.type)

    return lower


def picked(t: "FunctionTranslator", shape: Shape, name: str, left: str, right: str) -> str:
    """What minps and maxps do: `left` if it is less (greater), else `right`."""
    predicate = "olt" if name == "min" else "ogt"
    condition = t.value(f"fcmp {predicate} {shape.type} {left}, {right}")
    return _select(t, shape, condition, left, right)


def _pseudo(shape: Shape, name: str) -> "Lowering":
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        left, right = pop_two(t, shape)
        push(t, picked(t, shape, name, right, left), shape.type)

    return lower


def _select(t: "FunctionTranslator", shape: Shape, condition: str, yes: str, no: str) -> str:
    return t.value(f"select {shape.conditions} {condition}, {shape.type} {yes}, {shape.type} {no}")


# --- Rounding -------------------------------------------------------------------------------------


def _round(shape: Shape, name: str) -> "Lowering":
    intrinsic = f"@llvm.{_ROUNDINGS[name]}.{shape.mangled}"

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        value = pop(t, shape)
        if is_x86(t) and not has(t, "sse4.1"):
            push(t, _round_by_adding(t, shape, name, value), shape.type)
        else:
            push(t, t.value(f"call {shape.type} {intrinsic}({shape.type} {value})"), shape.type)

    return lower


def _round_by_adding(t: "FunctionTranslator", shape: Shape, name: str, value: str) -> str:
    """Without roundps, lane by lane LLVM would call a function.

    A number so large that it has no fraction bits rounds what is added to it to an integral value,
    ties to even; what that did wrong is put right by one.
    """
    v = shape.type
    large = splat_constant(shape, 2.0 ** (23 if shape is F32X4 else 52))
    bits = t.value(f"bitcast {v} {value} to {BITS}")
    size_bits = t.value(f"and {BITS} {bits}, {_magnitudes(shape)}")
    size = t.value(f"bitcast {BITS} {size_bits} to {v}")
    is_small = t.value(f"fcmp olt {v} {size}, {large}")
    shifted = t.value(f"fadd {v} {size}, {large}")
    near = t.value(f"fsub {v} {shifted}, {large}")
    if name == "trunc":
        near = _corrected(t, shape, "fsub", f"ogt {v} {near}, {size}", near)
    signed = _with_sign(t, shape, near, bits)
    if name == "floor":
        signed = _corrected(t, shape, "fsub", f"ogt {v} {signed}, {value}", signed)
    elif name == "ceil":
        less = f"olt {v} {signed}, {value}"
        signed = _with_sign(t, shape, _corrected(t, shape, "fadd", less, signed), bits)
    # Times one: a NaN comes out quiet.
    one = t.value(fence(v, splat_constant(shape, 1.0)))
    whole = t.value(f"fmul {v} {value}, {one}")
    return _select(t, shape, is_small, signed, whole)


def _corrected(
    t: "FunctionTranslator", shape: Shape, instruction: str, comparison: str, value: str
) -> str:
    """One more or less where the comparison holds."""
    condition = t.value(f"fcmp {comparison}")
    one = _select(t, shape, condition, splat_constant(shape, 1.0), "zeroinitializer")
    return t.value(f"{instruction} {shape.type} {value}, {one}")


def _with_sign(t: "FunctionTranslator", shape: Shape, value: str, bits: str) -> str:
    """The magnitude of `value` with the signs of `bits`."""
    value_bits = t.value(f"bitcast {shape.type} {value} to {BITS}")
    size = t.value(f"and {BITS} {value_bits}, {_magnitudes(shape)}")
    sign = t.value(f"and {BITS} {bits}, {_signs(shape)}")
    signed = t.value(f"or {BITS} {size}, {sign}")
    return t.value(f"bitcast {BITS} {signed} to {shape.type}")


def _add_tables() -> None:
    for shape in FLOATS:
        for name, instruction in FLOAT_OPERATIONS.items():
            FAMILY.add(f"{shape.name}.{name}", binary(shape, instruction))
        for name, predicate in FLOAT_PREDICATES.items():
            FAMILY.add(f"{shape.name}.{name}", compare(shape, f"fcmp {predicate}"))
        for name in _ROUNDINGS:
            FAMILY.add(f"{shape.name}.{name}", _round(shape, name))
        for name in ("min", "max"):
            FAMILY.add(f"{shape.name}.{name}", extremum(shape, name))
            FAMILY.add(f"{shape.name}.p{name}", _pseudo(shape, name))
        FAMILY.add(f"{shape.name}.neg", _on_bits("xor", _signs(shape)))
        FAMILY.add(f"{shape.name}.abs", _on_bits("and", _magnitudes(shape)))
        FAMILY.add(f"{shape.name}.sqrt", _sqrt(shape))


_add_tables()
