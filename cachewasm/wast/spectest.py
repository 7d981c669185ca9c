"""The host module `spectest` that every script may import from, as the reference interpreter has it.

What its functions are given to print goes nowhere: scripts assert results, not output.
"""

from cachewasm.runtime.global_ import Global
from cachewasm.runtime.linker import Linker
from cachewasm.runtime.memory import Memory
from cachewasm.runtime.store import Store
from cachewasm.runtime.table import Table
from cachewasm.wasm.types import (
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
)

NAME = "spectest"

_PRINTS = (
    ("print", ()),
    ("print_i32", (I32,)),
    ("print_i64", (I64,)),
    ("print_f32", (F32,)),
    ("print_f64", (F64,)),
    ("print_i32_f32", (I32, F32)),
    ("print_f64_f64", (F64, F64)),
)
_GLOBALS = (
    ("global_i32", I32, 666),
    ("global_i64", I64, 666),
    ("global_f32", F32, 666.6),
    ("global_f64", F64, 666.6),
)


def define(linker: Linker, store: Store) -> None:
    """Define the module in `linker`, with a memory, a table and globals of `store`."""
    for name, params in _PRINTS:
        linker.define_func(NAME, name, FuncType(params, ()), _print)
    for name, type, value in _GLOBALS:
        linker.define(store, NAME, name, Global(store, GlobalType(type, False), value))
    table = Table(store, TableType(FUNCREF, Limits(10, 20)), None)
    linker.define(store, NAME, "table", table)
    linker.define(store, NAME, "memory", Memory(store, MemoryType(Limits(1, 2))))


def _print(*values: object) -> None:
    pass
