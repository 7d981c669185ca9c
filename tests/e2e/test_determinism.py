"""Equal inputs give equal artifacts, whatever the process was started with.

A cache whose entries depended on hash order, working directory or locale would still hit, but no
two machines could compare what they hold.
"""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = """
import importlib, sys
name, strategy, *paths, output = sys.argv[1:]
package = importlib.import_module(name)
config = package.Config()
config.strategy = "cranelift" if name == "wasmtime" else strategy
engine = package.Engine(config)
with open(output, "wb") as file:
    for path in paths:
        with open(path, "rb") as wasm:
            file.write(package.Module(engine, wasm.read()).serialize())
"""
SURROUNDINGS = (
    {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "UTC"},
    {"PYTHONHASHSEED": "4711", "LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo", "COLUMNS": "40"},
)


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_artifact_of_two_processes_has_equal_bytes(
    engine_module: ModuleType,
    python: Callable[..., bytes],
    root: Path,
    tmp_path: Path,
    strategy: str,
) -> None:
    kernels = root / "benchmarks" / "kernels"
    wasm = [str(root / "examples" / "mandelbrot.wasm")]
    wasm += [str(kernels / f"{name}.wasm") for name in ("interp", "nbody", "quicksort")]
    artifacts, entries = [], []
    for number, variables in enumerate(SURROUNDINGS):
        folder = tmp_path / f"process {number}"
        folder.mkdir()
        cache = folder / "cache"
        output = folder / "artifacts"
        python(
            *("-c", SCRIPT, engine_module.__name__, strategy, *wasm, str(output)),
            cwd=folder,
            variables={**variables, "CACHEWASM_DIR": str(cache)},
        )
        artifacts.append(output.read_bytes())
        found = (cache / "entries").rglob("*")
        entries.append(sorted(str(path.relative_to(cache)) for path in found if path.is_file()))
    assert artifacts[0] == artifacts[1]
    assert entries[0] == entries[1]
