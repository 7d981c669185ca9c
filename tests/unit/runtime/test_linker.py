"""Imports against definitions: what fits, the wording of what does not, and the Linker."""

from collections.abc import Callable
from typing import Any

import pytest

CONSUMER = """
(module
  (import "env" "f" (func $f (param i32) (result i32)))
  (import "env" "m" (memory 1 3))
  (import "env" "t" (table 2 4 funcref))
  (import "env" "g" (global $g (mut i64)))
  (func (export "call") (param i32) (result i32) (call $f (local.get 0)))
  (func (export "get") (result i64) (global.get $g))
  (func (export "size") (result i32) (i32.add (memory.size) (table.size))))
"""

PROVIDER = """
(module
  (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (memory (export "m") 1 3)
  (table (export "t") 2 4 funcref)
  (global (export "g") (mut i64) (i64.const 7)))
"""


@pytest.fixture
def linker(api: Any, engine: Any) -> Any:
    return api.Linker(engine)


@pytest.fixture
def externs(api: Any, store: Any, functype: Callable[..., Any]) -> Callable[[str], Any]:
    """Externs of the store by a short description."""

    def make(what: str) -> Any:
        kind, *rest = what.split()
        if kind == "func":
            params, _, results = " ".join(rest).partition("->")
            return api.Func(store, functype(params, results), lambda *args: None)
        if kind == "global":
            mutable = "mut" in rest
            valtype = getattr(api.ValType, rest[-1])()
            value = api.Val(valtype, 0) if api.__name__ == "cachewasm" else 0
            if rest[-1].startswith("f"):
                value = 0.0
            return api.Global(store, api.GlobalType(valtype, mutable), value)
        least = int(rest[0])
        most = int(rest[1]) if rest[1] != "-" else None
        if kind == "memory":
            return api.Memory(store, api.MemoryType(api.Limits(least, most)))
        element = getattr(api.ValType, rest[2])()
        return api.Table(store, api.TableType(element, api.Limits(least, most)), None)

    return make


# --- Instance(store, module, imports)


@pytest.mark.parametrize(
    ("wanted", "given", "problem"),
    [
        (
            "(func (param i32))",
            "func i64->",
            "types incompatible: expected type `(func (param i32))`, "
            "found type `(func (param i64))`",
        ),
        (
            "(func (param i32 f32) (result i64 externref))",
            "func ->f64",
            "types incompatible: expected type `(func (param i32 f32) (result i64 externref))`, "
            "found type `(func (result f64))`",
        ),
        ("(func)", "memory 1 -", "expected func, but found memory"),
        ("(func)", "global i32", "expected func, but found global"),
        ("(memory 1)", "table 1 - funcref", "expected memory, but found table"),
        ("(table 1 funcref)", "func ->", "expected table, but found func"),
        ("(global i32)", "memory 1 -", "expected global, but found memory"),
        (
            "(memory 2)",
            "memory 1 -",
            "memory types incompatible: expected memory limits (min: 2, max: none) doesn't match "
            "provided memory limits (min: 1, max: none)",
        ),
        (
            "(memory 1 2)",
            "memory 1 3",
            "memory types incompatible: expected memory limits (min: 1, max: 2) doesn't match "
            "provided memory limits (min: 1, max: 3)",
        ),
        (
            "(memory 1 2)",
            "memory 1 -",
            "memory types incompatible: expected memory limits (min: 1, max: 2) doesn't match "
            "provided memory limits (min: 1, max: none)",
        ),
        (
            "(table 3 funcref)",
            "table 2 9 funcref",
            "table types incompatible: expected table limits (min: 3, max: none) doesn't match "
            "provided table limits (min: 2, max: 9)",
        ),
        (
            "(table 1 funcref)",
            "table 1 - externref",
            "table types incompatible: expected table of type `funcref`, "
            "found table of type `externref`",
        ),
        (
            "(global i32)",
            "global i64",
            "global types incompatible: expected global of type `i32`, found global of type `i64`",
        ),
        (
            "(global (mut i32))",
            "global i32",
            "global types incompatible: expected mutable global, found immutable global",
        ),
        (
            "(global i32)",
            "global mut i32",
            "global types incompatible: expected immutable global, found mutable global",
        ),
    ],
)
def test_import_of_another_type_is_refused(
    api: Any,
    instantiate: Callable[..., Any],
    externs: Callable[[str], Any],
    wanted: str,
    given: str,
    problem: str,
) -> None:
    with pytest.raises(api.WasmtimeError) as caught:
        instantiate(f'(module (import "a" "b" {wanted}))', externs(given))
    message = " ".join(str(caught.value).split())
    assert message.startswith("incompatible import type for `a::b`")
    assert problem in message


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("(memory 1 3)", "memory 2 3"),
        ("(memory 1)", "memory 1 1"),
        ("(memory 0 65536)", "memory 0 9"),
        ("(table 1 funcref)", "table 5 5 funcref"),
        ("(table 1 4 externref)", "table 1 4 externref"),
        ("(global (mut f32))", "global mut f32"),
    ],
)
def test_import_of_a_fitting_type_is_accepted(
    instantiate: Callable[..., Any], externs: Callable[[str], Any], wanted: str, given: str
) -> None:
    instantiate(f'(module (import "a" "b" {wanted}))', externs(given))


