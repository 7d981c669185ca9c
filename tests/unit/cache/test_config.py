"""Where the cache and its configuration are, by the environment."""

import os
import pwd
from pathlib import Path

import pytest

from cachewasm.cache.config import (
    cache_directory,
    cache_enabled,
    default_config_file,
    is_default,
    may_exist,
    names_a_file,
)
from cachewasm.errors import ConfigError


@pytest.mark.parametrize("value", ["0", "false", "off", "no", "OFF", "False"])
def test_cache_enabled_off_words_disable(value: str) -> None:
    assert not cache_enabled({"CACHEWASM_CACHE": value})


@pytest.mark.parametrize("environ", [{}, {"CACHEWASM_CACHE": ""}, {"CACHEWASM_CACHE": "1"}])
def test_cache_enabled_otherwise(environ: dict[str, str]) -> None:
    assert cache_enabled(environ)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"CACHEWASM_DIR": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c"),
        ({"CACHEWASM_DIR": "", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/cachewasm"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/cachewasm"),
        ({"XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/cachewasm"),
    ],
)
def test_cache_directory_takes_the_first_usable(environ: dict[str, str], expected: str) -> None:
    assert cache_directory(environ) == expected


@pytest.mark.parametrize("environ", [{}, {"HOME": "relative"}])
def test_cache_directory_without_home_asks_the_account(environ: dict[str, str]) -> None:
    home = pwd.getpwuid(os.getuid()).pw_dir
    assert cache_directory(environ) == os.path.join(home, ".cache", "cachewasm")


def test_cache_directory_relative_choice_is_an_error() -> None:
    with pytest.raises(ConfigError) as raised:
        cache_directory({"CACHEWASM_DIR": "cache"})
    assert str(raised.value) == (
        "CACHEWASM_DIR: Cache directory path has to be absolute, path: cache"
    )


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, "/x/cachewasm/config.toml"),
        ({"XDG_CONFIG_HOME": "relative", "HOME": "/h"}, "/h/.config/cachewasm/config.toml"),
        ({"HOME": "/h"}, "/h/.config/cachewasm/config.toml"),
    ],
)
def test_default_config_file_follows_xdg(environ: dict[str, str], expected: str) -> None:
    assert default_config_file(environ) == expected


@pytest.mark.parametrize(
    "variables",
    [{}, {"CACHEWASM_DIR": "/c"}, {"CACHEWASM_CACHE": "1"}, {"CACHEWASM_TRACEBACK": "1"}],
)
def test_is_default_where_only_the_directory_may_be_set(
    variables: dict[str, str], tmp_path: Path
) -> None:
    assert is_default({"XDG_CONFIG_HOME": str(tmp_path), **variables})


@pytest.mark.parametrize("name", ["CACHEWASM_MODE", "CACHEWASM_CONFIG", "CACHEWASM_KEY_FILE"])
def test_is_default_not_with_a_variable(name: str, tmp_path: Path) -> None:
    assert not is_default({"XDG_CONFIG_HOME": str(tmp_path), name: "x"})


def test_is_default_not_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "cachewasm").mkdir()
    (tmp_path / "cachewasm" / "config.toml").symlink_to("nowhere")
    assert not is_default({"XDG_CONFIG_HOME": str(tmp_path)})


def test_may_exist_below_a_file_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "cachewasm").touch()
    assert not may_exist(str(tmp_path / "cachewasm" / "config.toml"))


def test_may_exist_where_one_is_not_at_home_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    tmp_path.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        assert not may_exist(str(tmp_path / "config.toml"))
    finally:
        if user == 0:
            os.seteuid(0)
        tmp_path.chmod(0o700)


def test_names_a_file_what_lies_there_decides(tmp_path: Path) -> None:
    (tmp_path / "directory.toml").mkdir()
    (tmp_path / "file").touch()
    assert not names_a_file(str(tmp_path / "directory.toml"))
    assert names_a_file(str(tmp_path / "file"))


def test_names_a_file_without_one_by_the_suffix(tmp_path: Path) -> None:
    assert names_a_file(str(tmp_path / "absent.toml"))
    assert not names_a_file(str(tmp_path / "absent"))
