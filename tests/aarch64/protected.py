"""Code with and without marks for indirect branches; run under emulation by test_branch_protection.py.

    python protected.py TIER

A line per case: whether the code has marks, what was asked, what came of it. The code comes from a
cache, where `keep` has put it.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from typing import Any

import cachewasm
from cachewasm.runtime import kept

AARCH64 = "aarch64-unknown-linux-gnu"
RET = (0xD65F03C0).to_bytes(4, "little")
# A table of jumps, calls through a table and out to Python, exceptions that cross frames, traps.
TEXT = """
(module
  (type $unary (func (param i32) (result i32)))
  (import "" "host" (func $host (param i32)))
  (tag $thrown (param i32))
  (memory 1)
  (table 3 funcref) (elem (i32.const 0) $switch $throws $traps)
  (func $switch (param i32) (result i32)
    (block (block (block (block (block (block
      (br_table 0 1 2 3 4 5 (local.get 0))) (return (i32.const 10))) (return (i32.const 11)))
      (call $host (local.get 0))) (return (i32.const 12))) (return (i32.const 13)))
    (i32.const 14))
  (func $throws (param i32) (result i32) (throw $thrown (i32.mul (local.get 0) (i32.const 3))))
  (func $traps (param i32) (result i32) (i32.load offset=70000 (local.get 0)))
  (func $calls (export "calls") (param i32 i32) (result i32)
    (call_indirect (type $unary) (local.get 1) (local.get 0)))
  (func $catches (export "catches") (param i32) (result i32)
    (block $caught (result i32)
      (try_table (result i32) (catch $thrown $caught)
        (call $calls (i32.const 1) (local.get 0)))))
  (func $divides (export "divides") (param i32) (result i32)
    (i32.div_u (call $calls (i32.const 0) (local.get 0)) (i32.const 0))))
"""


def engine(tier: str, *, protected: bool, target: str | None = None) -> cachewasm.Engine:
    config = cachewasm.Config()
    config.strategy = tier
    config.branch_protection = protected
    config.wasm_exceptions = True
    if target is not None:
        config.target = target
    return cachewasm.Engine(config)


def keep(tier: str) -> None:
    """Have the cache hold the module in both forms."""
    for protected in (False, True):
        made = engine(tier, protected=protected, target=AARCH64)
        kept.keep_support(made, AARCH64)
        kept.keep(made, cachewasm.wat2wasm(TEXT))


def told(call: Callable[[], int]) -> str:
    """A result, or a trap with its frames."""
    try:
        return str(call())
    except cachewasm.Trap as trap:
        frames = ((frame.func_index, frame.func_offset) for frame in trap.frames)
        return f"{trap.trap_code.name} {list(frames)}"


def branch(address: int) -> str:
    """What a child dies of that calls an address: a number of a signal, or 0."""
    child = os.fork()
    if not child:
        # The emulator says by which signal a process has died.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        # SAFETY: there is a `ret` at the address, so the call returns, or else the child dies.
        ctypes.CFUNCTYPE(None)(address)()
        os._exit(0)
    return str(os.WTERMSIG(os.waitpid(child, 0)[1]))


def run(tier: str) -> None:
    wasm = cachewasm.wat2wasm(TEXT)
    for protected in (False, True):
        store = cachewasm.Store(engine(tier, protected=protected))
        module = cachewasm.Module(store.engine, wasm)
        again: list[Any] = []

        def back(value: int, again: list[Any] = again, store: cachewasm.Store = store) -> None:
            again[0](store, 5)

        host = cachewasm.Func(store, cachewasm.FuncType([cachewasm.ValType.i32()], []), back)
        exports: Any = cachewasm.Instance(store, module, [host]).exports(store)
        again.append(exports["divides"])
        cases = {
            "switch": lambda exports=exports, store=store: [
                exports["calls"](store, 0, value) for value in (0, 1, 3, 5)
            ],
            "throw": lambda exports=exports, store=store: exports["catches"](store, 14),
            "load": lambda exports=exports, store=store: exports["calls"](store, 2, 1),
            "divide": lambda exports=exports, store=store: exports["divides"](store, 1),
            "nested": lambda exports=exports, store=store: exports["divides"](store, 2),
        }
        for name, case in cases.items():
            print(protected, name, told(case))
        start, size = module._info.code_ranges[:2]
        text = module._image.text + start
        # SAFETY: the range is that of a function in the module's text, which is mapped.
        inside = ctypes.string_at(text, size).index(RET)
        print(protected, "branch", branch(text + inside))


if __name__ == "__main__":
    run(sys.argv[1])
