"""Where a metered function is checked: by what its instructions do, one function for each of them."""

import pytest

import cachewasm
from cachewasm.compiler.translate.entry_check import is_neutral
from cachewasm.compiler.translate.module import translate
from cachewasm.engine.environment import DEFAULT_COST, CompileEnvironment
from cachewasm.engine.flags import DEFAULT_FLAGS
from cachewasm.engine.target import parse_target
from cachewasm.engine.tunables import choose
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.opcodes import IMM_NONE, OPS, Op
from cachewasm.wasm.validate import validate

NUMERIC = [
    op
    for op in OPS
    if op.name[:3] in ("i32", "i64", "f32", "f64")
    and op.access is None
    and op.imm == IMM_NONE
    and features.DEFAULT & op.proposal == op.proposal
    and op.params is not None
]
TRAP = "call void @raise_trap"


def _lines(op: Op, metering: str, *, baseline: bool) -> list[str]:
    """The IR of a function that executes an instruction and returns, nothing else."""
    assert op.params is not None
    assert op.results is not None
    params = " ".join(t.name for t in op.params)
    gets = " ".join(f"(local.get {i})" for i in range(len(op.params)))
    results = " ".join(t.name for t in op.results)
    text = f"(module (func (param {params}) (result {results}) {gets} {op.name}))"
    environment = CompileEnvironment(
        target=parse_target("x86-64-v3"),
        flags=DEFAULT_FLAGS,
        tunables=choose(
            {"generate_address_map": 0, "wasm_backtrace": 0, metering: 1},
            address_space_limited=False,
        ),
        operator_cost=DEFAULT_COST,
        features=features.DEFAULT,
        identity=bytes(32),
        module_version="",
    )
    module = validate(decode(bytes(cachewasm.wat2wasm(text)), features.DEFAULT))
    ir = translate(module, environment, range(1), baseline=baseline).ir
    return ir[ir.index("define hidden") :].splitlines()


@pytest.mark.parametrize("metering", ["consume_fuel", "epoch_interruption"])
@pytest.mark.parametrize("baseline", [True, False], ids=["baseline", "optimized"])
def test_entry_check_is_at_the_end_unless_the_instruction_traps(
    metering: str, baseline: bool
) -> None:
    assert len(NUMERIC) > 100
    for op in NUMERIC:
        lines = _lines(op, metering, baseline=baseline)
        assert is_neutral(op) == (sum(TRAP in line for line in lines) == 1), op
        check = next(i for i, line in enumerate(lines) if "label %t" in line)
        assert is_neutral(op) == lines[check + 2].startswith("  ret "), op


def test_neutral_instructions_neither_access_memory_nor_go_elsewhere() -> None:
    neutral = {op.name for op in OPS if is_neutral(op)}
    assert not [op for op in OPS if op.access is not None and is_neutral(op)]
    assert neutral.isdisjoint(
        ("call", "br", "br_if", "br_table", "block", "loop", "if", "return", "unreachable")
    )
    assert neutral.isdisjoint(
        ("global.set", "table.set", "memory.grow", "memory.size", "table.get")
    )
    assert neutral >= {"local.get", "i32.const", "i64.rotl", "f64.div", "select", "end"}
