"""The benchmark's kernels: their binaries are what their sources give, their checksums hold."""

import hashlib
import importlib.util
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import cachewasm

FOLDER = Path(__file__).parent.parent.parent / "benchmarks" / "kernels"


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


KERNELS = {kernel.name: kernel for kernel in _load("__init__").KERNELS}
LIBRARIES = _load("programs").LIBRARIES


def test_kernel_binaries_are_what_their_sources_give() -> None:
    # C is compared where the compiler of the last build is; libraries take half a minute.
    small = [name for name in KERNELS if name not in LIBRARIES]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.kernels.build", "--check", *small],
        cwd=FOLDER.parent.parent,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_kernels_are_all_the_binaries_there_are() -> None:
    assert {path.stem for path in FOLDER.glob("*.wasm")} == set(KERNELS)
    assert all(kernel.source.exists() for kernel in KERNELS.values())
    assert set(LIBRARIES) < set(KERNELS)


def test_libraries_in_binaries_have_their_licences_named() -> None:
    page = (FOLDER / "LICENSES.md").read_text()
    assert [name for name in LIBRARIES if f"\n| {name}.wasm | " not in page] == []


def test_sha256_kernel_gives_the_digest_of_the_standard_library() -> None:
    kernel = KERNELS["sha256"]
    assert kernel.quick_checksum == _digest(kernel.quick)


def _digest(kib: int) -> int:
    """The first eight bytes of the digest of the kernel's input."""
    state, words = 1, []
    for _ in range(kib * 256):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        words.append(state)
    message = struct.pack(f"<{len(words)}I", *words)
    return int.from_bytes(hashlib.sha256(message).digest()[:8], "big", signed=True)


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
@pytest.mark.parametrize("name", KERNELS)
def test_kernel_quick_run_gives_its_checksum(
    engine_module: ModuleType, new_engine: Callable[[str], object], name: str, strategy: str
) -> None:
    kernel = KERNELS[name]
    store = engine_module.Store(engine := new_engine(strategy))
    module = engine_module.Module(engine, kernel.binary())
    run = engine_module.Instance(store, module, []).exports(store)["run"]
    # A benchmark runs it in one instance again and again.
    assert [run(store, kernel.quick) for _ in range(2)] == 2 * [kernel.quick_checksum]


@pytest.mark.parametrize("name", [name for name in KERNELS if name not in LIBRARIES])
def test_kernel_quick_run_without_signals_gives_its_checksum(name: str) -> None:
    config = cachewasm.Config()
    config.strategy = "baseline"
    config.signals_based_traps = False
    kernel = KERNELS[name]
    store = cachewasm.Store(cachewasm.Engine(config))
    module = cachewasm.Module(store.engine, kernel.binary())
    run: Any = cachewasm.Instance(store, module, []).exports(store)["run"]
    assert run(store, kernel.quick) == kernel.quick_checksum
