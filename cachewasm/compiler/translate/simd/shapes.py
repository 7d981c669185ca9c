"""How a v128 is divided into lanes, and the operands of vector instructions.

On the operand stack a vector is of one type of LLVM's, whatever was last done to it; a lowering looks
at it as lanes. A look is a bitcast, which is no machine instruction; the translator remembers those of
straight-line code (`views`), so what one f32x4 instruction makes the next takes as it is.

Operands that are constant are hidden from LLVM where it could fold them: of x * 1.0 it would leave a
signalling NaN as it is, while wasm demands a quiet result (4.3.3).
"""

from cachewasm.compiler.translate.ir import LLVM_TYPES, fence
from cachewasm.compiler.translate.registry import Family, Lowering
from cachewasm.engine.isa import X86_64
from cachewasm.record import dataclass
from cachewasm.wasm.types import V128

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

BITS = LLVM_TYPES[V128]


@dataclass(frozen=True, slots=True)
class Shape:
    """A division into lanes: `type` is LLVM's vector, `lane` that of a lane, `mangled` the vector as
    the names of intrinsics spell it. `mask` is the vector of integers with as many bits.
    """

    name: str
    lanes: int
    lane: str
    bits: int

    @property
    def type(self) -> str:
        return f"<{self.lanes} x {self.lane}>"

    @property
    def mangled(self) -> str:
        return f"v{self.lanes}{self.name[0]}{self.bits}"

    @property
    def mask(self) -> str:
        return f"<{self.lanes} x i{self.bits}>"

    @property
    def conditions(self) -> str:
        """What a comparison gives."""
        return f"<{self.lanes} x i1>"

    @property
    def is_float(self) -> bool:
        return self.name[0] == "f"


I8X16 = Shape("i8x16", 16, "i8", 8)
I16X8 = Shape("i16x8", 8, "i16", 16)
I32X4 = Shape("i32x4", 4, "i32", 32)
I64X2 = Shape("i64x2", 2, "i64", 64)
F32X4 = Shape("f32x4", 4, "float", 32)
F64X2 = Shape("f64x2", 2, "double", 64)
INTEGERS = (I8X16, I16X8, I32X4, I64X2)
FLOATS = (F32X4, F64X2)
SHAPES = {shape.name: shape for shape in (*INTEGERS, *FLOATS)}
# The shape with lanes of twice the size.
WIDER = {I8X16: I16X8, I16X8: I32X4, I32X4: I64X2}


_ZEROS = "zeroinitializer"


def push_constant(t: "FunctionTranslator", bits: int) -> None:
    """Push the v128 with these bits."""
    low, high = bits & 0xFFFF_FFFF_FFFF_FFFF, bits >> 64
    t.stack.append(f"<i64 {low}, i64 {high}>" if bits else _ZEROS)


def is_constant(operand: str) -> bool:
    """Whether an operand is known when it is compiled."""
    return operand[0] != "%"


def view(t: "FunctionTranslator", operand: str, llvm_type: str) -> str:
    """A v128 as another type of 128 bits."""
    if llvm_type == BITS:
        return operand
    if is_constant(operand):
        if operand == _ZEROS:
            return operand
        return f"bitcast ({BITS} {operand} to {llvm_type})"
    key = (operand, llvm_type)
    found = t.views.get(key)
    if found is None:
        found = t.views[key] = t.value(f"bitcast {BITS} {operand} to {llvm_type}")
    return found


def push(t: "FunctionTranslator", value: str, llvm_type: str) -> None:
    """Push a value of 128 bits."""
    if llvm_type != BITS:
        operand = t.value(f"bitcast {llvm_type} {value} to {BITS}")
        t.views[operand, llvm_type] = value
        value = operand
    t.stack.append(value)


def hidden(t: "FunctionTranslator", shape: Shape, operand: str) -> str:
    """A constant v128 as float lanes of which LLVM knows nothing."""
    return t.value(fence(shape.type, view(t, operand, shape.type)))


