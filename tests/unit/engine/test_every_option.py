"""Every option changes the key, or is on the written list and does not change a byte of the code.

Options are changed one by one and together with another one. The table of options says what there is
to test, so an option that is added is tested at once.
"""

import sys

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cachewasm import Engine, wat2wasm
from cachewasm.engine import environment
from cachewasm.engine.config import OPTIONS, Config
from cachewasm.engine.environment import CompileEnvironment
from cachewasm.engine.options import KEY, NO_EFFECT, REFUSED
from cachewasm.engine.tunables import TUNABLES
from cachewasm.errors import ConfigError, UnsupportedModule
from tests.unit.engine.option_values import (
    NEEDED,
    VALUES,
    config_with,
    other_value,
    values_of,
)

# The written list: what cannot change compiled code. An option that is added is either in the hash,
# or a deliberate line here.
WITHOUT_EFFECT = {
    "cache",
    "compile_executor",
    "compile_jobs",
    "compile_progress",
    "cranelift_debug_verifier",
    "debug_verifier",
    "detect_host_feature",
    "max_wasm_stack",
    "parallel_compilation",
    "wasm_backtrace_max_frames",
}

by_effect = {
    effect: sorted(name for name, option in OPTIONS.items() if option.effect == effect)
    for effect in (KEY, NO_EFFECT, REFUSED)
}

# Something of each kind of instruction.
MODULE = """
(module
  (type $unary (func (param i32) (result i32)))
  (import "host" "log" (func $log (param i32 f64)))
  (memory (export "memory") 1 4)
  (table 3 funcref)
  (global $count (mut i64) (i64.const 7))
  (elem (i32.const 0) $fib $sum)
  (data $text "twelve bytes")
  (func $fib (export "fib") (type $unary)
    (if (result i32) (i32.lt_s (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func $sum (export "sum") (type $unary) (local $at i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (i32.load offset=8 (local.get $at))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4)))
                             (local.get 0))))
    (local.get $sum))
  (func (export "floats") (param f64 f32) (result f64) (local i64)
    (local.set 2 (i64.trunc_sat_f64_s (f64.div (local.get 0) (f64.const 3))))
    (call $log (i32.trunc_f32_u (local.get 1)) (f64.sqrt (local.get 0)))
    (f64.max (f64.nearest (f64.promote_f32 (local.get 1))) (f64.convert_i64_s (local.get 2))))
  (func (export "indirect") (param i32 i32) (result i32)
    (global.set $count (i64.add (global.get $count) (i64.extend_i32_u (local.get 0))))
    (call_indirect (type $unary) (local.get 0) (i32.and (local.get 1) (i32.const 1))))
  (func (export "switch") (param i32) (result i32)
    (block $a (block $b (block $c (br_table $a $b $c (local.get 0))) (return (i32.const 3)))
      (return (i32.div_s (i32.const 7) (local.get 0))))
    (i32.rotl (local.get 0) (i32.popcnt (local.get 0))))
  (func (export "bulk") (param i32) (result i32)
    (memory.init $text (local.get 0) (i32.const 0) (i32.const 12))
    (memory.copy (i32.const 64) (local.get 0) (i32.const 12))
    (memory.fill (i32.const 128) (i32.const 1) (i32.const 100))
    (data.drop $text)
    (i32.add (memory.grow (i32.const 1)) (memory.size)))
  (func (export "several") (param i64) (result i64 i32 f32)
    (select (local.get 0) (global.get $count) (i64.eqz (local.get 0)))
    (i32.wrap_i64 (local.get 0))
    (f32.reinterpret_i32 (i32.const 5)))
  (func (export "lanes") (param v128 i32) (result v128)
    (v128.store (local.get 1) (i8x16.swizzle (local.get 0) (v128.load offset=16 (local.get 1))))
    (f32x4.relaxed_madd (local.get 0) (f32x4.splat (f32.const 0.1))
      (f32x4.div (local.get 0) (v128.const f32x4 0 1 nan inf)))))
"""


def key_of(config: Config) -> bytes:
    return environment.from_config(config).precompile_compatibility_hash(config.strategy)


def meaning(config: Config) -> dict[str, object]:
    """What must be equal for two engines to share code, read off the values themselves."""
    env = environment.from_config(config)
    fields = {name for name in CompileEnvironment.__slots__ if not name.startswith("_")}
    return {name: getattr(env, name) for name in fields} | {
        "strategy": config.strategy,
        "target": (env.target.triple, env.target.features, env.target.tune),
        "flags": [(name, type(value), value) for name, value in env.flags.items],
        "tunables": [getattr(env.tunables, tunable.name) for tunable in TUNABLES],
    }


