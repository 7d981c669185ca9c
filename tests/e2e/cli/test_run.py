"""`cachewasm run` in a process of its own: arguments, streams, exit codes, traps, signals."""

import math
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]
MakeModule = Callable[[str, str], Path]

WASI = "wasi_snapshot_preview1"
# Writes the arguments, then the environment, each with its final NUL.
ECHO = f"""
(module
  (import "{WASI}" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
  (import "{WASI}" "args_get" (func $args (param i32 i32) (result i32)))
  (import "{WASI}" "environ_sizes_get" (func $env_sizes (param i32 i32) (result i32)))
  (import "{WASI}" "environ_get" (func $env (param i32 i32) (result i32)))
  (import "{WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func $put
    (i32.store (i32.const 8) (i32.const 4096))
    (i32.store (i32.const 12) (i32.load (i32.const 4)))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16))))
  (func (export "_start")
    (drop (call $args_sizes (i32.const 0) (i32.const 4)))
    (drop (call $args (i32.const 1024) (i32.const 4096)))
    (call $put)
    (drop (call $env_sizes (i32.const 0) (i32.const 4)))
    (drop (call $env (i32.const 1024) (i32.const 4096)))
    (call $put)))
"""
# Copies up to 100 bytes of standard input to standard error.
COPY = f"""
(module
  (import "{WASI}" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "{WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 8) (i32.const 64))
    (i32.store (i32.const 12) (i32.const 100))
    (drop (call $read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 12)))
    (drop (call $write (i32.const 2) (i32.const 8) (i32.const 1) (i32.const 16)))))
"""
EXIT = f"""
(module
  (import "{WASI}" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const 7))))
"""
# Creates the file `made` in the first preopened directory; exits with the errno.
CREATE = f"""
(module
  (import "{WASI}" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "{WASI}" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "made")
  (func (export "_start")
    (call $exit (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4)
      (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16)))))
"""
# Says that it runs, then never ends.
SPIN = f"""
(module
  (import "{WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "running")
  (func (export "_start")
    (i32.store (i32.const 8) (i32.const 64))
    (i32.store (i32.const 12) (i32.const 7))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))
    (loop $again (br $again))))
"""
TRAP = """
(module $crate
  (func $inner unreachable)
  (func $outer (call $inner))
  (func (export "_start") (call $outer)))
"""
LIBRARY = """
(module
  (global $ready (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $ready (i32.const 1)))
  (func (export "is_ready") (result i32) (global.get $ready))
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "pair") (param i64 f32) (result f32 i64) (local.get 1) (local.get 0))
  (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
  (func (export "nothing"))
  (func (export "opaque") (param externref))
  (memory (export "memory") 1))
"""


def test_run_program_gets_its_arguments_and_only_the_given_variables(
    cachewasm: Cachewasm, module: MakeModule
) -> None:
    done = cachewasm(
        "run", "--env", "A=1", "--env=B=x=y", module("echo.wasm", ECHO), "--dir", "", "ü"
    )
    expected = "\0".join(["echo.wasm", "--dir", "", "ü", "A=1", "B=x=y", ""])
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, expected, b"")


def test_run_program_gets_the_streams(cachewasm: Cachewasm, module: MakeModule) -> None:
    done = cachewasm("run", module("copy.wasm", COPY), input=b"some input")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"some input")


def test_run_exit_code_passes_through(cachewasm: Cachewasm, module: MakeModule) -> None:
    done = cachewasm("run", module("exit.wasm", EXIT))
    assert (done.returncode, done.stdout, done.stderr) == (7, b"", b"")


def test_run_without_a_directory_reaches_no_file(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path
) -> None:
    program = module("create.wasm", CREATE)
    badf = 8
    assert cachewasm("run", program, cwd=tmp_path).returncode == badf
    assert not (tmp_path / "made").exists()


def test_run_with_a_directory_reaches_that_one(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path
) -> None:
    (tmp_path / "given").mkdir()
    done = cachewasm("run", "--dir", f"{tmp_path / 'given'}::/", module("create.wasm", CREATE))
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "given" / "made").exists()


