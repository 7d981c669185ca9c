"""The options: types, refusals, methods, and that the drop-in API and its model are covered."""

import copy
from collections.abc import Callable

import pytest

import cachewasm
from cachewasm.engine import environment
from cachewasm.engine.config import OPTIONS, Config
from cachewasm.engine.flags import BY_OPTION
from cachewasm.engine.operator_cost import OperatorCost
from cachewasm.engine.options import KEY, REFUSED, FeatureSwitch, Refused
from cachewasm.engine.tunables import MAX_SIZE, TUNABLES
from cachewasm.errors import ConfigError
from cachewasm.wasm import features
from tests.unit.engine.option_values import config_with, other_value

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
    for effect in (KEY, REFUSED)
}


def key_of(config: Config) -> bytes:
    return environment.from_config(config).precompile_compatibility_hash(config.strategy)


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
    other = {bool: not neutral, int: 1, str: "perfmap"}.get(type(neutral), "anything")
    with pytest.raises(ConfigError, match=rf"the option {name} is not supported yet: "):
        setattr(config, name, other)
    assert getattr(config, name) == neutral


@pytest.mark.parametrize("name", by_effect[REFUSED])
def test_option_refused_of_a_wrong_type_is_an_error(name: str) -> None:
    wrong: object = 1 if isinstance(OPTIONS[name].default, (bool, str)) else "1"
    with pytest.raises((TypeError, ConfigError)) as caught:
        setattr(Config(), name, wrong)
    kind = type(OPTIONS[name].default)
    if kind is not type(None):
        assert str(caught.value) in (f"expected a {kind.__name__}", f"expected an {kind.__name__}")


def test_options_cover_the_drop_in_api() -> None:
    assert set(OPTIONS) >= DROP_IN_OPTIONS


def test_options_cover_every_feature_and_tunable() -> None:
    switches = [o.feature.name for o in OPTIONS.values() if isinstance(o, FeatureSwitch)]
    assert switches == [feature.name for feature in features.FEATURES]
    for option in OPTIONS.values():
        if isinstance(option, FeatureSwitch):
            assert option.name == "wasm_" + option.feature.name
    for tunable in TUNABLES:
        assert OPTIONS[tunable.name].effect == KEY
        assert OPTIONS[tunable.name].default == tunable.default


def test_options_that_are_shared_flags_are_in_the_key_with_the_default_of_the_flag() -> None:
    for name, flag in BY_OPTION.items():
        assert OPTIONS[name].effect == KEY
        assert OPTIONS[name].default == flag.value


def test_config_features_follow_the_switches() -> None:
    config = Config()
    assert config.features() == features.DEFAULT
    config.wasm_bulk_memory = False
    assert config.features() == features.DEFAULT & ~features.BULK_MEMORY
    config.wasm_bulk_memory = True
    assert config.features() == features.DEFAULT


def test_config_unimplemented_feature_is_refused_by_name() -> None:
    config = Config()
    config.wasm_gc = False
    with pytest.raises(ConfigError, match=r"wasm_gc is not supported yet.*`gc`"):
        config.wasm_gc = True
    assert not config.wasm_gc


