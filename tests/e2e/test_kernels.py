"""The benchmark's kernels: their binaries are what their texts give, their checksums hold."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import wasmtime

FOLDER = Path(__file__).parent.parent.parent / "benchmarks" / "kernels"


def _kernels() -> tuple[Any, ...]:
    spec = importlib.util.spec_from_file_location("kernels", FOLDER / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kernels: tuple[Any, ...] = module.KERNELS
    return kernels


KERNELS = {kernel.name: kernel for kernel in _kernels()}


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_binary_is_what_its_text_gives(name: str) -> None:
    text = (FOLDER / f"{name}.wat").read_text()
    assert KERNELS[name].binary() == bytes(wasmtime.wat2wasm(text))


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
@pytest.mark.parametrize("name", KERNELS)
def test_kernel_quick_run_gives_its_checksum(
    engine_module: ModuleType, new_engine: Callable[[str], object], name: str, strategy: str
) -> None:
    kernel = KERNELS[name]
    store = engine_module.Store(engine := new_engine(strategy))
    module = engine_module.Module(engine, kernel.binary())
    run = engine_module.Instance(store, module, []).exports(store)["run"]
    assert run(store, kernel.quick) == kernel.quick_checksum
