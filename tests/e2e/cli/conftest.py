"""The installed command, modules to run it on, and a cache directory that only the test sees."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import wasmtime

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]


@pytest.fixture
def cache_dir(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def cachewasm(console_script: str) -> Cachewasm:
    """Runs `cachewasm ARGUMENT...` and returns the completed process."""

    def run(*arguments: str | Path, **options: object) -> Completed:
        command: Sequence[str] = [console_script, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, check=False, **options)  # type: ignore[call-overload,no-any-return]

    return run


@pytest.fixture
def module(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a module, given as text, and returns its path."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_bytes(wasmtime.wat2wasm(text))
        return path

    return write
