"""What the functions of a program can refer to: decided before any body is written.

Global 0 counts the calls that are left, so that recursion ends. Memories and tables are small, with
a maximum: whether an engine can grow further is no difference that matters.
"""

from dataclasses import dataclass, field

from cachewasm.wasm import constexpr
from cachewasm.wasm.constexpr import ConstExpr
from cachewasm.wasm.encode import DataSource
from cachewasm.wasm.module import ElementSegment, Global, Import, SegmentMode
from cachewasm.wasm.types import (
    EXTERNREF,
    F32,
    F64,
    FUNC,
    FUNCREF,
    GLOBAL,
    I32,
    I64,
    V128,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    ValType,
)
from tests.property.programs.choices import Choices
from tests.property.programs.edges import EDGES, NANS, signed

NUMERIC = (I32, I64, F32, F64)
VALUES = (*NUMERIC, V128)
CALLS_LEFT = 0  # the global that counts calls
CALLS = 12
HOST_MODULE = "host"
HOST_TYPES = (
    FuncType([I32], [I32]),
    FuncType([F64, I64], [I64, F32]),
)
BASE = "base"  # an imported i32
BASE_VALUE = 24
LARGEST_TABLE = 12


@dataclass(slots=True)
class Shape:
    """The module around the bodies. Functions: the imported ones, then `functypes` in order.

    The last one may have vectors in its type, which the oracle's API does not know: other functions
    call it, and nobody else sees it.
    """

    types: list[FuncType] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    functypes: list[FuncType] = field(default_factory=list)
    tables: list[TableType] = field(default_factory=list)
    memories: list[MemoryType] = field(default_factory=list)
    global_types: list[GlobalType] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    elements: list[ElementSegment] = field(default_factory=list)
    data: list[DataSource] = field(default_factory=list)

    @property
    def all_functypes(self) -> list[FuncType]:
        """The types of all functions, imports first."""
        return [*HOST_TYPES, *self.functypes]

    @property
    def seen_functypes(self) -> list[FuncType]:
        """The types of the functions that may be exported and referred to: the first of them."""
        return [each for each in self.all_functypes if not has_vectors(each)]

    def typeidx(self, functype: FuncType) -> int:
        """The index of a type, which is added if need be."""
        if functype not in self.types:
            self.types.append(functype)
        return self.types.index(functype)


def has_vectors(functype: FuncType) -> bool:
    """Whether a function takes or gives vectors."""
    return V128 in (*functype.param_types, *functype.result_types)


def shape_of(choices: Choices, functions: int) -> Shape:
    """Decide everything but the bodies of `functions` functions."""
    shape = Shape()
    shape.functypes = [_functype(choices) for _ in range(functions)]
    if choices.chance(60):
        params = [choices.pick((V128, *VALUES)) for _ in range(1 + choices.below(12))]
        results = [choices.pick((V128, *VALUES)) for _ in range(1 + choices.below(3))]
        shape.functypes.append(FuncType([*params, V128], results))
    for number, functype in enumerate(HOST_TYPES):
        shape.imports.append(
            Import(HOST_MODULE, f"f{number}", FUNC, shape.typeidx(functype)),
        )
    base = GlobalType(I32, False)
    shape.imports.append(Import(HOST_MODULE, BASE, GLOBAL, base))
    for functype in shape.functypes:
        shape.typeidx(functype)
    _add_globals(choices, shape, base)
    for _ in range(choices.weighted([(6, 1), (3, 2), (1, 0)])):
        least = 1 + choices.below(2)
        shape.memories.append(MemoryType(Limits(least, least + choices.below(2))))
    shape.tables = [
        TableType(FUNCREF, Limits(6, LARGEST_TABLE)),
        TableType(EXTERNREF, Limits(4, 5 + choices.below(3))),
    ]
    if choices.chance(30):
        shape.tables.append(TableType(FUNCREF, Limits(3, LARGEST_TABLE)))
    _add_elements(choices, shape)
    _add_data(choices, shape)
    return shape


def _functype(choices: Choices) -> FuncType:
    # A call passes some arguments in registers and others on the stack, and results likewise.
    most = 13 if choices.chance(12) else 4
    params = [_valtype(choices) for _ in range(choices.below(most))]
    results = [
        _valtype(choices)
        for _ in range(choices.weighted([(4, 1), (4, 2), (2, 0), (1, 4), (1, 10)]))
    ]
    return FuncType(params, results)


