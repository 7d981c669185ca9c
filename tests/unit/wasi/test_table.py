"""The table of functions, the error numbers, and what importing them costs."""

import errno as host
import subprocess
import sys

import pytest

from cachewasm.errors import CachewasmError
from cachewasm.wasi import errno
from cachewasm.wasi.ctx import WasiCtx
from cachewasm.wasi.memory import GuestMemory
from cachewasm.wasi.preview1.table import FUNCTIONS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_table_every_row_has_its_implementation(name):
    function = FUNCTIONS[name]
    assert callable(function._load())
    assert function.name == name
    assert len(function.type.result_types) == (0 if name == "proc_exit" else 1)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
        ("fd_seek", "i32 i64 i32 i32"),
        ("sched_yield", ""),
    ],
)
def test_table_types_are_those_of_the_specification(name, params):
    assert " ".join(map(str, FUNCTIONS[name].type.param_types)) == params


def test_call_takes_signed_integers_as_the_function_wants_them():
    memory = bytearray(64)
    mem = GuestMemory(memoryview(memory), lambda: 64)
    with WasiCtx() as ctx:
        assert FUNCTIONS["fd_tell"](ctx, mem, -1, 0) == errno.BADF
        assert FUNCTIONS["args_sizes_get"](ctx, mem, -4, 0) == errno.FAULT


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "success"),
        (1, "2big"),
        (8, "badf"),
        (21, "fault"),
        (28, "inval"),
        (44, "noent"),
        (54, "notdir"),
        (58, "notsup"),
        (63, "perm"),
        (76, "notcapable"),
    ],
)
def test_errno_numbers_are_those_of_the_specification(number, name):
    assert str(errno.WasiError(number)) == name
    assert isinstance(errno.WasiError(number), CachewasmError)


@pytest.mark.parametrize(
    ("number", "wasi"),
    [
        (host.E2BIG, 1),
        (host.EWOULDBLOCK, 6),
        (host.ENOENT, 44),
        (host.EOPNOTSUPP, 58),
        (host.EPIPE, 64),
        (host.EXDEV, 75),
        (host.ESHUTDOWN, 29),
        (None, 29),
    ],
)
def test_errno_from_host(number, wasi):
    assert errno.from_host(number) == wasi


def test_import_of_what_small_programs_use_stays_light():
    code = """
import sys, struct
before = set(sys.modules)
import cachewasm.wasi.config, cachewasm.wasi.memory
from cachewasm.wasi.preview1.table import FUNCTIONS
for name in ("args_get", "fd_read", "fd_write", "path_open", "proc_exit"):
    FUNCTIONS[name]._load()
print(*{m for m in set(sys.modules) - before if not m.startswith("cachewasm")})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"errno", "_operator"}
