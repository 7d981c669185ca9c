"""Numeric instructions.

Where LLVM's instruction means what wasm's does, a row of a table is all there is. The functions
below are for the others: LLVM's division, shifts and conversions are undefined where wasm traps,
masks or saturates, and LLVM may leave a signalling NaN as it is where wasm demands a quiet one.

Specification, section 4.3. Comparisons with NaN are false, but for `ne`.
"""

from struct import Struct

from cachewasm.abi import traps
from cachewasm.compiler.translate.condition import (
    combine_flags,
    push_comparison,
    push_opposite,
)
from cachewasm.compiler.translate.ir import (
    FLOAT_OPERATIONS,
    FLOAT_PREDICATES,
    INTEGER_PREDICATES,
    f32_literal,
    f64_literal,
)
from cachewasm.compiler.translate.registry import Family, Lowering

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

FAMILY = Family()

_INTEGERS = {"i32": 32, "i64": 64}
_FLOATS = {"f32": "float", "f64": "double"}
_INTEGER_OF = {"float": "i32", "double": "i64"}
_SIGN_BITS = {"float": 31, "double": 63}
_F64 = Struct("<d")
_U64 = Struct("<Q")


def _literal(value: float) -> str:
    """A constant that both float types represent exactly."""
    bits: int = _U64.unpack(_F64.pack(value))[0]
    return f64_literal(bits)


# --- Constants ------------------------------------------------------------------------------------


@FAMILY.lowers("i32.const", "i64.const")
def _integer_const(t: "FunctionTranslator", value: int) -> None:
    t.stack.append(str(value))


# Ones and zeros, of both signs: what LLVM would fold away. See FunctionTranslator.opaque. What LLVM could compute
# from constants is hidden likewise where it arises, below.
_FOLDABLE_F32 = frozenset({0, 0x8000_0000, 0x3F80_0000, 0xBF80_0000})
_FOLDABLE_F64 = frozenset({0, 1 << 63, 0x3FF << 52, 0xBFF << 52})


@FAMILY.lowers("f32.const")
def _f32_const(t: "FunctionTranslator", bits: int) -> None:
    literal = f32_literal(bits)
    t.stack.append(t.opaque("float", literal) if bits in _FOLDABLE_F32 else literal)


@FAMILY.lowers("f64.const")
def _f64_const(t: "FunctionTranslator", bits: int) -> None:
    literal = f64_literal(bits)
    t.stack.append(t.opaque("double", literal) if bits in _FOLDABLE_F64 else literal)


# --- One instruction of LLVM each -----------------------------------------------------------------

_BINARY_INTEGER = ("add", "sub", "mul")  # as LLVM names them
_BITWISE = ("and", "or", "xor")
# The text before the operand and after it.
_UNARY = {
    "i32.clz": ("call i32 @llvm.ctlz.i32(i32 ", ", i1 false)"),
    "i32.ctz": ("call i32 @llvm.cttz.i32(i32 ", ", i1 false)"),
    "i32.popcnt": ("call i32 @llvm.ctpop.i32(i32 ", ")"),
    "i64.clz": ("call i64 @llvm.ctlz.i64(i64 ", ", i1 false)"),
    "i64.ctz": ("call i64 @llvm.cttz.i64(i64 ", ", i1 false)"),
    "i64.popcnt": ("call i64 @llvm.ctpop.i64(i64 ", ")"),
    "i32.wrap_i64": ("trunc i64 ", " to i32"),
    "i64.extend_i32_s": ("sext i32 ", " to i64"),
    "i64.extend_i32_u": ("zext i32 ", " to i64"),
    "f64.promote_f32": ("fpext float ", " to double"),
    "i32.reinterpret_f32": ("bitcast float ", " to i32"),
    "i64.reinterpret_f64": ("bitcast double ", " to i64"),
}
# fneg changes the sign bit and nothing else, of a NaN too (LangRef).
_UNARY_FLOAT = {
    "ceil": "ceil",
    "floor": "floor",
    "trunc": "trunc",
    "nearest": "roundeven",
    "sqrt": "sqrt",
}


def _binary(instruction: str) -> Lowering:
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        stack = t.stack
        right = stack.pop()
        t.n = n = t.n + 1
        t.emit(f"  %{n} = {instruction} {stack[-1]}, {right}")
        stack[-1] = f"%{n}"

    return lower