def test_options_each_has_one_effect_and_a_reason() -> None:
    assert sum(len(names) for names in by_effect.values()) == len(OPTIONS)
    assert all(option.reason for option in OPTIONS.values())


def test_options_without_effect_are_the_written_list() -> None:
    assert set(by_effect[NO_EFFECT]) == WITHOUT_EFFECT, (
        "put the option on the written list, if it cannot change code, or into the key"
    )


def test_options_of_two_names_are_one_value() -> None:
    for option in OPTIONS.values():
        same = OPTIONS[option.same_as]
        assert (same.default, same.effect, same.reason, type(same)) == (
            option.default,
            option.effect,
            option.reason,
            type(option),
        )
        if option is not same:
            config = config_with(**{option.name: other_value(option.name)})
            assert getattr(config, same.name) == other_value(option.name)
            assert repr(config) == repr(config_with(**{same.name: other_value(option.name)}))


def test_options_without_values_are_a_clear_failure() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(VALUES, "target")
        with pytest.raises(AssertionError, match="add values for it to VALUES"):
            values_of("target")


@pytest.mark.parametrize("name", by_effect[KEY])
def test_option_in_the_key_changes_the_hash(name: str) -> None:
    needed = NEEDED.get(name, {})
    config = config_with(**needed, **{name: other_value(name)})
    assert getattr(config, name) == other_value(name)
    assert key_of(config) != key_of(config_with(**needed))


@pytest.mark.parametrize("name", by_effect[KEY])
def test_option_set_to_its_default_keeps_the_hash(name: str) -> None:
    default = OPTIONS[name].default
    config = Config() if default is None else config_with(**{name: default})
    assert key_of(config) == key_of(Config())


@pytest.mark.parametrize("name", by_effect[REFUSED])
def test_option_refused_keeps_the_hash_at_its_neutral_value(name: str) -> None:
    assert key_of(config_with(**{name: OPTIONS[name].default})) == key_of(Config())


_changes = st.sampled_from(by_effect[KEY] + by_effect[NO_EFFECT]).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(values_of(name)))
)


def _valid(*changes: tuple[str, object]) -> Config:
    """A Config with these options set; gives up on one that contradicts itself."""
    config = config_with(**dict(changes))
    try:
        config.validate()
        environment.from_config(config)
    except ConfigError:
        assume(False)
    return config


@settings(deadline=None)
@given(_changes, _changes, _changes)
def test_option_hashes_are_equal_exactly_if_what_decides_the_code_is(
    one: tuple[str, object], other: tuple[str, object], both: tuple[str, object]
) -> None:
    left, right = _valid(both, one), _valid(both, other)
    assert (key_of(left) == key_of(right)) == (meaning(left) == meaning(right))


@settings(deadline=None)
@given(st.sampled_from(by_effect[NO_EFFECT]), _changes)
def test_option_without_effect_keeps_the_hash_with_any_other(
    name: str, other: tuple[str, object]
) -> None:
    assume(OPTIONS[name].same_as != OPTIONS[other[0]].same_as)
    changed = _valid(other, (name, other_value(name)))
    assert key_of(changed) == key_of(config_with(**dict([other])))


@pytest.fixture(scope="module")
def wasm() -> bytes:
    return bytes(wat2wasm(MODULE))


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile in this process, where nothing is hidden behind a server."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)


def artifact(config: Config, wasm: bytes) -> bytes | str:
    """The artifact, or why the module is refused without one of its features."""
    if config.cache is True:
        config.cache = False
    try:
        return Engine(config).precompile_module(wasm)
    except UnsupportedModule as error:
        return str(error)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("name", sorted(WITHOUT_EFFECT))
def test_option_without_effect_changes_no_byte_of_the_artifact(name: str, wasm: bytes) -> None:
    default = artifact(Config(), wasm)
    for value in values_of(name):
        assert artifact(config_with(**{name: value}), wasm) == default


@pytest.mark.usefixtures("in_process")
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(by_effect[NO_EFFECT]), _changes)
def test_option_without_effect_changes_no_byte_with_any_other(
    wasm: bytes, name: str, other: tuple[str, object]
) -> None:
    assume(OPTIONS[name].same_as != OPTIONS[other[0]].same_as)
    changed = _valid(other, (name, other_value(name)))
    assert artifact(changed, wasm) == artifact(config_with(**dict([other])), wasm)