def test_run_trap_prints_the_backtrace(cachewasm: Cachewasm, module: MakeModule) -> None:
    path = module("trap.wasm", TRAP)
    done = cachewasm("run", path)
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (134, b"")
    assert lines[0].startswith(f"cachewasm: {path}: error while executing at wasm backtrace:")
    assert [line.partition("!")[2] for line in lines[1:3]] == ["inner", "outer"]
    assert "unreachable" in lines[-1]


ENDLESS = '(module (func (export "_start") (loop (br 0))))'


@pytest.mark.parametrize(
    ("option", "reason"),
    [("--fuel=100000", "all fuel consumed by WebAssembly"), ("--timeout=0.05s", "interrupt")],
)
def test_run_limited_program_without_an_end_traps(
    cachewasm: Cachewasm, module: MakeModule, option: str, reason: str
) -> None:
    done = cachewasm("run", option, module("endless.wasm", ENDLESS))
    assert done.returncode == 134
    assert done.stderr.decode().splitlines()[-1] == f"    wasm trap: {reason}"


def test_run_program_within_its_limits_is_left_alone(
    cachewasm: Cachewasm, module: MakeModule
) -> None:
    path = module("echo.wasm", ECHO)
    done = cachewasm("run", "--fuel", "1000000", "--timeout", "1h", path, "one")
    assert (done.returncode, done.stdout) == (0, b"echo.wasm\0one\0")


@pytest.mark.parametrize("option", ["consume_fuel", "epoch_interruption"])
def test_run_program_without_a_limit_is_left_alone(
    cachewasm: Cachewasm, module: MakeModule, option: str
) -> None:
    done = cachewasm("run", "-C", option, module("echo.wasm", ECHO), "one")
    assert (done.returncode, done.stdout) == (0, b"echo.wasm\0one\0")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("-C", "consume_fuel=maybe"), "the option consume_fuel is true or false"),
        (("--fuel", "-1"), "--fuel needs a number from 0"),
        (("--fuel", str(2**64)), "--fuel needs a number from 0"),
        (("--timeout", "5"), "--timeout: '5' is not a duration"),
    ],
)
def test_run_wrong_limit_is_wrong_usage(
    cachewasm: Cachewasm, option: tuple[str, str], message: str
) -> None:
    done = cachewasm("run", *option, "absent.wasm")
    assert done.returncode == 2
    assert message in done.stderr.decode()


@pytest.mark.parametrize("tier", ["baseline", "optimized"])
def test_run_interrupted_program_dies_of_the_signal(
    console_script: str, module: MakeModule, tier: str
) -> None:
    command = [console_script, "run", "--strategy", tier, str(module("spin.wasm", SPIN))]
    # A process of a non-interactive shell's background job would ignore the signal, and so would
    # its children: start from the default.
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(7) == b"running"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == -signal.SIGINT
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (("add", "2", "0x28"), "42\n"),
        (("add", "4294967295", "-1"), "-2\n"),
        (("pair", "-0x8000000000000000", "0.1"), "0.1\n-9223372036854775808\n"),
        (("half", "-inf"), "-inf\n"),
        (("half", "3"), "1.5\n"),
        (("nothing",), ""),
        (("is_ready",), "1\n"),
    ],
)
def test_run_invoke_prints_one_result_per_line(
    cachewasm: Cachewasm, module: MakeModule, arguments: tuple[str, ...], printed: str
) -> None:
    name, *values = arguments
    done = cachewasm("run", "--invoke", name, module("library.wasm", LIBRARY), *values)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, printed, b"")


