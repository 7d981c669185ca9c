"""Python functions called by wasm code: conversions, exceptions, the Caller, and late types."""

import gc
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest

CALLS = """
(module
  (import "" "run" (func $run))
  (import "" "number" (func $number (param i32 f64) (result i64)))
  (import "" "pair" (func $pair (param i32) (result i32 f32)))
  (import "" "triple" (func $triple (result i64 externref f64)))
  (import "" "reference" (func $reference (param externref funcref) (result externref)))
  (func (export "run") (call $run))
  (func $deep (export "deep") (param i32)
    (if (i32.eqz (local.get 0)) (then (call $run)))
    (if (i32.gt_s (local.get 0) (i32.const 0))
      (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "number") (param i32 f64) (result i64)
    (call $number (local.get 0) (local.get 1)))
  (func (export "pair") (param i32) (result i32 f32) (call $pair (local.get 0)))
  (func (export "triple") (result i64 externref f64) (call $triple))
  (func (export "reference") (param externref funcref) (result externref)
    (call $reference (local.get 0) (local.get 1)))
  (func (export "one") (result i32) (i32.const 1)))
"""
SIGNATURES = (
    ("run", "", ""),
    ("number", "i32 f64", "i64"),
    ("pair", "i32", "i32 f32"),
    ("triple", "", "i64 externref f64"),
    ("reference", "externref funcref", "externref"),
)

INDIRECT = """
(module
  (import "" "table" (table 10 funcref))
  (type $unary (func (param i32) (result i32)))
  (func (export "call") (param i32 i32) (result i32)
    (call_indirect (type $unary) (local.get 1) (local.get 0))))
"""


@pytest.fixture
def host(
    api: Any, store: Any, instantiate: Callable[..., Any], functype: Callable[..., Any]
) -> Callable[..., Any]:
    """The exports of CALLS with these Python functions; a missing one returns None."""

    def make(**functions: Callable[..., object]) -> Any:
        imports = [
            api.Func(store, functype(params, results), functions.get(name, lambda *_: None))
            for name, params, results in SIGNATURES
        ]
        return instantiate(CALLS, *imports)

    return make


# --- Conversions


def test_host_function_gets_arguments_in_order(host: Callable[..., Any], store: Any) -> None:
    seen: list[object] = []

    def number(i: int, f: float) -> int:
        seen.extend([i, f])
        return -(2**63)

    assert host(number=number)["number"](store, 2**31, 0.5) == -(2**63)
    assert seen == [-(2**31), 0.5]


def test_host_function_several_results_are_taken_in_order(
    host: Callable[..., Any], store: Any
) -> None:
    value = object()
    exports = host(pair=lambda i: (i + 1, 0.5), triple=lambda: [2**40, value, 2.5])
    assert exports["pair"](store, 4) == [5, 0.5]
    assert exports["triple"](store) == [2**40, value, 2.5]


@pytest.mark.usefixtures("own")
def test_host_function_results_may_be_any_iterable(host: Callable[..., Any], store: Any) -> None:
    exports = host(pair=lambda i: (x for x in (i, 1.5)))
    assert exports["pair"](store, 4) == [4, 1.5]


def test_host_function_result_wraps_around(host: Callable[..., Any], store: Any) -> None:
    assert host(number=lambda i, f: 2**64 - 1)["number"](store, 0, 0.0) == -1


def test_host_function_gets_the_same_objects(host: Callable[..., Any], store: Any) -> None:
    value = object()
    exports = host(reference=lambda extern, func: (extern, func(store)))
    assert exports["reference"](store, value, exports["one"]) == (value, 1)


@pytest.mark.parametrize("result", ["1", 1.5, None, (1,), object()])
def test_host_function_result_of_another_type_is_an_error(
    host: Callable[..., Any], store: Any, result: object
) -> None:
    with pytest.raises(TypeError, match="don't know how to convert"):
        host(number=lambda i, f: result)["number"](store, 0, 0.0)


def test_host_function_unexpected_result_is_an_error(
    api: Any, host: Callable[..., Any], store: Any
) -> None:
    with pytest.raises(api.WasmtimeError, match="callback produced results when it shouldn't"):
        host(run=lambda: 1)["run"](store)


@pytest.mark.parametrize("results", [(), (1,), (1, 1.5, 1)])
def test_host_function_wrong_number_of_results_is_an_error(
    api: Any, host: Callable[..., Any], store: Any, results: tuple[object, ...]
) -> None:
    with pytest.raises(api.WasmtimeError, match="callback produced wrong number of results"):
        host(pair=lambda i: results)["pair"](store, 1)


