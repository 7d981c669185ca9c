"""Vector instructions. `LOWERINGS` has one for each row of the table of instructions, by name."""

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
from cachewasm.wasm.features import RELAXED_SIMD, SIMD
from cachewasm.wasm.opcodes import OPS


def _by_name() -> dict[str, Lowering]:
    rows: dict[str, Lowering] = {}
    for module in (accesses, bits, conversions, floats, integers, lanes, relaxed):
        twice = rows.keys() & module.FAMILY.rows.keys()
        if twice:
            raise InternalError(f"instructions with two lowerings: {sorted(twice)}")
        rows |= module.FAMILY.rows
    names = {op.name for op in OPS if op.proposal & (SIMD | RELAXED_SIMD)}
    if rows.keys() != names:
        raise InternalError(f"lowerings and table disagree: {sorted(rows.keys() ^ names)}")
    return rows


LOWERINGS = _by_name()
