"""Expressions: code that leaves one value of a type that is asked for.

The specification lets arithmetic choose among NaNs, so the bits of a NaN must not get to where they
can be told apart: into memory, an integer or a sign. There an *exact* operand is made: one whose
bits are certain, since it was only moved, or was made canonical. A vector is exact wherever it is.
"""

from collections.abc import Callable
from functools import cache

from cachewasm.compiler.translate.nan import MAKES_NAN
from cachewasm.wasm.features import RELAXED_SIMD
from cachewasm.wasm.opcodes import (
    IMM_LANE,
    IMM_MEMARG,
    IMM_MEMARG_LANE,
    IMM_NONE,
    IMM_SHUFFLE,
    OPS,
    Imm,
    Op,
)
from cachewasm.wasm.types import (
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    PAGE_SIZE_LOG2,
    V128,
    FuncType,
    ValType,
)
from tests.property.programs.code import Code
from tests.property.programs.edges import CANONICAL_NAN, NANS
from tests.property.programs.shape import VALUES, globalidx

_PAGE = 1 << PAGE_SIZE_LOG2
Producer = Callable[[ValType, int], None]


def _numeric(valtype: ValType) -> list[Op]:
    return [
        op
        for op in OPS
        if op.imm in (IMM_NONE, IMM_LANE, IMM_SHUFFLE)
        and op.results == (valtype,)
        and op.params
        and all(param in VALUES for param in op.params)
        and op.proposal != RELAXED_SIMD  # which of its results an engine chooses is its own affair
    ]


PRODUCERS = {valtype: _numeric(valtype) for valtype in VALUES}
LOADS = {
    valtype: [
        op
        for op in OPS
        if op.imm in (IMM_MEMARG, IMM_MEMARG_LANE) and op.results == (valtype,) and op.access
    ]
    for valtype in VALUES
}
STORES = [op for op in OPS if op.access is not None and op.access.is_store]


@cache
def _traps(op: Op) -> bool:
    name = op.name.partition(".")[2]
    return name.startswith(("div_", "rem_", "trunc_f")) and op.name[0] == "i"


@cache
def _exact_operand(op: Op) -> int | None:
    """The operand of which each bit shows in the result."""
    name = op.name.partition(".")[2]
    if name in ("copysign", "replace_lane"):
        return 1
    return 0 if name == "splat" or name.startswith("reinterpret_f") else None


