"""Canonical NaNs: every float instruction on edge values, against PyPI wasmtime with the same option.

Operands and ways to pass them are those of test_instructions.py. Nothing is lenient here: with the
option, every result has one bit pattern.
"""

import struct
from collections.abc import Sequence

import pytest
import wasmtime

import cachewasm
from cachewasm.compiler.translate.nan import MAKES_NAN
from cachewasm.wasm.opcodes import BY_NAME, Op
from cachewasm.wasm.types import V128
from tests.property import test_instructions as numeric

FAMILIES = ("f32", "f64")
CANONICAL = {"f32": 0x7FC00000, "f64": 0x7FF8 << 48}
# The oracle leaves the payload of a NaN to the hardware in these.
NOT_BY_THE_ORACLE = {"f32.demote_f64", "f64.promote_f32"}


def runs(strategy: str, text: str) -> tuple[numeric.Run, numeric.Run]:
    ours, oracle = cachewasm.Config(), wasmtime.Config()
    ours.strategy = strategy
    ours.cranelift_nan_canonicalization = oracle.cranelift_nan_canonicalization = True
    return (
        numeric.Run(cachewasm, cachewasm.Engine(ours), text),
        numeric.Run(wasmtime, wasmtime.Engine(oracle), text),
    )


def check(op: Op, rows: Sequence[Sequence[int]], ours: bytes, oracle: bytes) -> int:
    """Compare two result areas, a slot for each row; how many NaNs there were."""
    result = numeric._result(op)
    nans = 0
    for row, (found,), (wanted,) in zip(
        rows, struct.iter_unpack("<Q", ours), struct.iter_unpack("<Q", oracle), strict=True
    ):
        if op.name in MAKES_NAN and numeric._is_nan(result, wanted):
            nans += 1
            if op.name in NOT_BY_THE_ORACLE:
                wanted = CANONICAL[result]
            assert wanted == CANONICAL[result]
        operands = " ".join(map(numeric._const, numeric._params(op), row))
        assert found == wanted, f"{op.name} {operands}: {wanted:#x} expected, {found:#x} found"
    return nans


def float_ops(family: str) -> list[Op]:
    plain, _ = numeric._family(family)
    return [op for op in plain if numeric._result(op) in FAMILIES]


def test_makes_nan_lists_every_instruction_that_has_no_bits_to_keep() -> None:
    arithmetic = {
        op.name
        for family in FAMILIES
        for op in float_ops(family)
        if not numeric.BITWISE.fullmatch(op.name)
        and any(param in FAMILIES for param in numeric._params(op))
    }
    assert arithmetic == {name for name in MAKES_NAN if BY_NAME[name].results != (V128,)}


@pytest.mark.parametrize("strategy", numeric.STRATEGIES)
@pytest.mark.parametrize("family", FAMILIES)
def test_nan_of_operands_from_memory_is_canonical(family: str, strategy: str) -> None:
    pair = runs(strategy, numeric._variable_text(family))
    for op in float_ops(family):
        rows = list(numeric.product(*(numeric.EDGES[t] for t in numeric._params(op))))
        _check_loop(pair, op, (None, None), rows)


@pytest.mark.parametrize("strategy", numeric.STRATEGIES)
@pytest.mark.parametrize("family", FAMILIES)
def test_nan_of_one_constant_operand_is_canonical(family: str, strategy: str) -> None:
    pair = runs(strategy, numeric._half_constant_text(family))
    for op in float_ops(family):
        for constants in numeric._half_constant(op):
            types = zip(numeric._params(op), constants, strict=True)
            rows = list(
                numeric.product(*((numeric.EDGES[t] if c is None else (c,)) for t, c in types))
            )
            _check_loop(pair, op, constants, rows)


def _check_loop(
    pair: tuple[numeric.Run, numeric.Run],
    op: Op,
    constants: Sequence[int | None],
    rows: Sequence[Sequence[int]],
) -> None:
    results = []
    for run in pair:
        for operand, base in zip(zip(*rows, strict=True), numeric.OPERANDS, strict=False):
            run.write(struct.pack(f"<{len(rows)}Q", *operand), base)
        run.write(bytes(8 * len(rows)), numeric.RESULTS)
        assert run.call(numeric._export(op, constants), len(rows)) is None
        results.append(run.read(numeric.RESULTS, numeric.RESULTS + 8 * len(rows)))
    nans = check(op, rows, *results)
    assert nans or op.name not in MAKES_NAN


@pytest.mark.parametrize("strategy", numeric.STRATEGIES)
@pytest.mark.parametrize("family", FAMILIES)
def test_nan_of_constant_operands_is_canonical(family: str, strategy: str) -> None:
    pair = runs(strategy, numeric._constant_text(family))
    for op in float_ops(family):
        rows = numeric._constant_rows(op)
        results = []
        for run in pair:
            run.write(bytes(8 * len(rows)), numeric.RESULTS)
            assert run.call(op.name, 0) is None
            results.append(run.read(numeric.RESULTS, numeric.RESULTS + 8 * len(rows)))
        assert check(op, rows, *results) or op.name not in MAKES_NAN
