"""`table_lazy_init`: tables that get their elements when something first looks for one, in both tiers."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

import cachewasm
from cachewasm import Instance, Limits, Module, Store, Table, TableType, Trap, WasmtimeError
from cachewasm.errors import IncompatibleArtifact, LinkError

TIERS = ("baseline", "optimized")

MODULE = """
(module
  (type $result (func (result i32)))
  (import "" "host" (func $host (result i32)))
  (table $t (export "t") 10 20 funcref)
  (table $u (export "u") 10 funcref)
  (elem (table $t) (i32.const 2) func $one $two)
  (elem (table $t) (i32.const 3) func $three $host)
  (elem (table $u) (i32.const 9) func $two)
  (func $one (export "one") (result i32) (i32.const 1))
  (func $two (result i32) (i32.const 2))
  (func $three (result i32) (i32.const 3))
  (func (export "call") (param i32) (result i32)
    (call_indirect $t (type $result) (local.get 0)))
  (func (export "is_null") (param i32) (result i32) (ref.is_null (table.get $t (local.get 0))))
  (func (export "move") (param i32 i32)
    (table.set $t (local.get 0) (table.get $t (local.get 1))))
  (func (export "clear") (param i32) (table.set $t (local.get 0) (ref.null func)))
  (func (export "copy") (param i32 i32 i32)
    (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy_across") (param i32 i32 i32)
    (table.copy $t $u (local.get 0) (local.get 1) (local.get 2)))
  (func (export "fill") (param i32 funcref i32)
    (table.fill $t (local.get 0) (local.get 1) (local.get 2)))
  (func (export "grow") (param funcref i32) (result i32)
    (table.grow $t (local.get 0) (local.get 1)))
  (func (export "size") (result i32) (table.size $t)))
"""


def engine_of(tier: str, *, lazy: bool = True, **options: Any) -> cachewasm.Engine:
    config = cachewasm.Config()
    config.strategy = tier
    config.table_lazy_init = lazy
    for name, value in options.items():
        setattr(config, name, value)
    return cachewasm.Engine(config)


@pytest.fixture(scope="module")
def engines() -> dict[str, cachewasm.Engine]:
    return {tier: engine_of(tier) for tier in TIERS}


@pytest.fixture(params=TIERS)
def engine(request: pytest.FixtureRequest, engines: dict[str, cachewasm.Engine]) -> Any:
    return engines[request.param]


@pytest.fixture
def store(engine: cachewasm.Engine) -> Store:
    return Store(engine)


def instance_of(store: Store, text: str, *imports: Any) -> Any:
    return Instance(store, Module(store.engine, text), imports).exports(store)


def with_host(store: Store, text: str = MODULE) -> Any:
    return instance_of(store, text, cachewasm.Func(store, cachewasm.FuncType([], [I32]), lambda: 9))


I32 = cachewasm.ValType.i32()
FUNCREF = cachewasm.ValType.funcref()


def is_pending(table: Table) -> bool:
    return table._definition.is_pending


def outcome(action: Callable[[], object]) -> object:
    try:
        found = action()
    except Trap as trap:
        return trap.trap_code, [(f.func_index, f.module_offset) for f in trap.frames]
    except WasmtimeError as error:
        return str(error)
    return "a function" if callable(found) else found


# What a table can be asked first, from wasm code and from Python.
FIRST: dict[str, Callable[[Store, Any], object]] = {
    "call": lambda store, x: x["call"](store, 2),
    "call of an import": lambda store, x: x["call"](store, 4),
    "call of null": lambda store, x: x["call"](store, 0),
    "call out of bounds": lambda store, x: x["call"](store, 10),
    "call far out of bounds": lambda store, x: x["call"](store, -1),
    "is_null": lambda store, x: x["is_null"](store, 3),
    "is_null out of bounds": lambda store, x: x["is_null"](store, 10),
    "move": lambda store, x: x["move"](store, 0, 3),
    "move out of bounds": lambda store, x: x["move"](store, 10, 3),
    "clear": lambda store, x: x["clear"](store, 3),
    "copy": lambda store, x: x["copy"](store, 0, 2, 3),
    "copy out of bounds": lambda store, x: x["copy"](store, 0, 8, 3),
    "copy of nothing": lambda store, x: x["copy"](store, 10, 10, 0),
    "copy_across": lambda store, x: x["copy_across"](store, 2, 8, 2),
    "fill": lambda store, x: x["fill"](store, 3, x["one"], 2),
    "fill out of bounds": lambda store, x: x["fill"](store, 9, None, 2),
    "grow": lambda store, x: x["grow"](store, x["one"], 3),
    "grow too much": lambda store, x: x["grow"](store, None, 11),
    "grow by nothing": lambda store, x: x["grow"](store, None, 0),
    "size": lambda store, x: x["size"](store),
    "host size": lambda store, x: x["t"].size(store),
    "host type": lambda store, x: str(x["t"].type(store)),
    "host get": lambda store, x: x["t"].get(store, 3),
    "host get of null": lambda store, x: x["t"].get(store, 0),
    "host get out of bounds": lambda store, x: x["t"].get(store, 10),
    "host set": lambda store, x: x["t"].set(store, 3, x["one"]),
    "host set out of bounds": lambda store, x: x["t"].set(store, 10, None),
    "host grow": lambda store, x: x["t"].grow(store, 2, x["one"]),
    "host grow too much": lambda store, x: x["t"].grow(store, 11, None),
}


def trace(engine: cachewasm.Engine, first: Callable[[Store, Any], object]) -> list[object]:
    """What is asked first gives, and all that can be seen of the tables afterwards."""
    store = Store(engine)
    exports = with_host(store)
    if engine.config.table_lazy_init:
        assert is_pending(exports["t"]) and is_pending(exports["u"])
    seen = [outcome(lambda: first(store, exports)), exports["size"](store)]
    seen += [outcome(lambda i=i: exports["call"](store, i)) for i in range(14)]  # type: ignore[misc]
    seen += [outcome(lambda i=i: exports["u"].get(store, i)) for i in range(11)]  # type: ignore[misc]
    return seen


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", FIRST)
def test_pending_table_is_like_one_that_is_filled(
    engines: dict[str, cachewasm.Engine], name: str, tier: str
) -> None:
    assert trace(engines[tier], FIRST[name]) == trace(engine_of(tier, lazy=False), FIRST[name])


@pytest.mark.parametrize("options", [{"signals_based_traps": False}, {"consume_fuel": True}])
@pytest.mark.parametrize("name", ["call", "copy", "copy out of bounds", "grow", "fill", "size"])
def test_pending_table_with_other_options_is_like_one_that_is_filled(
    options: dict[str, Any], name: str
) -> None:
    def fuelled(store: Store, exports: Any) -> object:
        if options.get("consume_fuel"):
            store.set_fuel(10_000)
        result = outcome(lambda: FIRST[name](store, exports))
        return result, store.get_fuel() if options.get("consume_fuel") else None

    traces = [trace(engine_of("baseline", lazy=lazy, **options), fuelled) for lazy in (False, True)]
    assert traces[0] == traces[1]


def test_first_call_fills_the_table_of_its_instance_alone(store: Store) -> None:
    first, second = with_host(store), with_host(store)
    assert first["call"](store, 2) == 1
    assert not is_pending(first["t"])
    assert is_pending(first["u"])
    assert is_pending(second["t"])


def test_size_and_exports_leave_a_table_pending(store: Store) -> None:
    exports = with_host(store)
    assert exports["one"](store) == 1
    assert exports["size"](store) == exports["t"].size(store) == 10
    assert is_pending(exports["t"])


def test_elements_are_the_functions_that_are_exported(store: Store) -> None:
    exports = with_host(store)
    early = exports["one"]
    element: Any = exports["t"].get(store, 2)
    assert store._funcref_of(element) == store._funcref_of(early)


def test_import_of_a_pending_table_is_checked_by_its_size(store: Store) -> None:
    table = with_host(store)["t"]
    with pytest.raises(LinkError, match="table"):
        instance_of(store, '(module (import "" "t" (table 11 20 funcref)))', table)
    instance_of(store, '(module (import "" "t" (table 10 20 funcref)))', table)
    assert is_pending(table)


IMPORTER = """
(module
  (type $result (func (result i32)))
  (import "" "t" (table $t 10 funcref))
  (func $seven (result i32) (i32.const 7))
  {}
  (func (export "call") (param i32) (result i32)
    (call_indirect $t (type $result) (local.get 0))))
"""


def test_imported_pending_table_is_filled_by_whoever_calls(store: Store) -> None:
    table = with_host(store)["t"]
    assert instance_of(store, IMPORTER.format(""), table)["call"](store, 3) == 3
    assert not is_pending(table)


def test_segment_of_another_instance_goes_over_what_was_pending(store: Store) -> None:
    exports = with_host(store)
    importer = instance_of(store, IMPORTER.format("(elem (i32.const 3) $seven)"), exports["t"])
    assert [importer["call"](store, i) for i in (2, 3, 4)] == [1, 7, 9]
    assert exports["call"](store, 3) == 7


def test_segment_that_does_not_fit_traps_when_instantiated(store: Store) -> None:
    table = Table(store, TableType(FUNCREF, Limits(4, None)), None)
    text = """(module (import "" "t" (table $t 4 funcref)) (table $own (export "own") 2 funcref)
      (type $result (func (result i32)))
      (func $own (result i32) (call_indirect $own (type $result) (i32.const 0)))
      (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))
      (elem (table $t) (i32.const 0) func $own) (elem (table $own) (i32.const 0) func $one)
      (elem (table $t) (i32.const 4) func $one) (elem (table $own) (i32.const 0) func $two))"""
    with pytest.raises(Trap, match="out of bounds table access"):
        instance_of(store, text, table)
    # Segments before it have been written, and none behind it.
    function: Any = table.get(store, 0)
    assert function(store) == 1


@pytest.mark.parametrize("offset", ["(i32.const 1)", "(i32.const -1)", "(i32.const 3)"])
def test_segment_beyond_the_module_own_table_traps_when_instantiated(
    store: Store, offset: str
) -> None:
    text = f"(module (table 2 funcref) (func $f) (elem {offset} $f $f))"
    with pytest.raises(Trap, match="out of bounds table access"):
        instance_of(store, text)


@pytest.mark.parametrize(
    "segments",
    [
        '(global $g (import "" "g") i32) (table $t 4 funcref) (elem (global.get $g) func $f)',
        '(global (import "" "g") i32) (table $t 4 funcref) '
        "(elem (i32.const 1) funcref (ref.null func) (ref.func $f)) (elem (i32.const 1) $f)",
        '(global (import "" "g") i32) (table $t 4 4 funcref) (elem (i32.const 1) $f)',
        '(global (import "" "g") i32) (table $t 4 funcref) (elem $p func $f) (start $init) '
        "(func $init (table.init $p (i32.const 1) (i32.const 0) (i32.const 1)))",
        '(global (import "" "g") i32) (table $t 4 funcref) (elem (i32.const 0) $f) '
        "(global $r funcref (ref.func $f)) (start $init) "
        "(func $init (table.set (i32.const 1) (global.get $r)))",
        '(global (import "" "g") i32) (table $t 4 funcref) (elem declare func $f) '
        "(start $init) (func $init (table.set (i32.const 1) (ref.func $f)))",
        '(global (import "" "g") i32) (table $x 1 externref) (table $t 4 funcref) '
        '(elem (table $t) (i32.const 1) func $f) (func (export "x") (param externref) '
        "(table.set $x (i32.const 0) (local.get 0)))",
    ],
    ids=["global", "expressions", "fixed size", "passive", "initial value", "ref.func", "two"],
)
def test_elements_of_every_kind_are_there(store: Store, segments: str) -> None:
    one = cachewasm.Global(store, cachewasm.GlobalType(I32, False), cachewasm.Val.i32(1))
    exports = instance_of(
        store,
        f"""(module {segments} (type $result (func (result i32)))
          (func $f (type $result) (i32.const 5))
          (func (export "call") (param i32) (result i32)
            (call_indirect $t (type $result) (local.get 0))))""",
        one,
    )
    assert exports["call"](store, 1) == 5


def test_start_function_calls_through_the_table(store: Store) -> None:
    exports = instance_of(
        store,
        """(module (table 1 funcref) (elem (i32.const 0) $set) (start $start)
          (global $g (export "g") (mut i32) (i32.const 0))
          (func $set (global.set $g (i32.const 3)))
          (func $start (call_indirect (i32.const 0))))""",
    )
    assert exports["g"].value(store) == 3


WIDE = """
(module
  (type $result (func (result i32)))
  (table 1 funcref) (elem (i32.const 0) $zero)
  (func $zero (result i32) (i32.const 0))
  (func (export "get") (param i32 {params}) (result {results})
    (drop (table.get (local.get 0)))
    {values}))
