"""gdb on a live process: functions of mapped code by name, with the wasm offset as the line."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime

TEXT = """
(module $fibs
  (import "" "stop" (func $stop (param i32)))
  (func $inner (param i32)
    (call $stop (i32.add (local.get 0) (i32.const 1))) (nop))
  (func $fib (export "fib") (param i32) (result i32)
    (if (local.get 0) (then (drop (call $fib (i32.sub (local.get 0) (i32.const 1))))))
    (call $inner (i32.const 5)) (local.get 0)))
"""
FIB = "wasm[0]::function[2]::fib"
NOWHERE = r"ptrace|Operation not permitted|Cannot (run|insert)|Couldn't get registers"

Debug = Callable[..., str]


@pytest.fixture
def debug(tmp_path: Path) -> Debug:
    """Runs debugged.py in gdb with some commands; what gdb and the program have printed."""
    if shutil.which("gdb") is None:
        pytest.skip("gdb is not installed")
    path = tmp_path / "fibs.wasm"
    path.write_bytes(wasmtime.wat2wasm(TEXT))

    def run(strategy: str, *commands: str) -> str:
        set_up = ("set debuginfod enabled off", "set breakpoint pending on", "set confirm off")
        options = [f"-ex={command}" for command in (*set_up, *commands)]
        program = [sys.executable, Path(__file__).with_name("debugged.py"), strategy, path]
        done = subprocess.run(
            ["gdb", "-batch", "-nx", *options, "--args", *program],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if re.search(NOWHERE, done.stdout + done.stderr):
            pytest.skip("gdb may not run programs here")
        return done.stdout

    return run


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_gdb_backtrace_names_wasm_functions_and_what_is_around_them(
    debug: Debug, strategy: str
) -> None:
    shown = debug(strategy, "handle SIGUSR1 stop nopass", "run", "bt", "info symbol $pc", "kill")
    wasm = bytes(wasmtime.wat2wasm(TEXT))
    again, inner, stop = (wasm.index(code) for code in (b"\x10\x02", b"\x10\x01", b"\x10\x00"))
    frames = re.findall(r"^#\d+ +(?:0x\w+ in )?(\S+) \(.*?\)(?: at (\S+))?", shown, re.MULTILINE)
    names = [name for name, _ in frames]
    start = names.index("cachewasm::host_call")
    assert frames[start : start + 8] == [
        ("cachewasm::host_call", ""),
        ("wasm[0]::host_stub[0]", ""),
        ("wasm[0]::function[1]::inner", f"fibs.wasm:{stop}"),
        (FIB, f"fibs.wasm:{inner}"),
        (FIB, f"fibs.wasm:{again}"),
        ("wasm[0]::thunk[1]", ""),
        ("cachewasm::invoke", ""),
        ("cachewasm::func_vectorcall", ""),
    ]
    # The frames of the interpreter, on either side.
    assert start > 0 and names[-1] in ("_start", "main")


def test_gdb_breaks_at_a_wasm_function_and_steps_through_its_instructions(debug: Debug) -> None:
    shown = debug("baseline", f"break {FIB}", "run", "info symbol $pc", "step", "bt 1", "kill")
    wasm = bytes(wasmtime.wat2wasm(TEXT))
    assert f"Breakpoint 1, {FIB} () at fibs.wasm:" in shown
    assert re.search(rf"^{re.escape(FIB)} in section \.text of", shown, re.MULTILINE)
    again = wasm.index(b"\x10\x02")
    assert re.search(rf"^#0 .*{re.escape(FIB)} \(\) at fibs\.wasm:{again}$", shown, re.MULTILINE)


def test_gdb_lets_the_program_end(debug: Debug) -> None:
    shown = debug("optimized", "handle SIGUSR1 nostop noprint pass", "run")
    assert "fib: 1\n" in shown
    assert "exited normally" in shown


WAITING = """
import sys, cachewasm
config = cachewasm.Config()
config.debug_info = True
module = cachewasm.Module(cachewasm.Engine(config), "(module (func $found_later (nop)))")
print("ready", flush=True)
sys.stdin.read()
"""


def test_gdb_that_attaches_later_finds_what_is_mapped_already() -> None:
    if shutil.which("gdb") is None:
        pytest.skip("gdb is not installed")
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", WAITING], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        off, functions = "set debuginfod enabled off", "info functions ^wasm.*found_later"
        command = ["gdb", "-batch", "-nx", f"-ex={off}", f"-p={process.pid}", f"-ex={functions}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        process.communicate()
    if re.search(NOWHERE, done.stdout + done.stderr):
        pytest.skip("gdb may not attach here")
    assert "wasm[0]::function[0]::found_later" in done.stdout


def test_gdb_on_the_command_knows_compiled_code(tmp_path: Path) -> None:
    if shutil.which("gdb") is None:
        pytest.skip("gdb is not installed")
    wasm, code = tmp_path / "known.wat", tmp_path / "known.cwasm"
    wasm.write_text('(module (func $known (export "_start") (nop)))')
    command = [sys.executable, "-m", "cachewasm_cli"]
    compiled = [*command, "compile", "--debug-info", "-o", code, wasm]
    subprocess.run(compiled, check=True, timeout=60)
    options = ["set debuginfod enabled off", "set breakpoint pending on", "set confirm off"]
    options += ["break wasm[0]::function[0]::known", "run", "kill"]
    gdb = ["gdb", "-batch", "-nx", *(f"-ex={option}" for option in options), "--args"]
    program = [*command, "run", "--debug-info", code]
    done = subprocess.run(
        [*gdb, *program], capture_output=True, text=True, check=False, timeout=300
    )
    if re.search(NOWHERE, done.stdout + done.stderr):
        pytest.skip("gdb may not run programs here")
    assert "Breakpoint 1, wasm[0]::function[0]::known () at module.wasm:" in done.stdout
