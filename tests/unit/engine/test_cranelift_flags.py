"""Flags of Cranelift: those with an equivalent set it, the others are refused by name."""

import pytest

from cachewasm.engine import cranelift_flags, flags
from cachewasm.engine.config import OPTIONS, Config
from cachewasm.errors import ConfigError


def test_flags_of_options_set_the_option() -> None:
    config = Config()
    config.cranelift_flag_set("opt_level", "speed_and_size")
    config.cranelift_flag_set("enable_nan_canonicalization", "true")
    config.cranelift_flag_enable("enable_verifier")
    assert repr(config) == (
        "Config(opt_level='speed_and_size', nan_canonicalization=True, debug_verifier=True)"
    )
    config.cranelift_flag_set("enable_verifier", "off")
    assert not config.debug_verifier


def test_flag_of_an_option_that_is_refused_is_refused_by_its_name() -> None:
    config = Config()
    config.cranelift_flag_set("unwind_info", str(config.native_unwind_info).lower())
    assert "unwind_info" in cranelift_flags.OPTION_OF
    for option in cranelift_flags.OPTION_OF.values():
        assert option in OPTIONS


def test_flags_of_cpu_features_change_the_target() -> None:
    config = Config()
    config.cranelift_flag_enable("has_avx2")
    config.cranelift_flag_set("has_bmi2", "false")
    assert repr(config) == "Config(target_features='+avx2,-bmi2')"
    with pytest.raises(
        ConfigError, match="Unexpected value for the setting has_avx, expected bool"
    ):
        config.cranelift_flag_set("has_avx", "maybe")


@pytest.mark.parametrize("name", cranelift_flags.SHARED)
def test_flags_with_one_value_accept_that_only(name: str) -> None:
    value = flags.BY_NAME[name].value
    config = Config()
    config.cranelift_flag_set(name, str(value).lower())
    assert repr(config) == "Config()"
    other = "false" if value is True else "other"
    with pytest.raises(ConfigError, match=f"the flag {name} has one value here, which is"):
        config.cranelift_flag_set(name, other)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("opt_level", "fast", "unknown opt level: fast"),
        ("enable_nan_canonicalization", "maybe", "setting enable_nan_canonicalization, expected b"),
        (
            "regalloc_algorithm",
            "fast",
            "option cranelift_flag_set \\('regalloc_algorithm'\\) is not",
        ),
        ("", "", "option cranelift_flag_set \\(''\\) is not supported yet"),
        ("baseline_opt_level", "0", "'baseline_opt_level'"),
    ],
)
def test_flag_set_to_what_it_cannot_be_is_refused(key: str, value: str, message: str) -> None:
    config = Config()
    with pytest.raises(ConfigError, match=message):
        config.cranelift_flag_set(key, value)
    assert repr(config) == "Config()"


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("opt_level", "the flag opt_level cannot be enabled, only set to a value"),
        ("probestack_strategy", "the flag probestack_strategy cannot be enabled"),
        ("nehalem", "the option cranelift_flag_enable \\('nehalem'\\) is not supported yet"),
    ],
)
def test_flag_that_cannot_be_enabled_is_refused(flag: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Config().cranelift_flag_enable(flag)


def test_flags_of_wrong_types_are_type_errors() -> None:
    config = Config()
    with pytest.raises(TypeError, match=r"^expected a str$"):
        config.cranelift_flag_enable(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^expected a str for key$"):
        config.cranelift_flag_set(3, "x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^expected a str for value$"):
        config.cranelift_flag_set("opt_level", 3)  # type: ignore[arg-type]