def test_host_function_one_wrong_result_of_several_is_an_error(
    host: Callable[..., Any], store: Any
) -> None:
    exports = host(pair=lambda i: (1, 1), triple=lambda: (1, None, "x"))
    for name, arguments in (("pair", (1,)), ("triple", ())):
        with pytest.raises(TypeError):
            exports[name](store, *arguments)


@pytest.mark.usefixtures("own")
def test_host_function_results_that_are_no_iterable_are_an_error(
    host: Callable[..., Any], store: Any
) -> None:
    with pytest.raises(TypeError):
        host(pair=lambda i: 5)["pair"](store, 1)


# --- Exceptions


class _Odd(BaseException):
    pass


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, _Odd, GeneratorExit])
@pytest.mark.parametrize("depth", [0, 1, 30])
def test_host_exception_comes_out_as_the_same_object(
    host: Callable[..., Any], store: Any, kind: type[BaseException], depth: int
) -> None:
    error = kind("reason")

    def run() -> None:
        raise error

    exports = host(run=run)
    with pytest.raises(kind) as caught:
        exports["deep"](store, depth)
    assert caught.value is error
    assert [f.name for f in traceback.extract_tb(error.__traceback__)][-1] == "run"
    assert exports["one"](store) == 1


@pytest.mark.usefixtures("own")
def test_host_exception_keeps_cause_and_context(host: Callable[..., Any], store: Any) -> None:
    cause = KeyError("cause")

    def run() -> None:
        try:
            raise cause
        except KeyError as error:
            raise RuntimeError("effect") from error

    with pytest.raises(RuntimeError) as caught:
        host(run=run)["run"](store)
    assert caught.value.__cause__ is cause


@pytest.mark.usefixtures("own")
def test_host_exception_while_another_is_handled_has_it_as_context(
    host: Callable[..., Any], store: Any
) -> None:
    def run() -> None:
        raise RuntimeError("inner")

    exports = host(run=run)
    outer = ValueError("outer")
    try:
        raise outer
    except ValueError:
        with pytest.raises(RuntimeError) as caught:
            exports["run"](store)
    assert caught.value.__context__ is outer
    assert sys.exc_info() == (None, None, None)


def test_host_exception_through_nested_wasm_and_python(
    api: Any, host: Callable[..., Any], store: Any
) -> None:
    error = LookupError("at the bottom")
    exports: Any = None
    seen: list[BaseException] = []

    def run() -> None:
        level = len(seen)
        if level == 5:
            raise error
        try:
            seen.append(error)
            exports["deep"](store, level)
        except LookupError as caught:
            assert caught is error
            raise

    exports = host(run=run)
    with pytest.raises(LookupError) as caught:
        exports["deep"](store, 3)
    assert caught.value is error


def test_host_function_may_swallow_a_trap_of_a_nested_call(
    api: Any,
    host: Callable[..., Any],
    store: Any,
    instantiate: Callable[..., Any],
) -> None:
    trap = instantiate('(module (func (export "trap") unreachable))')["trap"]

    def number(i: int, f: float) -> int:
        with pytest.raises(api.Trap):
            trap(store)
        return i

    assert host(number=number)["number"](store, 3, 0.0) == 3


def test_host_function_raising_trap_comes_out_as_trap(
    api: Any, host: Callable[..., Any], store: Any
) -> None:
    def run() -> None:
        raise api.Trap("made by the embedder")

    with pytest.raises(api.Trap, match="made by the embedder"):
        host(run=run)["run"](store)


def test_host_exception_a_thousand_times_leaves_the_store_usable(
    host: Callable[..., Any], store: Any
) -> None:
    def run() -> None:
        raise ValueError

    exports = host(run=run)
    for _ in range(1000):
        with pytest.raises(ValueError):
            exports["deep"](store, 3)
    assert exports["one"](store) == 1


# --- The Caller

CALLER = """
(module
  (import "" "peek" (func $peek (param i32) (result i32)))
  (memory (export "memory") 1)
  (global (export "g") i32 (i32.const 77))
  (func (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func (export "peek") (param i32) (result i32)
    (i32.store8 (i32.const 5) (i32.const 42))
    (call $peek (local.get 0))))
"""


def test_caller_gives_the_exports_of_the_calling_instance(
    api: Any, store: Any, instantiate: Callable[..., Any], functype: Callable[..., Any]
) -> None:
    seen: list[object] = []

    def peek(caller: Any, value: int) -> int:
        seen.append(bytes(caller["memory"].read(caller, 5, 6)))
        seen.append(caller.get("g").value(caller))
        seen.append(caller.get("missing"))
        with pytest.raises(KeyError):
            caller["missing"]
        result: int = caller["double"](caller, value)
        return result

    func = api.Func(store, functype("i32", "i32"), peek, access_caller=True)
    assert instantiate(CALLER, func)["peek"](store, 21) == 42
    assert seen == [b"*", 77, None]


