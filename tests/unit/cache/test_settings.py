"""`CacheConfig`: what is in effect, where it comes from, and what config/ says of it."""

import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import cachewasm
from cachewasm.cache.setting import NotYet
from cachewasm.cache.settings import (
    ARGUMENT,
    DEFAULT,
    FILE,
    SETTINGS,
    VARIABLE,
    CacheConfig,
)
from cachewasm.errors import ConfigError

FOLDER = Path(__file__).parent.parent.parent.parent / "config"
WORKING = [each for each in SETTINGS.values() if not isinstance(each, NotYet)]
REFUSED = [each for each in SETTINGS.values() if isinstance(each, NotYet)]

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a configuration file that is trusted."""

    def make(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return make


def test_config_takes_argument_over_variable_over_file_over_default(write: Write) -> None:
    path = write('[cache]\nmode = "read-only"\nmax-age = "1d"\nlock-timeout = "2m"\n')
    environ = {"CACHEWASM_MAX_AGE": "2d", "CACHEWASM_LOCK_TIMEOUT": "3m", "HOME": "/h"}
    config = CacheConfig.from_file(path, environ=environ)
    config.lock_timeout = 240
    names = ("lock_timeout", "max_age", "mode", "payload")
    assert [getattr(config, name) for name in names] == [240, 2 * 86400, "read-only", "zstd"]
    origins = [config.origin(name) for name in names]
    assert [origin.kind for origin in origins] == [ARGUMENT, VARIABLE, FILE, DEFAULT]
    assert [str(origin) for origin in origins] == [
        "argument",
        "variable CACHEWASM_MAX_AGE",
        f"{path}:2",
        "default",
    ]
    assert config.file == str(path)


def test_config_new_reads_variables_and_no_file(write: Write) -> None:
    path = write('[cache]\nmode = "read-only"\n')
    environ = {"CACHEWASM_CONFIG": str(path), "CACHEWASM_SYNC": "1", "HOME": "/h"}
    config = CacheConfig(environ=environ)
    assert (config.mode, config.sync, config.file) == ("read-write", True, None)


def test_config_empty_variable_counts_as_unset() -> None:
    config = CacheConfig(environ={"CACHEWASM_MODE": "", "CACHEWASM_DIR": "", "HOME": "/h"})
    assert (config.mode, config.directory) == ("read-write", "/h/.cache/cachewasm")
    assert config.origin("directory").kind == DEFAULT


def test_config_from_file_takes_the_named_one_before_the_users_own(
    write: Write, tmp_path: Path
) -> None:
    own = tmp_path / "cachewasm" / "config.toml"
    own.parent.mkdir(mode=0o700)
    own.write_text('[cache]\ndirectory = "/own"\n', encoding="utf-8")
    own.chmod(0o600)
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": "/h"}
    assert CacheConfig.from_file(environ=environ).directory == "/own"
    environ["CACHEWASM_CONFIG"] = str(write('[cache]\ndirectory = "/named"\n'))
    assert CacheConfig.from_file(environ=environ).directory == "/named"
    assert CacheConfig.from_file(own, environ=environ).directory == "/own"
    environ["CACHEWASM_DIR"] = "/variable"
    assert CacheConfig.from_file(environ=environ).directory == "/variable"


def test_config_from_file_without_the_users_own_is_the_default(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": "/h"}
    config = CacheConfig.from_file(environ=environ)
    assert config.file is None
    assert config.identity() == CacheConfig(environ={"HOME": "/h"}).identity()


def test_config_from_file_that_is_named_must_exist(tmp_path: Path) -> None:
    path = str(tmp_path / "absent.toml")
    for environ, argument in (({"CACHEWASM_CONFIG": path}, None), ({}, path)):
        with pytest.raises(ConfigError, match=f"failed to read config file: {path}: No such file"):
            CacheConfig.from_file(argument, environ=environ)


def test_config_from_file_named_by_a_relative_variable_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"CACHEWASM_CONFIG: .* absolute, path: config.toml"):
        CacheConfig.from_file(environ={"CACHEWASM_CONFIG": "config.toml"})


def test_config_file_in_the_working_directory_is_not_read(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write('[cache]\ndirectory = "/evil"\n')
    (tmp_path / ".config" / "cachewasm").mkdir(parents=True)
    (tmp_path / ".config" / "cachewasm" / "config.toml").write_text("[cache]\nx = 1\n")
    monkeypatch.chdir(tmp_path)
    environ = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": ".config"}
    config = CacheConfig.from_file(environ=environ)
    assert config.file is None
    assert config.directory == f"{tmp_path}/home/.cache/cachewasm"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('directory = "relative/x"', "Cache directory path has to be absolute, path: relative/x"),
        ('max-age = "5"', "Invalid value, please refer to the documentation: expected a string"),
        ("baseline-compression-level = 22", "Invalid baseline compression level: 22 not in 0..=21"),
        ("file-count-soft-limit = 16", "invalid type: an integer, expected a string such as"),
        ('mode = "fast"', "unknown value `fast`, expected one of `read-write`, `read-only`"),
        ("trusted-owners = [1.5]", "invalid type, expected an array of numbers and names"),
        ('directory = ""', "the path is empty: it has to be absolute"),
        ("max-age = 2026-01-01", "invalid type: a date, expected "),
        ("max-age = 2026-01-01T00:00:00Z", "invalid type: a date with a time, expected "),
        ("max-age = 12:00:00", "invalid type: a time, expected "),
        ("max-age = {a = 1}", "invalid type: a table, expected "),
    ],
)
def test_config_bad_value_is_an_error_with_file_line_and_key(
    write: Write, line: str, message: str
) -> None:
    path = write(f"# one\n[cache]\nsync = true\n{line}\n")
    key = line.partition(" ")[0]
    with pytest.raises(ConfigError) as raised:
        CacheConfig.from_file(path)
    expected = f"failed to parse config file: {path}: line 4: `{key}`: {message}"
    assert str(raised.value).startswith(expected)


def test_config_unknown_key_is_an_error_with_its_line(write: Write) -> None:
    path = write("[cache]\n\nbogus = 1\n")
    with pytest.raises(ConfigError) as raised:
        CacheConfig.from_file(path)
    expected = f"{path}: line 3: unknown field `bogus`, expected one of `directory`, `mode`"
    assert str(raised.value).startswith(f"failed to parse config file: {expected}")
    assert not [each.key for each in REFUSED if f"`{each.key}`" in str(raised.value)]


@pytest.mark.parametrize("setting", REFUSED, ids=lambda each: each.key)
def test_config_key_without_a_function_is_refused_by_name(write: Write, setting: NotYet) -> None:
    path = write(f"[cache]\n{setting.key} = 1\n")
    with pytest.raises(ConfigError, match=f"line 2: `{setting.key}`: this setting is not supporte"):
        CacheConfig.from_file(path)
    with pytest.raises(
        ConfigError, match=f"^{setting.variable}: this setting is not supported yet"
    ):
        CacheConfig(environ={setting.variable or "": "1"})
    with pytest.raises(ConfigError, match=f"^{setting.name}: this setting is not supported yet"):
        setattr(CacheConfig(), setting.name, 1)


def test_config_bad_variable_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^CACHEWASM_MAX_AGE: Invalid value"):
        CacheConfig(environ={"CACHEWASM_MAX_AGE": "soon"})


def test_config_bad_argument_is_named_and_changes_nothing() -> None:
    config = CacheConfig(environ={"CACHEWASM_MAX_AGE": "5d"})
    with pytest.raises(ConfigError, match=r"^max_age: Invalid value"):
        config.max_age = "soon"  # type: ignore[assignment]
    with pytest.raises(TypeError, match="expected an int or a str"):
        config.max_age = 1.5  # type: ignore[assignment]
    assert (config.max_age, config.origin("max_age").kind) == (5 * 86400, VARIABLE)


def test_config_misspelt_setting_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError):
        CacheConfig().directry = "/x"  # type: ignore[attr-defined]


def test_config_in_use_cannot_be_changed() -> None:
    config = CacheConfig()
    fixed = config.in_use()
    with pytest.raises(ConfigError, match="mode: the cache is in use"):
        fixed.mode = "read-only"
    config.mode = "read-only"
    assert fixed.mode == "read-write"
    assert fixed.identity() != config.identity()


@pytest.mark.parametrize("setting", WORKING, ids=lambda each: each.key)
def test_config_example_is_another_value_by_file_and_variable(
    write: Write, setting: object
) -> None:
    (row,) = (each for each in WORKING if each is setting)
    config = CacheConfig.from_file(write(f"[cache]\n{row.key} = {row.example}\n"), environ={})
    value = getattr(config, row.name)
    assert value != row.default
    assert config.origin(row.name).line == 2
    changed = CacheConfig(environ={"HOME": "/h"})
    setattr(changed, row.name, value)
    assert getattr(changed, row.name) == value
    assert changed.identity() != CacheConfig(environ={"HOME": "/h"}).identity()
    if row.variable is not None:
        environ = {row.variable: row.example.strip('"')}
        assert getattr(CacheConfig(environ=environ), row.name) == value


def test_defaults_are_the_tables_whatever_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CACHEWASM_MODE", "must-hit")
    config = CacheConfig.defaults("/d")
    assert (config.directory, config.mode) == ("/d", "read-write")
    assert config.origin("directory").kind == DEFAULT


def test_default_file_says_what_the_table_says() -> None:
    text = (FOLDER / "default.toml").read_text(encoding="utf-8")
    quotes = {row.key: '"' if row.example.startswith('"') else "" for row in WORKING}
    spelled = {
        row.key: f"{row.key} = {quotes[row.key]}{row.to_text(row.default)}{quotes[row.key]}"
        for row in WORKING
    }
    lines = text.split("\n")
    stated = [line for line in lines if line and line[0] != "#" and line != "[cache]"]
    described = [
        line[2:] for line in lines if any(line.startswith(f"# {row.key} = ") for row in WORKING)
    ]
    without_default = [
        *("directory", "lock-file", "stats-log", "baseline-compression-level", "namespace"),
        "key-file",
    ]
    assert stated == [spelled[row.key] for row in WORKING if row.key not in without_default]
    assert [line.partition(" ")[0] for line in described] == without_default


def test_default_file_has_the_order_of_the_table(write: Write) -> None:
    text = (FOLDER / "default.toml").read_text(encoding="utf-8")
    keys = [row.key for row in WORKING]
    places = [max(text.find(f"\n{key} = "), text.find(f"\n# {key} = ")) for key in keys]
    assert sorted(places) == places
    config = CacheConfig.from_file(write(text), environ={"HOME": "/h"})
    assert config.identity() == CacheConfig(environ={"HOME": "/h"}).identity()


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.toml")))
def test_example_files_are_acceptable(name: str, write: Write) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    config = CacheConfig.from_file(write(text), environ={"HOME": "/h"})
    for key in tomllib.loads(text)["cache"]:
        assert config.origin(SETTINGS[key].name).kind == FILE


def test_config_is_public() -> None:
    assert cachewasm.CacheConfig is CacheConfig
    assert os.path.isabs(CacheConfig().directory or "/")
