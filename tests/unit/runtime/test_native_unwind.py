"""Walks through native code by libgcc's unwinder, as debuggers and profilers do, from host functions."""

import ctypes
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

import cachewasm
from cachewasm.abi.support import FUNCTIONS

_UNWINDER = ctypes.CDLL("libgcc_s.so.1")
_place_of = _UNWINDER._Unwind_GetIP
_place_of.argtypes = (ctypes.c_void_p,)
_place_of.restype = ctypes.c_size_t
_find_table = _UNWINDER._Unwind_Find_FDE
_find_table.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
_find_table.restype = ctypes.c_void_p
_TRACE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_STOP = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_uint64,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
)
_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int)
_set_handler = ctypes.CDLL(None).signal
_set_handler.argtypes = (ctypes.c_int, ctypes.c_void_p)
_set_handler.restype = ctypes.c_void_p
_ON, _END_OF_STACK = 0, 16

CALLS = """(module
  (import "host" "call" (func $host))
  (func $inner (call $host))
  (func (export "run") (call $inner)))"""

# Says that it runs (1) and goes on until it is told to end (2).
LOOPS = """(module
  (import "host" "call" (func $host))
  (memory (export "memory") 1)
  (func $inner
    (i32.store (i32.const 0) (i32.const 1))
    (loop $on (br_if $on (i32.ne (i32.load (i32.const 0)) (i32.const 2)))))
  (func (export "run") (call $inner)))"""

THROWS = """(module
  (import "host" "call" (func $host))
  (tag $t (param i32))
  (func $host_in_try (export "host_in_try") (result i32)
    (block $c (try_table (catch_all $c) (call $host)) (return (i32.const 0)))
    (i32.const 1))
  (func $throw (param i32) (throw $t (local.get 0)))
  (func $deeper (export "throw") (param i32) (call $throw (local.get 0)))
  (func (export "catch") (param i32) (result i32)
    (block $c (result i32)
      (try_table (catch $t $c) (call $deeper (local.get 0)))
      (unreachable))))"""


@pytest.fixture(scope="module", params=["baseline", "optimized"])
def engines(request: pytest.FixtureRequest) -> Callable[[bool], Any]:
    """Engines of a tier that have exceptions, with the option and without."""

    def make(wanted: bool) -> cachewasm.Engine:
        config = cachewasm.Config()
        config.strategy = request.param
        config.wasm_exceptions = True
        config.native_unwind_info = wanted
        return cachewasm.Engine(config)

    known = {wanted: make(wanted) for wanted in (False, True)}
    return known.__getitem__


class Program:
    """An instance of a text whose host function calls `on_call`."""

    def __init__(self, engine: Any, text: str) -> None:
        self.store = cachewasm.Store(engine)
        self.on_call: Callable[[], object] = lambda: None
        self.module = cachewasm.Module(engine, text)

        def call() -> None:
            self.on_call()

        host = cachewasm.Func(self.store, cachewasm.FuncType([], []), call)
        self.exports = cachewasm.Instance(self.store, self.module, [host]).exports(self.store)

    def __call__(self, name: str, *arguments: object) -> Any:
        return self.exports[name](self.store, *arguments)

    def has(self, place: int) -> bool:
        """Whether a return address lies in the module's code."""
        image = self.module._image
        return image.text < place <= image.text + image.text_size

    def functions(self, places: list[int]) -> list[int]:
        """The wasm functions that return addresses lie in."""
        start = self.module._image.text
        frames = [self.module._frame_at(each - 1 - start) for each in places if self.has(each)]
        return [frame.func_index for frame in frames if frame is not None]


def _walk() -> list[int]:
    """The return addresses on the stack, innermost first."""
    places: list[int] = []

    def note(context: int, _: object) -> int:
        places.append(_place_of(context))
        return _ON

    _UNWINDER._Unwind_Backtrace(_TRACE(note), None)
    return places


def test_walk_from_a_host_function_sees_the_wasm_functions(
    own: None, engines: Callable[[bool], Any]
) -> None:
    run = Program(engines(True), CALLS)
    found: list[list[int]] = []
    run.on_call = lambda: found.append(_walk())
    run("run")
    assert run.functions(found[0]) == [1, 2]
    # It goes on behind them, to where the walk of the caller comes.
    below = _walk()
    assert found[0][-4:] == below[-4:]


