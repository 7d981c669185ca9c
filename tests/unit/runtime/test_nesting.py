"""Wasm calls Python calls wasm, a thousand deep, and the ways out of it."""

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

# The oracle's Python frames per level exceed any sensible limit.
pytestmark = pytest.mark.usefixtures("own")

# CPython 3.12 bounds the nesting of C and Python calls by a number of its own.
DEPTH = 300 if sys.version_info[:2] == (3, 12) else 1000

# Python sees every level twice: `down` is imported, and called back through `step`.
STEP = """
(module
  (import "" "down" (func $down (param i32) (result i32)))
  (func (export "step") (param i32) (result i32)
    (i32.add (i32.const 1) (call $down (local.get 0))))
  (func (export "trap") (result i32) unreachable)
  (func (export "divide") (param i32) (result i32)
    (i32.div_s (i32.const 1) (local.get 0)))
  (func (export "one") (result i32) (i32.const 1)))
"""


def _gil_is_held() -> bool:
    """Whether this thread holds the GIL, and the interpreter agrees."""
    return bool(ctypes.pythonapi.PyGILState_Check())


@pytest.fixture
def deep_enough() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + 3 * DEPTH)
    yield
    sys.setrecursionlimit(before)


@pytest.fixture
def nest(
    api: Any,
    store: Any,
    instantiate: Callable[..., Any],
    functype: Callable[..., Any],
    deep_enough: None,
) -> Callable[[Callable[[Any], int]], Any]:
    """The exports of STEP, whose `step(n)` goes n levels down and there calls `bottom`."""

    def make(bottom: Callable[[Any], int], around: Callable[..., int] | None = None) -> Any:
        exports: Any = None

        def down(level: int) -> int:
            if level == 0:
                return bottom(exports)
            if around is not None:
                return around(exports, level)
            result: int = exports["step"](store, level - 1)
            return result

        exports = instantiate(STEP, api.Func(store, functype("i32", "i32"), down))
        return exports

    return make


def test_nesting_a_thousand_levels_returns_through_all(nest: Any, store: Any) -> None:
    assert nest(lambda exports: 0)["step"](store, DEPTH) == DEPTH + 1


def test_nesting_trap_at_the_bottom_passes_all_levels(api: Any, nest: Any, store: Any) -> None:
    exports = nest(lambda exports: exports["trap"](store))
    for _ in range(3):
        with pytest.raises(api.Trap, match="unreachable"):
            exports["step"](store, DEPTH)
    assert exports["one"](store) == 1


def test_nesting_exception_at_the_bottom_passes_all_levels(nest: Any, store: Any) -> None:
    error = ValueError("bottom")

    def bottom(exports: Any) -> int:
        raise error

    exports = nest(bottom)
    for _ in range(3):
        with pytest.raises(ValueError) as caught:
            exports["step"](store, DEPTH)
        assert caught.value is error
    assert exports["one"](store) == 1


def test_nesting_trap_at_every_level_is_caught_at_every_level(
    api: Any, nest: Any, store: Any
) -> None:
    caught: list[int] = []

    def around(exports: Any, level: int) -> int:
        try:
            exports["divide"](store, 0)
        except api.Trap:
            caught.append(level)
        result: int = exports["step"](store, level - 1)
        try:
            exports["trap"](store)
        except api.Trap:
            caught.append(-level)
        return result

    exports = nest(lambda exports: 0, around)
    assert exports["step"](store, 300) == 301
    assert sorted(caught) == [*range(-300, 0), *range(1, 301)]
    assert exports["one"](store) == 1


def test_nesting_exception_replaced_at_every_level_comes_out_as_the_last(
    nest: Any, store: Any
) -> None:
    def bottom(exports: Any) -> int:
        raise KeyError(0)

    def around(exports: Any, level: int) -> int:
        try:
            result: int = exports["step"](store, level - 1)
        except KeyError as error:
            raise KeyError(level) from error
        return result

    exports = nest(bottom, around)
    with pytest.raises(KeyError) as caught:
        exports["step"](store, 200)
    chain = 0
    error: BaseException | None = caught.value
    while error is not None:
        assert error.args == (200 - chain,)
        chain += 1
        error = error.__cause__
    assert chain == 201


def test_nesting_over_two_stores_enters_both(
    api: Any, engine: Any, module: Callable[..., Any], functype: Callable[..., Any]
) -> None:
    stores = [api.Store(engine) for _ in range(2)]
    exports: list[Any] = []

    def down(side: int, level: int) -> Any:
        other, its_store = exports[1 - side], stores[1 - side]
        if level == 0:
            return other["divide"](its_store, 0)
        return other["step"](its_store, level - 1)

    for side, store in enumerate(stores):
        func = api.Func(store, functype("i32", "i32"), lambda level, side=side: down(side, level))
        exports.append(api.Instance(store, module(STEP), [func]).exports(store))
    for level in (1, 2, 50, 51):
        with pytest.raises(api.Trap, match="divide by zero"):
            exports[0]["step"](stores[0], level)
    assert exports[0]["one"](stores[0]) + exports[1]["one"](stores[1]) == 2


def test_nesting_python_recursion_limit_is_an_exception_not_a_crash(
    api: Any, nest: Any, store: Any
) -> None:
    exports = nest(lambda exports: 0)
    sys.setrecursionlimit(600)
    with pytest.raises((RecursionError, api.Trap)):
        exports["step"](store, 100_000)
    assert exports["one"](store) == 1


def test_nesting_left_in_every_way_keeps_the_gil_balanced(api: Any, nest: Any, store: Any) -> None:
    def fail(exports: Any) -> int:
        assert _gil_is_held()
        raise ValueError

    ways: list[tuple[Callable[[Any], Any], type[Exception] | None]] = [
        (lambda exports: 0, None),
        (lambda exports: exports["trap"](store), api.Trap),
        (lambda exports: exports["divide"](store, 0), api.Trap),
        (fail, ValueError),
        (lambda exports: "no number", TypeError),
    ]
    for bottom, error in ways:
        exports = nest(bottom)
        for level in (0, 1, 20):
            if error is None:
                exports["step"](store, level)
            else:
                with pytest.raises(error):
                    exports["step"](store, level)
            assert _gil_is_held()
    # Another thread gets its turn: nobody holds the GIL twice.
    seen: list[int] = []
    thread = threading.Thread(target=seen.append, args=(1,))
    thread.start()
    thread.join()
    assert seen == [1]