def _binary_float(instruction: str, llvm_type: str) -> Lowering:
    lower_binary = _binary(instruction)

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        constants = (t.stack[-1][0] != "%") + (t.stack[-2][0] != "%")
        lower_binary(t, None)
        if constants:
            t.is_foldable = True
            if constants == 2:
                t.stack[-1] = t.opaque(llvm_type, t.stack[-1])

    return lower


def _integer_to_float(before: str, llvm_type: str) -> Lowering:
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        integer = t.stack.pop()
        value = t.value(f"{before}{integer} to {llvm_type}")
        t.stack.append(value if integer[0] == "%" else t.opaque(llvm_type, value))

    return lower


def _widened_to_float(lower_wide: Lowering) -> Lowering:
    """An unsigned i32 as a signed i64, which FastISel converts."""

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        t.stack[-1] = t.widened(t.stack[-1])
        lower_wide(t, None)

    return lower


def _alone(lower_known: Lowering) -> Lowering:
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        t.alone()
        lower_known(t, None)

    return lower


def _compare(instruction: str) -> Lowering:
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        right, left = t.stack.pop(), t.stack.pop()
        push_comparison(t, f"{instruction} {left}, {right}")

    return lower


def _unary(before: str, after: str) -> Lowering:
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        t.stack[-1] = t.value(f"{before}{t.stack[-1]}{after}")

    return lower


def _add_tables() -> None:
    for i in _INTEGERS:
        for name in _BINARY_INTEGER:
            FAMILY.add(f"{i}.{name}", _binary(f"{name} {i}"))
        for name, predicate in INTEGER_PREDICATES.items():
            FAMILY.add(f"{i}.{name}", _compare(f"icmp {predicate} {i}"))
    for f, t in _FLOATS.items():
        for name, instruction in FLOAT_OPERATIONS.items():
            FAMILY.add(f"{f}.{name}", _binary_float(f"{instruction} {t}", t))
        for name, predicate in FLOAT_PREDICATES.items():
            FAMILY.add(f"{f}.{name}", _compare(f"fcmp {predicate} {t}"))
        for name, intrinsic in _UNARY_FLOAT.items():
            FAMILY.add(f"{f}.{name}", _unary(f"call {t} @llvm.{intrinsic}.{f}({t} ", ")"))
        FAMILY.add(f"{f}.convert_i32_u", _widened_to_float(_integer_to_float("sitofp i64 ", t)))
        FAMILY.add(f"{f}.convert_i64_u", _alone(_integer_to_float("uitofp i64 ", t)))
        FAMILY.add(f"{f}.neg", _unary(f"fneg {t} ", ""))
        same_size = _INTEGER_OF[t]
        FAMILY.add(f"{f}.reinterpret_{same_size}", _integer_to_float(f"bitcast {same_size} ", t))
        for i in _INTEGERS:
            FAMILY.add(f"{f}.convert_{i}_s", _integer_to_float(f"sitofp {i} ", t))
            for sign in "su":
                intrinsic = f"llvm.fpto{sign}i.sat.{i}.{f}"
                FAMILY.add(f"{i}.trunc_sat_{f}_{sign}", _unary(f"call {i} @{intrinsic}({t} ", ")"))
    for name, (before, after) in _UNARY.items():
        FAMILY.add(name, _unary(before, after))


_add_tables()


# --- Integers -------------------------------------------------------------------------------------


def _eqz(i: str) -> Lowering:
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        value = t.stack.pop()
        if value == t.flag_of:
            push_opposite(t)
        else:
            push_comparison(t, f"icmp eq {i} {value}, 0")

    return lower


def _bitwise(operation: str) -> Lowering:
    usual = _binary(f"{operation} i32")

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        if t.stack[-1] == t.flag_of:
            if combine_flags(t, operation):
                return
        elif operation == "and" and t.stack[-1] == "1" and t.stack[-2] == t.flag_of:
            t.stack.pop()  # it is 0 or 1
            return
        usual(t, None)

    return lower


def _masked(t: "FunctionTranslator", i: str, amount: str) -> str:
    """A shift amount modulo the width; LLVM's shifts are poison beyond it."""
    mask = _INTEGERS[i] - 1
    if amount[0] != "%":
        return str(int(amount) & mask)
    return t.value(f"and {i} {amount}, {mask}")


def _shift(i: str, instruction: str) -> Lowering:
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        amount = _masked(t, i, t.stack.pop())
        t.stack[-1] = t.value(f"{instruction} {i} {t.stack[-1]}, {amount}")

    return lower


