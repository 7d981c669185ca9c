"""Vector instructions on integer lanes.

Where LLVM has an instruction or an intrinsic that means the same for every target, a row of a table is
all there is. Instructions of the target are named where its meaning is wasm's and LLVM would have to
recognise it in several.
"""

from cachewasm.compiler.translate.ir import INTEGER_PREDICATES
from cachewasm.compiler.translate.simd.shapes import (
    I8X16,
    I16X8,
    I32X4,
    I64X2,
    INTEGERS,
    WIDER,
    Shape,
    VectorFamily,
    binary,
    compare,
    half,
    has,
    is_constant,
    is_x86,
    pop,
    pop_two,
    push,
    shuffled,
    splat,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator
    from cachewasm.compiler.translate.registry import Lowering

FAMILY = VectorFamily()

_SATURATING = {
    "add_sat_s": "sadd.sat",
    "add_sat_u": "uadd.sat",
    "sub_sat_s": "ssub.sat",
    "sub_sat_u": "usub.sat",
}
_EXTREMA = {"min_s": "smin", "min_u": "umin", "max_s": "smax", "max_u": "umax"}
_SHIFTS = {"shl": "shl", "shr_s": "ashr", "shr_u": "lshr"}
_EXTENSIONS = {"s": "sext", "u": "zext"}


def _call(t: "FunctionTranslator", name: str, result: Shape, operand: Shape, *values: str) -> str:
    """The value of an intrinsic."""
    arguments = ", ".join(f"{operand.type} {value}" for value in values)
    return t.value(f"call {result.type} @llvm.{name}({arguments})")


def _intrinsic(shape: Shape, name: str) -> "Lowering":
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        push(t, _call(t, f"{name}.{shape.mangled}", shape, shape, *pop_two(t, shape)), shape.type)

    return lower


def _neg(shape: Shape) -> "Lowering":
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        push(t, t.value(f"sub {shape.type} zeroinitializer, {pop(t, shape)}"), shape.type)

    return lower


def _abs(shape: Shape) -> "Lowering":
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        call = f"call {shape.type} @llvm.abs.{shape.mangled}"
        push(t, t.value(f"{call}({shape.type} {pop(t, shape)}, i1 false)"), shape.type)

    return lower


@FAMILY.lowers("i8x16.popcnt")
def _popcnt(t: "FunctionTranslator", _imm: None) -> None:
    push(t, _call(t, "ctpop.v16i8", I8X16, I8X16, pop(t, I8X16)), I8X16.type)


def _shift(shape: Shape, instruction: str) -> "Lowering":
    """LLVM's shifts are undefined from the width on; wasm takes the amount modulo the width."""

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        amount = t.stack.pop()
        if is_constant(amount):
            amounts = f"splat ({shape.lane} {int(amount) & shape.bits - 1})"
        else:
            lane = t.value(f"and i32 {amount}, {shape.bits - 1}")
            if shape.bits != 32:
                conversion = "trunc" if shape.bits < 32 else "zext"
                lane = t.value(f"{conversion} i32 {lane} to {shape.lane}")
            amounts = splat(t, shape, lane)
        push(t, t.value(f"{instruction} {shape.type} {pop(t, shape)}, {amounts}"), shape.type)

    return lower


def _avgr(shape: Shape) -> "Lowering":
    name = "x86.sse2.pavg." + ("b" if shape is I8X16 else "w")

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        found = name if is_x86(t) else f"aarch64.neon.urhadd.{shape.mangled}"
        push(t, _call(t, found, shape, shape, *pop_two(t, shape)), shape.type)

    return lower


# --- Lanes of another size ------------------------------------------------------------------------


def _extend(shape: Shape, extension: str, *, high: bool) -> "Lowering":
    wide = WIDER[shape]

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        push(t, _extended(t, shape, extension, pop(t, shape), high=high), wide.type)

    return lower


def _extended(
    t: "FunctionTranslator", shape: Shape, extension: str, value: str, *, high: bool
) -> str:
    narrow = half(t, shape, value, high=high)
    return t.value(
        f"{extension} <{shape.lanes // 2} x {shape.lane}> {narrow} to {WIDER[shape].type}"
    )


def _extmul(shape: Shape, extension: str, *, high: bool) -> "Lowering":
    wide = WIDER[shape]

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        left, right = (_extended(t, shape, extension, v, high=high) for v in pop_two(t, shape))
        push(t, t.value(f"mul {wide.type} {left}, {right}"), wide.type)

    return lower


def _extadd(shape: Shape, sign: str) -> "Lowering":
    def lower(t: "FunctionTranslator", _imm: None) -> None:
        push(t, added_pairs(t, shape, sign, pop(t, shape)), WIDER[shape].type)

    return lower


def added_pairs(t: "FunctionTranslator", shape: Shape, sign: str, value: str) -> str:
    """The sums of neighbours as lanes of twice the size."""
    wide = WIDER[shape]
    if not is_x86(t):
        name = f"aarch64.neon.{sign}addlp.{wide.mangled}.{shape.mangled}"
        return _call(t, name, wide, shape, value)
    if shape is I8X16 and has(t, "ssse3"):
        # Signed lanes of one operand times unsigned ones of the other.
        ones = "splat (i8 1)"
        pair = (ones, value) if sign == "s" else (value, ones)
        return _call(t, "x86.ssse3.pmadd.ub.sw.128", wide, shape, *pair)
    if shape is I16X8 and sign == "s":
        return _call(t, "x86.sse2.pmadd.wd", wide, shape, value, "splat (i16 1)")
    even, odd = even_and_odd(t, shape, sign, value)
    return t.value(f"add {wide.type} {even}, {odd}")


def even_and_odd(t: "FunctionTranslator", shape: Shape, sign: str, value: str) -> tuple[str, str]:
    """The lanes with even and with odd numbers, extended to twice the size."""
    wide = WIDER[shape]
    pairs = t.value(f"bitcast {shape.type} {value} to {wide.type}")
    amounts = f"splat ({wide.lane} {shape.bits})"
    if sign == "s":
        up = t.value(f"shl {wide.type} {pairs}, {amounts}")
        even = t.value(f"ashr {wide.type} {up}, {amounts}")
        return even, t.value(f"ashr {wide.type} {pairs}, {amounts}")
    even = t.value(f"and {wide.type} {pairs}, splat ({wide.lane} {(1 << shape.bits) - 1})")
    return even, t.value(f"lshr {wide.type} {pairs}, {amounts}")


@FAMILY.lowers("i32x4.dot_i16x8_s")
def _dot(t: "FunctionTranslator", _imm: None) -> None:
    left, right = pop_two(t, I16X8)
    if is_x86(t):
        push(t, _call(t, "x86.sse2.pmadd.wd", I32X4, I16X8, left, right), I32X4.type)
        return
    products = []
    for high in (False, True):
        a, b = (_extended(t, I16X8, "sext", value, high=high) for value in (left, right))
        products.append(t.value(f"mul {I32X4.type} {a}, {b}"))
    even = shuffled(t, I32X4.type, products[0], products[1], range(0, 8, 2))
    odd = shuffled(t, I32X4.type, products[0], products[1], range(1, 8, 2))
    push(t, t.value(f"add {I32X4.type} {even}, {odd}"), I32X4.type)


# By the shape that is narrowed and the sign of the result: instructions on halves, or on both.
_NARROW_X86 = {
    (I16X8, "s"): ("sse2.packsswb.128", ""),
    (I16X8, "u"): ("sse2.packuswb.128", ""),
    (I32X4, "s"): ("sse2.packssdw.128", ""),
    (I32X4, "u"): ("sse41.packusdw", "sse4.1"),
}
_NARROW_ARM = {"s": "sqxtn", "u": "sqxtun"}


def _narrow(shape: Shape, wide: Shape, sign: str) -> "Lowering":
    """Saturate signed lanes to half their size, signed or unsigned."""
    name, needed = _NARROW_X86[wide, sign]
    half_type = f"<{wide.lanes} x {shape.lane}>"

    def lower(t: "FunctionTranslator", _imm: None) -> None:
        left, right = pop_two(t, wide)
        if is_x86(t) and (not needed or has(t, needed)):
            push(t, _call(t, f"x86.{name}", shape, wide, left, right), shape.type)
            return
        halves = []
        for value in (left, right):
            if is_x86(t):
                limited = _call(t, f"smax.{wide.mangled}", wide, wide, value, "zeroinitializer")
                most = f"splat ({wide.lane} {(1 << shape.bits) - 1})"
                limited = _call(t, f"smin.{wide.mangled}", wide, wide, limited, most)
                halves.append(t.value(f"trunc {wide.type} {limited} to {half_type}"))
            else:
                call = f"@llvm.aarch64.neon.{_NARROW_ARM[sign]}.v{wide.lanes}{shape.lane}"
                halves.append(t.value(f"call {half_type} {call}({wide.type} {value})"))
        push(t, shuffled(t, half_type, halves[0], halves[1], range(shape.lanes)), shape.type)

    return lower


# --- Fixed point ----------------------------------------------------------------------------------


@FAMILY.lowers("i16x8.q15mulr_sat_s")
def q15mulr(t: "FunctionTranslator", _imm: None) -> None:
    """(a * b + 0x4000) >> 15, of which only the greatest product overflows."""
    left, right = pop_two(t, I16X8)
    if not is_x86(t):
        push(t, _call(t, "aarch64.neon.sqrdmulh.v8i16", I16X8, I16X8, left, right), I16X8.type)
        return
    if has(t, "ssse3"):
        product = _call(t, "x86.ssse3.pmul.hr.sw.128", I16X8, I16X8, left, right)
        overflow = t.value(f"icmp eq {I16X8.type} {product}, splat (i16 -32768)")
        mask = t.value(f"sext {I16X8.conditions} {overflow} to {I16X8.type}")
        push(t, t.value(f"xor {I16X8.type} {product}, {mask}"), I16X8.type)
        return
    rounded = []
    for high in (False, True):
        a, b = (_extended(t, I16X8, "sext", value, high=high) for value in (left, right))
        product = t.value(f"mul {I32X4.type} {a}, {b}")
        added = t.value(f"add {I32X4.type} {product}, splat (i32 16384)")
        rounded.append(t.value(f"ashr {I32X4.type} {added}, splat (i32 15)"))
    push(t, _call(t, "x86.sse2.packssdw.128", I16X8, I32X4, *rounded), I16X8.type)


def _add_tables() -> None:
    for shape in INTEGERS:
        for name in ("add", "sub", "mul"):
            if (name, shape) != ("mul", I8X16):
                FAMILY.add(f"{shape.name}.{name}", binary(shape, name))
        for name, predicate in INTEGER_PREDICATES.items():
            if shape is not I64X2 or not name.endswith("_u"):
                FAMILY.add(f"{shape.name}.{name}", compare(shape, f"icmp {predicate}"))
        for name, instruction in _SHIFTS.items():
            FAMILY.add(f"{shape.name}.{name}", _shift(shape, instruction))
        FAMILY.add(f"{shape.name}.neg", _neg(shape))
        FAMILY.add(f"{shape.name}.abs", _abs(shape))
    for shape in (I8X16, I16X8, I32X4):
        for name, intrinsic in _EXTREMA.items():
            FAMILY.add(f"{shape.name}.{name}", _intrinsic(shape, intrinsic))
    for shape in (I8X16, I16X8):
        for name, intrinsic in _SATURATING.items():
            FAMILY.add(f"{shape.name}.{name}", _intrinsic(shape, intrinsic))
        FAMILY.add(f"{shape.name}.avgr_u", _avgr(shape))
        wide = WIDER[shape]
        for sign in "su":
            FAMILY.add(f"{shape.name}.narrow_{wide.name}_{sign}", _narrow(shape, wide, sign))
            name = f"{wide.name}.extadd_pairwise_{shape.name}_{sign}"
            FAMILY.add(name, _extadd(shape, sign))
    for shape, wide in WIDER.items():
        for sign, extension in _EXTENSIONS.items():
            for place in ("low", "high"):
                end, high = f"{place}_{shape.name}_{sign}", place == "high"
                FAMILY.add(f"{wide.name}.extend_{end}", _extend(shape, extension, high=high))
                FAMILY.add(f"{wide.name}.extmul_{end}", _extmul(shape, extension, high=high))


_add_tables()
