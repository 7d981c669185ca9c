"""Backtraces: stacks of many shapes and names of every kind as the oracle tells them; their depth."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cachewasm
from cachewasm.abi.vmctx import MAX_BACKTRACE
from cachewasm.engine.config import OPTIONS
from cachewasm.runtime.demangle import demangle
from cachewasm.runtime.frames import NO_OFFSET

pytestmark = pytest.mark.usefixtures("own")

DEEP = """
(module $deep
  (import "" "back" (func $back))
  (func $down (export "down") (param i32)
    (if (i32.eqz (local.get 0)) (then (call $back) unreachable))
    (call $down (i32.sub (local.get 0) (i32.const 1)))))
"""


def told_by(*arguments: str) -> dict[str, Any]:
    script = Path(__file__).with_name("backtraces.py")
    done = subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, check=True, timeout=60
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def oracle() -> dict[str, Any]:
    return told_by("wasmtime")


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_backtraces_of_every_shape_are_those_of_the_oracle(
    oracle: dict[str, Any], strategy: str
) -> None:
    assert told_by("cachewasm", strategy) == oracle
    assert len(oracle) == 41


def trap_of(config: cachewasm.Config, wasm: Callable[[str], bytes], depth: int) -> cachewasm.Trap:
    store = cachewasm.Store(cachewasm.Engine(config))
    back = cachewasm.Func(store, cachewasm.FuncType([], []), lambda: None)
    module = cachewasm.Module(store.engine, wasm(DEEP))
    function: Any = cachewasm.Instance(store, module, [back]).exports(store)["down"]
    with pytest.raises(cachewasm.Trap) as caught:
        function(store, depth)
    return caught.value


@pytest.mark.parametrize("limit", [1, 20, 21, 64, MAX_BACKTRACE])
def test_backtrace_lists_as_many_frames_as_configured(
    wasm: Callable[[str], bytes], limit: int
) -> None:
    config = cachewasm.Config()
    config.wasm_backtrace_max_frames = limit
    assert len(trap_of(config, wasm, limit // 2).frames) == limit // 2 + 1
    trap = trap_of(config, wasm, MAX_BACKTRACE + 100)
    assert len(trap.frames) == limit
    assert {frame.func_name for frame in trap.frames} == {"down"}
    assert len(str(trap).splitlines()) == limit + 4


def test_backtrace_of_no_frames_says_only_why(wasm: Callable[[str], bytes]) -> None:
    config = cachewasm.Config()
    config.wasm_backtrace_max_frames = None
    trap = trap_of(config, wasm, 3)
    assert trap.frames == []
    assert str(trap) == "wasm trap: wasm `unreachable` instruction executed"


@pytest.mark.parametrize("limit", [0, -1, MAX_BACKTRACE + 1])
def test_backtrace_depth_beyond_its_bounds_is_refused(limit: int) -> None:
    config = cachewasm.Config()
    message = f"wasm_backtrace_max_frames must be from 1 to {MAX_BACKTRACE}, or None"
    with pytest.raises(cachewasm.WasmtimeError, match=message):
        config.wasm_backtrace_max_frames = limit
    assert config.wasm_backtrace_max_frames == 20


def test_backtrace_depth_is_bounded_by_what_a_trap_notes() -> None:
    assert getattr(OPTIONS["wasm_backtrace_max_frames"], "maximum", None) == MAX_BACKTRACE


@pytest.mark.parametrize("limit", [True, "20", 1.0])
def test_backtrace_depth_of_another_type_is_refused(limit: Any) -> None:
    config = cachewasm.Config()
    with pytest.raises(TypeError, match="expected an int or None"):
        config.wasm_backtrace_max_frames = limit


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_backtrace_without_address_map_has_no_offsets(
    wasm: Callable[[str], bytes], strategy: str
) -> None:
    config = cachewasm.Config()
    config.strategy = strategy
    config.generate_address_map = False
    trap = trap_of(config, wasm, 1)
    assert [(f.func_name, f.module_name, f.func_index) for f in trap.frames] == [
        ("down", "deep", 1),
        ("down", "deep", 1),
    ]
    assert {(f.module_offset, f.func_offset) for f in trap.frames} == {(NO_OFFSET, NO_OFFSET)}
    assert str(trap).splitlines()[1:3] == ["    0: deep!down", "    1: deep!down"]
    assert repr(trap.frames[0]) == "<Frame 1 down in deep>"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_ZN3foo17h0123456789abcdefE", "foo::h0123456789abcdef"),
        ("_ZN3foo17h0123456789abcdefE.llvm.1F@", "foo::h0123456789abcdef"),
        ("_ZN3foo17h0123456789abcdefE.llvm.x", "foo::h0123456789abcdef.llvm.x"),
        ("_ZN3foo17h0123456789abcdefE.cold", "foo::h0123456789abcdef.cold"),
        ("_RNvC1a1b", "a::b"),
        ("_RNvC1a1b.llvm.1F", "a::b"),
        ("_RNvC1a1b.cold", "a::b.cold"),
        ("_RNvCsbmNqQUJIY6D_7mycrate3foo", "mycrate[846817f741e54dfd]::foo"),
        ("_RNvMNtCs1234_7mycrate3fooNtB2_3Bar3new", "<mycrate[3c1c0]::foo::Bar>::new"),
        ("_RNCNvC7mycrate4main0B3_", "mycrate::main::{closure#0}"),
        ("_RNvNCNvC1a1bs_011FIRST_PANIC", "a::b::{closure#1}::FIRST_PANIC"),
        ("_RINvC1a1fTmEEC1b", "a::f::<(u32,)>"),
        (
            "_RINvC1a1fAhj3_ReQShPiOzE",
            "a::f::<[u8; 3usize], &str, &mut [u8], *const isize, *mut !>",
        ),
        ("_RINvC1a1fKj5_Kan80_Kb1_KpE", "a::f::<5usize, -128i8, true, _>"),
        ("_RINvC1a1fKo10000000000000000_E", "a::f::<0x10000000000000000u128>"),
        ("_RINvC1a1fL_FUKCmEuE", 'a::f::<\'_, unsafe extern "C" fn(u32)>'),
        ("_RINvC1a1fFG_RL0_hRL_hEmE", "a::f::<for<'a> fn(&'a u8, &u8) -> u32>"),
        ("_RINvC1a1fDNtC1b1TNtB2_1SEL_E", "a::f::<dyn b::T + a::S>"),
        ("_RINvC1a1fDINtC1b1IhEp4ItemmEL_E", "a::f::<dyn b::I<u8, Item = u32>>"),
        ("_RNvXC1ahNtB2_1T1f", "<u8 as a::T>::f"),
        ("_RNvYhNtC1a1T1f", "<u8 as a::T>::f"),
        (
            "_ZN35_$LT$impl$u20$core..fmt$u20$i32$GT$3fmt17h0123456789abcdefE",
            "<impl core::fmt i32>::fmt::h0123456789abcdef",
        ),
        ("_ZN6a$C$$x17h0123456789abcdefE", "a,$x::h0123456789abcdef"),
        ("_ZN6$ud8$b17h0123456789abcdefE", "\xd8b::h0123456789abcdef"),
        ("_ZN8$ud800$b17h0123456789abcdefE", "$ud800$b::h0123456789abcdef"),
    ],
)
def test_demangle_rust_name_is_readable(name: str, expected: str) -> None:
    assert demangle(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        "main",
        "_ZN",
        "_ZNE",
        "_ZN3fooE",
        "_ZN3foo3barEv",
        "_ZN17h0123456789abcdefE",
        "_ZN99foo17h0123456789abcdefE",
        "_ZN3foo17h0123456789abcdef",
        "_ZN99999999999999999999foo",
        "_ZN2ä17h0123456789abcdefE",
        "_ZN3foo17h0123456789abcdefE$x",
        "_R",
        "_RC",
        "_RNvC1a",
        "_RNvC1a1b$x",
        "_RNvB_1b",
        "_RNvB9_1b",
        "_RNvCszzzzzzzzzzzzzz_1a1b",
        "_RINvC1a1fKc61_E",
        "_RINvC1a1fKb2_E",
        "_RINvC1a1fL0_E",
        "_RINvC1a1fFGz_EuE",
        "_RNvC1au3bcd",
        "_RNvC99999a1b",
    ],
)
def test_demangle_any_other_name_is_left_alone(name: str) -> None:
    assert demangle(name) == name


def test_demangle_long_names_takes_linear_time() -> None:
    part = "$" * 50_000
    assert demangle(f"_ZN50000{part}17h0123456789abcdefE").startswith("$$")
    assert demangle("_ZN" + "1a" * 50_000 + "17h0123456789abcdefE").startswith("a::a::a")


def test_demangle_hostile_names_are_left_alone() -> None:
    assert demangle(deep := "_RNvMC1a" + "R" * 100_000 + "h1f") == deep
    assert demangle(long := "_RINvC1a1f" + "T" * 50 + "E" * 51) != long
    for before, after in (("_R", ""), ("_RNvM", "h1f")):
        assert demangle(few := _doubling(before, after, 3)) != few
        assert demangle(many := _doubling(before, after, 60)) == many


def _doubling(before: str, after: str, times: int) -> str:
    """A name with `times` tuples, each of which has the one before it twice."""
    name, last = f"{before}INvC1a1f", "ThhE"
    for _ in range(times):
        place = _in_base_62(len(name) - len("_R"))
        name, last = name + last, f"TB{place}B{place}E"
    name += last
    return f"{name}E{after}"


def _in_base_62(number: int) -> str:
    if not number:
        return "_"
    number -= 1
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    found = digits[number % 62]
    while number := number // 62:
        found = digits[number % 62] + found
    return found + "_"
