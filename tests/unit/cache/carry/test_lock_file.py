"""Lock files: one text for equal artifacts, TOML to others, and refused with the line if wrong."""

import textwrap
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachewasm.cache.carry.lock_file import Lock, LockedArtifact
from cachewasm.cache.keys import ArtifactKey
from cachewasm.errors import ConfigError

MODULE = LockedArtifact(
    module="app/main.wat",
    wasm=bytes(range(32)),
    text=bytes(range(1, 33)),
    target="x86_64-unknown-linux-gnu",
    isa="x86-64-v3:+avx,+avx2",
    tier="optimized",
    compat=bytes(range(32, 64)),
    compiler=bytes(32),
    artifact=bytes(range(64, 96)),
    size=8,
)
SUPPORT = replace(MODULE, module="support image", text=None, tier="support")

PAGE = Path(__file__).parents[4] / "docs" / "format" / "lock.md"

TEXT = """\
# Compiled code that has to be in the cache: made by `cachewasm cache lock`.
# What the lines mean: docs/format/lock.md of cachewasm.
version = 1

[[artifact]]
module = "app/main.wat"
wasm = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
text = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
target = "x86_64-unknown-linux-gnu"
isa = "x86-64-v3:+avx,+avx2"
tier = "optimized"
compat = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
compiler = "0000000000000000000000000000000000000000000000000000000000000000"
key = "6482960b80039bbc40475f2c5e7e435978f1c163685f587f3f9c68ac0882899e"
artifact = "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
size = 8
"""


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        Lock.from_text(text, "app.lock")
    return str(caught.value)


def test_lock_is_this_text() -> None:
    assert Lock((MODULE,)).to_text() == TEXT
    assert Lock.from_text(TEXT, "app.lock") == Lock((MODULE,))


def test_lock_page_has_this_text() -> None:
    vector = PAGE.read_text(encoding="utf-8").partition("\n    # Compiled")[2]
    assert textwrap.dedent(f"    # Compiled{vector}") == TEXT


def test_lock_of_equal_artifacts_is_equal_text() -> None:
    other = replace(MODULE, module="another.wasm", text=None)
    text = Lock((SUPPORT, MODULE, other)).to_text()
    assert Lock((other, MODULE, SUPPORT, MODULE)).to_text() == text
    names = [each.module for each in Lock.from_text(text, "app.lock").artifacts]
    assert names == ["another.wasm", "app/main.wat", "support image"]


def test_lock_tells_the_keys_of_entry_and_alias() -> None:
    assert MODULE.key == ArtifactKey(MODULE.wasm, MODULE.compat, MODULE.isa, "optimized")
    assert MODULE.alias is not None
    assert (MODULE.alias.text_digest, MODULE.alias.encoder) == (MODULE.text, MODULE.compiler)
    assert (SUPPORT.alias, SUPPORT.is_support, MODULE.label) == (None, True, "x86-64-v3")


@given(st.text())
def test_lock_module_may_have_any_name(name: str) -> None:
    lock = Lock((replace(MODULE, module=name),))
    text = lock.to_text()
    assert Lock.from_text(text, "app.lock") == lock
    assert tomllib.loads(text)["artifact"][0]["module"] == name


def test_lock_module_name_that_is_no_unicode_is_replaced() -> None:
    text = Lock((replace(MODULE, module="a\udcff"),)).to_text()
    assert Lock.from_text(text, "app.lock").artifacts[0].module == "a\N{REPLACEMENT CHARACTER}"


def test_lock_takes_comments_blanks_and_any_order() -> None:
    head, table = TEXT.split("[[artifact]]\n")
    lines = [f"  {line}\t\r" for line in reversed(table.splitlines())]
    text = "\n".join(["# reviewed", head, "[[artifact]]", *lines])
    assert Lock.from_text(text, "app.lock") == Lock((MODULE,))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "version = 2", "line 1: expected `version = 1` before all else"),
        ("version = 1", "version = 1\nmore = 1", "line 1: expected `version = 1` before all else"),
        ("version = 1\n", "", "line 1: expected `version = 1` before all else"),
        ("size = 8", "size = 8\nsize = 8", "line 17: expected `[[artifact]]` or a name"),
        ("size = 8", "size = 8\ncolour = 1", "line 5: unknown name `colour`"),
        ("size = 8\n", "", "line 5: `size` is missing"),
        ("size = 8", 'size = "8"', "line 5: `size` is of the wrong type"),
        ("size = 8", "size = -8", "line 16: `size`: expected a number or a string"),
        ("size = 8", "size = 08", "line 16: `size`: a number that begins with 0"),
        ("size = 8", f"size = {'9' * 5000}", "line 16: `size`: expected a number or a string"),
        ('tier = "optimized"', "tier = 1", "line 5: `tier` is of the wrong type"),
        ('tier = "optimized"', 'tier = "baseline"', "line 5: `key` is not the digest of wasm"),
        ('tier = "optimized"', 'tier = "O P"', "line 5: `key` is not the digest of wasm"),
        ('tier = "optimized"', "tier", "line 11: expected `[[artifact]]` or a name"),
        ('tier = "optimized"', 'tier = "a"b"', "line 11: `tier`: a quote"),
        ('tier = "optimized"', 'tier = "a\\x"', "line 11: `tier`: an unknown escape"),
        ('tier = "optimized"', 'tier = "a\\', "line 11: `tier`: expected a number or a string"),
        ('tier = "optimized"', 'tier = "\\ud800"', "line 11: `tier`: an escape that is no char"),
        ('tier = "optimized"', 'tier = "\a"', "line 11: a character that is not to be seen"),
        ("[[artifact]]", "[artifact]", "line 5: expected `[[artifact]]` or a name"),
        ("404142", "40414", "line 5: `artifact` has to be 64 hexadecimal digits"),
    ],
)
def test_lock_that_is_wrong_is_refused_with_the_line(old: str, new: str, said: str) -> None:
    assert TEXT.count(old) == 1
    assert refusal(TEXT.replace(old, new)).startswith(f"app.lock: {said}")