def _taken(t: "FunctionTranslator", shape: Shape, operand: str) -> str:
    if shape.is_float and is_constant(operand):
        return hidden(t, shape, operand)
    return view(t, operand, shape.type)


def pop(t: "FunctionTranslator", shape: Shape) -> str:
    """Pop the operand of an instruction that has no other."""
    operand = t.stack.pop()
    if is_constant(operand):
        operand = hidden_bits(t, operand)
    return _taken(t, shape, operand)


def pop_two(t: "FunctionTranslator", shape: Shape) -> tuple[str, str]:
    """Pop two operands, in the order in which they were pushed."""
    right, left = t.stack.pop(), t.stack.pop()
    if is_constant(left) and is_constant(right):
        left = hidden_bits(t, left)
    return _taken(t, shape, left), _taken(t, shape, right)


def pop_three(t: "FunctionTranslator", shape: Shape) -> tuple[str, str, str]:
    """Pop three operands, in the order in which they were pushed."""
    third, second, first = t.stack.pop(), t.stack.pop(), t.stack.pop()
    if is_constant(first) and is_constant(second) and is_constant(third):
        first = hidden_bits(t, first)
    return _taken(t, shape, first), _taken(t, shape, second), _taken(t, shape, third)


def hidden_bits(t: "FunctionTranslator", operand: str) -> str:
    """A constant v128 of which LLVM knows nothing: what it computed of it would be a constant again."""
    return t.value(f"bitcast {F32X4.type} {hidden(t, F32X4, operand)} to {BITS}")


def splat(t: "FunctionTranslator", shape: Shape, lane: str) -> str:
    """A vector whose lanes are all `lane`."""
    first = t.value(f"insertelement {shape.type} poison, {shape.lane} {lane}, i64 0")
    return t.value(
        f"shufflevector {shape.type} {first}, {shape.type} poison, "
        f"<{shape.lanes} x i32> zeroinitializer"
    )


def shuffled(t: "FunctionTranslator", llvm_type: str, a: str, b: str, lanes: "range") -> str:
    """Lanes of `a` and, counted on, `b`."""
    indices = ", ".join(f"i32 {lane}" for lane in lanes)
    return t.value(
        f"shufflevector {llvm_type} {a}, {llvm_type} {b}, <{len(lanes)} x i32> <{indices}>"
    )


def half(t: "FunctionTranslator", shape: Shape, value: str, *, high: bool) -> str:
    """The lower or upper lanes of a vector."""
    count = shape.lanes // 2
    start = count if high else 0
    return shuffled(t, shape.type, value, "poison", range(start, start + count))


def push_conditions(t: "FunctionTranslator", shape: Shape, conditions: str) -> None:
    """Push a comparison's result: all ones where a condition holds, else all zeros."""
    push(t, t.value(f"sext {shape.conditions} {conditions} to {shape.mask}"), shape.mask)


def binary(shape: Shape, instruction: str) -> Lowering:
    """The lowering to one instruction of LLVM with two operands."""

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        left, right = pop_two(t, shape)
        push(t, t.value(f"{instruction} {shape.type} {left}, {right}"), shape.type)

    return lower


def compare(shape: Shape, comparison: str) -> Lowering:
    """The lowering to a comparison of LLVM, with its predicate."""

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        left, right = pop_two(t, shape)
        push_conditions(t, shape, t.value(f"{comparison} {shape.type} {left}, {right}"))

    return lower


def is_x86(t: "FunctionTranslator") -> bool:
    """Whether code is made for x86-64, which has SSE2 in any case."""
    return t.context.env.target.arch == X86_64


def has(t: "FunctionTranslator", feature: str) -> bool:
    """Whether code may use a feature of the target."""
    return feature in t.context.isa


class VectorFamily(Family):
    """Lowerings of vector instructions, which tell the translator that they are."""

    __slots__ = ()

    def add(self, name: str, lowering: Lowering) -> None:
        """Register the lowering of the instruction `name`."""

        def lower(t: "FunctionTranslator", imm: object) -> None:
            t.begin_vector()
            lowering(t, imm)

        super().add(name, lower)