def test_config_feature_is_off_where_the_one_that_it_extends_is() -> None:
    assert features.DEFAULT & features.RELAXED_SIMD
    config = config_with(wasm_simd=False)
    assert config.features() == features.DEFAULT & ~features.SIMD & ~features.RELAXED_SIMD
    config.validate()


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
        ("target_features", ["+avx2"], "expected a str"),
        ("tune_cpu", 3, "expected a str"),
        ("detect_host_feature", "avx2", "expected a callable"),
        ("module_version", b"x", "expected a str"),
        ("cache", 3, "expected string or bool"),
        ("nan_canonicalization", 1, "expected a bool"),
        ("cranelift_nan_canonicalization", 1, "expected a bool"),
        ("cranelift_debug_verifier", "true", "expected a bool"),
        ("collector", 3, "expected a str"),
        ("consume_fuel", 1, "expected a bool"),
        ("operator_cost", {"nop": 1}, "expected an OperatorCost"),
        ("strategy", 5, "expected a str"),
        ("strategy", ["auto"], "expected a str"),
        ("opt_level", None, "expected a str"),
        ("cranelift_opt_level", 5, "expected a str"),
        ("profiler", 5, "expected a str"),
    ],
)
def test_config_wrong_type_is_a_type_error(name: str, value: object, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}$"):
        setattr(Config(), name, value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("strategy", "winch", "unknown strategy: winch"),
        ("opt_level", "fast", "unknown opt level: fast"),
        ("profiler", "gdb", "unknown profiler: gdb"),
        ("profiler", "jitdump", "the option profiler is not supported yet: .*, not 'jitdump'$"),
        ("collector", "drc", "only 'auto' is accepted, which asks for nothing, not 'drc'$"),
        ("target", "sparc64-unknown-linux-gnu", "sparc64"),
        ("cache", "relative/path", "must be an absolute path, .*, not 'relative/path'"),
        ("cache", "", "must be an absolute path"),
        ("max_wasm_stack", 0, "^max_wasm_stack size cannot be zero$"),
        ("max_wasm_stack", -1, "max_wasm_stack must be from 1 to 18446744073709551615 bytes"),
        ("compile_jobs", 1025, "compile_jobs must be from 0 to 1024"),
        ("memory_guard_size", -1, "memory_guard_size must be from 0"),
        ("memory_reservation", MAX_SIZE + 1, "memory_reservation must be from 0"),
        ("module_version", "é" * 128, "^custom module version cannot be more than 255 bytes: éé"),
        ("module_version", "\ud800", "module_version must be text that UTF-8 can express"),
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


_LONG = "z" * 100_000


@pytest.mark.parametrize(
    "refuse",
    [
        *(
            lambda name=name, text=text: setattr(Config(), name, text)
            for name, text in (
                ("target", _LONG),
                ("target", f"x86_64-unknown-{_LONG}"),
                ("target", f"x86_64-{_LONG}-x"),
                ("target", f"{_LONG}-unknown-linux-gnu"),
                ("target_features", _LONG),
                ("target_features", f"+{_LONG}"),
                ("tune_cpu", _LONG),
                ("strategy", _LONG),
                ("opt_level", _LONG),
                ("profiler", _LONG),
                ("collector", _LONG),
                ("cache", _LONG),
                ("module_version", _LONG),
            )
        ),
        lambda: Config().wasm_features(_LONG, True),
        lambda: Config().wasm_features(1 << 400_000, True),
        lambda: Config().cranelift_flag_enable(_LONG),
        lambda: Config().cranelift_flag_set("opt_level", _LONG),
        lambda: OperatorCost({_LONG: 1}),
        lambda: OperatorCost({"nop": 10**4000}),
    ],
)
def test_config_refusal_repeats_the_beginning_of_a_long_text(refuse: Callable[[], None]) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse()
    assert len(str(caught.value)) < 500
    assert "..." in str(caught.value)


def test_config_option_cannot_be_deleted() -> None:
    config = config_with(consume_fuel=True)
    with pytest.raises(
        AttributeError, match=r"^the option consume_fuel cannot be deleted, only set$"
    ):
        del config.consume_fuel
    assert config.consume_fuel


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


def test_refused_options_are_listed_with_their_neutral_value() -> None:
    for option in OPTIONS.values():
        if isinstance(option, Refused):
            assert repr(option.default) in option.reason


@pytest.mark.parametrize("version", ["", "1", "x" * 255, "é" * 127, "a\0b"])
def test_config_module_version_is_what_artifacts_carry(version: str) -> None:
    env = environment.from_config(config_with(module_version=version))
    data = version.encode()
    assert env.engine_section[1 : 2 + len(data)] == bytes((len(data),)) + data


WASM = bytes(cachewasm.wat2wasm('(module (func (export "f") (result i32) i32.const 7))'))


@pytest.mark.parametrize("version", [None, "mine", ""])
@pytest.mark.parametrize("other", [None, "mine", "yours", ""])
def test_config_module_version_decides_which_artifacts_are_loaded(
    version: str | None, other: str | None
) -> None:
    engine = cachewasm.Engine(config_with(module_version=version))
    made_by = cachewasm.Engine(config_with(module_version=other))
    artifact = made_by.precompile_module(WASM)
    written = made_by._environment.module_version
    if version in ("", other):
        store = cachewasm.Store(engine)
        module = cachewasm.Module.deserialize(engine, artifact)
        call = cachewasm.Instance(store, module, []).exports(store)["f"]
        assert call(store) == 7  # type: ignore[operator]
        return
    with pytest.raises(cachewasm.WasmtimeError) as caught:
        cachewasm.Module.deserialize(engine, artifact)
    assert str(caught.value) == f"Module was compiled with incompatible version '{written}'"


def test_config_copy_changes_apart() -> None:
    config = config_with(wasm_multi_value=False)
    for copied in (config.copy(), copy.copy(config), copy.deepcopy(config)):
        assert repr(copied) == repr(config)
        copied.strategy = "baseline"
        assert config.strategy == "auto"
    config.opt_level = "none"
    assert copied.opt_level == "speed"


def test_config_deep_copy_shares_the_cache() -> None:
    config = Config()
    config.cache = cachewasm.Cache.in_memory()
    assert copy.deepcopy([config])[0].cache is config.cache


def test_config_repr_tells_what_was_set() -> None:
    config = Config()
    assert repr(config) == "Config()"
    config.cranelift_opt_level = "none"
    config.wasm_multi_value = False
    assert repr(config) == "Config(opt_level='none', wasm_multi_value=False)"


def test_config_wasm_features_switches_by_name_or_bits() -> None:
    config = Config()
    config.wasm_features("multi_memory", False)
    assert not config.wasm_multi_memory
    config.wasm_features(["bulk_memory", "multi_value"], False)
    assert not (config.wasm_bulk_memory or config.wasm_multi_value)
    config.wasm_features(features.BULK_MEMORY | features.MULTI_MEMORY, True)
    assert config.features() == features.DEFAULT & ~features.MULTI_VALUE
    config.wasm_features(features.DEFAULT, True)
    config.wasm_features([], False)
    assert key_of(config) == key_of(Config())


@pytest.mark.parametrize(
    ("names", "enable", "error", "message"),
    [
        ("simd128", True, ConfigError, "the WebAssembly feature `simd128` is unknown"),
        (["multi_value", "simd1"], False, ConfigError, "the WebAssembly feature `simd1` is unk"),
        (["multi_value", 3], False, TypeError, "expected a str"),
        (1 << 60, True, ConfigError, "0x1000000000000000 has bits of no WebAssembly feature"),
        (-1, False, ConfigError, "has bits of no WebAssembly feature"),
        (["multi_value", "stack_switching"], True, ConfigError, "`stack_switching` is not impl"),
        ("multi_value", 1, TypeError, "expected a bool"),
        (True, True, TypeError, "not iterable"),
        (None, True, TypeError, "not iterable"),
    ],
)
def test_config_wasm_features_refused_changes_nothing(
    names: object, enable: object, error: type[Exception], message: str
) -> None:
    config = config_with(wasm_multi_value=False)
    with pytest.raises(error, match=message):
        config.wasm_features(names, enable)  # type: ignore[arg-type]
    assert repr(config) == "Config(wasm_multi_value=False)"


def test_config_feature_is_off_by_default_where_what_it_needs_is_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The chain of features that is meant for this is not implemented yet.
    needed = features.BY_NAME["multi_value"]
    extension = features.BY_NAME["bulk_memory"]
    monkeypatch.setattr(features, "NEEDS", {extension.name: needed.name})
    config = config_with(wasm_multi_value=False)
    assert not config.wasm_bulk_memory
    assert config.features() == features.DEFAULT & ~needed.bit & ~extension.bit
    config.wasm_bulk_memory = True
    assert config.wasm_bulk_memory


def test_config_debug_info_without_debug_symbols_is_refused() -> None:
    config = Config()
    config.debug_info = True
    config.debug_symbols = False
    reason = "cannot enable native debug info while debug symbols are disabled"
    with pytest.raises(ConfigError, match=reason):
        environment.from_config(config)
