"""Stores: their data, what is refused, and engines that may share code."""

from collections.abc import Callable
from typing import Any

import pytest


def test_store_gives_its_data_back(api: Any, engine: Any) -> None:
    data = object()
    assert api.Store(engine, data).data() is data
    assert api.Store(engine).data() is None


@pytest.mark.usefixtures("own")
def test_store_without_engine_makes_one(api: Any) -> None:
    assert isinstance(api.Store().engine, api.Engine)


@pytest.mark.parametrize("engine", ["engine", 5, object()])
def test_store_of_no_engine_is_a_type_error(api: Any, engine: object) -> None:
    with pytest.raises(TypeError):
        api.Store(engine)


@pytest.mark.usefixtures("own")
def test_store_of_an_equal_engine_takes_the_module(api: Any, module: Callable[..., Any]) -> None:
    text = '(module (func (export "f") (result i32) (i32.const 4)))'
    store = api.Store(api.Engine())
    assert api.Instance(store, module(text), []).exports(store)["f"](store) == 4


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("what", ["a store", None, 5])
def test_handles_with_something_else_as_store_are_a_type_error(
    api: Any, module: Callable[..., Any], instantiate: Callable[..., Any], what: object
) -> None:
    exports = instantiate(
        '(module (memory (export "m") 1) (table (export "t") 1 funcref)'
        ' (global (export "g") i32 (i32.const 1)))'
    )
    uses: tuple[Callable[[], object], ...] = (
        lambda: exports["m"].size(what),
        lambda: exports["t"].size(what),
        lambda: exports["g"].value(what),
        lambda: api.Memory(what, api.MemoryType(api.Limits(1, None))),
        lambda: api.Global(what, api.GlobalType(api.ValType.i32(), False), 1),
        lambda: api.Instance(what, module("(module)"), []),
        lambda: api.Func(what, api.FuncType([], []), lambda: None),
    )
    for use in uses:
        with pytest.raises(TypeError, match="expected a Store"):
            use()


@pytest.mark.usefixtures("own")
def test_handles_with_a_caller_as_store_work(
    api: Any, store: Any, instantiate: Callable[..., Any], module: Callable[..., Any]
) -> None:
    seen: list[object] = []

    def host(caller: Any) -> None:
        memory = api.Memory(caller, api.MemoryType(api.Limits(1, 5)))
        variable = api.Global(caller, api.GlobalType(api.ValType.i32(), True), 1)
        variable.set_value(caller, 6)
        made = api.Instance(caller, module('(module (func (export "f")))'), []).exports(caller)
        made["f"](caller)
        seen.extend([memory.grow(caller, 2), memory.size(store), variable.value(store)])

    func = api.Func(store, api.FuncType([], []), host, access_caller=True)
    text = '(module (import "" "h" (func $h)) (func (export "f") (call $h)))'
    instantiate(text, func)["f"](store)
    assert seen == [1, 3, 6]


@pytest.mark.usefixtures("own")
def test_store_and_module_initialized_twice_are_refused(
    api: Any, engine: Any, wasm: Callable[[str], bytes]
) -> None:
    store = api.Store(engine)
    module = api.Module(engine, wasm("(module)"))
    with pytest.raises(api.WasmtimeError, match="twice"):
        store.__init__(engine)
    with pytest.raises(api.WasmtimeError, match="twice"):
        module.__init__(engine, wasm("(module)"))
    api.Instance(store, module, [])


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("limit", ["a", 1.5, None])
@pytest.mark.parametrize(
    "name", ["memory_size", "table_elements", "instances", "tables", "memories"]
)
def test_store_limit_that_is_no_whole_number_is_a_type_error_and_limits_nothing(
    api: Any, name: str, limit: object
) -> None:
    store = api.Store()
    with pytest.raises(TypeError, match=f"^expected an int for {name}$"):
        store.set_limits(**{"memories": 0, name: limit})
    api.Memory(store, api.MemoryType(api.Limits(1, None)))
