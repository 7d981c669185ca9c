"""Plans: tiers by size, huge functions, and shards that mean the same in every process."""

import pytest

from cachewasm.abi.vmctx import FUNC_BASELINE, FUNC_BOUNDED
from cachewasm.compiler.plan import (
    AUTO_OPTIMIZED_WEIGHT,
    Plan,
    ShardCode,
    compile_shard,
    make_plan,
)
from cachewasm.compiler.shards import HUGE_BODY
from cachewasm.engine.config import Config
from cachewasm.engine.environment import from_config
from cachewasm.errors import InternalError, InvalidModule
from cachewasm.wasm.leb128 import unsigned

# local.get 0; i32.const 5; i32.add; local.set 0
STEP = bytes.fromhex("200041056a2100")
NAMES = bytes.fromhex("00") + unsigned(18) + b"\4name\1\x0b\2\0\3big\1\3odd"


def module(*sizes: int, customs: bytes = b"") -> bytes:
    """A module with functions whose bodies have about these sizes."""
    code = unsigned(len(sizes))
    for size in sizes:
        body = b"\0" + STEP * (size // len(STEP)) + b"\x20\0\x0b"
        code += unsigned(len(body)) + body
    functions = unsigned(len(sizes)) + bytes(len(sizes))
    return b"".join(
        (
            b"\0asm\1\0\0\0\1\6\1\x60\1\x7f\1\x7f\3",
            unsigned(len(functions)) + functions,
            b"\x0a" + unsigned(len(code)) + code,
            customs,
        )
    )


def plan(wasm: bytes, strategy: str = "auto") -> Plan:
    return make_plan(wasm, from_config(Config()), strategy)


@pytest.mark.parametrize(
    ("size", "tier"),
    [(AUTO_OPTIMIZED_WEIGHT - 500, "optimized"), (AUTO_OPTIMIZED_WEIGHT + 100, "baseline")],
)
def test_plan_auto_chooses_the_tier_by_the_size_of_the_code(size: int, tier: str) -> None:
    assert plan(module(size)).tier == tier


def test_plan_auto_counts_functions_and_types_besides_bodies() -> None:
    assert plan(module(*[2] * 1500)).tier == "baseline"
    assert plan(module(*[2] * 900)).tier == "optimized"


def test_plan_of_equal_modules_is_equal() -> None:
    wasm = module(*[300] * 100)
    assert plan(wasm).shards == plan(bytes(bytearray(wasm))).shards


def test_plan_looks_at_no_body() -> None:
    wasm = module(100).replace(b"\x6a", b"\x7c")
    planned = plan(wasm)
    with pytest.raises(InvalidModule):
        compile_shard(planned, planned.shards[-1])


@pytest.mark.parametrize("tier", ["baseline", "optimized"])
def test_compile_shard_of_a_huge_body_takes_the_baseline_pipeline(tier: str) -> None:
    planned = plan(module(100, HUGE_BODY + 100), tier)
    flags = [
        compile_shard(planned, shard).flags[0] for shard in planned.shards if not shard.is_types
    ]
    assert flags == [FUNC_BOUNDED, FUNC_BOUNDED | (FUNC_BASELINE if tier == "optimized" else 0)]


def test_plan_names_a_function_by_index_and_name() -> None:
    planned = plan(module(9000, 9000, customs=NAMES))
    assert [planned.describe(shard) for shard in planned.shards] == [
        "trampolines of 1 types",
        "function 0 (big)",
        "function 1 (odd)",
    ]


def test_shard_code_through_bytes_is_the_same() -> None:
    planned = plan(module(100, 100))
    code = compile_shard(planned, planned.shards[-1])
    assert ShardCode.from_bytes(code.to_bytes()).to_bytes() == code.to_bytes()
    for damaged in (b"", code.to_bytes()[:3], code.to_bytes()[:-1], b"\xff" * 100):
        with pytest.raises(InternalError):
            ShardCode.from_bytes(damaged)
