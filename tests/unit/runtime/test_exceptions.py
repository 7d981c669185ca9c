"""Exceptions as programs see them: what is caught where, what arrives in Python, what is kept."""

import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import cachewasm
from cachewasm.runtime import exceptions as kept

THROWN = "thrown Wasm exception"

BASICS = """(module
  (import "host" "call" (func $host))
  (tag $t (export "t") (param i32 f64)) (tag $u) (tag $wide (param i64 f32 i32 externref))
  (func $throw (export "throw") (param i32) (throw $t (local.get 0) (f64.const 0.5)))
  (func $deeper (export "deeper") (param i32) (call $throw (local.get 0)))
  (func (export "host") (call $host))
  (func (export "catch") (param i32) (result i32 f64)
    (block $c (result i32 f64)
      (block $no (try_table (catch $u $no) (catch $t $c) (call $deeper (local.get 0))))
      (unreachable)))
  (func (export "catch_here") (param i32) (result i32 f64)
    (block $c (result i32 f64)
      (try_table (catch $t $c) (throw $t (local.get 0) (f64.const 2)))
      (unreachable)))
  (func (export "catch_ref") (param i32) (result i32)
    (local $e exnref)
    (block $out (result i32 f64 exnref)
      (try_table (catch_ref $t $out)
        (block $c (result i32 f64 exnref)
          (try_table (catch_ref $t $c) (call $deeper (local.get 0)))
          (unreachable))
        (local.set $e) (drop) (drop)
        (throw_ref (local.get $e)))
      (unreachable))
    (drop) (drop))
  (func (export "catch_all") (result i32)
    (block $c (try_table (catch_all $c) (call $host)) (return (i32.const 0)))
    (i32.const 1))
  (func (export "wide") (param i64 f32 i32 externref) (result i64 f32 i32 externref)
    (block $c (result i64 f32 i32 externref)
      (try_table (catch $wide $c)
        (call $throw_wide (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
      (unreachable)))
  (func $throw_wide (param i64 f32 i32 externref)
    (throw $wide (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func (export "null") (throw_ref (ref.null exn)))
  (func (export "locals") (param i32) (result i32)
    (local $a i32) (local $b i32)
    (local.set $a (i32.const 10))
    (block $c (try_table (catch_all $c)
      (local.set $a (i32.const 20))
      (call $throw (i32.const 1))
      (local.set $a (i32.const 30))))
    (i32.add (local.get $a) (i32.add (local.get $b) (local.get 0))))
)"""


@pytest.fixture(scope="session")
def throwing(api: ModuleType) -> Callable[[str], Any]:
    """An engine of a tier that has exceptions."""
    known: dict[str, Any] = {}

    def make(tier: str) -> Any:
        if tier not in known:
            config = api.Config()
            config.wasm_exceptions = True
            if api is cachewasm:
                config.strategy = tier
            known[tier] = api.Engine(config)
        return known[tier]

    return make


@pytest.fixture(params=["baseline", "optimized"])
def tier(request: pytest.FixtureRequest) -> str:
    """Both tiers."""
    return str(request.param)


class Program:
    """An instance of a text in a store of its own, whose host function calls `on_call`."""

    def __init__(self, api: Any, engine: Any, text: str) -> None:
        self.store = api.Store(engine)
        self.on_call: Callable[[], None] = lambda: None
        module = api.Module(engine, text)
        host = api.Func(self.store, api.FuncType([], []), lambda: self.on_call())
        imports = [host] * len(module.imports)
        self.exports = api.Instance(self.store, module, imports).exports(self.store)

    def __call__(self, name: str, *arguments: object) -> Any:
        return self.exports[name](self.store, *arguments)


@pytest.fixture
def program(api: Any, throwing: Callable[[str], Any], tier: str) -> Callable[[str], Program]:
    """Makes a Program in the tier at hand."""
    return lambda text: Program(api, throwing(tier), text)


def test_catch_clauses_get_what_was_thrown(program: Callable[[str], Program]) -> None:
    run = program(BASICS)
    assert run("catch", 7) == [7, 0.5]
    assert run("catch_here", 8) == [8, 2.0]
    assert run("catch_ref", 9) == 9
    thing = object()
    assert run("wide", -(2**63), 1.5, -1, thing) == [-(2**63), 1.5, -1, thing]


def test_catch_sees_the_locals_of_the_moment_of_the_throw(
    program: Callable[[str], Program],
) -> None:
    assert program(BASICS)("locals", 100) == 120


def test_uncaught_is_a_trap_without_code_that_names_the_stack(
    api: Any, program: Callable[[str], Program]
) -> None:
    with pytest.raises(api.Trap) as caught:
        program(BASICS)("deeper", 1)
    assert caught.value.trap_code is None
    assert THROWN in str(caught.value) and "wasm trap" not in str(caught.value)
    assert [frame.func_name for frame in caught.value.frames] == ["throw", "deeper"]