def test_import_limits_are_those_of_now(
    api: Any, store: Any, instantiate: Callable[..., Any], externs: Callable[[str], Any]
) -> None:
    memory = externs("memory 1 4")
    with pytest.raises(api.WasmtimeError):
        instantiate('(module (import "a" "b" (memory 2)))', memory)
    memory.grow(store, 1)
    instantiate('(module (import "a" "b" (memory 2)))', memory)


def test_import_wrong_number_is_refused(
    api: Any, instantiate: Callable[..., Any], externs: Callable[[str], Any]
) -> None:
    text = '(module (import "a" "b" (func)))'
    with pytest.raises(api.WasmtimeError, match="expected 1 imports, found 0"):
        instantiate(text)
    with pytest.raises(api.WasmtimeError, match="expected 1 imports, found 2"):
        instantiate(text, externs("func ->"), externs("func ->"))


def test_import_of_no_extern_is_a_type_error(instantiate: Callable[..., Any]) -> None:
    with pytest.raises(TypeError):
        instantiate('(module (import "a" "b" (func)))', 5)


@pytest.mark.usefixtures("own")
def test_import_of_another_store_is_refused(
    api: Any, engine: Any, module: Callable[..., Any], externs: Callable[[str], Any]
) -> None:
    text = '(module (import "a" "b" (func)))'
    with pytest.raises(api.WasmtimeError, match="object used with the wrong store"):
        api.Instance(api.Store(engine), module(text), [externs("func ->")])


@pytest.mark.usefixtures("own")
def test_instance_of_another_engine_is_refused(api: Any, wasm: Callable[[str], bytes]) -> None:
    config = api.Config()
    config.signals_based_traps = False
    foreign = api.Module(api.Engine(config), wasm("(module)"))
    with pytest.raises(api.WasmtimeError, match="cross-`Engine`"):
        api.Instance(api.Store(), foreign, [])


def test_instances_beyond_the_limit_are_refused(
    api: Any, store: Any, instantiate: Callable[..., Any]
) -> None:
    store.set_limits(instances=3, tables=1, memories=1)
    instantiate("(module (memory 1))")
    with pytest.raises(api.WasmtimeError, match="memory count too high at 2"):
        instantiate("(module (memory 1))")
    instantiate("(module (table 1 funcref))")
    # The one that failed counts: others may refer to what it had made.
    with pytest.raises(api.WasmtimeError, match="instance count too high at 4"):
        instantiate("(module)")


# --- Linker


def test_linker_missing_import_is_named(
    api: Any, store: Any, linker: Any, module: Callable[..., Any]
) -> None:
    with pytest.raises(api.WasmtimeError, match="unknown import: `env::f` has not been defined"):
        linker.instantiate(store, module(CONSUMER))
    with pytest.raises(api.WasmtimeError, match="unknown import: `env::f`"):
        linker.instantiate_pre(module(CONSUMER))


def test_linker_define_instance_provides_every_export(
    api: Any, store: Any, linker: Any, module: Callable[..., Any]
) -> None:
    linker.define_instance(store, "env", api.Instance(store, module(PROVIDER), []))
    exports = linker.instantiate(store, module(CONSUMER)).exports(store)
    assert exports["call"](store, 41) == 42
    assert exports["get"](store) == 7
    assert exports["size"](store) == 3
    assert linker.get(store, "env", "g").value(store) == 7


def test_linker_name_defined_twice_is_refused_unless_shadowing(
    api: Any, store: Any, linker: Any, functype: Callable[..., Any]
) -> None:
    linker.define_func("a", "b", functype("", "i32"), lambda: 1)
    with pytest.raises(api.WasmtimeError, match="import of `a::b` defined twice"):
        linker.define_func("a", "b", functype("", "i32"), lambda: 2)
    linker.allow_shadowing = True
    linker.define_func("a", "b", functype("", "i32"), lambda: 3)
    assert linker.get(store, "a", "b")(store) == 3
    linker.allow_shadowing = False
    with pytest.raises(api.WasmtimeError, match="defined twice"):
        linker.define_func("a", "b", functype("", "i32"), lambda: 4)


def test_linker_get_unknown_is_refused(api: Any, store: Any, linker: Any) -> None:
    with pytest.raises(api.WasmtimeError, match="not defined in linker"):
        linker.get(store, "a", "b")


