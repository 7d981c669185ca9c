"""Epochs: deadlines, what reaches them, and that nobody else is concerned.

`--engine wasmtime` runs these tests on the oracle.
"""

from collections.abc import Callable
from typing import Any

import pytest

TEXT = (
    '(module (func (export "f")) (func (export "loop") (loop (br 0)))'
    ' (func (export "count") (param i32) (result i32) (local i32)'
    " (loop (local.set 1 (i32.add (local.get 1) (i32.const 1)))"
    " (br_if 0 (i32.lt_u (local.get 1) (local.get 0)))) (local.get 1)))"
)


def epoch_config(api: Any, tier: str, *, fuel: bool = False) -> Any:
    config = api.Config()
    config.strategy = "cranelift" if api.__name__ == "wasmtime" else tier
    config.epoch_interruption = True
    config.consume_fuel = fuel
    return config


@pytest.fixture(params=["baseline", "optimized"])
def tier(request: pytest.FixtureRequest) -> str:
    """The tier."""
    name: str = request.param
    return name


@pytest.fixture
def epochs(api: Any, tier: str, wasm: Callable[[str], bytes]) -> tuple[Any, Any, Any]:
    """An engine with epochs, a store of it, and exports of an instance there."""
    engine = api.Engine(epoch_config(api, tier))
    store = api.Store(engine)
    exports = api.Instance(store, api.Module(engine, wasm(TEXT)), []).exports(store)
    return engine, store, exports


def interrupted(api: Any, call: Callable[[], object]) -> bool:
    try:
        call()
    except api.Trap as trap:
        assert trap.trap_code is api.TrapCode.INTERRUPT
        assert "wasm trap: interrupt" in str(trap)
        return True
    return False


def test_epoch_of_a_new_store_is_past_its_deadline(api: Any, epochs: Any) -> None:
    _, store, exports = epochs
    assert interrupted(api, lambda: exports["f"](store))


def test_epoch_of_a_function_that_only_computes_is_looked_at(
    api: Any, tier: str, wasm: Callable[[str], bytes]
) -> None:
    engine = api.Engine(epoch_config(api, tier))
    store = api.Store(engine)
    text = (
        '(module (func (export "f") (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))'
        ' (func (export "g") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0))))'
    )
    exports = api.Instance(store, api.Module(engine, wasm(text)), []).exports(store)
    assert interrupted(api, lambda: exports["f"](store, 3))
    assert interrupted(api, lambda: exports["g"](store, 0))
    store.set_epoch_deadline(1)
    assert exports["f"](store, 3) == 9


def test_epoch_of_a_function_that_only_computes_leaves_its_fuel(
    api: Any, tier: str, wasm: Callable[[str], bytes]
) -> None:
    engine = api.Engine(epoch_config(api, tier, fuel=True))
    store = api.Store(engine)
    text = '(module (func (export "f") (param i32) (result i32) (i32.eqz (local.get 0))))'
    exports = api.Instance(store, api.Module(engine, wasm(text)), []).exports(store)
    store.set_fuel(1)
    with pytest.raises(api.Trap, match="all fuel consumed"):
        exports["f"](store, 3)
    store.set_fuel(100)
    assert interrupted(api, lambda: exports["f"](store, 3))
    assert store.get_fuel() == 100


def test_epoch_deadline_counts_from_the_current_epoch(api: Any, epochs: Any) -> None:
    engine, store, exports = epochs
    results = []
    for ticks in (1, 0, 2):
        store.set_epoch_deadline(ticks)
        results.append(interrupted(api, lambda: exports["f"](store)))
        engine.increment_epoch()
        results.append(interrupted(api, lambda: exports["f"](store)))
    assert results == [False, True, True, True, False, False]
    engine.increment_epoch()
    assert interrupted(api, lambda: exports["f"](store))


def test_epoch_code_that_ends_in_time_is_left_alone(epochs: Any) -> None:
    _, store, exports = epochs
    store.set_epoch_deadline(1)
    assert exports["count"](store, 10_000) == 10_000


