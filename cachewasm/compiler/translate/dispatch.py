"""All lowerings, by instruction. Every row of the table of instructions has exactly one.

Those of vector instructions are imported when the first is met: most modules have none, and a process's
first compile would wait for them.
"""

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
from cachewasm.errors import InternalError
from cachewasm.wasm.features import RELAXED_SIMD, SIMD
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
    from cachewasm.compiler.translate.function import FunctionTranslator
    from cachewasm.engine.environment import CompileEnvironment


_VECTORS = SIMD | RELAXED_SIMD


def _by_index() -> tuple[Lowering, ...]:
    rows = {op.name: _imported_later(op) for op in OPS if op.proposal & _VECTORS}
    for module in (call, control, exception, memory, numeric, reference, table, variable):
        twice = rows.keys() & module.FAMILY.rows.keys()
        if twice:
            raise InternalError(f"instructions with two lowerings: {sorted(twice)}")
        rows |= module.FAMILY.rows
    names = {op.name for op in OPS}
    if rows.keys() != names:
        raise InternalError(f"lowerings and table disagree: {sorted(rows.keys() ^ names)}")
    return tuple(rows[op.name] for op in OPS)


def _imported_later(op: Op) -> Lowering:
    def lower(t: "FunctionTranslator", imm: object) -> None:
        from cachewasm.compiler.translate.simd import LOWERINGS

        LOWERINGS[op.name](t, imm)

    return lower


# By Op.index.
LOWERINGS = _by_index()


def lowerings_for(env: "CompileEnvironment") -> tuple[Lowering, ...]:
    """By Op.index, as the environment's flags say."""
    if env.flags["enable_nan_canonicalization"] is not True:
        return LOWERINGS
    return tuple(canonical(op, lowering) for op, lowering in zip(OPS, LOWERINGS, strict=True))


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