def test_uncaught_by_clauses_of_other_tags_keeps_the_whole_stack(
    api: Any, program: Callable[[str], Program]
) -> None:
    run = program(
        "(module (tag $t) (tag $u) (func $a (throw $t)) (func $b (call $a))"
        '(func $c (export "c") (block $x (try_table (catch $u $x) (call $b)))))'
    )
    with pytest.raises(api.Trap) as caught:
        run("c")
    assert [frame.func_name for frame in caught.value.frames] == ["a", "b", "c"]
    # In both tiers a call inside a try has its place.
    assert [frame.module_offset for frame in caught.value.frames] == [39, 44, 57]


def test_throw_ref_of_null_is_a_trap(api: Any, program: Callable[[str], Program]) -> None:
    with pytest.raises(api.Trap) as caught:
        program(BASICS)("null")
    assert caught.value.trap_code is api.TrapCode.NULL_REFERENCE


def test_catch_all_does_not_catch_what_a_host_function_raises(
    program: Callable[[str], Program],
) -> None:
    run = program(BASICS)
    error = KeyError("of the host")

    def fail() -> None:
        raise error

    run.on_call = fail
    for name in ("host", "catch_all"):
        with pytest.raises(KeyError) as caught:
            run(name)
        assert caught.value is error
    assert run("catch", 1) == [1, 0.5]


def test_exception_ends_at_the_host_function_between(
    api: Any, program: Callable[[str], Program]
) -> None:
    run = program(BASICS)
    seen: list[BaseException] = []

    def again() -> None:
        try:
            run("throw", 1)
        except api.Trap as trap:
            seen.append(trap)
            raise

    run.on_call = again
    with pytest.raises(api.Trap) as caught:
        run("catch_all")
    assert caught.value is seen[0]
    run.on_call = lambda: None
    assert run("catch_all") == 0


def test_trap_inside_a_try_is_not_caught(api: Any, program: Callable[[str], Program]) -> None:
    run = program(
        """(module (memory 1)
        (func $deep (param i32) (result i32)
          (block $c (try_table (catch_all $c)
            (return (call $deep (i32.add (local.get 0) (i32.const 1))))))
          (i32.const -1))
        (func (export "overflow") (result i32) (call $deep (i32.const 0)))
        (func (export "fault") (result i32)
          (block $c (try_table (catch_all $c) (return (i32.load (i32.const -1)))))
          (i32.const -1)))"""
    )
    for name, code in (("overflow", "STACK_OVERFLOW"), ("fault", "MEMORY_OUT_OF_BOUNDS")):
        for _ in range(3):
            with pytest.raises(api.Trap) as caught:
                run(name)
            assert caught.value.trap_code is api.TrapCode[code]


def test_exception_passes_through_modules_without_tags(
    api: Any, throwing: Callable[[str], Any], tier: str
) -> None:
    engine = throwing(tier)
    store = api.Store(engine)

    def instance(text: str, *imports: object) -> Any:
        return api.Instance(store, api.Module(engine, text), imports).exports(store)

    thrower = instance(
        '(module (tag $t (export "t") (param i64)) (func (export "f") (throw $t (i64.const 42))))'
    )
    middle = instance(
        '(module (import "" "" (func $f)) (func (export "g") (call $f)))', thrower["f"]
    )
    catcher = """(module (import "" "t" (tag $t (param i64))) (import "" "g" (func $g))
        (tag $own (param i64))
        (func (export "h") (result i64)
          (block $mine (result i64)
            (block $theirs (result i64)
              (try_table (catch $own $mine) (catch $t $theirs) (call $g))
              (unreachable))
            (return))
          (drop) (i64.const -1)))"""
    assert instance(catcher, thrower["t"], middle["g"])["h"](store) == 42
    # Another tag of the same type is another tag.
    other = api.Tag(store, thrower["t"].type(store))
    with pytest.raises(api.Trap, match=THROWN):
        instance(catcher, other, middle["g"])["h"](store)


def test_many_levels_and_many_tries_unwind(program: Callable[[str], Program]) -> None:
    depth = 300
    opened = "".join(f"(block $c{i} (try_table (catch $u $c{i}) " for i in range(depth))
    run = program(
        f"""(module (tag $t (param i32)) (tag $u)
        (func $down (param i32)
          (if (i32.eqz (local.get 0)) (then (throw $t (i32.const 5))))
          (call $down (i32.sub (local.get 0) (i32.const 1))))
        (func $nested {opened} (call $down (i32.const 9)) {"))" * depth})
        (func (export "deep") (param i32) (result i32)
          (block $c (result i32)
            (try_table (catch $t $c) (call $down (local.get 0))) (unreachable)))
        (func (export "nested") (result i32)
          (block $c (result i32) (try_table (catch $t $c) (call $nested)) (unreachable))))"""
    )
    assert run("deep", 5000) == 5
    assert run("nested") == 5