def test_linker_define_func_serves_any_store(
    api: Any, engine: Any, linker: Any, module: Callable[..., Any], functype: Callable[..., Any]
) -> None:
    linker.define_func("", "f", functype("", "i32"), lambda: 6)
    linker.define_func(
        "", "g", functype("", "i32"), lambda caller: caller["m"].size(caller), access_caller=True
    )
    text = """(module (import "" "f" (func $f (result i32))) (import "" "g" (func $g (result i32)))
                (memory (export "m") 3)
                (func (export "h") (result i32) (i32.add (call $f) (call $g))))"""
    pre = linker.instantiate_pre(module(text))
    for _ in range(2):
        store = api.Store(engine)
        assert pre.instantiate(store).exports(store)["h"](store) == 9


@pytest.mark.usefixtures("own")
def test_linker_define_refuses_what_is_no_extern(
    linker: Any, store: Any, functype: Callable[..., Any]
) -> None:
    with pytest.raises(TypeError):
        linker.define(store, "a", "b", 5)
    with pytest.raises(TypeError):
        linker.define_func("a", "b", 5, lambda: None)
    with pytest.raises(TypeError):
        linker.define_func("a", "b", functype(), 5)
    with pytest.raises(TypeError):
        linker.allow_shadowing = 1


COUNTER = """
(module
  (global $n (mut i32) (i32.const 0))
  {start}
  (func (export "count") (result i32)
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (global.get $n)))
"""


def test_linker_define_module_reactor_is_one_instance_initialised_first(
    store: Any, linker: Any, module: Callable[..., Any]
) -> None:
    reactor = COUNTER.format(start='(func (export "_initialize") (global.set $n (i32.const 100)))')
    linker.define_module(store, "m", module(reactor))
    count = linker.get(store, "m", "count")
    assert [count(store), count(store)] == [101, 102]


def test_linker_define_module_command_is_a_new_instance_each_call(
    store: Any, linker: Any, module: Callable[..., Any]
) -> None:
    linker.define_module(store, "m", module(COUNTER.format(start='(func (export "_start"))')))
    count = linker.get(store, "m", "count")
    assert [count(store), count(store)] == [1, 1]
    assert linker.get_default(store, "m")(store) is None


def test_linker_default_export(
    api: Any, store: Any, linker: Any, module: Callable[..., Any]
) -> None:
    text = '(module (func (export "") (result i32) (i32.const 3)))'
    linker.define_instance(store, "a", api.Instance(store, module(text), []))
    assert linker.get_default(store, "a")(store) == 3
    assert linker.get_default(store, "unknown")(store) is None
    linker.define_func("c", "f", api.FuncType([], []), lambda: None)
    assert linker.get_default(store, "c")(store) is None
    linker.define_instance(
        store, "b", api.Instance(store, module('(module (memory (export "") 1))'), [])
    )
    with pytest.raises(api.WasmtimeError, match="default export in 'b' is not a function"):
        linker.get_default(store, "b")


def test_linker_unknown_imports_as_traps(
    api: Any, store: Any, linker: Any, module: Callable[..., Any]
) -> None:
    text = """(module (import "a" "f" (func $f (param i32) (result i64)))
                (import "a" "g" (func $g (result i32)))
                (func (export "f") (result i64) (call $f (i32.const 1)))
                (func (export "g") (result i32) (call $g)))"""
    linker.define_func("a", "g", api.FuncType([], [api.ValType.i32()]), lambda: 5)
    linker.define_unknown_imports_as_traps(module(text))
    exports = linker.instantiate(store, module(text)).exports(store)
    assert exports["g"](store) == 5
    with pytest.raises(api.WasmtimeError, match="unknown import: `a::f` has not been defined"):
        exports["f"](store)


def test_linker_unknown_imports_as_default_values(
    store: Any, linker: Any, module: Callable[..., Any]
) -> None:
    text = """(module
      (import "a" "f" (func $f (param i32) (result i64 f32 externref)))
      (import "a" "v" (func $v (result i32)))
      (import "a" "g" (global $g f64)) (import "a" "h" (global $h (mut funcref)))
      (import "a" "m" (memory 2)) (import "a" "t" (table 3 funcref))
      (func (export "f") (result i64 f32 externref) (call $f (i32.const 1)))
      (func (export "rest") (result i32 f64 i32 i32 i32)
        (call $v) (global.get $g) (ref.is_null (global.get $h)) (memory.size) (table.size)))"""
    linker.define_unknown_imports_as_default_values(store, module(text))
    exports = linker.instantiate(store, module(text)).exports(store)
    assert exports["f"](store) == [0, 0.0, None]
    assert exports["rest"](store) == [0, 0.0, 1, 2, 3]


# --- Exports of an instance


def test_exports_are_a_mapping_in_order(
    api: Any, store: Any, instantiate: Callable[..., Any]
) -> None:
    exports = instantiate(PROVIDER)
    assert list(exports) == ["f", "m", "t", "g"]
    assert len(exports) == 4
    assert "m" in exports
    assert "x" not in exports
    assert exports.get("x") is None
    with pytest.raises(KeyError):
        exports["x"]
    kinds = [api.Func, api.Memory, api.Table, api.Global]
    assert [type(extern) for extern in exports.by_index] == kinds
    assert [name for name, _ in exports.items()] == list(exports.keys())
    assert exports["f"] is exports["f"]
