"""Python programs that may crash, be killed or run out of something: each in a process of its own."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest
import wasmtime

import cachewasm

PRELUDE = """\
import gc, os, sys, threading
import cachewasm
from cachewasm import Caller, Config, Engine, Func, FuncType, Global, GlobalType, Instance
from cachewasm import Limits, Linker, Memory, MemoryType, Module, Store, Table, TableType, Trap
from cachewasm import ValType, WasmtimeError
i32 = ValType.i32()

def instantiate(store, name, *imports):
    return Instance(store, Module(store.engine, WASM[name]), imports).exports(store)

def mappings():
    with open("/proc/self/maps") as maps:
        return maps.readlines()

forked = []  # the children that this process has forked, if somebody asks for it

def list_forks():
    fork = os.fork
    def listed():
        pid = fork()
        if pid:
            forked.append(pid)
        return pid
    os.fork = listed

def children():
    with open(f"/proc/self/task/{os.getpid()}/children") as listed:
        return [int(child) for child in listed.read().split()]

def told_of(pid):
    told = ["forked here" if pid in forked else "not forked here"]
    for name in ("stat", "cmdline", "wchan"):
        try:
            with open(f"/proc/{pid}/{name}") as file:
                told.append(file.read().replace("\\0", " "))
        except OSError as error:
            told.append(str(error))
    return told

def check_children(*expected):
    found = children()
    assert found == list(expected), (expected, forked, {pid: told_of(pid) for pid in found})
"""

# Under emulation (tests/aarch64/).
SLOWER = 5 if "AARCH64_EMULATED" in os.environ else 1
RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def run_python() -> RunPython:
    """Runs a program with `WASM[name]` for each text given, after the prelude above.

    The modules are compiled beforehand into the session's cache. It must end within `timeout` seconds,
    which is long: a loaded machine gives a process of low priority a hundredth of a processor. With
    `check` it must also end with exit code 0, and what it printed is in `.stdout`.
    """
    engine = cachewasm.Engine()
    cachewasm.Store(engine)  # the support image is in the cache from now on

    def run(
        program: str,
        *,
        options: tuple[str, ...] = ("-X", "faulthandler"),
        check: bool = True,
        compiled: bool = True,
        timeout: float = 600,
        shell: str = "",
        **texts: str,
    ) -> "subprocess.CompletedProcess[str]":
        modules = {name: bytes(wasmtime.wat2wasm(text)) for name, text in texts.items()}
        if compiled:
            for wasm in modules.values():
                cachewasm.Module(engine, wasm)
        source = f"WASM = {modules!r}\n{PRELUDE}\n{textwrap.dedent(program)}"
        command = [sys.executable, "-W", "error", *options, "-"]
        if shell:
            command = ["/bin/sh", "-c", f'{shell}; exec "$@"', "sh", *command]
        done = subprocess.run(
            command,
            input=source,
            capture_output=True,
            text=True,
            timeout=timeout * SLOWER,
            env={**os.environ, "PYTHONFAULTHANDLER": ""},
        )
        if check:
            assert done.returncode == 0, f"exit code {done.returncode}\n{done.stderr}"
            assert done.stderr == ""
        return done

    return run