class Operands:
    """Makes expressions in a `Code`; `blocks` makes one as a block, see statements.py."""

    def __init__(self, code: Code, blocks: Producer) -> None:
        self.code = code
        self._block = blocks
        self._choices = code.choices
        self._shape = code.shape

    def value(self, valtype: ValType, depth: int = 4) -> None:
        """An expression of type `valtype`, nested at most `depth` deep."""
        if depth <= 0 or self.code.left <= 0:
            self._leaf(valtype)
            return
        if valtype.is_ref:
            producer = self._choices.weighted(self._reference_producers())
        else:
            producer = self._choices.weighted(self._numeric_producers(valtype))
        producer(valtype, depth - 1)

    def values(self, valtypes: tuple[ValType, ...], depth: int = 3) -> None:
        """An expression for each type."""
        for valtype in valtypes:
            self.value(valtype, depth)

    def condition(self, depth: int = 2) -> None:
        """An i32 that is often zero and often not."""
        self.value(I32, depth)
        if self._choices.chance(40):
            self.code.i32(1 + self._choices.below(3))
            self.code.emit("i32.and")

    def _numeric_producers(self, valtype: ValType) -> list[tuple[int, Producer]]:
        rows: list[tuple[int, Producer]] = [
            (30, lambda valtype, _: self._leaf(valtype)),
            (75, self._arithmetic),
            (12, self._select),
            (8, self._tee),
            (14, self._block),
            (8, self._call),
            (5, self._call_indirect),
            (6, self._branch_if),
        ]
        if valtype in NANS:
            rows.append((6, self.exact))
        if self._shape.memories:
            rows.append((16, self._load))
        if valtype is I32:
            rows += [(4, self._size), (4, self._is_null), (3, self._grow)]
        return rows

    def _reference_producers(self) -> list[tuple[int, Producer]]:
        return [
            (4, lambda valtype, _: self._leaf(valtype)),
            (3, self._table_get),
            (2, self._select),
            (1, self._tee),
            (1, self._block),
            (1, self._call),
        ]

    # Leaves.

    def _leaf(self, valtype: ValType) -> None:
        found = self.code.locals_of(valtype)
        kind = self._choices.below(5)
        if kind >= 3 and found:
            self.code.emit("local.get", self._choices.pick(found))
            return
        if kind == 2:
            globals_ = [i for i, g in enumerate(self._shape.global_types) if g.content is valtype]
            if globals_:
                self.code.emit("global.get", globalidx(self._shape, self._choices.pick(globals_)))
                return
        if valtype is FUNCREF and kind:
            self.code.emit("ref.func", self._choices.below(len(self._shape.seen_functypes)))
        else:
            self.code.edge(valtype)

    def _tee(self, valtype: ValType, depth: int) -> None:
        self.value(valtype, depth)
        self.code.emit("local.tee", self.code.scratch(valtype))

    # Numbers.

    def _arithmetic(self, valtype: ValType, depth: int) -> None:
        op = self._choices.pick(PRODUCERS[valtype])
        if _traps(op) and self._choices.chance(70):
            op = self._choices.pick(PRODUCERS[valtype])
        self.operands(op, depth)
        self.code.emit_op(op, self._immediate(op))
        if valtype is V128 and op.name in MAKES_NAN:
            self._canonical_lanes(op.name.partition(".")[0])

    def _immediate(self, op: Op) -> Imm:
        if op.imm == IMM_LANE:
            return self._choices.below(op.lanes)
        if op.imm == IMM_SHUFFLE:
            return bytes(self._choices.below(op.lanes) for _ in range(16))
        return None

    def _canonical_lanes(self, shape: str) -> None:
        code = self.code
        copy = code.scratch(V128)
        code.emit("local.set", copy)
        code.emit("local.get", copy)
        scalar, lanes = (F32, 4) if shape == "f32x4" else (F64, 2)
        code.const(V128, sum(CANONICAL_NAN[scalar] << 128 // lanes * i for i in range(lanes)))
        code.emit("local.get", copy)
        code.emit("local.get", copy)
        code.emit(f"{shape}.eq")
        code.emit("v128.bitselect")
        code.emit("local.tee", copy)  # which must not keep what the choice was

    def operands(self, op: Op, depth: int) -> None:
        """The operands of an instruction with fixed types."""
        assert op.params is not None
        exact = _exact_operand(op)
        for number, param in enumerate(op.params):
            if number == exact:
                self.exact(param, depth)
            else:
                self.value(param, depth)
        if _traps(op) and len(op.params) == 2 and self._choices.chance(80):
            # Most divisors are not zero.
            self.code.const(op.params[1], 1 + self._choices.below(4))
            self.code.emit(f"{op.params[1].name}.or")

    def exact(self, valtype: ValType, depth: int) -> None:
        """An expression whose bits are certain even if it is a NaN."""
        if valtype not in NANS:
            self.value(valtype, depth)
            return
        code, name = self.code, valtype.name
        kind = self._choices.below(7) if depth > 0 and code.left > 0 else 0
        if kind == 0:
            code.edge(valtype)
        elif kind == 1:
            code.const(valtype, self._choices.pick(NANS[valtype]))
        elif kind == 2 and self._shape.memories:
            self._memory_load(self._choices.pick(LOADS[valtype]))
        elif kind == 3:
            self.exact(valtype, depth - 1)
            code.emit(self._choices.pick((f"{name}.neg", f"{name}.abs")))
        elif kind == 4:
            self.exact(valtype, depth - 1)
            copy = code.new_local(valtype) if len(code.locals) < 40 else None
            if copy is not None:
                code.emit("local.set", copy)
                code.emit("local.get", copy)
        elif kind == 5:
            self.exact(valtype, depth - 1)
            self.exact(valtype, depth - 1)
            if self._choices.chance(50):
                code.emit(f"{name}.copysign")
            else:
                self.condition(depth - 1)
                code.emit("select")
        else:
            self._canonical(valtype, depth)

    def _canonical(self, valtype: ValType, depth: int) -> None:
        code = self.code
        self.value(valtype, depth)
        copy = code.scratch(valtype)
        code.emit("local.tee", copy)
        code.const(valtype, CANONICAL_NAN[valtype])
        code.emit("local.get", copy)
        code.emit("local.get", copy)
        code.emit(f"{valtype.name}.eq")
        code.emit("select")

    def _select(self, valtype: ValType, depth: int) -> None:
        self.value(valtype, depth)
        self.value(valtype, depth)
        self.condition(depth)
        if valtype.is_ref or self._choices.chance(30):
            self.code.emit("select t", (valtype,))
        else:
            self.code.emit("select")

    # Memories.

    def _load(self, valtype: ValType, _depth: int) -> None:
        self._memory_load(self._choices.pick(LOADS[valtype]))

    def _memory_load(self, op: Op) -> None:
        memarg = self.address(op)
        if op.imm == IMM_MEMARG_LANE:
            self.value(V128, 1)
        self.code.emit_op(op, self.with_lane(op, memarg))

    def with_lane(self, op: Op, memarg: tuple[int, int, int]) -> Imm:
        """The immediate of an access: a memarg, with a lane if need be."""
        return (*memarg, self._choices.below(op.lanes)) if op.lanes else memarg

    def address(self, op: Op) -> tuple[int, int, int]:
        """The address of an access, mostly within bounds, and the memarg that goes with it."""
        assert op.access is not None
        choices, code = self._choices, self.code
        memory = choices.below(len(self._shape.memories))
        size = self._shape.memories[memory].limits.min * _PAGE
        align = choices.below(op.access.align_log2 + 1)
        kind = choices.below(32)
        if kind == 31:
            self.value(I32, 2)
            offset = choices.pick((0, 1, _PAGE, size - 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
        elif kind == 30:
            code.edge(I32)
            offset = choices.below(5)
        elif kind >= 24:
            # Around the end of the memory: the last that fits, and one byte more now and then.
            beyond = choices.chance(12)
            offset = choices.pick((0, 1, 8, 4096, _PAGE - 8))
            code.i32(size - op.access.bytes - offset + beyond)
        elif kind >= 21:
            code.i32(_PAGE * choices.below(2) + choices.below(16))
            offset = choices.below(256)
        elif kind >= 10:
            # The same index again and again: what an engine knows about it, it may use.
            code.emit("local.get", code.pointer)
            offset = choices.weighted([(6, choices.below(32)), (2, 0x4000), (1, 0x8000)])
        else:
            self.value(I32, 2)
            code.i32(choices.pick((0xFF, 0xFFF, 0xFFF8, 0xFFFF - 15)))
            code.emit("i32.and")
            offset = choices.below(16) if choices.chance(50) else 0
        return memory, align, offset

    def _size(self, _valtype: ValType, _depth: int) -> None:
        if self._shape.memories and self._choices.chance(60):
            self.code.emit("memory.size", self._choices.below(len(self._shape.memories)))
        else:
            self.code.emit("table.size", self._choices.below(len(self._shape.tables)))

    def _grow(self, _valtype: ValType, depth: int) -> None:
        choices, code = self._choices, self.code
        if self._shape.memories and choices.chance(60):
            self.length(2)
            code.emit("memory.grow", choices.below(len(self._shape.memories)))
        else:
            table = choices.below(len(self._shape.tables))
            self.value(self._shape.tables[table].element, min(depth, 2))
            self.length(3)
            code.emit("table.grow", table)

    def length(self, bound: int) -> None:
        """An i32 below `bound`, an edge value at times."""
        if self._choices.chance(4):
            self.code.edge(I32)
        else:
            self.code.i32(self._choices.below(bound))

    # Tables and references.

    def tables_of(self, element: ValType) -> list[int]:
        """The tables of an element type; there is at least one."""
        return [i for i, table in enumerate(self._shape.tables) if table.element is element]

    def table_index(self, table: int) -> None:
        """An index, mostly within the bounds of a table."""
        size = self._shape.tables[table].limits.min
        if self._choices.chance(25):
            self.value(I32, 1)
            self.code.i32(3 if size > 3 else 1)
            self.code.emit("i32.and")
        else:
            self.length(size)

    def _table_get(self, valtype: ValType, _depth: int) -> None:
        table = self._choices.pick(self.tables_of(valtype))
        self.table_index(table)
        self.code.emit("table.get", table)

    def _is_null(self, _valtype: ValType, depth: int) -> None:
        self.value(self._choices.pick((FUNCREF, EXTERNREF)), depth)
        self.code.emit("ref.is_null")

    # Calls and branches: of several results the one that is asked for is kept.

    def _call(self, valtype: ValType, depth: int) -> None:
        types = self._shape.all_functypes
        found = [i for i, functype in enumerate(types) if valtype in functype.result_types]
        if not found:
            self._leaf(valtype)
            return
        funcidx = self._choices.pick(found)
        self.values(types[funcidx].param_types, min(depth, 2))
        self.code.emit("call", funcidx)
        self._keep(types[funcidx], valtype)

    def _call_indirect(self, valtype: ValType, depth: int) -> None:
        found = [each for each in self._shape.seen_functypes if valtype in each.result_types]
        if not found:
            self._leaf(valtype)
            return
        functype = self._choices.pick(found)
        self.call_indirect(functype, min(depth, 2))
        self._keep(functype, valtype)

    def call_indirect(self, functype: FuncType, depth: int) -> None:
        """Call a table's element, most often one that is there and has the type."""
        choices, code = self._choices, self.code
        table = choices.pick(self.tables_of(FUNCREF))
        self.values(functype.param_types, depth)
        if choices.chance(85):
            # Make sure of the element, or else the call would hardly ever succeed.
            types = self._shape.all_functypes
            same = [i for i, each in enumerate(types) if each == functype]
            where = choices.below(self._shape.tables[table].limits.min)
            code.i32(where)
            code.emit("ref.func", choices.pick(same))
            code.emit("table.set", table)
            code.i32(where)
        else:
            self.table_index(table)
        code.emit("call_indirect", (self._shape.typeidx(functype), table))

    def _keep(self, functype: FuncType, valtype: ValType) -> None:
        results = list(functype.result_types)
        kept = self._choices.pick([i for i, each in enumerate(results) if each is valtype])
        self.code.set_scratch(results[kept + 1 :])
        if kept:
            copy = self.code.scratch(valtype)
            self.code.emit("local.set", copy)
            for _ in range(kept):
                self.code.emit("drop")
            self.code.emit("local.get", copy)

    def _branch_if(self, valtype: ValType, depth: int) -> None:
        """A branch that carries the value out, or leaves it here."""
        labels = self.code.labels
        found = [i for i, types in enumerate(reversed(labels)) if types == (valtype,)]
        if not found:
            self._leaf(valtype)
            return
        self.value(valtype, depth)
        self.condition(1)
        self.code.emit("br_if", self._choices.pick(found))