def test_walk_from_a_nested_call_sees_the_outer_one_as_well(
    own: None, engines: Callable[[bool], Any]
) -> None:
    run = Program(engines(True), CALLS)
    found: list[list[int]] = []

    def again() -> None:
        run.on_call = lambda: found.append(_walk())
        run("run")

    run.on_call = again
    run("run")
    assert run.functions(found[0]) == [1, 2, 1, 2]


def test_walk_from_a_signal_sees_the_wasm_functions(
    own: None, engines: Callable[[bool], Any]
) -> None:
    run = Program(engines(True), LOOPS)
    cell = ctypes.c_int32.from_address(
        ctypes.addressof(run.exports["memory"].data_ptr(run.store).contents)
    )
    found: list[list[int]] = []

    def on_signal(_: int) -> None:
        found.append(_walk())
        cell.value = 2

    handler = _HANDLER(on_signal)
    before = _set_handler(signal.SIGUSR1, ctypes.cast(handler, ctypes.c_void_p))
    try:
        thread = threading.Thread(target=run, args=("run",))
        thread.start()
        while cell.value != 1:
            os.sched_yield()
        assert thread.ident is not None
        signal.pthread_kill(thread.ident, signal.SIGUSR1)
        thread.join()
    finally:
        _set_handler(signal.SIGUSR1, before)
    assert run.functions(found[0]) == [1, 2]


def test_tables_are_kept_only_where_they_are_wanted() -> None:
    found = []
    for wanted in (False, True):
        config = cachewasm.Config()
        config.native_unwind_info = wanted
        found.append(b".eh_frame" in cachewasm.Engine(config).precompile_module(CALLS.encode()))
    assert found == [False, True]


def test_every_native_function_that_wasm_calls_can_be_walked(
    own: None, engines: Callable[[bool], Any]
) -> None:
    run = Program(engines(True), CALLS)
    bases = ctypes.create_string_buffer(64)
    address = run.store._support.address
    assert [name for name in FUNCTIONS if not _find_table(address[name], bases)] == []


def test_exceptions_end_at_the_entry_when_it_can_be_walked(
    own: None, engines: Callable[[bool], Any]
) -> None:
    run = Program(engines(True), THROWS)
    assert run("catch", 7) == 7
    with pytest.raises(cachewasm.Trap, match="thrown Wasm exception"):
        run("throw", 1)

    def throw() -> None:
        with pytest.raises(cachewasm.Trap, match="thrown Wasm exception"):
            run("throw", 1)

    run.on_call = throw
    assert run("host_in_try") == 0
    assert run("catch", 8) == 8


def test_exceptions_of_modules_without_the_option_end_at_the_entry_too(
    own: None, engines: Callable[[bool], Any]
) -> None:
    Program(engines(True), CALLS)  # from now on entries can be walked
    run = Program(engines(False), THROWS)
    run.on_call = lambda: run("throw", 1)
    with pytest.raises(cachewasm.Trap, match="thrown Wasm exception"):
        run("host_in_try")
    assert run("catch", 7) == 7


def test_what_others_unwind_passes_wasm_code_that_catches(
    own: None, engines: Callable[[bool], Any]
) -> None:
    run = Program(engines(True), THROWS)
    # As a thread that ends makes it: of class 0, aligned to 16 bytes.
    room = ctypes.create_string_buffer(128)
    exception = -(-ctypes.addressof(room) // 16) * 16
    places: list[int] = []

    def stop(_: int, actions: int, _class: int, _exception: int, context: int, _own: int) -> int:
        place = _place_of(context)
        if (places and run.has(places[-1]) and not run.has(place)) or actions & _END_OF_STACK:
            return 1
        places.append(place)
        return _ON

    force = _UNWINDER._Unwind_ForcedUnwind
    # It comes back when `stop` says so. (What it returns then is arbitrary in AArch64's libgcc.)
    run.on_call = lambda: force(ctypes.c_void_p(exception), _STOP(stop), None)
    assert run("host_in_try") == 0
    assert run.functions(places) == [1]
