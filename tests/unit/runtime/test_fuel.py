"""Fuel: what is counted, where it runs out, and who sees how much is left.

The numbers are the oracle's: `--engine wasmtime` runs these tests on it.
"""

from collections.abc import Callable
from typing import Any

import pytest

PLENTY = 1_000_000
Metered = Callable[..., tuple[Any, Any]]


@pytest.fixture(scope="session", params=["baseline", "optimized"])
def fuel_engine(request: pytest.FixtureRequest, api: Any) -> Any:
    """An engine of each tier that counts fuel."""
    config = api.Config()
    config.strategy = "cranelift" if api.__name__ == "wasmtime" else request.param
    config.consume_fuel = True
    return api.Engine(config)


@pytest.fixture
def metered(api: Any, fuel_engine: Any, module: Callable[..., Any]) -> Metered:
    """A store with plenty of fuel, and the exports of an instance in it."""

    def make(text: str, *imports: Callable[[Any], Any]) -> tuple[Any, Any]:
        store = api.Store(fuel_engine)
        store.set_fuel(PLENTY)
        externs = [each(store) for each in imports]
        instance = api.Instance(store, module(text, fuel_engine), externs)
        store.set_fuel(PLENTY)
        return store, instance.exports(store)

    return make


def used(store: Any, call: Callable[[], object], fuel: int = PLENTY) -> int:
    store.set_fuel(fuel)
    call()
    left: int = store.get_fuel()
    return fuel - left


def trap_of(api: Any, call: Callable[[], object]) -> str:
    with pytest.raises(api.Trap) as caught:
        call()
    name: str = caught.value.trap_code.name
    return name


HEAD = '(module (memory 1) (table 10 funcref) (data "abcdefgh") (elem func $g) (func $g) '


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        ("nop", 1),
        ("i32.const 1 drop", 2),
        ("i32.const 1 i32.const 2 i32.add drop", 4),
        ("i32.const 1 i32.const 2 i32.const 3 select drop", 5),
        ("block br 0 end", 2),
        ("block block br 1 end i32.const 1 drop end", 2),
        ("i32.const 0 br_if 0 i32.const 1 drop", 4),
        ("i32.const 1 br_if 0 i32.const 1 drop", 3),
        ("block i32.const 1 br_if 0 i32.const 1 drop end i32.const 1 drop", 4),
        ("block i32.const 0 br_if 0 i32.const 1 drop end i32.const 1 drop", 5),
        ("i32.const 1 if nop else i32.const 1 drop end", 3),
        ("i32.const 0 if nop else i32.const 1 drop end", 4),
        ("i32.const 0 if i32.const 1 drop end", 3),
        ("i32.const 1 if i32.const 1 drop end", 4),
        ("i32.const 1 if return end i32.const 1 drop", 3),
        ("block block i32.const 0 br_table 0 1 end i32.const 1 drop end", 4),
        ("block block i32.const 1 br_table 0 1 end i32.const 1 drop end", 3),
        ("call $g", 3),
        ("i32.const 0 i32.load drop", 3),
        ("i32.const 0 i32.const 1 i32.const 100 memory.fill", 105),
        ("i32.const 0 i32.const 1 i32.const 100 memory.copy", 105),
        ("i32.const 0 i32.const 1 i32.const 5 memory.init 0", 10),
        ("i32.const 0 ref.null func i32.const 7 table.fill", 12),
        ("i32.const 0 i32.const 1 i32.const 7 table.copy", 12),
        ("i32.const 0 i32.const 0 i32.const 1 table.init 0", 6),
        ("ref.null func i32.const 30 table.grow drop", 34),
        ("i32.const 1 memory.grow drop", 3),
    ],
)
def test_fuel_of_a_body_is_what_the_oracle_counts(metered: Metered, body: str, cost: int) -> None:
    store, exports = metered(f'{HEAD}(func (export "f") {body}))')
    assert used(store, lambda: exports["f"](store)) == cost
    assert used(store, lambda: exports["f"](store), cost + 1) == cost


