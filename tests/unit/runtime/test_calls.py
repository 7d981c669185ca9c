"""Calls from Python: arguments and results of every type and number, and what is refused."""

import gc
import struct
import weakref
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

NUMBERS = """
(module
  (func (export "nop"))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "i32") (param i32) (result i32) (local.get 0))
  (func (export "i64") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "f64") (param f64) (result f64) (local.get 0))
  (func (export "two") (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
  (func (export "three") (param i32 f32 f64) (result f64 f32 i32)
    (local.get 2) (local.get 1) (local.get 0))
  (func (export "bits32") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))
  (func (export "float32") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
  (func (export "bits64") (param f64) (result i64) (i64.reinterpret_f64 (local.get 0)))
  (func (export "float64") (param i64) (result f64) (f64.reinterpret_i64 (local.get 0))))
"""

REFERENCES = """
(module
  (func (export "extern") (param externref) (result externref) (local.get 0))
  (func (export "func") (param funcref) (result funcref) (local.get 0))
  (func (export "is_null") (param externref funcref) (result i32 i32)
    (ref.is_null (local.get 0)) (ref.is_null (local.get 1)))
  (func (export "three") (param externref i32 funcref) (result funcref externref i32)
    (local.get 2) (local.get 0) (local.get 1))
  (func $seven (export "seven") (result i32) (i32.const 7))
  (func (export "get_seven") (result funcref) (ref.func $seven)))
"""


@pytest.fixture
def numbers(instantiate: Callable[..., Any]) -> Any:
    return instantiate(NUMBERS)


@pytest.fixture
def references(instantiate: Callable[..., Any]) -> Any:
    return instantiate(REFERENCES)


def _double(bits: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value


def _bits(value: float) -> int:
    bits: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return bits


# --- Numbers of arguments and results


def test_call_without_results_returns_none(numbers: Any, store: Any) -> None:
    assert numbers["nop"](store) is None


def test_call_with_one_result_returns_it(numbers: Any, store: Any) -> None:
    assert numbers["add"](store, 3, 4) == 7


def test_call_with_several_results_returns_a_list(numbers: Any, store: Any) -> None:
    assert numbers["two"](store, 1, 2) == [2, 1]
    assert numbers["three"](store, 1, 2.5, 3.5) == [3.5, 2.5, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 2, 3), "too many parameters provided: given 3, expected 2"),
        ((1,), "too few parameters provided: given 1, expected 2"),
        ((), "too few parameters provided: given 0, expected 2"),
    ],
)
def test_call_wrong_number_of_arguments_is_refused(
    api: Any, numbers: Any, store: Any, arguments: tuple[int, ...], message: str
) -> None:
    with pytest.raises(api.WasmtimeError, match=message):
        numbers["add"](store, *arguments)


def test_call_keyword_argument_is_a_type_error(numbers: Any, store: Any) -> None:
    with pytest.raises(TypeError):
        numbers["add"](store, 1, b=2)
    with pytest.raises(TypeError):
        numbers["add"](store, 1, 2, c=3)
    with pytest.raises(TypeError, match="multiple values for argument 'store'"):
        numbers["add"](1, 2, store=store)
    with pytest.raises(TypeError, match="unexpected keyword argument 'func'"):
        numbers["add"](store=store, func=1)


def test_call_with_the_store_by_its_name_works(
    api: Any, store: Any, instantiate: Callable[..., Any], functype: Callable[..., Any]
) -> None:
    exports = instantiate('(module (func (export "seven") (result i32) (i32.const 7)))')
    assert exports["seven"](store=store) == 7
    assert api.Func(store, functype("", "i32"), lambda: 8)(store=store) == 8


def test_call_with_only_the_store_by_its_name_is_refused(
    api: Any, numbers: Any, store: Any
) -> None:
    with pytest.raises(api.WasmtimeError, match="given 0, expected 2"):
        numbers["add"](store=store)


