"""icepll, a C++ program of the YoWASP project: the same output as under PyPI wasmtime, cold and warm."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = str(Path(__file__).parent / "run_command.py")
ARGUMENTS = ("-i", "12", "-o", "48")
Python = Callable[..., bytes]


def _files(directory: Path) -> dict[Path, int]:
    """When each file was written, but for the statistics, to which every process adds."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path: path.stat().st_mtime_ns for path in files if path.parent.name != "stats"}


@pytest.fixture(scope="module")
def expected(python: Python, module_path: Callable[[str], Path]) -> bytes:
    output = python(SCRIPT, "wasmtime", "", str(module_path("icepll.wasm")), *ARGUMENTS)
    assert b"F_PLLOUT:   48.000 MHz (achieved)" in output
    return output


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_icepll_cold_and_warm_print_the_oracles_output(
    engine_module: ModuleType,
    python: Python,
    module_path: Callable[[str], Path],
    expected: bytes,
    tmp_path: Path,
    strategy: str,
) -> None:
    def run() -> bytes:
        wasm = str(module_path("icepll.wasm"))
        return python(
            SCRIPT,
            *(engine_module.__name__, strategy, wasm, *ARGUMENTS),
            variables={"CACHEWASM_DIR": str(tmp_path)},
        )

    assert run() == expected
    stored = _files(tmp_path)
    assert run() == expected
    # The second run took what the first one stored: it compiled nothing that it had to store.
    assert _files(tmp_path) == stored
    if engine_module.__name__ == "cachewasm":
        assert stored


def test_icepll_console_script_prints_the_oracles_output(
    console_script: str,
    module_path: Callable[[str], Path],
    expected: bytes,
    tmp_path: Path,
) -> None:
    command = [console_script, "run", str(module_path("icepll.wasm")), *ARGUMENTS]
    for _ in ("cold", "warm"):
        output = subprocess.run(
            command,
            env={**os.environ, "CACHEWASM_DIR": str(tmp_path)},
            capture_output=True,
            check=True,
        )
        assert (output.stdout, output.stderr) == (expected, b"")