def test_run_invoke_nan_passes_through(cachewasm: Cachewasm, module: MakeModule) -> None:
    done = cachewasm("run", "--invoke", "half", module("library.wasm", LIBRARY), "nan")
    assert math.isnan(float(done.stdout))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("add", "1"), 2, "`add` takes 2 arguments, not 1"),
        (("add", "1", "x"), 2, "`add`: 'x' is not a value of type i32"),
        (("opaque", "x"), 2, "`opaque`: a value of type externref cannot be given"),
        (("memory",), 1, "no function `memory` is exported: the exported functions are"),
    ],
)
def test_run_invoke_mistake_is_named(
    cachewasm: Cachewasm,
    module: MakeModule,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    name, *values = arguments
    done = cachewasm("run", "--invoke", name, module("library.wasm", LIBRARY), *values)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (code, b"", 1)
    assert message in done.stderr.decode()


def test_run_library_without_a_name_lists_its_functions(
    cachewasm: Cachewasm, module: MakeModule
) -> None:
    path = module("library.wasm", LIBRARY)
    done = cachewasm("run", path)
    assert done.returncode == 1
    assert done.stderr.decode() == (
        f"cachewasm: {path}: no function `_start` is exported: the exported functions are "
        "_initialize, is_ready, add, pair, half, nothing, opaque; call one with --invoke\n"
    )


def test_run_start_of_another_type_is_refused(cachewasm: Cachewasm, module: MakeModule) -> None:
    path = module("m.wasm", '(module (func (export "_start") (result i32) (i32.const 1)))')
    done = cachewasm("run", path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == (
        f"cachewasm: {path}: `_start` has the type [] -> [i32], not [] -> []\n"
    )


def test_run_missing_import_is_named(cachewasm: Cachewasm, module: MakeModule) -> None:
    path = module("m.wasm", '(module (import "env" "f" (func)) (func (export "_start")))')
    done = cachewasm("run", path)
    assert done.returncode == 1
    assert done.stderr.decode() == (
        f"cachewasm: {path}: unknown import: `env::f` has not been defined\n"
    )


def test_run_unreadable_file_is_one_line(cachewasm: Cachewasm, tmp_path: Path) -> None:
    for path, message in (
        (tmp_path / "absent", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ):
        done = cachewasm("run", path)
        assert (done.returncode, done.stderr.decode()) == (1, f"cachewasm: {path}: {message}\n")


def test_run_malformed_module_is_one_line_with_the_place(
    cachewasm: Cachewasm, tmp_path: Path
) -> None:
    path = tmp_path / "bad.wasm"
    path.write_bytes(b"\0asm\1\0\0\0\x7f")
    done = cachewasm("run", path)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert done.stderr.decode().startswith(f"cachewasm: {path}: ")
    assert done.stderr.decode().endswith(" (at offset 0x8)\n")


def test_run_missing_directory_is_named(cachewasm: Cachewasm, module: MakeModule) -> None:
    done = cachewasm("run", "--dir", "/absent", module("exit.wasm", EXIT))
    assert done.returncode == 1
    assert done.stderr.decode().startswith("cachewasm: --dir /absent: failed to add preopen dir")


def test_run_results_on_a_full_device_are_an_error(console_script: str, module: MakeModule) -> None:
    command = [console_script, "run", "--invoke", "add", str(module("l.wasm", LIBRARY)), "1", "2"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"cachewasm: No space left on device\n")


def test_run_second_time_comes_from_the_cache(
    cachewasm: Cachewasm, module: MakeModule, cache_dir: Path
) -> None:
    path = module("exit.wasm", EXIT)

    def entries() -> dict[str, int]:
        found = (file for file in (cache_dir / "entries").rglob("*") if file.is_file())
        return {file.name: file.stat().st_ino for file in found}

    assert cachewasm("run", "--cache-dir", cache_dir, path).returncode == 7
    cold = entries()
    assert cachewasm("run", "--cache-dir", cache_dir, path).returncode == 7
    assert len(cold) == 2  # the module and the support image
    assert entries() == cold


def test_run_without_cache_stores_nothing(
    cachewasm: Cachewasm, module: MakeModule, cache_dir: Path
) -> None:
    environment = {**os.environ, "CACHEWASM_DIR": str(cache_dir)}
    done = cachewasm("run", "--no-cache", module("exit.wasm", EXIT), env=environment)
    assert done.returncode == 7
    assert not cache_dir.exists()


def test_run_warm_imports_nothing_expensive(
    console_script: str, module: MakeModule, cachewasm: Cachewasm
) -> None:
    path = module("exit.wasm", EXIT)
    assert cachewasm("run", path).returncode == 7
    python = Path(console_script).parent / "python"
    script = (
        "import sys; before = set(sys.modules); from cachewasm_cli.main import main;"
        "main(['run', sys.argv[1]]);"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([python, "-P", "-c", script, path], capture_output=True, check=True)
    heavy = {"argparse", "dataclasses", "json", "llvmlite", "logging", "pathlib", "tempfile"}
    heavy |= {"subprocess", "threading", "traceback", "typing"}
    assert heavy.isdisjoint(done.stdout.decode().split())
