"""The table of shared flags: its buckets, what a Config sets, and what is refused."""

import pytest

from cachewasm.engine import environment, flags
from cachewasm.engine.flags import (
    DEFAULT_FLAGS,
    FLAGS,
    NO_EFFECT,
    OFF,
    ON_SYSTEM,
    ONE_VALUE,
    WITH_FEATURE,
    Flag,
    SharedFlags,
)
from cachewasm.wasm import features
from tests.unit.engine.option_values import config_with, other_value

ALL_FEATURES = (1 << len(features.FEATURES)) - 1
NOT_SUPPORTED = "is configured to {} which is not supported"


def refusal(
    name: str, value: bool | int | str, wasm_features: int = 0, system: str = "linux"
) -> str:
    items = [(known, value if known == name else usual) for known, usual in DEFAULT_FLAGS.items]
    return flags.refusal(SharedFlags(items), wasm_features, system) or ""


def named(bucket: str) -> list[Flag]:
    return [flag for flag in FLAGS if flag.bucket == bucket]


def test_flags_stand_in_one_bucket_each_and_every_bucket_has_one() -> None:
    buckets = (ONE_VALUE, OFF, WITH_FEATURE, ON_SYSTEM, NO_EFFECT)
    assert {flag.bucket for flag in FLAGS} == set(buckets)
    assert all(flag.value is False for flag in named(OFF))
    assert all(flag.where in features.BY_NAME for flag in named(WITH_FEATURE))
    assert all(flag.where == "linux" for flag in named(ON_SYSTEM))
    assert all(not flag.where for flag in FLAGS if flag.bucket not in (WITH_FEATURE, ON_SYSTEM))
    # What a Config sets is never the reason why its own artifacts are refused.
    assert all(flag.bucket == NO_EFFECT for flag in flags.BY_OPTION.values())


@pytest.mark.parametrize("flag", named(ONE_VALUE) + named(OFF), ids=lambda flag: flag.name)
@pytest.mark.parametrize(("value", "said"), [(7, "Num(7)"), ("x", 'Enum("x")')])
def test_flag_that_must_have_its_value_is_refused_with_another(
    flag: Flag, value: int | str, said: str
) -> None:
    expected = f'setting "{flag.name}" {NOT_SUPPORTED.format(said)}'
    assert refusal(flag.name, value, ALL_FEATURES) == expected


@pytest.mark.parametrize("flag", named(OFF), ids=lambda flag: flag.name)
def test_flag_that_must_be_off_is_refused_when_on(flag: Flag) -> None:
    assert refusal(flag.name, True).endswith(NOT_SUPPORTED.format("Bool(true)"))
    assert refusal(flag.name, False) == ""


@pytest.mark.parametrize("flag", named(WITH_FEATURE), ids=lambda flag: flag.name)
def test_flag_of_a_feature_may_differ_only_with_the_feature(flag: Flag) -> None:
    bit = features.BY_NAME[flag.where].bit
    assert refusal(flag.name, "other", bit) == ""
    assert refusal(flag.name, "other", ALL_FEATURES & ~bit).endswith(
        NOT_SUPPORTED.format('Enum("other")')
    )
    assert refusal(flag.name, flag.value) == ""


@pytest.mark.parametrize("flag", named(ON_SYSTEM), ids=lambda flag: flag.name)
def test_flag_of_a_system_may_differ_only_elsewhere(flag: Flag) -> None:
    assert refusal(flag.name, "outline", system="linux").endswith(
        NOT_SUPPORTED.format('Enum("outline")')
    )
    assert refusal(flag.name, "outline", system="windows") == ""


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_flag_that_is_missing_is_refused_unless_it_is_without_effect(flag: Flag) -> None:
    rest = SharedFlags((name, value) for name, value in DEFAULT_FLAGS.items if name != flag.name)
    expected = None if flag.bucket == NO_EFFECT else f'setting "{flag.name}" is not configured'
    assert flags.refusal(rest, ALL_FEATURES, "linux") == expected


def test_flag_that_is_given_twice_is_refused() -> None:
    items = [*DEFAULT_FLAGS.items, ("opt_level", "none")]
    found = flags.refusal(SharedFlags(items), 0, "linux")
    assert found == 'setting "opt_level" is configured twice'


def test_flag_that_nobody_knows_is_refused() -> None:
    unknown = SharedFlags([*DEFAULT_FLAGS.items, ("enable_magic", 3)])
    expected = 'unknown shared setting "enable_magic" configured to Num(3)'
    assert flags.refusal(unknown, ALL_FEATURES, "linux") == expected


@pytest.mark.parametrize("option", flags.BY_OPTION)
def test_flag_of_an_option_follows_the_config(option: str) -> None:
    value = other_value(option)
    env = environment.from_config(config_with(**{option: value}))
    name = flags.BY_OPTION[option].name
    assert env.flags[name] == value
    assert dict(env.flags.items) == {**dict(DEFAULT_FLAGS.items), name: value}


def test_flags_of_a_config_that_sets_none_are_the_defaults_themselves() -> None:
    assert flags.choose({}) is DEFAULT_FLAGS
    assert environment.from_config(config_with(wasm_multi_value=False)).flags is DEFAULT_FLAGS
