"""Global variables: values of every type, mutability, and sharing between instances."""

import struct
from collections.abc import Callable
from typing import Any

import pytest

ALL = """
(module
  (global (export "i32") (mut i32) (i32.const -1))
  (global (export "i64") (mut i64) (i64.const 0x7fffffffffffffff))
  (global (export "f32") (mut f32) (f32.const 0.5))
  (global (export "f64") (mut f64) (f64.const -0.25))
  (global (export "func") (mut funcref) (ref.func $seven))
  (global (export "extern") (mut externref) (ref.null extern))
  (global (export "fixed") i32 (i32.const 9))
  (func $seven (result i32) (i32.const 7))
  (func (export "bits") (result i32) (i32.reinterpret_f32 (global.get 2)))
  (func (export "neighbours") (result i32 i64 f32 f64)
    (global.get 0) (global.get 1) (global.get 2) (global.get 3)))
"""


@pytest.fixture
def exports(instantiate: Callable[..., Any]) -> Any:
    return instantiate(ALL)


def test_global_initial_values(exports: Any, store: Any) -> None:
    values = {name: exports[name].value(store) for name in ("i32", "i64", "f32", "f64", "extern")}
    assert values == {"i32": -1, "i64": 2**63 - 1, "f32": 0.5, "f64": -0.25, "extern": None}
    assert exports["func"].value(store)(store) == 7


def test_global_initializer_may_use_an_imported_global(
    api: Any, store: Any, instantiate: Callable[..., Any]
) -> None:
    nine = api.Global(store, api.GlobalType(api.ValType.i32(), False), 9)
    exports = instantiate(
        """(module (import "" "g" (global $g i32))
             (global (export "sum") i32 (i32.add (global.get $g) (i32.const 3))))""",
        nine,
    )
    assert exports["sum"].value(store) == 12


def test_global_set_value_reaches_wasm_and_no_neighbour(exports: Any, store: Any) -> None:
    exports["i32"].set_value(store, 2**31)
    exports["i64"].set_value(store, -(2**63))
    exports["f32"].set_value(store, 0.1)
    exports["f64"].set_value(store, 1e300)
    single = struct.unpack("<f", struct.pack("<f", 0.1))[0]
    assert exports["neighbours"](store) == [-(2**31), -(2**63), single, 1e300]
    assert exports["f32"].value(store) == single


@pytest.mark.usefixtures("own")
def test_global_references_are_set(exports: Any, store: Any) -> None:
    value = object()
    exports["extern"].set_value(store, value)
    assert exports["extern"].value(store) is value
    exports["func"].set_value(store, None)
    assert exports["func"].value(store) is None


def test_global_immutable_is_not_set(api: Any, exports: Any, store: Any) -> None:
    with pytest.raises(api.WasmtimeError, match="immutable global cannot be set"):
        exports["fixed"].set_value(store, 1)
    assert exports["fixed"].value(store) == 9


@pytest.mark.parametrize(("name", "value"), [("i32", 1.5), ("f32", 1), ("func", 3), ("i64", None)])
def test_global_value_of_another_type_is_a_type_error(
    exports: Any, store: Any, name: str, value: object
) -> None:
    before = exports[name].value(store)
    with pytest.raises(TypeError):
        exports[name].set_value(store, value)
    if name != "func":
        assert exports[name].value(store) == before


def test_global_type_is_as_declared(exports: Any, store: Any) -> None:
    assert exports["i32"].type(store).mutable
    assert not exports["fixed"].type(store).mutable
    assert str(exports["f64"].type(store).content) == "f64"


def test_global_imported_mutable_is_shared(
    api: Any, store: Any, instantiate: Callable[..., Any]
) -> None:
    shared = api.Global(store, api.GlobalType(api.ValType.i64(), True), 5)
    text = """
    (module (import "" "g" (global $g (mut i64))) (export "again" (global $g))
      (func (export "add") (param i64)
        (global.set $g (i64.add (global.get $g) (local.get 0)))))
    """
    first, second = instantiate(text, shared), instantiate(text, shared)
    first["add"](store, 10)
    second["add"](store, 100)
    assert shared.value(store) == first["again"].value(store) == 115
    shared.set_value(store, -1)
    second["add"](store, 1)
    assert first["again"].value(store) == 0


@pytest.mark.usefixtures("own")
def test_global_of_another_store_is_refused(api: Any, engine: Any, exports: Any) -> None:
    other = api.Store(engine)
    for use in (exports["i32"].value, exports["i32"].type):
        with pytest.raises(api.WasmtimeError, match="object used with the wrong store"):
            use(other)
    with pytest.raises(api.WasmtimeError, match="object used with the wrong store"):
        exports["i32"].set_value(other, 1)