def _rotate(i: str, towards: str, back: str) -> Lowering:
    # Not fshl: level 0 selects it slowly, and instcombine finds it in the optimized tier.
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        amount, value = t.stack.pop(), t.stack.pop()
        variable = amount[0] == "%"
        opposite = t.value(f"sub {i} 0, {amount}") if variable else str(-int(amount))
        high = t.value(f"{towards} {i} {value}, {_masked(t, i, amount)}")
        low = t.value(f"{back} {i} {value}, {_masked(t, i, opposite)}")
        t.stack.append(t.value(f"or {i} {high}, {low}"))

    return lower


def _is_number(operand: str, *numbers: int) -> bool:
    return operand[0] != "%" and int(operand) in numbers


def _trap_if_zero(t: "FunctionTranslator", i: str, divisor: str) -> None:
    if divisor[0] == "%" or _is_number(divisor, 0):
        t.trap_if(t.value(f"icmp eq {i} {divisor}, 0"), traps.INTEGER_DIVISION_BY_ZERO)


def _divide(i: str, instruction: str) -> Lowering:
    least = -1 << _INTEGERS[i] - 1

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        divisor, dividend = t.stack.pop(), t.stack.pop()
        _trap_if_zero(t, i, divisor)
        if instruction == "sdiv" and (divisor[0] == "%" or _is_number(divisor, -1)):
            is_least = t.value(f"icmp eq {i} {dividend}, {least}")
            is_minus_one = t.value(f"icmp eq {i} {divisor}, -1")
            overflow = t.value(f"and i1 {is_least}, {is_minus_one}")
            t.trap_if(overflow, traps.INTEGER_OVERFLOW)
        t.stack.append(t.value(f"{instruction} {i} {dividend}, {divisor}"))

    return lower


def _remainder(i: str, instruction: str) -> Lowering:
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        divisor, dividend = t.stack.pop(), t.stack.pop()
        _trap_if_zero(t, i, divisor)
        if instruction == "srem" and (divisor[0] == "%" or _is_number(divisor, -1)):
            # The least integer rem -1 is 0 in wasm and undefined in LLVM; so is anything rem 1.
            is_minus_one = t.value(f"icmp eq {i} {divisor}, -1")
            divisor = t.value(f"select i1 {is_minus_one}, {i} 1, {i} {divisor}")
        t.stack.append(t.value(f"{instruction} {i} {dividend}, {divisor}"))

    return lower


def _sign_extend(i: str, narrow: str) -> Lowering:
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        low = t.value(f"trunc {i} {t.stack.pop()} to {narrow}")
        t.stack.append(t.value(f"sext {narrow} {low} to {i}"))

    return lower


# --- Floats ---------------------------------------------------------------------------------------


def _extremum(f: str, name: str) -> Lowering:
    """min and max: -0 is less than +0, and a NaN operand gives a quiet NaN."""
    t_, i = _FLOATS[f], _INTEGER_OF[_FLOATS[f]]
    predicate, combine = ("olt", "or") if name == "min" else ("ogt", "and")
    intrinsic = f"@llvm.{name}imum.{f}"

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        b, a = t.stack.pop(), t.stack.pop()
        if a[0] != "%" or b[0] != "%":
            t.is_foldable = True
        if t.context.env.target.arch == "aarch64":
            t.stack.append(t.value(f"call {t_} {intrinsic}({t_} {a}, {t_} {b})"))  # fmin, fmax
            return
        # On x86-64 LLVM expands llvm.minimum so that a signalling NaN comes out as it is. Equal
        # operands differ at most in their signs, which `or` and `and` of the bits combine.
        first = t.value(f"fcmp {predicate} {t_} {a}, {b}")
        picked = t.value(f"select i1 {first}, {t_} {a}, {t_} {b}")
        a_bits = t.value(f"bitcast {t_} {a} to {i}")
        b_bits = t.value(f"bitcast {t_} {b} to {i}")
        combined = t.value(f"{combine} {i} {a_bits}, {b_bits}")
        equal = t.value(f"bitcast {i} {combined} to {t_}")
        unordered = t.value(f"fcmp uno {t_} {a}, {b}")
        nan = t.value(f"fadd {t_} {a}, {b}")
        other = t.value(f"select i1 {unordered}, {t_} {nan}, {t_} {equal}")
        different = t.value(f"fcmp one {t_} {a}, {b}")
        t.stack.append(t.value(f"select i1 {different}, {t_} {picked}, {t_} {other}"))

    return lower


