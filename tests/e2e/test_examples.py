"""Each example prints what it says it prints, and its binary is what its text gives."""

import ast
import os
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def _promised(script: Path) -> str:
    docstring = ast.get_docstring(ast.parse(script.read_text()))
    assert docstring is not None
    return textwrap.dedent(docstring.partition("Prints:\n\n")[2]).strip()


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_example_script_prints_what_its_docstring_says(
    python: Callable[..., bytes], name: str
) -> None:
    promised = _promised(EXAMPLES / name)
    assert promised
    assert python(str(EXAMPLES / name)).decode().strip() == promised


def test_example_command_run_twice_prints_its_text(console_script: str, tmp_path: Path) -> None:
    expected = (EXAMPLES / "mandelbrot.txt").read_bytes()
    for _ in ("cold", "warm"):
        output = subprocess.run(
            [console_script, "run", str(EXAMPLES / "mandelbrot.wasm")],
            env={**os.environ, "CACHEWASM_DIR": str(tmp_path)},
            capture_output=True,
            check=True,
        )
        assert (output.stdout, output.stderr) == (expected, b"")


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.wat")))
def test_example_binary_is_what_its_text_gives(name: str) -> None:
    text = (EXAMPLES / f"{name}.wat").read_text()
    assert (EXAMPLES / f"{name}.wasm").read_bytes() == bytes(wasmtime.wat2wasm(text))