def test_epoch_incremented_by_a_host_function_stops_the_loop(
    api: Any, tier: str, wasm: Callable[[str], bytes]
) -> None:
    engine = api.Engine(epoch_config(api, tier))
    store = api.Store(engine)
    calls: list[int] = []

    def host() -> None:
        calls.append(len(calls))
        if len(calls) == 3:
            engine.increment_epoch()

    func = api.Func(store, api.FuncType([], []), host)
    text = '(module (import "" "" (func $h)) (func (export "f") (loop (call $h) (br 0))))'
    exports = api.Instance(store, api.Module(engine, wasm(text)), [func]).exports(store)
    store.set_epoch_deadline(1)
    assert interrupted(api, lambda: exports["f"](store))
    assert calls == [0, 1, 2]


@pytest.mark.usefixtures("own")
def test_epoch_deadline_set_by_a_host_function_holds_at_once(
    api: Any, tier: str, wasm: Callable[[str], bytes]
) -> None:
    engine = api.Engine(epoch_config(api, tier))
    store = api.Store(engine)
    calls: list[int] = []

    def host() -> None:
        calls.append(len(calls))
        store.set_epoch_deadline(0 if len(calls) == 3 else 5)

    func = api.Func(store, api.FuncType([], []), host)
    text = '(module (import "" "" (func $h)) (func (export "f") (loop (call $h) (br 0))))'
    exports = api.Instance(store, api.Module(engine, wasm(text)), [func]).exports(store)
    store.set_epoch_deadline(1)
    assert interrupted(api, lambda: exports["f"](store))
    assert calls == [0, 1, 2]


def test_epoch_of_another_engine_does_not_matter(api: Any, epochs: Any, tier: str) -> None:
    _, store, exports = epochs
    store.set_epoch_deadline(1)
    api.Engine(epoch_config(api, tier)).increment_epoch()
    assert not interrupted(api, lambda: exports["f"](store))


@pytest.mark.usefixtures("own")
def test_epoch_of_the_stores_engine_counts_for_modules_of_an_equal_one(
    api: Any, epochs: Any, tier: str, wasm: Callable[[str], bytes]
) -> None:
    engine, store, _ = epochs
    equal = api.Engine(epoch_config(api, tier))
    exports = api.Instance(store, api.Module(equal, wasm(TEXT)), []).exports(store)
    store.set_epoch_deadline(1)
    equal.increment_epoch()
    assert not interrupted(api, lambda: exports["f"](store))
    engine.increment_epoch()
    assert interrupted(api, lambda: exports["f"](store))


def test_epoch_start_function_is_interrupted(
    api: Any, tier: str, wasm: Callable[[str], bytes]
) -> None:
    engine = api.Engine(epoch_config(api, tier))
    module = api.Module(engine, wasm("(module (func $f (loop (br 0))) (start $f))"))
    assert interrupted(api, lambda: api.Instance(api.Store(engine), module, []))


def test_epoch_and_fuel_both_hold(api: Any, tier: str, wasm: Callable[[str], bytes]) -> None:
    engine = api.Engine(epoch_config(api, tier, fuel=True))
    store = api.Store(engine)
    store.set_fuel(1000)
    store.set_epoch_deadline(1)
    exports = api.Instance(store, api.Module(engine, wasm(TEXT)), []).exports(store)
    with pytest.raises(api.Trap) as caught:
        exports["loop"](store)
    assert caught.value.trap_code is api.TrapCode.OUT_OF_FUEL
    store.set_fuel(1000)
    engine.increment_epoch()
    assert interrupted(api, lambda: exports["loop"](store))
    assert store.get_fuel() == 1000


@pytest.mark.usefixtures("own")
def test_epoch_deadline_as_far_as_can_be_is_never_reached(api: Any, epochs: Any) -> None:
    engine, store, exports = epochs
    engine.increment_epoch()
    store.set_epoch_deadline(2**64 - 1)
    assert not interrupted(api, lambda: exports["f"](store))


@pytest.mark.usefixtures("own")
def test_set_epoch_deadline_of_what_is_no_number_is_refused(api: Any, epochs: Any) -> None:
    _, store, _ = epochs
    for bad in (-1, 2**64):
        with pytest.raises(api.WasmtimeError, match="ticks_after_current must be from 0"):
            store.set_epoch_deadline(bad)
    with pytest.raises(TypeError, match="expected an int"):
        store.set_epoch_deadline("1")


def test_epoch_without_the_option_is_of_no_effect(
    api: Any, store: Any, instantiate: Callable[..., Any]
) -> None:
    exports = instantiate('(module (func (export "f") (result i32) (i32.const 4)))')
    store.set_epoch_deadline(0)
    store.engine.increment_epoch()
    assert exports["f"](store) == 4
