"""Engines: handles, what they tell, doing things in parallel, and setting a thread up ahead."""

import copy
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

from cachewasm import Config, Engine, HostError, IncompatibleArtifact, Instance, Module, Store
from cachewasm.engine import host
from cachewasm.engine.isa import LEVELS, X86_64
from cachewasm.runtime import in_parallel, threads
from cachewasm.runtime.process import support_image

pytestmark = pytest.mark.usefixtures("own")
NOTHING = "(module)"


def engine_with(**options: object) -> Engine:
    config = Config()
    for name, value in options.items():
        setattr(config, name, value)
    return Engine(config)


def test_same_is_told_of_one_engine_only() -> None:
    one, other = Engine(), Engine()
    assert Engine.same(one, one)
    assert not Engine.same(one, other)
    with pytest.raises(TypeError, match="expected an Engine"):
        Engine.same(one, None)  # type: ignore[arg-type]


def test_copies_are_the_same_engine() -> None:
    engine = Engine()
    assert Engine.same(engine, copy.copy(engine))
    assert Engine.same(engine, copy.deepcopy([engine])[0])


def test_engine_is_that_of_its_modules_and_stores() -> None:
    engine = Engine()
    assert Engine.same(Module(engine, NOTHING).engine, engine)
    assert Engine.same(Store(engine).engine, engine)


def test_weak_upgrades_until_nobody_holds_the_engine() -> None:
    engine = Engine()
    weak = engine.weak()
    again = weak.upgrade()
    assert again is not None and Engine.same(again, engine)
    del again, engine
    gc.collect()
    assert weak.upgrade() is None


@pytest.mark.parametrize("holder", [Store, lambda engine: Module(engine, NOTHING)])
def test_weak_upgrades_while_something_of_the_engine_is_held(
    holder: Callable[[Engine], object],
) -> None:
    engine = Engine()
    weak = engine.weak()
    held = holder(engine)
    del engine
    gc.collect()
    assert weak.upgrade() is not None
    del held
    gc.collect()
    assert weak.upgrade() is None


def test_config_is_what_the_engine_was_made_from() -> None:
    config = Config()
    config.strategy = "baseline"
    engine = Engine(config)
    config.strategy = "optimized"
    assert engine.config.strategy == "baseline"
    assert Engine().config.strategy == "auto"


def test_config_that_was_given_out_does_not_change_the_engine() -> None:
    engine = engine_with(wasm_backtrace=False)
    engine.config.wasm_backtrace = True
    assert not engine.config.wasm_backtrace
    copied = Engine(engine.config)
    assert copied.precompile_compatibility_hash() == engine.precompile_compatibility_hash()


def test_target_is_the_hosts_level_by_default() -> None:
    target = Engine().target
    assert (target.arch, target.level) == (host.machine(), host.host_level())
    assert target.tune is None
    assert target == host.host_target()


def test_target_generic_is_the_lowest_level_of_the_host() -> None:
    lowest = next(iter(LEVELS[host.machine()]))
    assert engine_with(target="generic").target.level == lowest
    assert engine_with(target="generic").target == engine_with(target=lowest).target


def test_target_has_the_chosen_features_and_cpu() -> None:
    target = engine_with(target="x86-64-v2", target_features="+avx2,-popcnt", tune_cpu="znver4")
    assert set(target.target.features) == LEVELS[X86_64]["x86-64-v2"] - {"popcnt"} | {"avx", "avx2"}
    assert target.target.tune == "znver4"


def test_target_of_another_host_is_refused_by_name_when_it_should_run() -> None:
    other = "armv8-a" if host.machine() == X86_64 else "x86-64-v1"
    engine = engine_with(target=other)
    engine.precompile_module(NOTHING)
    with pytest.raises(IncompatibleArtifact, match="specified in the configuration does not match"):
        engine.check_compatible_with_native_host()
    Engine().check_compatible_with_native_host()


def test_check_compatible_with_native_host_asks_once(
    monkeypatch: pytest.MonkeyPatch, host_with: Callable[[frozenset[str]], None]
) -> None:
    engine = Engine()
    host_with(host.host_features())
    engine.check_compatible_with_native_host()

    def never(name: str) -> bool:
        raise AssertionError(name)

    monkeypatch.setattr(host, "has_feature", never)
    engine.check_compatible_with_native_host()


