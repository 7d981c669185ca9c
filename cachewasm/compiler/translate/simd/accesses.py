"""Vector loads and stores: of 16 bytes, of some that are extended or repeated, of one lane.

What is less than a vector is accessed as one integer, so that LLVM leaves a volatile access whole.
"""

from cachewasm.compiler.translate.memory import access_address
from cachewasm.compiler.translate.simd.shapes import (
    BITS,
    I8X16,
    I16X8,
    I32X4,
    I64X2,
    INTEGERS,
    WIDER,
    Shape,
    VectorFamily,
    push,
    splat,
    view,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator
    from cachewasm.compiler.translate.registry import Lowering

FAMILY = VectorFamily()

_BYTES = 16

Memarg = tuple[int, int, int]
LaneAccess = tuple[int, int, int, int]


@FAMILY.lowers("v128.load")
def _load(t: "FunctionTranslator", imm: Memarg) -> None:
    push(t, _loaded(t, imm, BITS, _BYTES), BITS)


@FAMILY.lowers("v128.store")
def _store(t: "FunctionTranslator", imm: Memarg) -> None:
    value = t.stack.pop()
    _put(t, imm, BITS, value, _BYTES)


def _loaded(t: "FunctionTranslator", imm: Memarg, llvm_type: str, size: int) -> str:
    memidx, _, offset = imm
    address = access_address(t, memidx, offset, size)
    return t.value(f"load volatile {llvm_type}, ptr {address}, align 1{t.dbg()}")


def _put(t: "FunctionTranslator", imm: Memarg, llvm_type: str, value: str, size: int) -> None:
    memidx, _, offset = imm
    address = access_address(t, memidx, offset, size)
    t.emit(f"  store volatile {llvm_type} {value}, ptr {address}, align 1{t.dbg()}")


def _extending(shape: Shape, extension: str) -> "Lowering":
    """Half as many lanes as a vector has, each extended to twice its size."""
    narrow = f"<{shape.lanes // 2} x {shape.lane}>"
    wide = WIDER[shape].type

    def lower(t: "FunctionTranslator", imm: Memarg) -> None:
        lanes = t.value(f"bitcast i64 {_loaded(t, imm, 'i64', 8)} to {narrow}")
        push(t, t.value(f"{extension} {narrow} {lanes} to {wide}"), wide)

    return lower


def _splat(shape: Shape) -> "Lowering":
    def lower(t: "FunctionTranslator", imm: Memarg) -> None:
        lane = _loaded(t, imm, shape.lane, shape.bits // 8)
        push(t, splat(t, shape, lane), shape.type)

    return lower


def _zero(shape: Shape) -> "Lowering":
    def lower(t: "FunctionTranslator", imm: Memarg) -> None:
        lane = _loaded(t, imm, shape.lane, shape.bits // 8)
        first = f"insertelement {shape.type} zeroinitializer, {shape.lane} {lane}, i64 0"
        push(t, t.value(first), shape.type)

    return lower


def _load_lane(shape: Shape) -> "Lowering":
    def lower(t: "FunctionTranslator", imm: LaneAccess) -> None:
        vector = view(t, t.stack.pop(), shape.type)
        lane = _loaded(t, imm[:3], shape.lane, shape.bits // 8)
        put = f"insertelement {shape.type} {vector}, {shape.lane} {lane}, i64 {imm[3]}"
        push(t, t.value(put), shape.type)

    return lower


def _store_lane(shape: Shape) -> "Lowering":
    def lower(t: "FunctionTranslator", imm: LaneAccess) -> None:
        vector = view(t, t.stack.pop(), shape.type)
        lane = t.value(f"extractelement {shape.type} {vector}, i64 {imm[3]}")
        _put(t, imm[:3], shape.lane, lane, shape.bits // 8)

    return lower


def _add_tables() -> None:
    for shape in (I8X16, I16X8, I32X4):
        for sign, extension in (("s", "sext"), ("u", "zext")):
            name = f"v128.load{shape.bits}x{shape.lanes // 2}_{sign}"
            FAMILY.add(name, _extending(shape, extension))
    for shape in INTEGERS:
        FAMILY.add(f"v128.load{shape.bits}_splat", _splat(shape))
        FAMILY.add(f"v128.load{shape.bits}_lane", _load_lane(shape))
        FAMILY.add(f"v128.store{shape.bits}_lane", _store_lane(shape))
    for shape in (I32X4, I64X2):
        FAMILY.add(f"v128.load{shape.bits}_zero", _zero(shape))


_add_tables()
