"""The lowerings of code that is metered: the usual ones, with what they cost around them.

Code that is not metered does not come here. Which instructions leave the function and which are
charged by size stands in tables; everything else just costs what the engine's OperatorCost says, and
branches charge by themselves (control.py). What is counted, and where, is the model of the drop-in API, so that programs use up
the same fuel there and here: instructions that are executed, 1 for entering a function, 1 for each
byte or element of a bulk operation, whose bounds are checked before it is charged.

Epochs are compared where fuel is checked, but for bulk operations, which always end.
"""

from cachewasm.abi import traps
from cachewasm.abi.vmctx import MEMORY, SEGMENT, TABLE
from cachewasm.compiler.translate import fuel
from cachewasm.compiler.translate.dispatch import lowerings_for
from cachewasm.compiler.translate.entry_check import EntryCheck, epoch_is_reached, is_neutral
from cachewasm.compiler.translate.registry import Lowering
from cachewasm.compiler.translate.table import count_offset
from cachewasm.engine.operator_cost import OperatorCost, default_cost, mnemonic
from cachewasm.errors import InternalError
from cachewasm.record import dataclass
from cachewasm.wasm.opcodes import BY_NAME, LOOP, OPS, Op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cachewasm.compiler.translate.function import FunctionTranslator
    from cachewasm.engine.environment import CompileEnvironment

# What runs other code and comes back, and what never comes back.
_CALLS = ("call", "call_indirect")
_ENDS = ("unreachable", "throw", "throw_ref", "rethrow")


def lowerings(env: "CompileEnvironment") -> tuple[Lowering, ...]:
    """By Op.index, for code that is metered as the tunables say."""
    usual = lowerings_for(env)
    if not env.tunables.consume_fuel:
        if not env.tunables.epoch_interruption:
            return usual
        rows = list(usual)
    else:
        changed = dict(OperatorCost.from_bytes(env.operator_cost).changed)
        costs = {op: changed.get(name := mnemonic(op.name), default_cost(name)) for op in OPS}
        rows = [_counted(op, usual[op.index], costs[op]) for op in OPS]
    if env.tunables.epoch_interruption:
        rows[LOOP.index] = _followed(rows[LOOP.index], _check_epoch)
    return tuple(
        row if is_neutral(op) else _checked(row) for op, row in zip(OPS, rows, strict=True)
    )


def enter(t: "FunctionTranslator") -> None:
    """The beginning of a function."""
    if t.context.consume_fuel:
        fuel.enter(t)
    if t.context.consume_fuel or t.context.epoch_interruption:
        t.entry_check = EntryCheck(t)


def _check_epoch(t: "FunctionTranslator") -> None:
    t.trap_if(epoch_is_reached(t), traps.INTERRUPT)


def _checked(lowering: Lowering) -> Lowering:
    def lower(t: "FunctionTranslator", imm: object) -> None:
        check = t.entry_check
        if check is not None and check.is_open:
            check.at_beginning(t)
        lowering(t, imm)

    return lower


def _followed(lowering: Lowering, then: "Callable[[FunctionTranslator], None]") -> Lowering:
    def lower(t: "FunctionTranslator", imm: object) -> None:
        lowering(t, imm)
        then(t)

    return lower


# Fuel, by kind of instruction.


def _counted(op: Op, lowering: Lowering, cost: int) -> Lowering:
    name = op.name
    if name in _CALLS:
        return _followed(_giving_back(lowering, cost), fuel.take)
    if name in _ENDS:
        return _giving_back(lowering, cost)
    if op is LOOP:
        return _followed(_plain(lowering, cost), fuel.check)
    if name in _BULK:
        return _sized(lowering, cost, name)
    if name == "table.grow":
        return _growing(lowering, cost)
    return _plain(lowering, cost) if cost else lowering


