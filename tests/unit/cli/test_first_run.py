"""`run` starts the compile server ahead where it can only miss, and nowhere else."""

from pathlib import Path

import pytest
from cachewasm_cli.first_run import start_early

from cachewasm.compiler.processes import local
from cachewasm.errors import CompileError


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """One item for each start of a compile server; the cache directory is `cache` in tmp_path."""
    found: list[str] = []
    monkeypatch.setattr(local, "start", lambda: found.append("started"))
    monkeypatch.setenv("CACHEWASM_DIR", str(tmp_path / "cache"))
    return found


@pytest.mark.parametrize("arguments", [["m.wasm"], ["--invoke", "f", "m.wasm", "3"]])
def test_start_early_without_any_entry_starts_the_server(
    starts: list[str], arguments: list[str]
) -> None:
    start_early(arguments)
    assert starts == ["started"]


def test_start_early_where_something_was_compiled_leaves_it_to_the_lookup(
    starts: list[str], tmp_path: Path
) -> None:
    (tmp_path / "cache" / "entries" / "v1").mkdir(parents=True)
    start_early(["m.wasm"])
    assert starts == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["-h"],
        ["--no-cache", "m.wasm"],
        ["--cache-dir", "/x", "m.wasm"],
        ["--cache-dir=/x", "m.wasm"],
        ["--config=c.toml", "m.wasm"],
    ],
)
def test_start_early_for_another_cache_or_nothing_to_run_does_nothing(
    starts: list[str], arguments: list[str]
) -> None:
    start_early(arguments)
    assert starts == []


@pytest.mark.parametrize(
    ("name", "value"), [("CACHEWASM_CACHE", "0"), ("CACHEWASM_MODE", "must-hit")]
)
def test_start_early_with_settings_does_nothing(
    starts: list[str], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    start_early(["m.wasm"])
    assert starts == []


def test_start_early_that_fails_is_no_failed_run(
    starts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise CompileError("cannot start the compile server: out of processes")

    monkeypatch.setattr(local, "start", fail)
    start_early(["m.wasm"])