def _valtype(choices: Choices) -> ValType:
    return choices.weighted([(5, I32), (4, I64), (4, F32), (4, F64), (1, FUNCREF), (1, EXTERNREF)])


def _add_globals(choices: Choices, shape: Shape, base: GlobalType) -> None:
    """The imported global has index 0 of the binary: the counter is given index 1, see `globalidx`."""
    shape.global_types.append(GlobalType(I32, True))
    shape.globals.append(Global(shape.global_types[0], ((constexpr.I32_CONST, CALLS),)))
    for _ in range(choices.below(5)):
        valtype = V128 if choices.chance(15) else _valtype(choices)
        globaltype = GlobalType(valtype, not choices.chance(15))
        shape.global_types.append(globaltype)
        shape.globals.append(Global(globaltype, _initial(choices, valtype)))
    shape.global_types.append(base)


def globalidx(shape: Shape, number: int) -> int:
    """The index of `shape.global_types[number]` in the module, where the import comes first."""
    return 0 if number == len(shape.global_types) - 1 else number + 1


def _initial(choices: Choices, valtype: ValType) -> ConstExpr:
    if valtype is FUNCREF and choices.chance(50):
        return ((constexpr.REF_FUNC, choices.below(len(HOST_TYPES))),)
    if valtype.is_ref:
        return ((constexpr.REF_NULL, valtype),)
    if valtype is I32:
        value = (constexpr.I32_CONST, signed(choices.pick(EDGES[I32]), 32))
        if choices.chance(30):
            kind = choices.pick((constexpr.I32_ADD, constexpr.I32_SUB, constexpr.I32_MUL))
            return ((constexpr.GLOBAL_GET, 0), value, (kind, 0))
        return (value,)
    if valtype is I64:
        return ((constexpr.I64_CONST, signed(choices.pick(EDGES[I64]), 64)),)
    if valtype is V128:
        return ((constexpr.V128_CONST, choices.pick(EDGES[V128])),)
    kind = constexpr.F32_CONST if valtype is F32 else constexpr.F64_CONST
    return ((kind, choices.pick(EDGES[valtype])),)


def _offset(choices: Choices, limit: int) -> ConstExpr:
    """An offset below `limit`, by way of the imported global at times."""
    if choices.chance(25):
        add = (constexpr.I32_CONST, choices.below(limit) - BASE_VALUE)
        return ((constexpr.GLOBAL_GET, 0), add, (constexpr.I32_ADD, 0))
    # One in fifty may be beyond the end: the instance cannot be made.
    return ((constexpr.I32_CONST, choices.below(limit) * (1000 if choices.chance(1) else 1)),)


def _add_elements(choices: Choices, shape: Shape) -> None:
    count = len(shape.seen_functypes)
    funcs = tuple(choices.below(count) for _ in range(3 + choices.below(3)))
    null = ((constexpr.REF_NULL, FUNCREF),)
    mixed = tuple(
        null if choices.chance(30) else ((constexpr.REF_FUNC, func),) for func in reversed(funcs)
    )
    shape.elements = [
        ElementSegment(SegmentMode.ACTIVE, 0, _offset(choices, 2), FUNCREF, funcs),
        ElementSegment(SegmentMode.PASSIVE, 0, None, FUNCREF, mixed),
        ElementSegment(SegmentMode.DECLARATIVE, 0, None, FUNCREF, tuple(range(count))),
        ElementSegment(
            SegmentMode.PASSIVE, 0, None, EXTERNREF, (((constexpr.REF_NULL, EXTERNREF),),) * 2
        ),
    ]
    if len(shape.tables) > 2:
        offset = _offset(choices, 2)
        shape.elements.append(ElementSegment(SegmentMode.ACTIVE, 2, offset, FUNCREF, mixed[:2]))


def _add_data(choices: Choices, shape: Shape) -> None:
    if not shape.memories:
        return
    nans = b"".join(bits.to_bytes(4, "little") for bits in NANS[F32])
    nans += b"".join(bits.to_bytes(8, "little") for bits in NANS[F64])
    content = bytes(choices.below(256) for _ in range(choices.below(24)))
    memory = choices.below(len(shape.memories))
    shape.data = [
        DataSource(SegmentMode.PASSIVE, 0, None, content + nans),
        DataSource(SegmentMode.ACTIVE, 0, _offset(choices, 65500), nans),
        DataSource(SegmentMode.ACTIVE, memory, _offset(choices, 200), content),
    ]
