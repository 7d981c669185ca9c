"""`-C OPTION=VALUE`: every option of Config that a text can set, as the table of options has it."""

import pytest
from cachewasm_cli.config_option import listing, parse, parse_all, settable, words
from cachewasm_cli.main import main

from cachewasm.engine.config import OPTIONS, Config
from cachewasm.engine.operator_cost import OperatorCost
from cachewasm.engine.options import REFUSED
from cachewasm.errors import ConfigError

# Of each option a value that is not its default, as it is typed, and what it is then.
VALUES: dict[str, tuple[str, object]] = {
    "strategy": ("baseline", "baseline"),
    "opt_level": ("speed_and_size", "speed_and_size"),
    "cranelift_opt_level": ("none", "none"),
    "target": ("x86-64-v2", "x86-64-v2"),
    "target_features": ("+avx2,-bmi2", "+avx2,-bmi2"),
    "tune_cpu": ("znver4", "znver4"),
    "module_version": ("mine=1", "mine=1"),
    "memory_reservation": ("1GiB", 1 << 30),
    "memory_guard_size": ("65536", 65536),
    "memory_reservation_for_growth": ("0", 0),
    "memory_guaranteed_dense_image_size": ("1MB", 10**6),
    "max_wasm_stack": ("2MiB", 2 << 20),
    "wasm_backtrace_max_frames": ("none", None),
    "operator_cost": ("i64.div_s=20, nop=1", OperatorCost({"i64.div_s": 20, "nop": 1})),
}
NOT_BY_TEXT = (
    "cache",
    "compile_jobs",
    "compile_executor",
    "compile_progress",
    "detect_host_feature",
)


def test_option_of_config_is_settable_or_said_to_be_none() -> None:
    doing_something = {name for name, option in OPTIONS.items() if option.effect != REFUSED}
    assert doing_something == {*settable(), *NOT_BY_TEXT}


@pytest.mark.parametrize("name", settable())
def test_parse_sets_what_the_text_says(name: str) -> None:
    default = getattr(Config(), name)
    text, expected = VALUES.get(name, (str(not default).lower(), not default))
    config = Config()
    setattr(config, *parse(f"{name}={text}"))
    assert getattr(config, name) == expected != default


def test_parse_switch_needs_no_value_and_dashes_are_understood() -> None:
    assert parse("consume-fuel") == ("consume_fuel", True)
    assert parse("consume_fuel=off") == ("consume_fuel", False)


def test_parse_other_name_of_an_option_sets_the_same() -> None:
    assert parse("cranelift_opt_level=none") == ("opt_level", "none")


def test_parse_all_of_one_option_the_last_counts() -> None:
    given = ["opt_level=none", "consume_fuel", "cranelift-opt-level=speed"]
    assert parse_all(given) == {"opt_level": "speed", "consume_fuel": True}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("consume_fule=true", "there is no option `consume_fule`; did you mean `consume_fuel`?"),
        ("qqq", "there is no option `qqq`; `-C help` lists them"),
        ("consume_fuel=maybe", "the option consume_fuel is true or false, not `maybe`"),
        ("memory_guard_size=big", "the option memory_guard_size: 'big' is not a size"),
        ("memory_guard_size", "the option memory_guard_size needs a value: a size"),
        ("wasm_backtrace_max_frames=few", "is a number from 1 to 1000, or none, not `few`"),
        ("wasm_backtrace_max_frames=0", "must be from 1 to 1000, or None"),
        ("operator_cost=nop", "the option operator_cost is costs: .*, not `nop`"),
        ("operator_cost=frob=1", "unknown instruction: frob"),
        ("strategy=fast", "unknown strategy: fast"),
        ("target_features=+frob", "the target feature 'frob' is unknown"),
        ("cache=/c", "the option cache is not one for -C: give --cache-dir or --no-cache"),
        ("compile_progress=1", "compile_progress is not one for -C: its value is an object"),
        ("gc_support=true", "the option gc_support is not supported yet"),
        ("async_stack_size=1", "the option async_stack_size is not supported yet"),
    ],
)
def test_parse_what_no_option_takes_is_said(given: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(given)


@pytest.mark.parametrize(
    "given", ["{}=1", "consume_fuel={}", "wasm_backtrace_max_frames={}", "operator_cost={}"]
)
def test_parse_what_no_option_takes_is_said_in_short(given: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(given.format("z" * 100_000))
    assert len(str(caught.value)) < 500


def test_listing_names_every_option_once() -> None:
    names = [line.split()[0] for line in listing().splitlines()[1:]]
    assert names == list(settable()) == [word.rstrip("=") for word in words()]


@pytest.mark.parametrize("command", ["run", "compile", "validate"])
def test_option_list_needs_no_file(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "-C", "help"]) == 0
    assert capsys.readouterr().out == listing() + "\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "-C", "consume_fule", "m.wasm"],
        ["compile", "-C", "consume_fule", "m.wasm"],
        ["cache", "warm", "-C", "target=native", "m.wasm"],
        ["cache", "why", "-C", "consume_fuel", "--last"],
        ["compile", "-C", "debug_info", "-C", "debug_symbols=no", "m.wasm"],
    ],
)
def test_option_that_cannot_be_is_wrong_usage(
    arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capfd.readouterr().err.count("\n") == 1