def test_caller_is_invalid_after_the_call(
    api: Any, store: Any, instantiate: Callable[..., Any], functype: Callable[..., Any]
) -> None:
    kept: list[Any] = []

    def peek(caller: Any, value: int) -> int:
        kept.append(caller)
        if value < 0:
            raise ValueError
        return value

    exports = instantiate(CALLER, api.Func(store, functype("i32", "i32"), peek, True))
    exports["peek"](store, 1)
    with pytest.raises(ValueError):
        exports["peek"](store, -1)
    for caller in kept:
        assert caller.get("memory") is None
        with pytest.raises(KeyError):
            caller["memory"]
    with pytest.raises(ValueError, match="no longer valid"):
        exports["double"](kept[0], 1)


@pytest.mark.usefixtures("own")
def test_caller_of_each_instance_is_its_own(
    api: Any,
    store: Any,
    module: Callable[..., Any],
    functype: Callable[..., Any],
) -> None:
    def peek(caller: Any, value: int) -> int:
        result: int = caller["memory"].data_len(caller)
        return result

    func = api.Func(store, functype("i32", "i32"), peek, access_caller=True)
    first, second = (api.Instance(store, module(CALLER), [func]) for _ in range(2))
    first.exports(store)["memory"].grow(store, 1)
    assert first.exports(store)["peek"](store, 0) == 2 * 65536
    assert second.exports(store)["peek"](store, 0) == 65536


@pytest.mark.usefixtures("own")
def test_caller_after_a_nested_call_of_another_instance_is_still_the_own(
    api: Any, store: Any, module: Callable[..., Any], functype: Callable[..., Any]
) -> None:
    sizes: list[int] = []
    second: Any = None

    def peek(caller: Any, value: int) -> int:
        if value == 1:
            second.exports(store)["peek"](store, 0)
        sizes.append(caller["memory"].size(caller))
        return 0

    func = api.Func(store, functype("i32", "i32"), peek, access_caller=True)
    first = api.Instance(store, module(CALLER), [func])
    second = api.Instance(store, module(CALLER), [func])
    second.exports(store)["memory"].grow(store, 4)
    first.exports(store)["peek"](store, 1)
    assert sizes == [5, 1]


@pytest.mark.usefixtures("own")
def test_caller_reached_through_another_instances_wasm_is_the_direct_one(
    api: Any,
    store: Any,
    instantiate: Callable[..., Any],
    functype: Callable[..., Any],
) -> None:
    outer = """
    (module
      (import "" "peek" (func $peek (param i32) (result i32)))
      (import "" "inner" (func $inner (param i32) (result i32)))
      (memory (export "memory") 9)
      (func (export "f") (result i32)
        (i32.add (i32.mul (i32.const 100) (call $inner (i32.const 0)))
                 (call $peek (i32.const 0)))))
    """
    peek = api.Func(
        store,
        functype("i32", "i32"),
        lambda caller, value: caller["memory"].size(caller),
        access_caller=True,
    )
    inner = instantiate(CALLER, peek)
    assert instantiate(outer, peek, inner["peek"])["f"](store) == 109


# --- Types that no module knows yet


def test_host_function_called_directly_converts_like_wasm(
    api: Any, store: Any, functype: Callable[..., Any]
) -> None:
    func = api.Func(store, functype("i32 f32", "i64 f32"), lambda i, f: (i, f))
    assert func(store, 2**31, 0.1) == [-(2**31), pytest.approx(0.1, rel=1e-6)]
    assert func(store, 1, 0.1)[1] != 0.1
    with pytest.raises(TypeError):
        func(store, 1.5, 1.5)
    with pytest.raises(api.WasmtimeError, match="too few parameters"):
        func(store, 1)


@pytest.mark.usefixtures("own")
def test_host_function_called_directly_raises_its_own_exception(
    api: Any, store: Any, functype: Callable[..., Any]
) -> None:
    error = KeyboardInterrupt()

    def fail() -> None:
        raise error

    func = api.Func(store, functype(), fail)
    with pytest.raises(KeyboardInterrupt) as caught:
        func(store)
    assert caught.value is error


@pytest.mark.usefixtures("own")
def test_host_function_called_directly_with_caller_finds_no_exports(
    api: Any, store: Any, functype: Callable[..., Any]
) -> None:
    func = api.Func(store, functype(), lambda caller: caller.get("memory"), access_caller=True)
    assert func(store) is None


