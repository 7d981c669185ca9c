"""The hand-written scan of `run`: options end at FILE, and mistakes are said."""

import pytest
from cachewasm_cli.arguments import OPTIONS, help_text, scan
from cachewasm_cli.code_options import CODE_OPTIONS, choices
from cachewasm_cli.failure import UsageError

from cachewasm.engine.config import OPTIONS as CONFIG_OPTIONS
from cachewasm.engine.options import KEY, Switch


def test_scan_everything_after_file_belongs_to_the_program() -> None:
    found = scan(["--no-cache", "prog.wasm", "--no-cache", "--", "--dir", "x"])
    assert found.file == "prog.wasm"
    assert found.program_arguments == ["--no-cache", "--", "--dir", "x"]
    assert (found.no_cache, found.directories) == (True, [])


def test_scan_values_may_follow_or_be_joined() -> None:
    found = scan(["--env", "A=1=2", "--env=B=", "--cache-dir=/c", "--invoke", "f", "m"])
    assert found.variables == [("A", "1=2"), ("B", "")]
    assert (found.cache_dir, found.invoke) == ("/c", "f")
    found = scan(["--fuel", "5", "--timeout=3s", "m"])
    assert (found.fuel, found.timeout) == ("5", "3s")


@pytest.mark.parametrize(
    ("text", "pair"),
    [("data", ("data", "data")), ("/a::/b", ("/a", "/b")), ("/a::", ("/a", "")), (".", (".", "."))],
)
def test_scan_directory_is_a_pair_of_host_and_guest(text: str, pair: tuple[str, str]) -> None:
    assert scan(["--dir", text, "m"]).directories == [pair]


def test_scan_debug_info_is_off_unless_asked_for() -> None:
    assert not scan(["m", "--debug-info"]).debug_info
    assert scan(["--debug-info", "m"]).debug_info


@pytest.mark.parametrize(
    "arguments",
    [
        ["-C", "a=b=c"],
        ["-Ca=b=c"],
        ["-C=a=b=c"],
        ["--config-option", "a=b=c"],
        ["--config-option=a=b=c"],
    ],
)
def test_scan_config_option_may_be_joined(arguments: list[str]) -> None:
    found = scan([*arguments, "-C", "d", "m", "-C", "e"])
    assert (found.config_options, found.file) == (["a=b=c", "d"], "m")


def test_scan_list_of_config_options_needs_no_file() -> None:
    assert scan(["-C", "help"]).wants_list
    assert not scan(["-C", "a", "m"]).wants_list


def test_scan_two_dashes_end_the_options() -> None:
    assert scan(["--", "--no-cache"]).file == "--no-cache"


def test_scan_help_needs_no_file() -> None:
    assert scan(["-h"]).help
    assert scan(["--dir", "x", "--help", "--unknown"]).help


def test_scan_options_of_the_code_are_kept_by_the_names_of_config() -> None:
    found = scan(["--opt-level=none", "--strategy", "optimized", "--nan-canonicalization", "m"])
    assert found.code == {
        "opt_level": "none",
        "strategy": "optimized",
        "nan_canonicalization": True,
    }
    assert scan(["m"]).code == {}


def test_options_of_the_code_are_those_of_config() -> None:
    for option in CODE_OPTIONS:
        row = CONFIG_OPTIONS[option.name]
        assert row.effect == KEY
        assert bool(choices(option)) == bool(option.metavar) == (not isinstance(row, Switch))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "FILE is missing"),
        (["--no-cache"], "FILE is missing"),
        (["--dir"], "--dir needs a value: HOST[::GUEST]"),
        (["--no-cache=1", "m"], "--no-cache takes no value"),
        (["--opt-level"], "--opt-level needs a value: LEVEL"),
        (["--nan-canonicalization=1", "m"], "--nan-canonicalization takes no value"),
        (["--env", "A", "m"], "--env needs NAME=VALUE, not A"),
        (["--env", "=A", "m"], "--env needs NAME=VALUE, not =A"),
        (["--frobnicate", "m"], "unknown option --frobnicate"),
        (["-x", "m"], "unknown option -x"),
    ],
)
def test_scan_wrong_usage_is_named(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        scan(arguments)
    assert raised.value.message == f"{message} (see `cachewasm run --help`)"
    assert raised.value.code == 2


def test_help_names_every_option() -> None:
    text = help_text()
    assert [name for name, _, what in OPTIONS if f"  {name}" in text and what in text] == [
        name for name, _, _ in OPTIONS
    ]