def _abs(f: str) -> Lowering:
    # On the bits: FastISel does not select llvm.fabs.
    t_ = _FLOATS[f]
    i, sign = _INTEGER_OF[t_], 1 << _SIGN_BITS[t_]

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        bits = t.value(f"bitcast {t_} {t.stack.pop()} to {i}")
        magnitude = t.value(f"and {i} {bits}, {sign - 1}")
        t.stack.append(t.value(f"bitcast {i} {magnitude} to {t_}"))

    return lower


def _copysign(f: str) -> Lowering:
    # On the bits: level 0 selects llvm.copysign slowly.
    t_ = _FLOATS[f]
    i, sign = _INTEGER_OF[t_], 1 << _SIGN_BITS[t_]

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        b, a = t.stack.pop(), t.stack.pop()
        a_bits = t.value(f"bitcast {t_} {a} to {i}")
        b_bits = t.value(f"bitcast {t_} {b} to {i}")
        magnitude = t.value(f"and {i} {a_bits}, {sign - 1}")
        signed = t.value(f"and {i} {b_bits}, {sign}")
        bits = t.value(f"or {i} {magnitude}, {signed}")
        t.stack.append(t.value(f"bitcast {i} {bits} to {t_}"))

    return lower


@FAMILY.lowers("f32.demote_f64")
def _demote(t: "FunctionTranslator", _imm: None) -> None:
    # LLVM would fold demote(promote(x)) to x, which does not quiet a NaN.
    fenced = t.opaque("double", t.stack.pop())
    t.stack.append(t.value(f"fptrunc double {fenced} to float"))


def _truncate(i: str, f: str, *, signed: bool) -> Lowering:
    """LLVM's conversion is poison out of range; wasm traps (4.3.3), so the range is checked."""
    t_, width = _FLOATS[f], _INTEGERS[i]
    if not signed:
        instruction, above, low, high = "fptoui", "ogt", -1.0, 2.0**width
    elif i == "i32" and f == "f64":
        instruction, above, low, high = "fptosi", "ogt", -(2.0**31) - 1, 2.0**31
    else:
        # One less than the least integer is not representable.
        instruction, above, low, high = "fptosi", "oge", -(2.0 ** (width - 1)), 2.0 ** (width - 1)

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        value = t.stack.pop()
        is_above = t.value(f"fcmp {above} {t_} {value}, {_literal(low)}")
        is_below = t.value(f"fcmp olt {t_} {value}, {_literal(high)}")
        fits = t.value(f"and i1 {is_above}, {is_below}")
        label = t.new_label()
        t.emit(f"  br i1 {fits}, label %f{label}, label %r{label}{t.context.likely}\nr{label}:")
        t.trap_if(t.value(f"fcmp uno {t_} {value}, {value}"), traps.BAD_CONVERSION_TO_INTEGER)
        t.trap(traps.INTEGER_OVERFLOW)
        t.emit(f"f{label}:")
        t.go_on()
        t.live = True
        t.stack.append(t.value(f"{instruction} {t_} {value} to {i}"))

    return lower


def _add_functions() -> None:
    for i, width in _INTEGERS.items():
        FAMILY.add(f"{i}.eqz", _eqz(i))
        FAMILY.add(f"{i}.shl", _shift(i, "shl"))
        FAMILY.add(f"{i}.shr_s", _shift(i, "ashr"))
        FAMILY.add(f"{i}.shr_u", _shift(i, "lshr"))
        FAMILY.add(f"{i}.rotl", _rotate(i, "shl", "lshr"))
        FAMILY.add(f"{i}.rotr", _rotate(i, "lshr", "shl"))
        for sign in "su":
            FAMILY.add(f"{i}.div_{sign}", _divide(i, f"{sign}div"))
            FAMILY.add(f"{i}.rem_{sign}", _remainder(i, f"{sign}rem"))
            for f in _FLOATS:
                FAMILY.add(f"{i}.trunc_{f}_{sign}", _truncate(i, f, signed=sign == "s"))
        for narrow in (8, 16, 32):
            if narrow < width:
                FAMILY.add(f"{i}.extend{narrow}_s", _sign_extend(i, f"i{narrow}"))
    for operation in _BITWISE:
        FAMILY.add(f"i32.{operation}", _bitwise(operation))
        FAMILY.add(f"i64.{operation}", _binary(f"{operation} i64"))
    for f in _FLOATS:
        FAMILY.add(f"{f}.min", _extremum(f, "min"))
        FAMILY.add(f"{f}.max", _extremum(f, "max"))
        FAMILY.add(f"{f}.abs", _abs(f))
        FAMILY.add(f"{f}.copysign", _copysign(f))


_add_functions()