def test_host_function_called_directly_then_imported_works(
    api: Any, store: Any, instantiate: Callable[..., Any], functype: Callable[..., Any]
) -> None:
    func = api.Func(store, functype("i32 i64 i32", "i64"), lambda a, b, c: a + b + c)
    assert func(store, 1, 2, 3) == 6
    exports = instantiate(
        """(module (import "" "f" (func $f (param i32 i64 i32) (result i64)))
             (export "again" (func $f))
             (func (export "g") (result i64)
               (call $f (i32.const 1) (i64.const 2) (i32.const 30))))""",
        func,
    )
    assert exports["g"](store) == 33
    assert exports["again"](store, 1, 1, 1) == 3
    assert func(store, 1, 2, 4) == 7


def test_host_function_in_a_table_is_called_indirectly(
    api: Any, store: Any, instantiate: Callable[..., Any], functype: Callable[..., Any]
) -> None:
    table = api.Table(store, api.TableType(api.ValType.funcref(), api.Limits(10, None)), None)
    table.set(store, 3, api.Func(store, functype("i32", "i32"), lambda i: i + 1))
    table.set(store, 4, api.Func(store, functype("i64", "i32"), lambda i: i + 1))
    call = instantiate(INDIRECT, table)["call"]
    assert call(store, 3, 41) == 42
    table.set(store, 5, api.Func(store, functype("i32", "i32"), lambda i: i + 2))
    assert call(store, 5, 41) == 43
    for slot, message in ((4, "indirect call type mismatch"), (6, "uninitialized element")):
        with pytest.raises(api.Trap, match=message):
            call(store, slot, 41)


def test_host_function_made_before_the_module_by_ref_func_is_callable(
    api: Any, store: Any, instantiate: Callable[..., Any], functype: Callable[..., Any]
) -> None:
    func = api.Func(store, functype("i32", "f32"), lambda i: i / 2)
    exports = instantiate(
        """(module (import "" "f" (func $f (param i32) (result f32)))
             (elem declare func $f)
             (func (export "get") (result funcref) (ref.func $f)))""",
        func,
    )
    assert exports["get"](store)(store, 3) == 1.5


def test_call_indirect_reaches_functions_of_other_instances(
    api: Any, store: Any, instantiate: Callable[..., Any]
) -> None:
    table = api.Table(store, api.TableType(api.ValType.funcref(), api.Limits(10, None)), None)
    text = """
    (module
      (import "" "table" (table 10 funcref))
      (global $base (mut i32) (i32.const 0))
      (func (export "set") (param i32) (global.set $base (local.get 0)))
      (func $f (param i32) (result i32) (i32.add (global.get $base) (local.get 0)))
      (func (export "put") (param i32) (table.set (local.get 0) (ref.func $f)))
      (elem declare func $f))
    """
    first, second = instantiate(text, table), instantiate(text, table)
    first["set"](store, 100)
    second["set"](store, 200)
    first["put"](store, 1)
    second["put"](store, 2)
    call = instantiate(INDIRECT, table)["call"]
    assert call(store, 1, 5) == 105
    assert call(store, 2, 5) == 205
    assert table.get(store, 2)(store, 6) == 206


def test_start_function_may_call_the_host(
    api: Any, store: Any, instantiate: Callable[..., Any], functype: Callable[..., Any]
) -> None:
    seen: list[int] = []
    text = """(module (import "" "f" (func $f (param i32)))
                (func $start (call $f (i32.const 9))) (start $start))"""
    instantiate(text, api.Func(store, functype("i32"), seen.append))
    assert seen == [9]


@pytest.mark.usefixtures("own")
def test_start_function_host_exception_comes_out_of_instantiation(
    api: Any, store: Any, instantiate: Callable[..., Any], functype: Callable[..., Any]
) -> None:
    error = OSError("no")

    def fail(value: int) -> None:
        raise error

    text = """(module (import "" "f" (func $f (param i32)))
                (func $start (call $f (i32.const 9))) (start $start))"""
    with pytest.raises(OSError) as caught:
        instantiate(text, api.Func(store, functype("i32"), fail))
    assert caught.value is error


@pytest.mark.usefixtures("own")
def test_host_call_leaves_reference_counts_as_they_were(
    host: Callable[..., Any], store: Any
) -> None:
    value, results = object(), (1, 2.5)
    bad = (1, "x")

    def reference(extern: object, func: Any) -> object:
        return extern

    exports = host(reference=reference, pair=lambda i: results if i else bad)
    one = exports["one"]
    exports["reference"](store, value, one)
    exports["pair"](store, 1)
    watched = (value, results, bad, reference, one, store)
    before = [sys.getrefcount(each) for each in watched]
    for _ in range(30):
        exports["reference"](store, value, one)
        exports["pair"](store, 1)
        with pytest.raises(TypeError):
            exports["pair"](store, 0)
    gc.collect()
    assert [sys.getrefcount(each) for each in watched] == before