def test_threads_throw_in_stores_of_their_own(
    api: Any, throwing: Callable[[str], Any], tier: str
) -> None:
    engine = throwing(tier)
    results: list[list[float]] = []

    def work() -> None:
        run = Program(api, engine, BASICS)
        results.append([run("catch", i)[0] for i in range(200)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [list(range(200))] * 4


KEEPING = """(module (tag $t (param i32)) (tag $link (param exnref))
  (global $g (mut exnref) (ref.null exn)) (table $table 4 exnref)
  (func $throw (param i32) (throw $t (local.get 0)))
  (func $caught (param i32) (result exnref)
    (block $c (result exnref)
      (try_table (catch_all_ref $c) (call $throw (local.get 0))) (unreachable)))
  (func $value (param exnref) (result i32)
    (block $c (result i32) (try_table (catch $t $c) (throw_ref (local.get 0))) (unreachable)))
  (func (export "to_global") (param i32) (global.set $g (call $caught (local.get 0))))
  (func (export "to_table") (param i32) (table.set (i32.const 2) (call $caught (local.get 0))))
  (func (export "of_global") (result i32) (call $value (global.get $g)))
  (func (export "of_table") (result i32) (call $value (table.get (i32.const 2))))
  (func (export "forget") (global.set $g (ref.null exn)) (table.set (i32.const 2) (ref.null exn)))
  (func (export "many") (param $n i32) (result i32) (local $first exnref)
    (local.set $first (call $caught (i32.const 77)))
    (loop $l
      (drop (call $caught (local.get $n)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (call $value (local.get $first)))
  (func (export "chain") (param $n i32)
    (loop $l
      (global.set $g (block $c (result exnref)
        (try_table (catch_all_ref $c) (throw $link (global.get $g))) (unreachable)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "caught_only") (param $n i32)
    (loop $l
      (block $c (try_table (catch_all $c) (call $throw (local.get $n))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "give") (result exnref) (global.get $g))
  (func (export "take") (param exnref)))"""


def _kept(run: Program) -> int:
    return len(run.store._exceptions.addresses())


@pytest.mark.usefixtures("own")
def test_references_in_globals_and_tables_keep_exceptions(
    program: Callable[[str], Program],
) -> None:
    run = program(KEEPING)
    run("to_global", 3)
    run("to_table", 4)
    run.store.gc()
    assert _kept(run) == 2
    assert (run("of_global"), run("of_table")) == (3, 4)
    run("forget")
    run.store.gc()
    assert _kept(run) == 0


@pytest.mark.usefixtures("own")
def test_references_of_exceptions_keep_others(program: Callable[[str], Program]) -> None:
    run = program(KEEPING)
    run("chain", 500)
    run.store.gc()
    assert _kept(run) == 500
    run("forget")
    run.store.gc()
    assert _kept(run) == 0


@pytest.mark.usefixtures("own")
def test_unreachable_exceptions_are_freed_within_one_call(
    program: Callable[[str], Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_FIRST_COLLECTION", 50)
    run = program(KEEPING)
    # What a local holds stays, whatever else is freed meanwhile.
    assert run("many", 2000) == 77
    assert 0 < _kept(run) <= 101


@pytest.mark.usefixtures("own")
def test_exceptions_caught_without_reference_are_not_kept(
    program: Callable[[str], Program],
) -> None:
    run = program(KEEPING)
    run("caught_only", 1000)
    assert _kept(run) == 0


@pytest.mark.usefixtures("own")
def test_exception_that_is_kept_keeps_the_objects_it_carries(
    program: Callable[[str], Program],
) -> None:
    run = program(
        """(module (tag $t (param externref)) (global $g (mut exnref) (ref.null exn))
        (func (export "put") (param externref)
          (global.set $g (block $c (result exnref)
            (try_table (catch_all_ref $c) (throw $t (local.get 0))) (unreachable))))
        (func (export "get") (result externref)
          (block $c (result externref)
            (try_table (catch $t $c) (throw_ref (global.get $g))) (unreachable))))"""
    )
    thing = object()
    run("put", thing)
    run.store.gc()
    assert run("get") is thing


@pytest.mark.usefixtures("own")
def test_exception_as_a_value_stays_inside(program: Callable[[str], Program]) -> None:
    run = program(KEEPING)
    assert run("give") is None
    assert run("take", None) is None
    run("to_global", 1)
    with pytest.raises(cachewasm.WasmtimeError, match="cannot leave wasm code"):
        run("give")
    with pytest.raises(TypeError, match="exnref"):
        run("take", 1)


@pytest.mark.usefixtures("own")
def test_modules_with_tags_come_and_go(throwing: Callable[[str], Any], tier: str) -> None:
    for number in range(5):
        text = (
            f"(module (tag $t) (func $f (throw $t)) (func (export {chr(34)}c{chr(34)}) (result i32)"
            f"(block $b (try_table (catch $t $b) (call $f))) (i32.const {number})))"
        )
        assert Program(cachewasm, throwing(tier), text)("c") == number


@pytest.mark.usefixtures("own")
def test_feature_is_off_unless_asked_for() -> None:
    engine = cachewasm.Engine()
    for text in ("(module (tag))", "(module (func (param exnref)))"):
        with pytest.raises(cachewasm.UnsupportedModule, match="`exceptions`, which is not enabled"):
            cachewasm.Module(engine, text)