def test_call_with_more_arguments_than_a_stack_holds_is_refused(
    api: Any, numbers: Any, store: Any
) -> None:
    count = 3_000_000
    with pytest.raises(api.WasmtimeError, match=f"given {count}, expected 2"):
        numbers["add"](store, *[0] * count)


def test_call_without_store_is_a_type_error(numbers: Any) -> None:
    with pytest.raises(TypeError):
        numbers["add"]()


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("first", [None, 1, "store", object()])
def test_call_something_else_as_store_is_a_type_error(numbers: Any, first: object) -> None:
    with pytest.raises(TypeError, match="expected a Store"):
        numbers["add"](first, 1, 2)


@pytest.mark.usefixtures("own")
def test_call_wrong_store_is_refused(api: Any, engine: Any, numbers: Any) -> None:
    with pytest.raises(api.WasmtimeError, match="object used with the wrong store"):
        numbers["add"](api.Store(engine), 1, 2)


def test_call_through_star_arguments_and_partial_works(numbers: Any, store: Any) -> None:
    from functools import partial

    add = partial(numbers["add"], store)
    assert add(*[1, 2]) == 3
    assert list(map(add, range(3), range(3))) == [0, 2, 4]


@pytest.mark.parametrize("count", [20, 1000])
def test_call_many_parameters_arrive_in_order(
    instantiate: Callable[..., Any], store: Any, count: int
) -> None:
    # Weighting each parameter by its position shows a swapped or lost one.
    terms = "".join(
        f"(local.set $sum (i64.add (local.get $sum) (i64.mul (local.get {i}) (i64.const {i + 1}))))"
        for i in range(count)
    )
    exports = instantiate(
        f'(module (func (export "f") (param {"i64 " * count}) (result i64) (local $sum i64)'
        f" {terms} (local.get $sum)))"
    )
    values = [(i * 7919) % 1000 - 500 for i in range(count)]
    expected = sum(value * (i + 1) for i, value in enumerate(values))
    assert exports["f"](store, *values) == expected


@pytest.mark.parametrize("count", [20, 1000])
def test_call_many_results_come_in_order(
    api: Any, tier_engine: Callable[[str], Any], module: Callable[..., Any], count: int
) -> None:
    engine = tier_engine("baseline")
    store = api.Store(engine)
    kinds = [("i32", "f32", "i64", "f64")[i % 4] for i in range(count)]
    body = " ".join(f"({kind}.const {i})" for i, kind in enumerate(kinds))
    text = f'(module (func (export "f") (result {" ".join(kinds)}) {body}))'
    exports = api.Instance(store, module(text, engine), []).exports(store)
    results = exports["f"](store)
    assert results == list(range(count))
    assert [type(r) for r in results[:4]] == [int, float, int, float]


# --- Conversions


class _Int(int):
    pass


class _Float(float):
    pass


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (0, 0),
        (-1, -1),
        (2**31 - 1, 2**31 - 1),
        (-(2**31), -(2**31)),
        (2**31, -(2**31)),
        (2**32 + 5, 5),
        (-(2**31) - 1, 2**31 - 1),
        (True, 1),
        (_Int(9), 9),
    ],
)
def test_call_i32_wraps_around(numbers: Any, store: Any, value: int, result: int) -> None:
    returned = numbers["i32"](store, value)
    assert returned == result
    assert type(returned) is int


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, -(2**63)),
        (2**64 - 1, -1),
        (2**64 + 3, 3),
        (False, 0),
        (_Int(-7), -7),
    ],
)
def test_call_i64_wraps_around(numbers: Any, store: Any, value: int, result: int) -> None:
    assert numbers["i64"](store, value) == result


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("value", [2**200 + 12, -(2**200) + 12, _Int(2**200 + 12)])
def test_call_huge_int_wraps_around(numbers: Any, store: Any, value: int) -> None:
    assert numbers["i64"](store, value) == 12
    assert numbers["i32"](store, value) == 12


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("i32", 1.0),
        ("i32", None),
        ("i32", "1"),
        ("i64", b"1"),
        ("i64", 2.5),
        ("f32", 1),
        ("f64", 1),
        ("f64", True),
        ("f64", None),
    ],
)
def test_call_value_of_another_type_is_a_type_error(
    numbers: Any, store: Any, name: str, value: object
) -> None:
    with pytest.raises(TypeError, match=f"don't know how to convert .* to {name}"):
        numbers[name](store, value)


