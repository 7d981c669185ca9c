"""Traps: code, message and frames as the oracle has them, in both tiers; and what they leave behind.

Offsets in frames count bytes of the wasm binary, so the oracle's must be equal to the byte.
"""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cachewasm

TRAPS = {
    "unreachable": "unreachable",
    "divide": "(drop (i32.div_s (i32.const 1) (global.get $zero)))",
    "divide_unsigned": "(drop (i32.div_u (i32.const 1) (global.get $zero)))",
    "remainder": "(drop (i32.rem_s (i32.const 1) (global.get $zero)))",
    "divide64": "(drop (i64.div_u (i64.const 1) (i64.extend_i32_s (global.get $zero))))",
    "remainder64": "(drop (i64.rem_u (i64.const 1) (i64.extend_i32_s (global.get $zero))))",
    "overflow": "(drop (i32.div_s (i32.const 0x80000000) (global.get $minus)))",
    "overflow64": (
        "(drop (i64.div_s (i64.const 0x8000000000000000) (i64.extend_i32_s (global.get $minus))))"
    ),
    "conversion_nan": "(drop (i32.trunc_f64_s (global.get $nan)))",
    "conversion_range": "(drop (i32.trunc_f64_u (global.get $huge)))",
    "conversion64_nan": "(drop (i64.trunc_f32_s (f32.demote_f64 (global.get $nan))))",
    "conversion64_range": "(drop (i64.trunc_f64_s (global.get $huge)))",
    "load": "(drop (i32.load offset=65533 (global.get $zero)))",
    "load_high": "(drop (i64.load (global.get $minus)))",
    "load_offset": "(drop (i32.load8_u offset=0xffffffff (global.get $minus)))",
    "store": "(i32.store16 offset=65535 (global.get $zero) (i32.const 1))",
    "store64": "(i64.store (i32.add (global.get $zero) (i32.const 65529)) (i64.const 1))",
    "memory_copy": "(memory.copy (i32.const 65530) (global.get $zero) (i32.const 7))",
    "memory_fill": "(memory.fill (global.get $minus) (i32.const 1) (i32.const 1))",
    "memory_init": "(memory.init $data (global.get $zero) (i32.const 2) (i32.const 3))",
    "table_get": "(drop (table.get $table (global.get $minus)))",
    "table_set": "(table.set $table (i32.const 4) (ref.null func))",
    "table_copy": "(table.copy (i32.const 3) (global.get $zero) (i32.const 2))",
    "table_fill": "(table.fill $table (i32.const 3) (ref.null func) (i32.const 2))",
    "table_init": "(table.init $table $elem (global.get $zero) (i32.const 1) (i32.const 1))",
    "indirect_bounds": "(call_indirect (type $nothing) (global.get $minus))",
    "indirect_null": "(call_indirect (type $nothing) (global.get $zero))",
    "indirect_type": "(call_indirect (type $nothing) (i32.const 1))",
    "overflow_stack": "(call $forever)",
    "indirect_nested": "(call_indirect (type $nothing) (i32.const 2))",
}

MODULE = f"""
(module $traps
  (type $nothing (func))
  (import "" "back" (func $back))
  (memory 1)
  (global $zero (mut i32) (i32.const 0))
  (global $minus (mut i32) (i32.const -1))
  (global $nan (mut f64) (f64.const nan))
  (global $huge (mut f64) (f64.const 1e300))
  (table $table 4 funcref)
  (elem (i32.const 1) func $typed $divide_at_the_end)
  (elem $elem func $typed)
  (data $data "four")
  (func $typed (param i32))
  (func $forever (call $forever) (call $back))
  (func $divide_at_the_end (call $back)
    (global.set $zero (i32.const 0))
    (drop (i32.rem_u (i32.const 7) (global.get $zero))))
  {
    "".join(
        f'''
  (func ${name}_inner
    (local i64) (local.set 0 (i64.const {n}))
    {body})
  (func ${name}_outer (export "{name}")
    (call $back)
    (call ${name}_inner)
    (call $back))'''
        for n, (name, body) in enumerate(TRAPS.items())
    )
})
"""


