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
from pathlib import Path
from typing import Any

import cachewasm
from cachewasm.engine.environment import from_config
from cachewasm.wasm.text.wast import parse_script
from cachewasm.wast.runner import Verdict, run

AARCH64 = "aarch64-unknown-linux-gnu"
TARGETS = (AARCH64, "x86-64-v1")
TIERS = ("baseline", "optimized")
KERNELS = Path(__file__).parents[2] / "benchmarks" / "kernels" / "__init__.py"


def engine_for(tier: str, target: str | None = None) -> cachewasm.Engine:
    config = cachewasm.Config()
    config.strategy = tier
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


def load(folder: str, target: str) -> None:
    engine = cachewasm.Engine()
    for path in sorted(Path(folder).glob(f"{target}.*.*")):
        tier, name = path.name.split(".")[1:]
        try:
            engine = engine_for(tier)
            module = cachewasm.Module.deserialize(engine, path.read_bytes())
        except cachewasm.WasmtimeError as error:
            print(tier, name, error)
            continue
        store = cachewasm.Store(engine)
        (kernel,) = kernels([name])
        result = cachewasm.Instance(store, module, []).exports(store)["run"](store, kernel.quick)
        print(tier, name, result == kernel.quick_checksum)


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
