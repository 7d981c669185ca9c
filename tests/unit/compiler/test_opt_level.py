"""Opt levels in each tier, and LLVM's verifier: what they do to the code, and what they leave alone."""

import io
import sys
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import wasmtime
from elftools.elf.elffile import ELFFile

import cachewasm
from cachewasm.abi.vmctx import FUNC_BASELINE
from cachewasm.compiler import codegen, plan, runtime_library
from cachewasm.compiler.plan import compile_shard, make_plan
from cachewasm.compiler.translate.module import translate
from cachewasm.engine.config import Config
from cachewasm.engine.environment import from_config

# A loop around a call, a load, branches and a float: each level does something else to them.
WAT = """
(module
  (memory 1)
  (func $step (param i32) (result i32)
    (if (result i32) (i32.and (local.get 0) (i32.const 1))
      (then (i32.load offset=16 (i32.and (local.get 0) (i32.const 255))))
      (else (i32.trunc_sat_f64_s (f64.floor (f64.div (f64.convert_i32_s (local.get 0))
                                                     (f64.const 3)))))))
  (func (export "run") (param i32) (result i32) (local i32)
    (loop $next
      (local.set 1 (i32.add (local.get 1) (call $step (local.get 0))))
      (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1)))
"""
WASM = bytes(wasmtime.wat2wasm(WAT))
LEVELS = ("none", "speed", "speed_and_size")
STRATEGIES = ("baseline", "optimized", "auto")


def config(level: str, strategy: str = "auto", **options: object) -> Config:
    found = Config()
    found.opt_level = level
    found.strategy = strategy
    found.cache = False
    for name, value in options.items():
        setattr(found, name, value)
    return found


def tier_and_flags(level: str, strategy: str) -> tuple[str, set[int]]:
    made = make_plan(WASM, from_config(config(level, strategy)), strategy)
    codes = [compile_shard(made, shard) for shard in made.shards if not shard.is_types]
    return made.tier, {flag & FUNC_BASELINE for code in codes for flag in code.flags}


def code_size(artifact: bytes) -> int:
    symbols = ELFFile(io.BytesIO(artifact)).get_section_by_name(".symtab")
    assert symbols is not None
    return sum(symbol["st_size"] for symbol in symbols.iter_symbols())


@pytest.mark.parametrize(
    ("level", "strategy", "tier", "flags"),
    [
        ("speed", "auto", "optimized", {0}),
        ("speed_and_size", "auto", "optimized", {0}),
        ("none", "auto", "baseline", {0}),
        ("none", "optimized", "optimized", {FUNC_BASELINE}),
        ("speed", "baseline", "baseline", {0}),
        ("none", "baseline", "baseline", {0}),
    ],
)
def test_opt_level_and_strategy_decide_tier_and_pipeline(
    level: str, strategy: str, tier: str, flags: set[int]
) -> None:
    assert tier_and_flags(level, strategy) == (tier, flags)


# A baseline tier that looks at the size is refused.
@pytest.mark.parametrize(
    ("strategy", "level"),
    sorted(set(product(STRATEGIES, LEVELS)) - {("baseline", "speed_and_size")}),
)
def test_opt_level_keeps_what_the_code_computes(level: str, strategy: str) -> None:
    engine = cachewasm.Engine(config(level, strategy))
    store = cachewasm.Store(engine)
    run: Any = cachewasm.Instance(store, cachewasm.Module(engine, WASM), []).exports(store)["run"]
    oracle = wasmtime.Store()
    same: Any = wasmtime.Instance(oracle, wasmtime.Module(oracle.engine, WASM), []).exports(oracle)
    assert run(store, 1000) == same["run"](oracle, 1000)


def test_opt_level_none_makes_the_code_of_the_baseline_tier() -> None:
    none = cachewasm.Engine(config("none", "optimized")).precompile_module(WASM)
    baseline = cachewasm.Engine(config("speed", "baseline")).precompile_module(WASM)
    assert code_size(none) == code_size(baseline)


def test_opt_level_speed_and_size_makes_smaller_code() -> None:
    sizes = {
        level: code_size(cachewasm.Engine(config(level, "optimized")).precompile_module(WASM))
        for level in LEVELS
    }
    assert sizes["speed_and_size"] < sizes["speed"] < sizes["none"]


@pytest.mark.parametrize("level", LEVELS)
def test_opt_level_of_another_engine_does_not_matter_for_loading(level: str) -> None:
    artifact = cachewasm.Engine(config(level)).precompile_module(WASM)
    for other in LEVELS:
        cachewasm.Module.deserialize(cachewasm.Engine(config(other)), artifact)


@pytest.mark.parametrize(
    ("level", "baseline", "is_said"),
    [
        ("speed", False, False),
        ("speed_and_size", False, True),
        ("speed", True, True),
        ("speed_and_size", True, True),
    ],
)
def test_that_size_counts_is_said_to_every_function(
    valid_module: Callable[[str], Any], level: str, baseline: bool, is_said: bool
) -> None:
    env = from_config(config(level))
    ir = translate(valid_module(WAT), env, range(2), baseline=baseline).ir
    assert ("attributes #0 = { nounwind optsize " in ir) is is_said
    assert (" #0 align 4 " in ir) is is_said


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("asked", [False, True])
def test_verifier_looks_at_every_module_of_ir_if_it_is_asked(
    monkeypatch: pytest.MonkeyPatch, asked: bool, strategy: str
) -> None:
    seen = []

    def compile_ir(*arguments: Any, verify: bool = False) -> bytes:
        seen.append(verify)
        return real(*arguments, verify=verify)

    real = codegen.compile_ir
    monkeypatch.setattr(codegen, "compile_ir", compile_ir)
    monkeypatch.setattr(sys, "frozen", True, raising=False)  # compile in this process
    assert plan.codegen is runtime_library.codegen is codegen
    engine = cachewasm.Engine(config("speed", strategy, debug_verifier=asked))
    engine.precompile_module(WASM)
    # Trampolines, functions, the runtime library's floor.
    assert len(seen) >= 2 and set(seen) == {asked}


def test_verifier_of_a_worker_refuses_wrong_ir_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = "define i32 @f() {\n  %1 = add i32 %2, 1\n  %2 = add i32 1, 1\n  ret i32 %1\n}\n"
    real = codegen.llvm.parse_assembly
    monkeypatch.setattr(codegen.llvm, "parse_assembly", lambda text: real(broken))
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    engine = cachewasm.Engine(config("speed", debug_verifier=True))
    with pytest.raises(cachewasm.WasmtimeError, match="LLVM rejected the code of this module"):
        engine.precompile_module(WASM)


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_verifier_in_the_compile_server_and_with_an_executor_changes_no_byte(
    strategy: str,
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    plain = cachewasm.Engine(config("speed", strategy)).precompile_module(WASM)
    checked = cachewasm.Engine(config("speed", strategy, debug_verifier=True))
    assert checked.precompile_module(WASM) == plain
    with ThreadPoolExecutor(1) as executor:
        options = {"debug_verifier": True, "compile_executor": executor}
        remote = cachewasm.Engine(config("speed", strategy, **options))
        assert remote.precompile_module(WASM) == plain
