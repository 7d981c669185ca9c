"""Where the cache is, by the environment."""

import os
import pwd

import pytest

from cachewasm.cache.config import cache_directory, cache_enabled
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
    with pytest.raises(ConfigError, match="CACHEWASM_DIR must be an absolute path"):
        cache_directory({"CACHEWASM_DIR": "cache"})