"""


def test_first_look_keeps_every_value_of_the_code_around(store: Store) -> None:
    types = ["i64", "f64", "f32", "i32"] * 10
    values = "".join(
        f"({t}.add (local.get {i + 1}) (local.get {(i + 4) % len(types) + 1}))"
        for i, t in enumerate(types)
    )
    exports = instance_of(
        store, WIDE.format(params=" ".join(types), results=" ".join(types), values=values)
    )
    arguments = [float(i) if t[0] == "f" else i * 1000 for i, t in enumerate(types)]
    expected = [arguments[i] + arguments[(i + 4) % len(types)] for i in range(len(types))]
    assert exports["get"](store, 0, *arguments) == expected
    assert exports["get"](store, 0, *arguments) == expected


def test_first_look_at_any_depth_of_the_stack_ends_well(engine: cachewasm.Engine) -> None:
    config = engine.config.copy()
    config.max_wasm_stack = 1 << 16
    text = """(module (type $result (func (result i32))) (table 1 funcref)
      (global $last (mut i32) (i32.const 0))
      (elem (i32.const 0) $zero) (func $zero (result i32) (i32.const 0))
      (func $f (export "f") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (call $f (i32.sub (local.get 0) (i32.const 1)))
                (global.set $last (local.get 0)) (i32.add (i32.const 1)))
          (else (ref.is_null (table.get (local.get 0)))))))"""
    limited = cachewasm.Engine(config)
    found = set()
    for depth in range(0, 4000, 50):
        store = Store(limited)
        result = outcome(lambda: instance_of(store, text)["f"](store, depth))  # noqa: B023
        if isinstance(result, tuple):
            found.add(result[0])
        else:
            assert result == depth
    assert found == {cachewasm.TrapCode.STACK_OVERFLOW}


def test_first_look_inside_a_try_comes_back_or_traps() -> None:
    text = """(module (tag $e) (type $void (func)) (table 2 funcref) (elem (i32.const 0) $throw)
      (func $throw (throw $e))
      (func (export "f") (param i32) (result i32)
        (block $caught
          (try_table (catch $e $caught) (call_indirect (type $void) (local.get 0)))
          (return (i32.const 0)))
        (i32.const 1)))"""
    for tier in TIERS:
        results = []
        for lazy in (True, False):
            engine = engine_of(tier, lazy=lazy, wasm_exceptions=True)
            for argument in (0, 1, 2):
                store = Store(engine)
                exports = instance_of(store, text)
                results.append(outcome(lambda: exports["f"](store, argument)))  # noqa: B023
        assert results[:3] == results[3:]
        assert results[0] == 1


def test_table_is_not_filled_from_python_while_another_thread_runs(store: Store) -> None:
    inside, done = threading.Event(), threading.Event()

    def wait() -> int:
        inside.set()
        assert done.wait(60)
        return 9

    host = cachewasm.Func(store, cachewasm.FuncType([], [I32]), wait)
    exports = instance_of(store, MODULE, host)
    caller = instance_of(
        store,
        """(module (import "" "host" (func $host (result i32)))
             (func (export "run") (result i32) (call $host)))""",
        host,
    )
    table = exports["t"]
    thread = threading.Thread(target=lambda: caller["run"](store))
    thread.start()
    try:
        assert inside.wait(60)
        assert table.size(store) == 10
        for use in (lambda: table.get(store, 2), lambda: table.set(store, 2, None)):
            with pytest.raises(WasmtimeError, match="in use by another thread"):
                use()
        assert is_pending(table)
    finally:
        done.set()
        thread.join()
    assert table.get(store, 2) is not None


def test_code_that_fills_no_table_is_refused_and_the_other_way_round(
    engine: cachewasm.Engine,
) -> None:
    eager = engine_of(engine.config.strategy, lazy=False)
    with pytest.raises(IncompatibleArtifact, match="without table lazy init but it is enabled"):
        Module.deserialize(engine, Module(eager, "(module)").serialize())
    with pytest.raises(IncompatibleArtifact, match="with table lazy init but it is not enabled"):
        Module.deserialize(eager, Module(engine, "(module)").serialize())


@pytest.mark.parametrize("target", ["aarch64-unknown-linux-gnu", "x86-64-v1", "x86-64-v4"])
def test_code_for_other_machines_has_its_relocations_resolved(target: str) -> None:
    for tier in TIERS:
        artifact = engine_of(tier, target=target, cache=False).precompile_module(
            cachewasm.wat2wasm(MODULE)
        )
        assert cachewasm.Engine.detect_precompiled(bytes(artifact)) is not None
