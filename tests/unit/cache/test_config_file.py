"""Configuration files: what they say, on which line, and whom they are believed."""

import contextlib
import os
import random
import textwrap
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachewasm.cache import config_file, toml
from cachewasm.cache.config_file import MAX_SIZE, plain_settings, read
from cachewasm.cache.settings import CacheConfig
from cachewasm.errors import ConfigError

PLAIN = """
# A comment, with "quotes" and [brackets].
[cache]
directory = "/srv/cache"  # why
key-file='/k#1'
\tbaseline-compression-level = 5
sync = true
trusted-owners = [1000, "root", ]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def _write(path: Path, text: str, mode: int = 0o600) -> str:
    path.write_bytes(textwrap.dedent(text).encode())
    path.chmod(mode)
    return str(path)


def test_read_plain_file_has_values_with_lines(path: Path) -> None:
    assert read(_write(path, PLAIN)) == {
        "directory": ("/srv/cache", 4),
        "key-file": ("/k#1", 5),
        "baseline-compression-level": (5, 6),
        "sync": (True, 7),
        "trusted-owners": ([1000, "root"], 8),
    }


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "[cache]", "[cache]\r\n\r\n"])
def test_read_file_without_settings_is_empty(path: Path, text: str) -> None:
    assert read(_write(path, text)) == {}


@pytest.mark.parametrize(
    "text",
    [
        "cache = {directory = '/a'}",
        "cache.directory = '/a'",
        "[cache]\n'directory' = '/a'",
        '[cache]\ndirectory = "\\u002fa"',
        "[cache]\ndirectory = '''/a'''",
        "[ cache ] # a table\ndirectory = '/a'",
        '[cache]\ndirectory = """\\\n  /a"""',
    ],
)
def test_read_file_of_another_shape_means_the_same(path: Path, text: str) -> None:
    assert plain_settings(text) is None
    assert {key: value for key, (value, _) in read(_write(path, text)).items()} == {
        "directory": "/a"
    }


@pytest.mark.parametrize("text", ["[cache]\ndirectory = '/a'", "cache.directory = '/a'"])
def test_read_file_with_a_byte_order_mark_means_the_same(path: Path, text: str) -> None:
    found = read(_write(path, "\ufeff" + text))
    assert {key: value for key, (value, _) in found.items()} == {"directory": "/a"}


# Whatever looks like a setting inside of something else is none.
TRICKY = '''
title."a=b" = """
[cache]
directory = 1
"""
[other]  # directory = 2
list = [
  "directory = 3", # ]
  { directory = 4, x = '[cache]' },
]
[cache]
"direct\\u006fry" = \'\'\'
[cache]
sync = 1\'\'\'
  sync = true
mode = ["]", """"]""""]
payload . x = 1
[cache.deeper]
mode = 5
'''


def test_key_lines_are_those_of_statements() -> None:
    tomllib.loads(TRICKY)
    assert toml.key_lines(TRICKY) == {
        ("title",): 2,
        ("title", "a=b"): 2,
        ("other",): 6,
        ("other", "list"): 7,
        ("cache",): 11,
        ("cache", "directory"): 12,
        ("cache", "sync"): 15,
        ("cache", "mode"): 16,
        ("cache", "payload"): 17,
        ("cache", "deeper"): 18,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[cache]\n[other]\n", "line 2: unknown field `other`, expected `cache`"),
        ("\nenabled = true", "line 2: unknown field `enabled`, expected `cache`"),
        ("\ncache = 1", "line 2: `cache` has to be a table"),
        ("[[cache]]", "line 1: `cache` has to be a table"),
        ("[cache]\nmode = 'a'\nmode = 'b'", "line 3"),
        ("[cache]\n[cache]", "line 2"),
        ("[cache]\nmode = \n", "line 2"),
        ("[cache]\nmode = 'a\n", "line 2"),
        ("[cache]\nx = 1 2", "line 2"),
        ("x = " + "[\n" * 15000, "nested too deeply"),
    ],
)
def test_read_file_that_is_no_configuration_is_an_error_with_its_line(
    path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        read(_write(path, text))
    assert str(raised.value).startswith(f"failed to parse config file: {path}: ")
    assert message in str(raised.value)


def test_read_file_that_is_not_utf8_is_an_error_with_its_line(path: Path) -> None:
    path.write_bytes(b"[cache]\n\xff")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="line 2: no UTF-8"):
        read(str(path))


_LINES = st.lists(
    st.sampled_from(
        [
            *("[cache]", "[cache] # x", "[other]", "", " # c", "a = 1", "a = 'x'", 'b = "y"'),
            *("b = 0", "c = 01", "c = true", "d = [1, 'a']", "d = [", "]", 'e = """', '"""', "e ="),
            *("f = 1_0", "f = -1", 'g = "\\n"', "g = 'a'b", "h = ' # '", 'h = "\'"', "i = [,]"),
            *("j = []", "j = [true]", "a-b_C = [ 1 ,2, ] # e", "k.l = 1", "= 1", "m = tru", "\x0b"),
            *("n = '\x7f'", "n = '\t'", "o = '\u00e9'", "p = [1 2]", "q = ['a', 'b]']", "\u00a0"),
            *("r = 1 # a", "s = 'a' # b'", "t = [1] x", "u = ''''", 'v = ""', "w = 'a\r'", "1 = 2"),
        ]
    ),
    max_size=6,
)


@given(_LINES, st.sampled_from(["\n", "\r\n"]))
def test_plain_settings_agree_with_tomllib(lines: list[str], end: str) -> None:
    text = end.join(["[cache]", *lines])
    found = plain_settings(text)
    if found is not None:
        values = {key: value for key, (value, _) in found.items()}
        assert tomllib.loads(text) == {"cache": values}
        assert found == toml.settings(text, "config.toml")


@given(st.text(alphabet="[]cahe=\"'#1 \n\\,tru.{}", max_size=40))
def test_plain_settings_agree_with_tomllib_on_noise(text: str) -> None:
    found = plain_settings(text)
    if found is not None:
        values = {key: value for key, (value, _) in found.items()}
        assert tomllib.loads(text).get("cache", {}) == values


@given(_LINES)
def test_settings_of_any_toml_are_values_or_an_error(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        found = toml.settings(text, "config.toml")
    except ConfigError:
        return
    values = tomllib.loads(text).get("cache", {})
    assert {key: value for key, (value, _) in found.items()} == values
    for key, (_, line) in found.items():
        assert key in text.split("\n")[line - 1]


def test_read_file_of_long_lines_is_refused(path: Path) -> None:
    deep = ".".join(["a"] * 500)
    with pytest.raises(ConfigError, match=r"line 1: unknown field `a`"):
        read(_write(path, f"{deep} = 1\n"))
    with pytest.raises(ConfigError, match=r"line 2: more than 1024 characters"):
        read(_write(path, f"\n{deep}.{deep} = 1\n"))


@pytest.mark.parametrize("mode", [0o602, 0o666, 0o646])
def test_read_file_that_others_can_write_is_refused(path: Path, mode: int) -> None:
    with pytest.raises(ConfigError) as raised:
        read(_write(path, PLAIN, mode))
    assert str(raised.value) == (
        f"the config file is not trusted: {path}: others can write to it (mode {mode:04o})"
    )


@pytest.mark.skipif(os.getuid() != os.getgid(), reason="the user has no group of the same number")
def test_read_file_that_the_users_own_group_can_write_is_read(path: Path) -> None:
    _write(path, PLAIN, 0o660)
    os.chown(path, -1, os.getgid())
    assert read(str(path))


def test_read_file_in_a_directory_of_everybody_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "shared"
    directory.mkdir()
    path = _write(directory / "config.toml", PLAIN)
    directory.chmod(0o777)
    with pytest.raises(ConfigError, match=f"not trusted: {directory}: others can write"):
        read(path)


def test_read_link_to_a_trusted_file_is_followed(path: Path, tmp_path: Path) -> None:
    _write(path, PLAIN)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    assert read(str(link)) == read(str(path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_read_file_of_another_user_is_refused(path: Path) -> None:
    _write(path, PLAIN)
    os.chown(path, 4000, -1)
    with pytest.raises(ConfigError, match="belongs to user 4000, neither to this one nor to root"):
        read(str(path))


def test_read_file_that_is_none_is_refused(path: Path, tmp_path: Path) -> None:
    os.mkfifo(path)
    for place in (path, tmp_path):
        with pytest.raises(ConfigError, match="not a regular file"):
            read(str(place))


@pytest.mark.parametrize("name", ["absent.toml", "x" * 300, "nul\0"])
def test_read_file_that_cannot_be_opened_is_an_error(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    with pytest.raises(ConfigError) as raised:
        read(path)
    assert str(raised.value).startswith(f"failed to read config file: {path}: ")


def test_read_huge_file_is_refused(path: Path) -> None:
    _write(path, "")
    os.truncate(path, 1 << 40)
    with pytest.raises(ConfigError, match=f"more than {MAX_SIZE} bytes"):
        read(str(path))


def test_read_plain_file_needs_no_tomllib() -> None:
    assert not hasattr(config_file, "tomllib")
    assert plain_settings(textwrap.dedent(PLAIN)) is not None


def _is_read_or_refused(path: Path, data: bytes) -> None:
    """Damage is an error of one kind, or leaves a configuration."""
    path.write_bytes(data)
    with contextlib.suppress(ConfigError):
        CacheConfig.from_file(path, environ={"HOME": "/h"})


ESCAPED = PLAIN.replace("/k#1", "/k\\u0023").encode()


@pytest.mark.parametrize(
    ("text", "bits"), [(PLAIN.encode(), (0, 5, 7)), (ESCAPED, (3,))], ids=["plain", "any"]
)
def test_read_flipped_file_is_read_or_refused(path: Path, text: bytes, bits: Iterable[int]) -> None:
    _write(path, "")
    for position in range(len(text)):
        for bit in bits:
            flipped = bytearray(text)
            flipped[position] ^= 1 << bit
            _is_read_or_refused(path, bytes(flipped))


def test_read_truncated_or_spliced_file_is_read_or_refused(path: Path) -> None:
    _write(path, "")
    text = (PLAIN + TRICKY).encode()
    for end in range(len(text)):
        _is_read_or_refused(path, text[:end])
    choose = random.Random(1)
    for _ in range(300):
        start, end, place = (choose.randrange(len(text)) for _ in range(3))
        _is_read_or_refused(path, text[:place] + text[start:end] + text[place + 3 :])