def _plain(lowering: Lowering, cost: int) -> Lowering:
    def lower(t: "FunctionTranslator", imm: object) -> None:
        t.fuel.pending += cost
        lowering(t, imm)
        if not t.live:
            t.fuel.pending = 0  # it always traps

    return lower


def _giving_back(lowering: Lowering, cost: int) -> Lowering:
    def lower(t: "FunctionTranslator", imm: object) -> None:
        t.fuel.pending += cost
        fuel.give_back(t)
        lowering(t, imm)

    return lower


# Bulk operations. Their last operand counts bytes or elements.


def _memory(t: "FunctionTranslator", memidx: int) -> str:
    return t.field(t.memory(memidx), MEMORY.length, "i64", flags="volatile")


def _table(t: "FunctionTranslator", tableidx: int) -> str:
    return t.field(t.table(tableidx), count_offset(t), "i64", flags="volatile")


def _data(t: "FunctionTranslator", dataidx: int) -> str:
    offset = t.context.layout.data + SEGMENT.size * dataidx
    return t.field(t.address("%vmctx", offset), SEGMENT.length, "i64", flags="volatile")


def _element(t: "FunctionTranslator", elemidx: int) -> str:
    offset = t.context.layout.elements + SEGMENT.size * elemidx
    return t.field(t.address("%vmctx", offset), SEGMENT.length, "i64", flags="volatile")


@dataclass(frozen=True, slots=True)
class _Range:
    """What an operation reads or writes: how long it is, the place of its index among the immediates,
    and that of the operand with which the range begins, from the top of the stack.
    """

    length: "Callable[[FunctionTranslator, int], str]"
    immediate: int
    operand: int


# What must be in bounds, by instruction.
_BULK = {
    "memory.fill": (_Range(_memory, 0, 3),),
    "memory.copy": (_Range(_memory, 0, 3), _Range(_memory, 1, 2)),
    "memory.init": (_Range(_memory, 1, 3), _Range(_data, 0, 2)),
    "table.fill": (_Range(_table, 0, 3),),
    "table.copy": (_Range(_table, 0, 3), _Range(_table, 1, 2)),
    "table.init": (_Range(_table, 1, 3), _Range(_element, 0, 2)),
}


def _sized(lowering: Lowering, cost: int, name: str) -> Lowering:
    ranges = _BULK[name]
    is_memory = name.startswith("memory")
    trap = traps.MEMORY_OUT_OF_BOUNDS if is_memory else traps.TABLE_OUT_OF_BOUNDS

    def lower(t: "FunctionTranslator", imm: int | tuple[int, int]) -> None:
        immediates = imm if isinstance(imm, tuple) else (imm,)
        count = t.widened(t.stack[-1])
        for each in ranges:
            start = t.widened(t.stack[-each.operand])
            length = each.length(t, immediates[each.immediate])
            # Neither has more than 32 bits: the sum is exact.
            end = t.value(f"add i64 {start}, {count}")
            t.trap_if(t.value(f"icmp ugt i64 {end}, {length}"), trap)
        t.fuel.pending += cost
        fuel.charge_for(t, count)
        lowering(t, imm)

    return lower


def _growing(lowering: Lowering, cost: int) -> Lowering:
    """A table that cannot grow so far is not charged for the attempt."""

    def lower(t: "FunctionTranslator", tableidx: int) -> None:
        delta = t.widened(t.stack[-1])
        table = t.table(tableidx)
        length = _table(t, tableidx)
        maximum = t.field(table, TABLE.maximum, "i64", flags="volatile")
        room = t.value(f"sub i64 {maximum}, {length}")
        fits = t.value(f"icmp ule i64 {delta}, {room}")
        t.fuel.pending += cost
        fuel.charge_for(t, t.value(f"select i1 {fits}, i64 {delta}, i64 0"))
        lowering(t, tableidx)

    return lower


for _name in (*_CALLS, *_ENDS, *_BULK):
    if _name not in BY_NAME:
        raise InternalError(f"there is no instruction {_name}")
