"""A hit imports what it needs and nothing else: import time is most of a warm run.

A bare interpreter hits, instantiates, calls and runs WASI, from a binary, from text, and under a
configuration file; whatever that adds to `sys.modules` must be on the list below. To lengthen the
list is to lengthen every warm start: measure before.
"""

import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

import cachewasm
from cachewasm.cache.secret import file_content
from cachewasm.wasm import features
from cachewasm.wasm.text.printer import wasm2wat

SCRIPT = Path(__file__).parent / "warm_hit.py"
WASM = Path(__file__).parent.parent.parent / "examples" / "mandelbrot.wasm"

# From the standard library and from packages; ctypes imports types and struct.
ALLOWED = {
    *("_ctypes", "ctypes", "ctypes._endian", "types", "_struct", "struct"),
    *("_operator", "atexit", "errno", "fcntl", "gc"),
    *("blake3", "blake3.blake3"),
}
# Of cachewasm, all but what only compiles.
COLD = (
    *("cachewasm.compiler", "cachewasm.wasm.validate", "cachewasm.wasm.function_validator"),
    *("cachewasm.wasm.decode", "cachewasm.wasm.body", "cachewasm.wasm.opcodes"),
    *("cachewasm.wasm.module", "cachewasm.wasm.encode", "cachewasm.wasm.text"),
    *(
        "cachewasm.artifact.writer",
        "cachewasm.artifact.info_writer",
        "cachewasm.engine.ingredients",
    ),
    *("cachewasm.cache.carry", "cachewasm.cache.history", "cachewasm.cache.survey"),
    *("cachewasm.cache.upkeep", "cachewasm.cache.toml", "cachewasm.cache.outcomes"),
    *("cachewasm.cache.memory", "cachewasm.cache.store", "cachewasm.cache.byte_lock"),
    "cachewasm.cache.single_flight",
    *("cachewasm.cache.siblings", "cachewasm.runtime.fleet", "cachewasm.runtime.in_parallel"),
    *("cachewasm.engine.cpus", "cachewasm.engine.suggest", "cachewasm.runtime.engine_weak"),
    *("cachewasm.engine.operator_cost", "cachewasm.runtime.epoch"),
)
# Of the standard library, what would lengthen a first compile by milliseconds.
SLOW = {
    "dataclasses",
    "enum",
    "inspect",
    "json",
    "logging",
    "pathlib",
    "re",
    "subprocess",
    "threading",
    "typing",
}
# What only text needs, even on a hit, and what only those need who have configured something, or have
# a secret.
TEXT_ONLY = {"cachewasm.cache.alias", "cachewasm.runtime.text"}
CONFIGURED_ONLY = {
    f"cachewasm.cache.{name}" for name in ("cache", "config_file", "setting", "settings")
}
SEALED_ONLY = {"cachewasm.cache.secret"}


def _imported(path: Path) -> set[str]:
    root = str(Path(cachewasm.__file__).parent.parent)
    paths = dict.fromkeys([root, sysconfig.get_path("platlib"), sysconfig.get_path("purelib")])
    command = [sys.executable, "-I", "-S", str(SCRIPT), ":".join(paths), str(path)]
    process = subprocess.run(command, capture_output=True, check=False)
    assert process.returncode == 0, process.stderr.decode()
    return set(process.stdout.decode().split())


@pytest.fixture(scope="module", params=["binary", "text", "configured", "sealed"])
def added(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[set[str]]:
    """What the second of two runs imports."""
    with pytest.MonkeyPatch.context() as patch:
        yield _added(request.param, tmp_path_factory, patch)


def _added(
    kind: str, tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch
) -> set[str]:
    path = WASM
    if kind == "configured":
        config = tmp_path_factory.mktemp("hit") / "config.toml"
        config.write_text(
            '[cache]\nlock-timeout = "1m" # a minute\nsync = true\n', encoding="utf-8"
        )
        config.chmod(0o600)
        patch.setenv("CACHEWASM_CONFIG", str(config))
    if kind == "sealed":
        key_file = tmp_path_factory.mktemp("hit") / "key"
        key_file.write_bytes(file_content(bytes(32)))
        key_file.chmod(0o600)
        patch.setenv("CACHEWASM_KEY_FILE", str(key_file))
    if kind == "text":
        path = tmp_path_factory.mktemp("hit") / "mandelbrot.wat"
        path.write_text(wasm2wat(WASM.read_bytes(), features.DEFAULT), encoding="utf-8")
    _imported(path)
    imported = _imported(path)
    assert TEXT_ONLY & imported == (TEXT_ONLY if kind == "text" else set())
    is_configured = kind in ("configured", "sealed")
    assert CONFIGURED_ONLY & imported == (CONFIGURED_ONLY if is_configured else set())
    assert SEALED_ONLY & imported == (SEALED_ONLY if kind == "sealed" else set())
    return imported


def test_hit_adds_only_allowed_modules(added: set[str]) -> None:
    foreign = {name for name in added if name.partition(".")[0] != "cachewasm"}
    assert sorted(foreign - ALLOWED) == []


def test_miss_imports_nothing_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHEWASM_DIR", str(tmp_path / "cache"))
    imported = _imported(WASM)
    assert "cachewasm.cache.history.misses" in imported
    assert sorted(SLOW & imported) == []


def test_hit_imports_no_cold_part_of_cachewasm(added: set[str]) -> None:
    cold = {name for name in added if f"{name}.".startswith(tuple(f"{part}." for part in COLD))}
    assert sorted(cold) == []