@pytest.mark.parametrize("count", [1, 2, 10])
def test_fuel_of_a_loop_is_counted_each_time(metered: Metered, count: int) -> None:
    store, exports = metered(
        '(module (func (export "f") (param i32) (loop'
        " (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"
    )
    assert used(store, lambda: exports["f"](store, count)) == 1 + 5 * count


@pytest.mark.parametrize("fuel", [0, 1, 2, 3, 50, 51, 52])
def test_fuel_runs_out_at_the_next_check(api: Any, metered: Metered, fuel: int) -> None:
    store, exports = metered(
        '(module (global (export "g") (mut i32) (i32.const 0)) (func (export "f")'
        " (loop (global.set 0 (i32.add (global.get 0) (i32.const 1))) (br 0))))"
    )
    for _ in range(2):
        exports["g"].set_value(store, 0)
        store.set_fuel(fuel)
        assert trap_of(api, lambda: exports["f"](store)) == "OUT_OF_FUEL"
        assert store.get_fuel() == 0
        # Checked with 1 used at the entry, then with 5 more each time; the last check finds nothing.
        assert exports["g"].value(store) == max(0, -(-(fuel - 1) // 5))


@pytest.mark.parametrize("fuel", [0, 1, 2, 3, 4, 5])
def test_fuel_of_a_function_that_only_computes_is_checked(
    api: Any, metered: Metered, fuel: int
) -> None:
    store, exports = metered(
        '(module (func (export "f") (param i32) (result i32)'
        " (local.set 0 (i32.mul (local.get 0) (local.get 0))) (select (local.get 0) (i32.const 5)"
        " (i32.const 1))))"
    )
    store.set_fuel(fuel)
    if fuel < 2:
        assert trap_of(api, lambda: exports["f"](store, 3)) == "OUT_OF_FUEL"
        assert store.get_fuel() == 0
    else:
        assert exports["f"](store, 3) == 9
        assert store.get_fuel() == 0  # 8 more instructions, without a check
    assert used(store, lambda: exports["f"](store, 3)) == 9


@pytest.mark.parametrize(
    "effect",
    [
        "(global.set $g (i32.const 1))",
        "(i32.store (i32.const 0) (i32.const 1))",
        "(drop (i32.load (i32.const 65536)))",
        "(drop (i32.div_u (i32.const 1) (local.get $x)))",
        "(drop (i32.trunc_f32_s (f32.const nan)))",
        "(call $h)",
        "(call_indirect (local.get $x))",
        "(unreachable)",
        "(if (local.get $x) (then (call $h)) (else (global.set $g (i32.const 1))))",
        "(block $b (br_if $b (local.get $x)) (global.set $g (i32.const 1)))",
        "(loop (br_if 0 (i32.eqz (local.get $x))))",
        "(drop (table.grow (ref.null func) (i32.const 1)))",
        "(drop (memory.grow (i32.const 1)))",
    ],
)
def test_fuel_is_checked_before_the_first_effect_of_a_function(
    api: Any, metered: Metered, effect: str
) -> None:
    called: list[None] = []

    def host(store: Any) -> Any:
        return api.Func(store, api.FuncType([], []), lambda: called.append(None))

    store, exports = metered(
        '(module (import "" "" (func $h)) (memory (export "m") 1) (table 1 funcref)'
        ' (global $g (export "g") (mut i32) (i32.const 0))'
        ' (func (export "f") (local $x i32) (local.set $x (i32.mul (i32.const 0) (i32.const 2)))'
        f" {effect}))",
        host,
    )
    store.set_fuel(1)
    assert trap_of(api, lambda: exports["f"](store)) == "OUT_OF_FUEL"
    assert not called
    assert exports["g"].value(store) == 0
    assert exports["m"].read(store, 0, 4) == bytes(4)
    assert exports["m"].size(store) == 1


def test_fuel_of_a_new_store_is_none(api: Any, fuel_engine: Any, module: Any) -> None:
    store = api.Store(fuel_engine)
    assert store.get_fuel() == 0
    start = module("(module (func $f) (start $f))", fuel_engine)
    assert trap_of(api, lambda: api.Instance(store, start, [])) == "OUT_OF_FUEL"


def test_fuel_trap_says_so(api: Any, metered: Metered) -> None:
    store, exports = metered('(module (func (export "f")))')
    store.set_fuel(1)
    with pytest.raises(api.Trap, match="wasm trap: all fuel consumed by WebAssembly"):
        exports["f"](store)


@pytest.mark.parametrize(
    ("body", "trap", "left"),
    [
        ("i32.const 1 drop unreachable", "UNREACHABLE", PLENTY - 2),
        ("i32.const 1 i32.const 0 i32.div_s drop", "INTEGER_DIVISION_BY_ZERO", PLENTY),
        ("call $g i32.const 1 i32.const 0 i32.div_s drop", "INTEGER_DIVISION_BY_ZERO", PLENTY - 3),
        ("call $g i32.const 65536 i32.load drop", "MEMORY_OUT_OF_BOUNDS", PLENTY - 3),
        ("i32.const 0 call_indirect", "INDIRECT_CALL_TO_NULL", PLENTY - 3),
        ("i32.const 0 i32.const 1 i32.const -1 memory.fill", "MEMORY_OUT_OF_BOUNDS", PLENTY),
        ("i32.const 0 i32.const 1 i32.const 99 memory.init 0", "MEMORY_OUT_OF_BOUNDS", PLENTY),
        ("i32.const 9 i32.const 1 i32.const 2 table.copy", "TABLE_OUT_OF_BOUNDS", PLENTY),
    ],
)
def test_fuel_after_a_trap_is_what_was_left_at_the_last_call(
    api: Any, metered: Metered, body: str, trap: str, left: int
) -> None:
    store, exports = metered(f'{HEAD}(func (export "f") {body}))')
    assert trap_of(api, lambda: exports["f"](store)) == trap
    assert store.get_fuel() == left


def test_fuel_bulk_operation_without_enough_does_nothing(api: Any, metered: Metered) -> None:
    store, exports = metered(
        '(module (memory (export "m") 1) (func (export "f")'
        " (memory.fill (i32.const 0) (i32.const 1) (i32.const 100))))"
    )
    store.set_fuel(105)
    assert trap_of(api, lambda: exports["f"](store)) == "OUT_OF_FUEL"
    assert exports["m"].read(store, 0, 1) == b"\0"
    store.set_fuel(106)
    exports["f"](store)
    assert (exports["m"].read(store, 0, 1), store.get_fuel()) == (b"\1", 1)


@pytest.mark.usefixtures("own")
def test_fuel_table_that_cannot_grow_is_not_charged_for_it(metered: Metered) -> None:
    store, exports = metered(
        '(module (table 1 5 funcref) (func (export "f") (result i32)'
        " (table.grow (ref.null func) (i32.const -1))))"
    )
    assert used(store, lambda: exports["f"](store)) == 4


def test_fuel_host_function_sees_and_sets_what_is_left(api: Any, metered: Metered) -> None:
    seen: list[int] = []

    def host(store: Any) -> Any:
        def call() -> None:
            seen.append(store.get_fuel())
            store.set_fuel(50)

        return api.Func(store, api.FuncType([], []), call)

    store, exports = metered(
        '(module (import "" "" (func $h)) (func (export "f")'
        " i32.const 1 drop call $h call $h i32.const 2 drop))",
        host,
    )
    exports["f"](store)
    assert seen == [PLENTY - 3, 49]
    assert store.get_fuel() == 49


def test_fuel_host_function_takes_all_of_it(api: Any, metered: Metered) -> None:
    def host(store: Any) -> Any:
        return api.Func(store, api.FuncType([], []), lambda: store.set_fuel(0))

    text = '(module (import "" "" (func $h)) (func $g) (func (export "f") call $h{}))'
    store, exports = metered(text.format(""), host)
    exports["f"](store)
    assert store.get_fuel() == 0
    store, exports = metered(text.format(" call $g"), host)
    assert trap_of(api, lambda: exports["f"](store)) == "OUT_OF_FUEL"


def test_fuel_nested_entries_share_what_is_left(api: Any, metered: Metered) -> None:
    caught: list[tuple[str, int]] = []
    inner: dict[str, Any] = {}

    def host(store: Any) -> Any:
        def call() -> None:
            store.set_fuel(10)
            caught.append((trap_of(api, lambda: inner["loop"](store)), store.get_fuel()))
            store.set_fuel(20)
            inner["once"](store)

        return api.Func(store, api.FuncType([], []), call)

    store, exports = metered(
        '(module (import "" "" (func $h)) (func (export "once")) (func (export "loop") (loop (br 0)))'
        ' (func (export "f") (call $h)))',
        host,
    )
    inner.update({name: exports[name] for name in ("once", "loop")})
    exports["f"](store)
    assert caught == [("OUT_OF_FUEL", 0)]
    assert store.get_fuel() == 19


def test_fuel_of_an_exception_in_a_host_function_is_kept(api: Any, metered: Metered) -> None:
    def host(store: Any) -> Any:
        def call() -> None:
            raise KeyError("host")

        return api.Func(store, api.FuncType([], []), call)

    store, exports = metered('(module (import "" "" (func $h)) (func (export "f") call $h))', host)
    with pytest.raises(KeyError, match="host"):
        exports["f"](store)
    assert store.get_fuel() == PLENTY - 2


def test_fuel_of_two_instances_in_a_store_is_one(api: Any, fuel_engine: Any, module: Any) -> None:
    store = api.Store(fuel_engine)
    store.set_fuel(PLENTY)
    callee = api.Instance(store, module('(module (func (export "g")))', fuel_engine), [])
    text = '(module (import "" "" (func $g)) (func (export "f") call $g))'
    caller = api.Instance(store, module(text, fuel_engine), [callee.exports(store)["g"]])
    assert used(store, lambda: caller.exports(store)["f"](store)) == 3


@pytest.mark.parametrize("fuel", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_set_fuel_any_amount_is_kept(metered: Metered, fuel: int) -> None:
    store, exports = metered('(module (func (export "f")))')
    store.set_fuel(fuel)
    assert store.get_fuel() == fuel
    if fuel > 1:
        exports["f"](store)
        assert store.get_fuel() == fuel - 1


@pytest.mark.usefixtures("own")
def test_set_fuel_of_what_is_no_amount_is_refused(api: Any, metered: Metered) -> None:
    store, _ = metered("(module)")
    for bad in (-1, 2**64):
        with pytest.raises(api.WasmtimeError, match="fuel must be from 0"):
            store.set_fuel(bad)
    for wrong in ("1", 1.0, None):
        with pytest.raises(TypeError, match="expected an int"):
            store.set_fuel(wrong)
    assert store.get_fuel() == PLENTY


def test_fuel_without_the_option_is_refused(api: Any, store: Any) -> None:
    for use in (lambda: store.set_fuel(5), store.get_fuel):
        with pytest.raises(api.WasmtimeError, match="fuel is not configured in this store"):
            use()


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("tier", ["baseline", "optimized"])
def test_fuel_of_other_costs_is_counted(api: Any, wasm: Any, tier: str) -> None:
    config = api.Config()
    config.strategy = tier
    config.consume_fuel = True
    config.operator_cost = api.OperatorCost({"i32.const": 10, "drop": 3, "end": 7, "call": 0})
    engine = api.Engine(config)
    store = api.Store(engine)
    text = '(module (func $g) (func (export "f") i32.const 1 drop call $g))'
    func = api.Instance(store, api.Module(engine, wasm(text)), []).exports(store)["f"]
    assert used(store, lambda: func(store)) == 1 + 10 + 3 + 0 + 7 + 1 + 7


@pytest.mark.usefixtures("own")
def test_fuel_of_a_module_with_other_costs_is_not_taken(api: Any, wasm: Any) -> None:
    def engine(cost: int) -> Any:
        config = api.Config()
        config.consume_fuel = True
        config.operator_cost = api.OperatorCost({"i32.add": cost})
        return api.Engine(config)

    artifact = engine(2).precompile_module(wasm("(module)"))
    api.Module.deserialize(engine(2), artifact)
    with pytest.raises(api.WasmtimeError, match=r"^Module costs are incompatible$"):
        api.Module.deserialize(engine(3), artifact)
    assert engine(1).precompile_compatibility_hash() != engine(2).precompile_compatibility_hash()
