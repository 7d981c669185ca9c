"""gdb on AArch64: functions of mapped code by name, with the wasm offset as the line.

The emulator lets a debugger in over a socket, which reads memory and registers and sets breakpoints as it
does on a machine. It needs a gdb for AArch64 that runs here: Debian's gdb-multiarch, or the one of `python3
tests/aarch64/set_up.py --tools`.
"""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime

import cachewasm
from cachewasm.runtime import kept
from tests.aarch64.conftest import EMULATED, ROOT, Emulated
from tests.aarch64.either_side import AARCH64, TIERS
from tests.e2e.test_gdb import FIB, TEXT

DEBUGGED = ROOT / "tests" / "e2e" / "debugged.py"
SYSTEM = EMULATED.parent.parent / "root"

Debug = Callable[..., str]


@pytest.fixture
def debug(emulated: Emulated, tmp_path: Path) -> Debug:
    """Runs debugged.py under emulation with gdb at it; what gdb prints of some commands.

    The code comes from the session's cache: a child that compiles would wait for a debugger, too.
    """
    gdb = shutil.which("gdb-multiarch") or shutil.which(EMULATED.with_name("gdb-multiarch"))
    if gdb is None:
        pytest.skip("no gdb-multiarch: run `python3 tests/aarch64/set_up.py --tools`")
    wasm = tmp_path / "fibs.wasm"
    wasm.write_bytes(wasmtime.wat2wasm(TEXT))

    def run(strategy: str, *commands: str) -> str:
        config = cachewasm.Config()
        config.strategy, config.target, config.debug_info = strategy, AARCH64, True
        engine = cachewasm.Engine(config)
        kept.keep_support(engine, AARCH64)
        kept.keep(engine, wasm.read_bytes())
        with socket.create_server(("localhost", 0)) as free:
            port = free.getsockname()[1]
        set_up = (
            *("set debuginfod enabled off", "set breakpoint pending on", "set confirm off"),
            *(f"file {SYSTEM}/usr/bin/python3.11", f"set sysroot {SYSTEM}"),
            # Libraries elsewhere are looked for under the working directory, if there is any path.
            *("cd /", "set solib-search-path /"),
            f"target remote localhost:{port}",
        )
        options = [f"-ex={command}" for command in (*set_up, *commands, "kill")]
        variables = {"QEMU_GDB": str(port), "CACHEWASM_MODE": "must-hit"}
        with subprocess.Popen(
            [EMULATED, DEBUGGED, strategy, wasm],
            env={**os.environ, **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                # gdb tries to connect until the emulator listens.
                done = subprocess.run(
                    [gdb, "-batch", "-nx", *options],
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=300,
                )
            finally:
                process.kill()
        return done.stdout

    return run


@pytest.mark.parametrize("strategy", TIERS)
def test_gdb_backtrace_there_names_wasm_functions_and_what_is_around_them(
    debug: Debug, strategy: str
) -> None:
    # The function of Python that wasm calls sends a signal.
    shown = debug(strategy, "break kill", "continue", "bt 60")
    wasm = bytes(wasmtime.wat2wasm(TEXT))
    again, inner, stop = (wasm.index(code) for code in (b"\x10\x02", b"\x10\x01", b"\x10\x00"))
    frames = re.findall(r"^#\d+ +(?:0x\w+ in )?(\S+) \(.*?\)(?: at (\S+))?", shown, re.MULTILINE)
    names = [name for name, _ in frames]
    assert "cachewasm::host_call" in names, shown
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
    assert start > 0 and names[-1] == "_start"


def test_gdb_breaks_there_at_a_wasm_function_and_steps_through_its_instructions(
    debug: Debug,
) -> None:
    shown = debug("baseline", f"break {FIB}", "continue", "info symbol $pc", "step", "bt 1")
    again = bytes(wasmtime.wat2wasm(TEXT)).index(b"\x10\x02")
    assert f"Breakpoint 1, {FIB} () at fibs.wasm:" in shown, shown
    assert re.search(rf"^{re.escape(FIB)} in section \.text of", shown, re.MULTILINE)
    assert re.search(rf"^#0 .*{re.escape(FIB)} \(\) at fibs\.wasm:{again}$", shown, re.MULTILINE)