@pytest.fixture(scope="module")
def expected(wasm: Callable[[str], bytes]) -> dict[str, Any]:
    """The oracle's message, code and frames of each trap."""
    script = Path(__file__).with_name("oracle_traps.py")
    done = subprocess.run(
        [sys.executable, script], input=wasm(MODULE), capture_output=True, check=True, timeout=60
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert found.keys() == TRAPS.keys()
    return found


@pytest.fixture(scope="module", params=["baseline", "optimized"])
def trapping(
    request: pytest.FixtureRequest, tier_engine: Callable[[str], Any], module: Callable[..., Any]
) -> Callable[[str], cachewasm.Trap]:
    """Calls an export of MODULE and returns its trap."""
    engine = tier_engine(request.param)
    store = cachewasm.Store(engine)
    back = cachewasm.Func(store, cachewasm.FuncType([], []), lambda: None)
    exports = cachewasm.Instance(store, module(MODULE, engine), [back]).exports(store)

    def call(name: str) -> cachewasm.Trap:
        function: Any = exports[name]
        with pytest.raises(cachewasm.Trap) as caught:
            function(store)
        return caught.value

    return call


def _frames(trap: cachewasm.Trap) -> list[list[Any]]:
    return [
        [f.func_index, f.func_name, f.module_name, f.module_offset, f.func_offset]
        for f in trap.frames
    ]


@pytest.mark.parametrize("name", [name for name in TRAPS if name != "overflow_stack"])
def test_trap_is_told_as_by_the_oracle(
    trapping: Callable[[str], cachewasm.Trap], expected: dict[str, Any], name: str
) -> None:
    message, code, frames = expected[name]
    trap = trapping(name)
    assert trap.trap_code is getattr(cachewasm.TrapCode, code)
    assert _frames(trap) == frames
    assert str(trap) == trap.message == message


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_trap_by_explicit_check_has_the_frames_of_the_oracle(
    expected: dict[str, Any], wasm: Callable[[str], bytes], strategy: str
) -> None:
    config = cachewasm.Config()
    config.strategy = strategy
    config.signals_based_traps = False
    store = cachewasm.Store(cachewasm.Engine(config))
    back = cachewasm.Func(store, cachewasm.FuncType([], []), lambda: None)
    module = cachewasm.Module(store.engine, wasm(MODULE))
    exports = cachewasm.Instance(store, module, [back]).exports(store)
    for name in [name for name in TRAPS if name != "overflow_stack"]:
        function: Any = exports[name]
        with pytest.raises(cachewasm.Trap) as caught:
            function(store)
        _, code, frames = expected[name]
        assert (caught.value.trap_code.name, _frames(caught.value)) == (code, frames), name


def test_trap_by_stack_overflow_is_told_as_by_the_oracle(
    trapping: Callable[[str], cachewasm.Trap], expected: dict[str, Any]
) -> None:
    message, code, frames = expected["overflow_stack"]
    trap = trapping("overflow_stack")
    assert trap.trap_code is getattr(cachewasm.TrapCode, code)
    # The oracle does not know the place in the innermost frame; here it is the function's start.
    assert _frames(trap)[1:] == frames[1:]
    assert trap.frames[0].func_name == "forever"
    assert trap.frames[0].func_offset == 0
    assert str(trap).splitlines()[2:] == message.splitlines()[2:]


def test_trap_through_host_calls_lists_the_frames_of_all_activations(
    store: Any, instantiate: Callable[..., Any], functype: Callable[..., Any]
) -> None:
    exports: Any = None
    text = """
    (module $host
      (import "" "again" (func $again (param i32)))
      (func $call (export "call") (param i32) (call $again (local.get 0)) (nop))
      (func $trap (export "trap") unreachable))
    """

    def again(level: int) -> None:
        if level:
            exports["call"](store, level - 1)
        else:
            exports["trap"](store)

    exports = instantiate(text, cachewasm.Func(store, functype("i32"), again))
    with pytest.raises(cachewasm.Trap) as caught:
        exports["call"](store, 2)
    # Each entry is an activation, and wasm below the host call belongs to the same backtrace.
    assert [f.func_name for f in caught.value.frames] == ["trap", "call", "call", "call"]
    assert len({f.module_offset for f in caught.value.frames[1:]}) == 1


def test_trap_frames_of_other_instances_name_their_modules(
    store: Any, instantiate: Callable[..., Any]
) -> None:
    inner = instantiate('(module $inner (func $f (export "f") unreachable))')["f"]
    outer = instantiate(
        '(module $outer (import "" "f" (func $g)) (func $h (export "h") (call $g)))', inner
    )
    with pytest.raises(cachewasm.Trap) as caught:
        outer["h"](store)
    assert [(f.module_name, f.func_name, f.func_index) for f in caught.value.frames] == [
        ("inner", "f", 0),
        ("outer", "h", 1),
    ]


def test_trap_without_names_has_none(store: Any, instantiate: Callable[..., Any]) -> None:
    with pytest.raises(cachewasm.Trap) as caught:
        instantiate('(module (func (export "f") unreachable))')["f"](store)
    (frame,) = caught.value.frames
    assert (frame.func_name, frame.module_name) == (None, None)
    assert "<unknown>!<wasm function 0>" in str(caught.value)


def test_trap_without_backtrace_says_only_why(wasm: Callable[[str], bytes]) -> None:
    config = cachewasm.Config()
    config.wasm_backtrace = False
    store = cachewasm.Store(cachewasm.Engine(config))
    text = """(module (memory 1) (func (export "f") unreachable)
                (func (export "g") (drop (i32.load (i32.const 70000)))))"""
    exports: Any = cachewasm.Instance(store, cachewasm.Module(store.engine, wasm(text)), [])
    messages = []
    for function in exports.exports(store).values():
        with pytest.raises(cachewasm.Trap) as caught:
            function(store)
        assert caught.value.frames == []
        messages.append(str(caught.value))
    fault = "memory fault at wasm address 0x11170 in linear memory of size 0x10000"
    assert messages == [
        "wasm trap: wasm `unreachable` instruction executed",
        f"{fault}\n\nCaused by:\n    wasm trap: out of bounds memory access\n",
    ]


def test_trap_in_start_function_leaves_the_store_usable(
    store: Any, instantiate: Callable[..., Any]
) -> None:
    for _ in range(3):
        with pytest.raises(cachewasm.Trap, match="unreachable"):
            instantiate("(module (func $f unreachable) (start $f))")
    assert instantiate('(module (func (export "f") (result i32) (i32.const 4)))')["f"](store) == 4


def test_trap_keeps_what_was_done_before_it(store: Any, instantiate: Callable[..., Any]) -> None:
    exports = instantiate(
        """(module (memory (export "m") 1) (global (export "g") (mut i32) (i32.const 0))
             (func (export "f") (param i32)
               (i32.store8 (i32.const 0) (i32.const 1))
               (global.set 0 (i32.const 2))
               (i32.store8 (local.get 0) (i32.const 3))
               (i32.store8 (i32.const 1) (i32.const 4))
               (global.set 0 (i32.const 5))))"""
    )
    with pytest.raises(cachewasm.Trap):
        exports["f"](store, 65536)
    assert bytes(exports["m"].read(store, 0, 2)) == b"\1\0"
    assert exports["g"].value(store) == 2


def test_trap_thousands_of_times_leaves_nothing_behind(
    trapping: Callable[[str], cachewasm.Trap],
) -> None:
    kinds = ("unreachable", "load", "overflow_stack", "indirect_null")
    for name in kinds:
        trapping(name)
    before = len(os.listdir("/proc/self/fd")), _mappings()
    for i in range(4000):
        trapping(kinds[i % 4] if i % 40 == 0 else kinds[i % 2])
    assert len(os.listdir("/proc/self/fd")) == before[0]
    # The allocator of Python may take a few arenas; an entry or a stack each time it must not.
    assert _mappings() < before[1] + 40


def _mappings() -> int:
    with open("/proc/self/maps") as maps:
        return len(maps.readlines())


def test_trap_by_memory_fault_restores_the_float_mode(
    store: Any, instantiate: Callable[..., Any]
) -> None:
    exports = instantiate(
        """(module (memory 1)
             (func (export "trap") (param i32) (drop (f64.load (local.get 0))))
             (func (export "divide") (param f64 f64) (result f64)
               (f64.div (local.get 0) (local.get 1)))
             (func (export "tiny") (param f64) (result f64)
               (f64.mul (local.get 0) (f64.const 0.5))))"""
    )
    third = 1.0 / float("3")
    for _ in range(3):
        with pytest.raises(cachewasm.Trap):
            exports["trap"](store, -8)
        assert 1.0 / float("3") == third
        assert exports["divide"](store, 1.0, 3.0) == third
        assert exports["divide"](store, 1.0, 0.0) == math.inf
        # Subnormal numbers show flush-to-zero.
        assert float("5e-324") * float("1") == 5e-324
        assert exports["tiny"](store, 1e-323) == 5e-324
