"""Contradictions: each row of the table refuses, with both options in its sentence."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from cachewasm import Engine
from cachewasm.engine import environment
from cachewasm.engine.config import OPTIONS
from cachewasm.engine.operator_cost import OperatorCost
from cachewasm.engine.rules import RULES, Rule
from cachewasm.errors import ConfigError
from cachewasm.wasm import features
from tests.unit.engine.option_values import config_with

COSTS = OperatorCost({"nop": 1})
EXECUTOR = ThreadPoolExecutor(1)

# Per row: values that contradict each other, the sentence, and values that do not.
CASES: dict[tuple[str, str], tuple[tuple[object, object], str, tuple[object, object]]] = {
    ("strategy", "opt_level"): (
        ("baseline", "speed_and_size"),
        "the options strategy = 'baseline' and opt_level = 'speed_and_size' contradict each other: "
        "the baseline tier does not optimize",
        ("optimized", "speed_and_size"),
    ),
    ("debug_info", "debug_symbols"): (
        (True, False),
        "cannot enable native debug info while debug symbols are disabled (the options "
        "debug_info = True and debug_symbols = False contradict each other)",
        (True, True),
    ),
    ("guard_before_linear_memory", "memory_guard_size"): (
        (True, 0),
        "the options guard_before_linear_memory = True and memory_guard_size = 0 contradict each "
        "other: the guard before a memory is as large as the one behind it",
        (False, 0),
    ),
    ("wasm_backtrace", "wasm_backtrace_max_frames"): (
        (False, 5),
        "the options wasm_backtrace = False and wasm_backtrace_max_frames = 5 contradict each "
        "other: without backtraces no frame is listed",
        (False, None),
    ),
    ("operator_cost", "consume_fuel"): (
        (COSTS, False),
        "the options operator_cost and consume_fuel = False contradict each other: "
        "costs are counted in fuel",
        (COSTS, True),
    ),
    ("parallel_compilation", "compile_jobs"): (
        (False, 2),
        "the options parallel_compilation = False and compile_jobs = 2 contradict each other: "
        "one asks for a single process, the other for several",
        (False, 1),
    ),
    ("parallel_compilation", "compile_executor"): (
        (False, EXECUTOR),
        "the options parallel_compilation = False and compile_executor contradict each other: "
        "one asks for a single process, the other for as many as the executor has",
        (True, EXECUTOR),
    ),
    ("compile_jobs", "compile_executor"): (
        (2, EXECUTOR),
        "the options compile_jobs = 2 and compile_executor contradict each other: "
        "how much runs at once is the executor's to say",
        (0, EXECUTOR),
    ),
    **{
        (f"wasm_{name}", f"wasm_{needed}"): (
            (True, False),
            f"the options wasm_{name} = True and wasm_{needed} = False contradict each other: "
            f"the feature `{name}` is an extension of `{needed}`",
            (False, False),
        )
        for name, needed in features.NEEDS.items()
    },
    ("wasm_relaxed_simd", "wasm_simd"): (
        (True, False),
        "cannot disable the simd proposal but enable the relaxed simd proposal (the options "
        "wasm_relaxed_simd = True and wasm_simd = False contradict each other)",
        (False, False),
    ),
}


@pytest.fixture(autouse=True)
def all_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of features that are not implemented yet hold already."""
    for feature in features.FEATURES:
        monkeypatch.setattr(feature, "implemented", True)


def test_rules_each_have_a_case_and_name_options() -> None:
    assert {(rule.one, rule.other) for rule in RULES} == set(CASES), "add a case for every rule"
    assert len(RULES) == len(CASES)
    assert all(rule.one in OPTIONS and rule.other in OPTIONS for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.one} {rule.other}")
def test_rule_refuses_the_contradiction_and_nothing_else(rule: Rule) -> None:
    values, sentence, fine = CASES[rule.one, rule.other]
    one, other = {rule.one: values[0]}, {rule.other: values[1]}
    for config in (config_with(**one, **other), config_with(**other, **one)):
        with pytest.raises(ConfigError) as caught:
            config.validate()
        assert str(caught.value) == sentence
    config_with(**{rule.one: fine[0], rule.other: fine[1]}).validate()
    # Alone, each of them decides what the other is by default, unless it needs what is off.
    if rule.enough and not features.BY_NAME[rule.other.removeprefix("wasm_")].default:
        with pytest.raises(ConfigError) as caught:
            config_with(**one).validate()
        assert str(caught.value) == sentence
    else:
        config_with(**one).validate()
    config_with(**other).validate()


def test_contradiction_is_refused_by_engines_and_environments() -> None:
    config = config_with(strategy="baseline", cranelift_opt_level="speed_and_size")
    for make in (Engine, environment.from_config):
        with pytest.raises(ConfigError, match="strategy = 'baseline' and opt_level"):
            make(config)
    config.strategy = "auto"
    Engine(config)


def test_feature_that_needs_one_which_is_off_by_default_is_refused_by_engines() -> None:
    with pytest.raises(ConfigError, match="wasm_legacy_exceptions = True and wasm_exceptions"):
        Engine(config_with(wasm_legacy_exceptions=True))
    Engine(config_with(wasm_legacy_exceptions=True, wasm_exceptions=True))
    Engine(config_with(wasm_legacy_exceptions=False))


def test_features_that_others_need_come_first() -> None:
    seen: set[str] = set()
    for name, needed in features.NEEDS.items():
        assert needed not in features.NEEDS or needed in seen
        seen.add(name)