def test_engine_on_a_host_that_tells_nothing_asks_the_function(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features = host.host_features()
    monkeypatch.setattr(host, "_answers", host._Answers())
    monkeypatch.setattr(host, "runnable", set())

    def cannot_tell() -> frozenset[str]:
        raise HostError("nothing is known")

    monkeypatch.setattr(host, "probe", cannot_tell)
    with pytest.raises(HostError, match=r"nothing is known \(Config.detect_host_feature can tell"):
        Engine()
    # Generic code needs only what every CPU has.
    Module(engine_with(target="generic", cache=False), NOTHING)
    engine = engine_with(detect_host_feature=lambda name: name in features, cache=False)
    assert engine.target.level == Engine(engine.config).target.level
    engine.check_compatible_with_native_host()
    Module(engine, NOTHING)


def test_precompile_module_of_text_is_that_of_its_binary(wasm: Callable[[str], bytes]) -> None:
    text = '(module (func (export "f") (result i32) i32.const 7))'
    engine = engine_with(cache=False)
    assert engine.precompile_module(text) == engine.precompile_module(text.encode())
    module = Module.deserialize(engine, engine.precompile_module(wasm(text)))
    store = Store(engine)
    assert Instance(store, module, []).exports(store)["f"](store) == 7


def test_tls_eager_initialize_makes_the_record_of_this_thread_only() -> None:
    engine = Engine()
    key = support_image(engine._cache)[0].thread_key
    found: list[int] = []

    def work() -> None:
        found.append(threads.record(key))
        engine.tls_eager_initialize()
        found.append(threads.record(key))
        engine.tls_eager_initialize()
        found.append(threads.record(key))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    before, first, second = found
    assert before == 0
    assert first == second != 0


@pytest.mark.parametrize("parallel", [True, False])
def test_run_maybe_parallel_keeps_the_order(parallel: bool) -> None:
    engine = engine_with(parallel_compilation=parallel)
    assert engine.run_maybe_parallel(range(100), str) == [str(n) for n in range(100)]
    assert engine.run_maybe_parallel([], str) == []
    assert engine.run_maybe_parallel(iter("ab"), ord) == [97, 98]


def test_run_maybe_parallel_compiles_modules() -> None:
    engine = engine_with(cache=False, compile_jobs=2)
    texts = [f'(module (func (export "f") (result i32) i32.const {n}))' for n in range(3)]
    artifacts = engine.run_maybe_parallel(texts, engine.precompile_module)
    assert artifacts == [engine.precompile_module(text) for text in texts]


def test_run_maybe_parallel_switched_off_stays_on_this_thread() -> None:
    engine = engine_with(parallel_compilation=False)
    here = threading.get_ident()
    assert set(engine.run_maybe_parallel(range(9), lambda _: threading.get_ident())) == {here}
    assert engine.join_maybe_parallel(threading.get_ident, threading.get_ident) == (here, here)


def test_run_on_several_threads_meets_inside() -> None:
    barrier = threading.Barrier(3, timeout=60)
    # Each call waits for the two others, so it ends only if all three run at the same time.
    in_parallel.run(range(3), lambda _: barrier.wait(), 3)


@pytest.mark.parametrize("jobs", [1, 2, 0])
def test_run_raises_for_the_first_input_and_begins_no_more(jobs: int) -> None:
    begun: list[int] = []

    def fn(number: int) -> int:
        begun.append(number)
        if number >= 3:
            raise ValueError(number)
        return number

    with pytest.raises(ValueError, match=r"^3$"):
        in_parallel.run(range(10_000), fn, jobs)
    assert sorted(begun)[:4] == [0, 1, 2, 3]
    assert len(begun) < 10_000


def test_join_on_two_threads_meets_inside() -> None:
    barrier = threading.Barrier(2, timeout=60)

    def meet(name: str) -> Any:
        barrier.wait()
        return name

    assert in_parallel.join(lambda: meet("a"), lambda: meet("b"), 2) == ("a", "b")


@pytest.mark.parametrize("parallel", [True, False])
def test_join_maybe_parallel_raises_what_the_first_raised(parallel: bool) -> None:
    engine = engine_with(parallel_compilation=parallel)

    def fail(error: Exception) -> None:
        raise error

    with pytest.raises(KeyError, match="a"):
        engine.join_maybe_parallel(lambda: fail(KeyError("a")), lambda: fail(ValueError("b")))
    with pytest.raises(ValueError, match="b"):
        engine.join_maybe_parallel(lambda: None, lambda: fail(ValueError("b")))
    assert engine.join_maybe_parallel(lambda: 1, lambda: "b") == (1, "b")