def test_call_with_val_converts_it(api: Any, numbers: Any, store: Any) -> None:
    assert numbers["i32"](store, api.Val.i32(2**32 - 1)) == -1
    assert numbers["i64"](store, api.Val.i64(5)) == 5
    assert numbers["f32"](store, api.Val.f32(1.5)) == 1.5
    assert numbers["f64"](store, api.Val.f64(2.5)) == 2.5


def test_call_with_val_of_another_type_is_a_type_error(api: Any, numbers: Any, store: Any) -> None:
    with pytest.raises(TypeError, match="wrong type of `Val` provided"):
        numbers["i32"](store, api.Val.i64(1))


def test_call_float_subclass_is_converted(numbers: Any, store: Any) -> None:
    assert numbers["f64"](store, _Float(2.5)) == 2.5
    assert numbers["f32"](store, _Float(2.5)) == 2.5


def test_call_f32_rounds_to_nearest_even(numbers: Any, store: Any) -> None:
    assert numbers["f32"](store, 0.1) == struct.unpack("<f", struct.pack("<f", 0.1))[0]
    assert numbers["f32"](store, 16777217.0) == 16777216.0
    assert numbers["f32"](store, 1e-46) == 0.0
    assert numbers["bits32"](store, -0.0) == -(2**31)


def test_call_f32_too_large_is_infinite(numbers: Any, store: Any) -> None:
    assert numbers["f32"](store, 1e300) == float("inf")
    assert numbers["f32"](store, -1e300) == float("-inf")


@pytest.mark.usefixtures("own")
def test_call_f32_subclass_too_large_is_infinite(numbers: Any, store: Any) -> None:
    assert numbers["f32"](store, _Float(1e300)) == float("inf")
    assert numbers["f32"](store, _Float(-1e300)) == float("-inf")


def test_call_nan_keeps_its_payload(numbers: Any, store: Any) -> None:
    assert numbers["bits32"](store, _double(0x7FF8000020000000)) == 0x7FC00001
    assert _bits(numbers["float32"](store, 0x7FC00001)) == 0x7FF8000020000000
    assert numbers["bits64"](store, _double(0xFFF800000000ABCD)) & (2**64 - 1) == 0xFFF800000000ABCD
    assert _bits(numbers["float64"](store, 0x7FF000000000ABCD)) == 0x7FF000000000ABCD


@pytest.mark.usefixtures("own")
def test_call_f32_nan_by_the_slow_conversion_keeps_its_payload(numbers: Any, store: Any) -> None:
    assert numbers["bits32"](store, _Float(_double(0x7FF8000020000000))) == 0x7FC00001


def test_call_error_in_a_later_argument_leaves_the_function_usable(
    numbers: Any, store: Any
) -> None:
    for _ in range(3):
        with pytest.raises(TypeError):
            numbers["add"](store, 2**100, object())
    assert numbers["add"](store, 1, 1) == 2


# --- References


def test_call_externref_returns_the_same_object(references: Any, store: Any) -> None:
    for value in (object(), [1], "text", 3, 2.5, store, ()):
        assert references["extern"](store, value) is value


def test_call_null_references_are_none(references: Any, store: Any) -> None:
    assert references["extern"](store, None) is None
    assert references["func"](store, None) is None
    assert references["is_null"](store, None, None) == [1, 1]
    assert references["is_null"](store, 0, references["seven"]) == [0, 0]


def test_call_funcref_result_can_be_called(references: Any, store: Any) -> None:
    assert references["get_seven"](store)(store) == 7
    assert references["func"](store, references["seven"])(store) == 7


