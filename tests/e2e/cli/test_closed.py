"""Commands that were started without a standard stream, as by `>&-`."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]
MakeModule = Callable[[str, str], Path]

PLAIN = '(module (func (export "two") (result i32) (i32.const 2)))'
SAID = b"cachewasm: standard output: Bad file descriptor\n"


def _without(number: int) -> dict[str, object]:
    """How a process is started whose stream `number` is closed."""
    return {"preexec_fn": lambda: os.close(number)}


@pytest.mark.parametrize(
    "command",
    [
        ("--help",),
        ("run", "--help"),
        ("cache", "dir"),
        ("cache", "list", "--json"),
        ("cache", "stats"),
        ("cache", "config"),
    ],
    ids=" ".join,
)
def test_closed_output_is_an_error_of_every_command_that_prints(
    cachewasm: Cachewasm, cache_dir: Path, command: tuple[str, ...]
) -> None:
    environment = {**os.environ, "CACHEWASM_DIR": str(cache_dir)}
    done = cachewasm(*command, env=environment, **_without(1))
    # Some say before that there is no cache yet.
    assert (done.returncode, done.stderr.splitlines(keepends=True)[-1]) == (1, SAID)


def test_closed_output_is_not_missed_by_what_prints_nothing(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    done = cachewasm("compile", "-o", output, module("m", PLAIN), **_without(1))
    assert (done.returncode, done.stderr, output.exists()) == (0, b"", True)


def test_closed_output_results_of_run_are_an_error(
    cachewasm: Cachewasm, module: MakeModule, cache_dir: Path
) -> None:
    path = module("m", PLAIN)
    done = cachewasm("run", "--cache-dir", cache_dir, "--invoke", "two", path, **_without(1))
    assert (done.returncode, done.stderr) == (1, SAID)


def test_closed_output_bundle_names_it(
    cachewasm: Cachewasm, module: MakeModule, cache_dir: Path
) -> None:
    cachewasm("cache", "warm", "--cache-dir", cache_dir, module("m", PLAIN))
    done = cachewasm("cache", "export", "-", "--all", "--cache-dir", cache_dir, **_without(1))
    assert (done.returncode, done.stderr) == (1, b"cachewasm: -: Bad file descriptor\n")


def test_closed_input_is_an_error_of_what_reads_it(cachewasm: Cachewasm, cache_dir: Path) -> None:
    done = cachewasm("cache", "import", "-", "--cache-dir", cache_dir, **_without(0))
    assert (done.returncode, done.stderr) == (1, b"cachewasm: -: Bad file descriptor\n")


def test_closed_errors_are_written_into_no_file(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    done = cachewasm("wasm2wat", "-o", output, module("m", PLAIN), **_without(2))
    assert (done.returncode, output.read_bytes()[:7]) == (0, b"(module")
    assert cachewasm("cache", "show", "nothing", **_without(2)).returncode == 1
