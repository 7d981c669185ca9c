"""Whole programs: how the end-to-end tests start a process, and how they drive a real module."""

import os
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def console_script() -> str:
    """The installed command `cachewasm`."""
    script = Path(sys.executable).parent / "cachewasm"
    if not script.exists():
        missing = "the console script is not there: install the project"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return str(script)


@pytest.fixture(scope="session")
def python(engine_module: ModuleType) -> Callable[..., bytes]:
    """Runs a Python script in a new process that finds the package under test, wherever it is."""
    assert engine_module.__file__ is not None
    package = str(Path(engine_module.__file__).parent.parent)

    def run(
        *arguments: str, cwd: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> bytes:
        process = subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": package, **(variables or {})},
            capture_output=True,
            check=False,
        )
        assert process.returncode == 0, process.stderr.decode()
        return process.stdout

    return run


class Program:
    """An instance of an Emscripten module, which imports its runtime as functions of scalars.

    The imports are stubs that return zero: time stands still, there are no files, and the module
    computes. Nothing they return depends on the package, so two packages must agree on every byte.
    """

    def __init__(self, package: ModuleType, engine: object, wasm: bytes, malloc: str) -> None:
        self.store = package.Store(engine)
        module = package.Module(engine, wasm)
        linker = package.Linker(engine)
        # A module may import one thing more than once.
        linker.allow_shadowing = True
        memories = []
        for needed in module.imports:
            if isinstance(needed.type, package.MemoryType):
                item = package.Memory(self.store, needed.type)
                memories.append(item)
            else:
                item = self._stub(package, needed.type)
            linker.define(self.store, needed.module, needed.name, item)
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        memories += [item for item in self.exports.values() if isinstance(item, package.Memory)]
        (self.memory,) = memories
        self._malloc = malloc

    def _stub(self, package: ModuleType, functype: object) -> object:
        results = functype.results  # type: ignore[attr-defined]
        zero: float | None = None
        if results:
            zero = 0.0 if str(results[0]) in ("f32", "f64") else 0
        return package.Func(self.store, functype, lambda *_: zero)

    def call(self, name: str, *arguments: float) -> int:
        """Call an export that returns a pointer, an integer or nothing."""
        result: int = self.exports[name](self.store, *arguments)
        return result

    def string(self, text: str) -> int:
        """The address of a new zero-terminated copy of `text`."""
        data = text.encode() + b"\0"
        address = self.call(self._malloc, len(data))
        self.memory.write(self.store, data, address)
        return address

    def text(self, address: int) -> str | None:
        """The zero-terminated text at `address`, None for a null pointer."""
        if not address:
            return None
        data = bytes(self.memory.read(self.store, address))
        return data[: data.index(b"\0")].decode()

    def pointer(self, address: int) -> int:
        """The 32-bit integer at `address`."""
        data = bytes(self.memory.read(self.store, address, address + 4))
        return int(struct.unpack("<I", data)[0])


@pytest.fixture(scope="session")
def start_program() -> Callable[..., Program]:
    return Program


@pytest.fixture(scope="session")
def both(
    engine_module: ModuleType, new_engine: Callable[[str], object]
) -> Callable[[str], Sequence[tuple[ModuleType, object]]]:
    """The package under test with a strategy, and the oracle, each with an engine."""
    import wasmtime

    def make(strategy: str) -> Sequence[tuple[ModuleType, object]]:
        return [(engine_module, new_engine(strategy)), (wasmtime, wasmtime.Engine())]

    return make