def test_call_mixed_references_and_numbers_arrive_in_order(references: Any, store: Any) -> None:
    value = object()
    func, extern, number = references["three"](store, value, 5, references["seven"])
    assert func(store) == 7
    assert extern is value
    assert number == 5


@pytest.mark.parametrize("value", [1, "f", 1.5, len])
def test_call_funcref_of_something_else_is_a_type_error(
    references: Any, store: Any, value: object
) -> None:
    with pytest.raises(TypeError, match="don't know how to convert"):
        references["func"](store, value)


@pytest.mark.usefixtures("own")
def test_call_funcref_of_a_mock_is_a_type_error(
    api: Any, module: Callable[..., Any], references: Any, store: Any
) -> None:
    # It says that it is a Func; reading it as one would read foreign memory.
    mock = Mock(spec=api.Func)
    assert isinstance(mock, api.Func)
    with pytest.raises(TypeError, match="don't know how to convert"):
        references["func"](store, mock)
    with pytest.raises(TypeError, match="expected a Func"):
        api.Instance(store, module('(module (import "" "f" (func)))'), [mock])


@pytest.mark.usefixtures("own")
def test_call_funcref_of_another_store_is_refused(
    api: Any, engine: Any, module: Callable[..., Any], references: Any, store: Any
) -> None:
    other = api.Store(engine)
    foreign = api.Instance(other, module(REFERENCES), []).exports(other)["seven"]
    with pytest.raises(api.WasmtimeError, match="object used with the wrong store"):
        references["func"](store, foreign)


# --- The object itself


@pytest.mark.usefixtures("own")
def test_func_uninitialized_is_refused_everywhere(
    api: Any, references: Any, store: Any, functype: Callable[..., Any]
) -> None:
    func = api.Func.__new__(api.Func)
    uses: tuple[Callable[[], object], ...] = (
        lambda: func.type(store),
        lambda: references["func"](store, func),
        lambda: api.Linker(store.engine).define(store, "a", "b", func),
    )
    for use in uses:
        with pytest.raises(api.WasmtimeError):
            use()
    for arguments in ((), (store,), (store, 1)):
        with pytest.raises(TypeError):
            func(*arguments)
    func.__init__(store, functype("", "i32"), lambda: 5)
    assert func(store) == 5


@pytest.mark.usefixtures("own")
def test_func_initialized_twice_is_refused(
    api: Any, store: Any, functype: Callable[..., Any]
) -> None:
    func = api.Func(store, functype(), lambda: None)
    with pytest.raises(api.WasmtimeError, match="twice"):
        func.__init__(store, functype(), lambda: None)
    assert func(store) is None


@pytest.mark.usefixtures("own")
def test_func_weak_reference_dies_with_it(
    api: Any, store: Any, functype: Callable[..., Any]
) -> None:
    gone: list[object] = []
    func = api.Func(store, functype(), lambda: None)
    reference = weakref.ref(func, gone.append)
    assert reference() is func
    del func
    assert reference() is None
    assert gone == [reference]


def test_func_type_is_the_wasm_type(api: Any, numbers: Any, store: Any) -> None:
    found = numbers["three"].type(store)
    assert [str(t) for t in found.params] == ["i32", "f32", "f64"]
    assert [str(t) for t in found.results] == ["f64", "f32", "i32"]


@pytest.mark.usefixtures("own")
def test_func_cannot_be_subclassed(api: Any) -> None:
    with pytest.raises(TypeError):
        type("Derived", (api.Func,), {})


@pytest.mark.usefixtures("own")
def test_call_leaves_reference_counts_as_they_were(references: Any, store: Any) -> None:
    import sys

    value, func = object(), references["seven"]
    references["three"](store, value, 5, func)  # the store holds the object from now on
    before = sys.getrefcount(value), sys.getrefcount(func), sys.getrefcount(store)
    for _ in range(50):
        references["three"](store, value, 10**9, func)
        with pytest.raises(TypeError):
            references["three"](store, value, "5", func)
    gc.collect()
    assert (sys.getrefcount(value), sys.getrefcount(func), sys.getrefcount(store)) == before
