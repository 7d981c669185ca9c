"""The options: types, refusals, and that each is in the key or on the list of those without effect."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachewasm.engine import environment
from cachewasm.engine.config import OPTIONS, Config
from cachewasm.engine.host import machine
from cachewasm.engine.options import KEY, NO_EFFECT, REFUSED, FeatureSwitch, Refused, Switch
from cachewasm.engine.tunables import MAX_SIZE, TUNABLES
from cachewasm.errors import ConfigError
from cachewasm.wasm import features

# The written list: what cannot change compiled code. An option that is added is either in the
# hash, or a deliberate line here.
WITHOUT_EFFECT = {
    "cache",
    "compile_executor",
    "compile_jobs",
    "compile_progress",
    "max_wasm_stack",
    "parallel_compilation",
}

# A value other than the default of each option that is not a switch.
OTHER_VALUES = {
    "cache": "/var/cache/cachewasm",
    "compile_executor": ThreadPoolExecutor(),
    "compile_jobs": 3,
    "compile_progress": print,
    "max_wasm_stack": 1 << 20,
    "memory_guard_size": 1 << 16,
    "memory_reservation": 1 << 20,
    "module_version": "mine",
    "strategy": "optimized",
    "target": "x86-64-v1" if machine() == "aarch64" else "aarch64-unknown-linux-gnu",
}

# The drop-in API's options, from its documentation.
DROP_IN_OPTIONS = {
    "cache",
    "consume_fuel",
    "cranelift_debug_verifier",
    "cranelift_nan_canonicalization",
    "cranelift_opt_level",
    "debug_info",
    "epoch_interruption",
    "gc_support",
    "macos_use_mach_ports",
    "max_wasm_stack",
    "memory_guard_size",
    "memory_init_cow",
    "memory_may_move",
    "memory_reservation",
    "memory_reservation_for_growth",
    "native_unwind_info",
    "parallel_compilation",
    "profiler",
    "shared_memory",
    "signals_based_traps",
    "strategy",
    "target",
    "wasm_bulk_memory",
    "wasm_component_model",
    "wasm_component_model_map",
    "wasm_custom_page_sizes",
    "wasm_exceptions",
    "wasm_function_references",
    "wasm_gc",
    "wasm_memory64",
    "wasm_multi_memory",
    "wasm_multi_value",
    "wasm_reference_types",
    "wasm_relaxed_simd",
    "wasm_relaxed_simd_deterministic",
    "wasm_simd",
    "wasm_stack_switching",
    "wasm_tail_call",
    "wasm_threads",
    "wasm_wide_arithmetic",
}

by_effect = {
    effect: sorted(name for name, option in OPTIONS.items() if option.effect == effect)
    for effect in (KEY, NO_EFFECT, REFUSED)
}


def key_of(config: Config) -> bytes:
    return environment.from_config(config).precompile_compatibility_hash(config.strategy)


def other_value(name: str) -> object:
    option = OPTIONS[name]
    return not option.default if isinstance(option, Switch) else OTHER_VALUES[name]


def test_options_each_has_one_effect_and_a_reason() -> None:
    assert sum(len(names) for names in by_effect.values()) == len(OPTIONS)
    assert all(option.reason for option in OPTIONS.values())


@pytest.mark.parametrize("name", by_effect[KEY])
def test_option_in_the_key_changes_the_hash(name: str) -> None:
    config = Config()
    setattr(config, name, other_value(name))
    assert getattr(config, name) == other_value(name)
    assert key_of(config) != key_of(Config())


@pytest.mark.parametrize("name", by_effect[KEY])
def test_option_set_to_its_default_keeps_the_hash(name: str) -> None:
    config = Config()
    if config.__class__.__dict__[name].default is not None:
        setattr(config, name, OPTIONS[name].default)
    assert key_of(config) == key_of(Config())


def test_options_without_effect_are_the_written_list() -> None:
    assert set(by_effect[NO_EFFECT]) == WITHOUT_EFFECT


@pytest.mark.parametrize("name", sorted(WITHOUT_EFFECT))
def test_option_without_effect_keeps_the_hash(name: str) -> None:
    config = Config()
    setattr(config, name, other_value(name))
    assert getattr(config, name) == other_value(name)
    assert key_of(config) == key_of(Config())


@pytest.mark.parametrize(
    ("name", "expected"),
    [("compile_executor", "concurrent.futures.Executor"), ("compile_progress", "callable")],
)
def test_option_of_objects_accepts_none_and_refuses_others(name: str, expected: str) -> None:
    config = Config()
    setattr(config, name, other_value(name))
    setattr(config, name, None)
    assert getattr(config, name) is None
    with pytest.raises(TypeError, match=f"expected a {expected}"):
        setattr(config, name, 1)


@pytest.mark.parametrize("name", by_effect[REFUSED])
def test_option_refused_accepts_its_neutral_value_only(name: str) -> None:
    config = Config()
    neutral = getattr(config, name)
    setattr(config, name, neutral)
    for value in (True, 1, "none" if neutral != "none" else "perfmap"):
        if isinstance(OPTIONS[name], FeatureSwitch) and value is not True:
            continue
        with pytest.raises(ConfigError, match=rf"the option {name} is not supported yet"):
            setattr(config, name, value)
    assert getattr(config, name) == neutral
    assert key_of(config) == key_of(Config())


def test_options_cover_the_drop_in_api() -> None:
    assert set(OPTIONS) >= DROP_IN_OPTIONS
    config = Config()
    with pytest.raises(ConfigError, match="cranelift_flag_enable"):
        config.cranelift_flag_enable("has_avx")
    with pytest.raises(ConfigError, match="cranelift_flag_set"):
        config.cranelift_flag_set("opt_level", "none")


def test_options_cover_every_feature_and_tunable() -> None:
    switches = [o.feature.name for o in OPTIONS.values() if isinstance(o, FeatureSwitch)]
    assert switches == [feature.name for feature in features.FEATURES]
    for option in OPTIONS.values():
        if isinstance(option, FeatureSwitch):
            assert option.name == "wasm_" + option.feature.name
    for tunable in TUNABLES:
        assert OPTIONS[tunable.name].effect == KEY
        assert OPTIONS[tunable.name].default == tunable.default


def test_config_features_follow_the_switches() -> None:
    config = Config()
    assert config.features() == features.DEFAULT
    config.wasm_bulk_memory = False
    assert config.features() == features.DEFAULT & ~features.BULK_MEMORY
    config.wasm_bulk_memory = True
    assert config.features() == features.DEFAULT


def test_config_unimplemented_feature_is_refused_by_name() -> None:
    config = Config()
    config.wasm_simd = False
    with pytest.raises(ConfigError, match=r"wasm_simd is not supported yet.*`simd`"):
        config.wasm_simd = True
    assert not config.wasm_simd


def test_config_misspelt_option_is_an_attribute_error() -> None:
    config = Config()
    with pytest.raises(AttributeError):
        config.wasm_bulkmemory = True  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        _ = config.memory_reservations  # type: ignore[attr-defined]


def test_config_options_are_visible_on_the_class() -> None:
    assert all(hasattr(Config, name) for name in DROP_IN_OPTIONS)
    assert not hasattr(Config, "wasm_bulkmemory")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("signals_based_traps", 1, "expected a bool"),
        ("wasm_multi_value", "yes", "expected a bool"),
        ("wasm_simd", 1, "expected a bool"),
        ("max_wasm_stack", "big", "expected an int"),
        ("memory_reservation", True, "expected an int"),
        ("compile_jobs", True, "expected an int"),
        ("target", 3, "expected a str"),
        ("module_version", b"x", "expected a str"),
        ("cache", 3, "expected string or bool"),
    ],
)
def test_config_wrong_type_is_a_type_error(name: str, value: object, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}$"):
        setattr(Config(), name, value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("strategy", "winch", "unknown strategy: winch"),
        ("strategy", 3, "unknown strategy: 3"),
        ("target", "sparc64-unknown-linux-gnu", "sparc64"),
        ("cache", "relative/path", "must be an absolute path, .*, not 'relative/path'"),
        ("cache", "", "must be an absolute path"),
        ("max_wasm_stack", 0, "max_wasm_stack must be from 1"),
        ("compile_jobs", 1025, "compile_jobs must be from 0 to 1024"),
        ("memory_guard_size", -1, "memory_guard_size must be from 0"),
        ("memory_reservation", MAX_SIZE + 1, "memory_reservation must be from 0"),
        ("module_version", "é" * 128, "at most 255 bytes"),
    ],
)
def test_config_unacceptable_value_is_a_config_error(
    name: str, value: object, message: str
) -> None:
    config = Config()
    before = getattr(config, name)
    with pytest.raises(ConfigError, match=message):
        setattr(config, name, value)
    assert getattr(config, name) == before


def test_config_strategy_cranelift_is_auto() -> None:
    config = Config()
    config.strategy = "cranelift"
    assert config.strategy == "auto"
    assert key_of(config) == key_of(Config())


def test_config_target_of_the_host_level_is_the_default_target() -> None:
    config = Config()
    default = environment.from_config(config).target
    config.target = default.level
    assert environment.from_config(config).target == default


def test_config_target_native_contains_the_host_level() -> None:
    config = Config()
    default = set(environment.from_config(config).target.features)
    config.target = "native"
    assert default <= set(environment.from_config(config).target.features)


def _settings(name: str) -> "st.SearchStrategy[object]":
    option = OPTIONS[name]
    if isinstance(option, Switch):
        return st.booleans()
    if name.startswith("memory_"):
        return st.integers(0, MAX_SIZE)
    return {
        "strategy": st.sampled_from(["auto", "baseline", "optimized"]),
        "target": st.sampled_from(["x86-64-v1", "x86-64-v3", "armv8-a"]),
        "module_version": st.text(max_size=20),
    }[name]


_configs = st.fixed_dictionaries({}, optional={name: _settings(name) for name in by_effect[KEY]})


def _fields(values: dict[str, object]) -> tuple[object, ...]:
    """What must be equal for two engines to share code, read off the values themselves."""
    config = Config()
    for name, value in values.items():
        setattr(config, name, value)
    env = environment.from_config(config)
    tunables = tuple(getattr(env.tunables, tunable.name) for tunable in TUNABLES)
    return (
        key_of(config),
        (config.strategy, env.target, env.module_version, env.features, tunables),
    )


@given(_configs, _configs)
def test_config_hashes_are_equal_exactly_if_all_settings_are(
    one: dict[str, object], other: dict[str, object]
) -> None:
    (hash_one, settings_one), (hash_other, settings_other) = _fields(one), _fields(other)
    assert (hash_one == hash_other) == (settings_one == settings_other)


def test_refused_options_are_listed_with_their_neutral_value() -> None:
    for option in OPTIONS.values():
        if isinstance(option, Refused):
            assert repr(option.default) in option.reason
