"""All lowerings, by instruction. Every row of the table of instructions has exactly one."""

from cachewasm.compiler.translate import (
    call,
    control,
    exception,
    memory,
    numeric,
    reference,
    table,
    variable,
)
from cachewasm.compiler.translate.nan import canonical
from cachewasm.compiler.translate.registry import Lowering
from cachewasm.compiler.translate.simd import (
    accesses,
    bits,
    conversions,
    floats,
    integers,
    lanes,
    relaxed,
)
from cachewasm.errors import InternalError
from cachewasm.wasm.opcodes import (
    BLOCK,
    CATCH_ALL_OP,
    CATCH_OP,
    DELEGATE,
    ELSE,
    END,
    IF,
    LOOP,
    OPS,
    TRY,
    TRY_TABLE,
    Op,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.environment import CompileEnvironment


_SCALAR = (call, control, exception, memory, numeric, reference, table, variable)
_VECTOR = (accesses, bits, conversions, floats, integers, lanes, relaxed)


def _by_index() -> tuple[Lowering, ...]:
    rows: dict[str, Lowering] = {}
    for module in (*_SCALAR, *_VECTOR):
        twice = rows.keys() & module.FAMILY.rows.keys()
        if twice:
            raise InternalError(f"instructions with two lowerings: {sorted(twice)}")
        rows |= module.FAMILY.rows
    names = {op.name for op in OPS}
    if rows.keys() != names:
        raise InternalError(f"lowerings and table disagree: {sorted(rows.keys() ^ names)}")
    return tuple(rows[op.name] for op in OPS)


# By Op.index.
LOWERINGS = _by_index()
_CANONICAL = tuple(canonical(op, lowering) for op, lowering in zip(OPS, LOWERINGS, strict=True))


def lowerings_for(env: "CompileEnvironment") -> tuple[Lowering, ...]:
    """By Op.index, as the environment's flags say."""
    return _CANONICAL if env.flags["enable_nan_canonicalization"] is True else LOWERINGS


# Unreachable code is validated and not translated, but its blocks are followed to their ends.
UNREACHABLE_LOWERINGS: dict[Op, Lowering] = {
    BLOCK: control.unreachable_block,
    LOOP: control.unreachable_block,
    IF: control.unreachable_block,
    TRY: control.unreachable_block,
    TRY_TABLE: control.unreachable_block,
    CATCH_OP: LOWERINGS[CATCH_OP.index],
    CATCH_ALL_OP: LOWERINGS[CATCH_ALL_OP.index],
    DELEGATE: LOWERINGS[DELEGATE.index],
    ELSE: LOWERINGS[ELSE.index],
    END: LOWERINGS[END.index],
}
