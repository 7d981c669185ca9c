"""What test_both_ways.py has done on either machine; run there as a program.

    python either_side.py make FOLDER FILE...      artifacts of modules for every target, in both tiers
    python either_side.py load FOLDER TARGET       load those for a target, or say why not
    python either_side.py kernels TIER NAME...     run kernels of the benchmarks
    python either_side.py scripts TIER FILE...     run test scripts

Only `make` may compile: the others are given a cache that has everything and must hit.
"""

import importlib.util
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import cachewasm
from cachewasm.engine.environment import from_config
from cachewasm.wasm.text.wast import parse_script
from cachewasm.wast.runner import Verdict, run

AARCH64 = "aarch64-unknown-linux-gnu"
TARGETS = (AARCH64, "x86-64-v1")
TIERS = ("baseline", "optimized")
# What else the compiler may be told, with which it makes other code of VARIED.
OPTIONS = {
    "exceptions": ("wasm_exceptions",),
    "fuel": ("wasm_exceptions", "consume_fuel"),
    "epochs": ("wasm_exceptions", "epoch_interruption"),
    "debugged": ("wasm_exceptions", "debug_info", "branch_protection"),
}
VARIED = """
(module
  (tag $thrown (param i32))
  (memory 2) (data (i32.const 70000) "\\07")
  (table funcref (elem $throw $trap))
  (func $throw (param i32) (throw $thrown (i32.add (local.get 0) (i32.load8_u (i32.const 70000)))))
  (func $trap (param i32) (drop (i32.div_s (local.get 0) (i32.const 0))))
  (func $catch (param i32 i32) (result i32)
    (block $caught (result i32)
      (try_table (catch $thrown $caught)
        (call_indirect (param i32) (local.get 1) (local.get 0)))
      (i32.const -1)))
  (func (export "run") (param i32 i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (call $catch (local.get 0) (local.get 1))))
      (br_if $again (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
    (local.get $sum)))
"""
KERNELS = Path(__file__).parents[2] / "benchmarks" / "kernels" / "__init__.py"


def engine_for(
    tier: str, target: str | None = None, options: Sequence[str] = ()
) -> cachewasm.Engine:
    config = cachewasm.Config()
    config.strategy = tier
    for option in options:
        setattr(config, option, True)
    if target is not None:
        config.target = target
    return cachewasm.Engine(config)


def kernels(names: Sequence[str]) -> list[Any]:
    """The rows of the benchmarks' table; the benchmarks are not installed."""
    spec = importlib.util.spec_from_file_location("kernels", KERNELS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [kernel for kernel in module.KERNELS if kernel.name in names]


def make(folder: str, *files: str) -> None:
    from cachewasm.compiler import client

    for target in TARGETS:
        config = cachewasm.Config()
        config.target = target
        image = client.compile_support(from_config(config)).artifact
        Path(folder, f"{target}.support").write_bytes(image)
        for tier in TIERS:
            engine = engine_for(tier, target)
            for file in files:
                artifact = engine.precompile_module(Path(file).read_bytes())
                Path(folder, f"{target}.{tier}.{Path(file).stem}").write_bytes(artifact)
            for name, options in OPTIONS.items():
                engine = engine_for(tier, target, options)
                artifact = engine.precompile_module(cachewasm.wat2wasm(VARIED))
                Path(folder, f"{target}.{tier}.{name}").write_bytes(artifact)


def load(folder: str, target: str) -> None:
    for path in sorted(Path(folder).glob(f"{target}.*.*")):
        tier, name = path.name.split(".")[1:]
        try:
            engine = engine_for(tier, options=OPTIONS.get(name, ()))
            module = cachewasm.Module.deserialize(engine, path.read_bytes())
        except cachewasm.WasmtimeError as error:
            print(tier, name, error)
            continue
        print(tier, name, varied(module) if name in OPTIONS else is_right(name, module))


def is_right(name: str, module: cachewasm.Module) -> bool:
    """Whether a kernel gives its checksum."""
    store = cachewasm.Store(module.engine)
    (kernel,) = kernels([name])
    run: Any = cachewasm.Instance(store, module, []).exports(store)["run"]
    return bool(run(store, kernel.quick) == kernel.quick_checksum)


def varied(module: cachewasm.Module) -> str:
    """What VARIED does: catches, traps with its frames, and what it uses up if that is counted."""
    store = cachewasm.Store(module.engine)
    said = []
    with suppress(cachewasm.WasmtimeError):
        store.set_fuel(10_000)
    store.set_epoch_deadline(1)
    run: Any = cachewasm.Instance(store, module, []).exports(store)["run"]
    said.append(str(run(store, 0, 5)))
    with suppress(cachewasm.WasmtimeError):
        said.append(str(store.get_fuel()))
    for last in (1, 0):
        # The second time the store is past its deadline.
        try:
            said.append(str(run(store, last, 1)))
        except cachewasm.Trap as trap:
            places = [(frame.func_index, frame.func_offset) for frame in trap.frames]
            said.append(f"{trap.trap_code.name} {places}")
        module.engine.increment_epoch()
    return " ".join(said)


def run_kernels(tier: str, *names: str) -> None:
    engine = engine_for(tier)
    for kernel in kernels(names):
        store = cachewasm.Store(engine)
        module = cachewasm.Module(engine, kernel.binary())
        result = cachewasm.Instance(store, module, []).exports(store)["run"](store, kernel.quick)
        print(kernel.name, result == kernel.quick_checksum)
    print_compilers()


def run_scripts(tier: str, *files: str) -> None:
    engine = engine_for(tier)
    for file in files:
        script = parse_script(Path(file).read_bytes())
        count = 0
        for outcome in run(script, engine):
            count += 1
            if outcome.verdict is not Verdict.PASSED:
                place = script.place(outcome.command)
                print(f"{Path(file).stem}:{place.line}: {outcome.verdict.value}: {outcome.reason}")
        print(Path(file).stem, count > 1)
    print_compilers()


def print_compilers() -> None:
    """What a hit never imports."""
    print("compilers:", *sorted({"llvmlite", "cachewasm.compiler"} & sys.modules.keys()))


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    {"make": make, "load": load, "kernels": run_kernels, "scripts": run_scripts}[what](*arguments)
