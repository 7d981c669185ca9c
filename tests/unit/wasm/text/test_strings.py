"""Strings, names and identifiers: what the quotes and escapes of a token stand for."""

import pytest

from cachewasm.wasm.text.strings import StringError, identifier, name, unquote


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ('""', b""),
        ('"abc"', b"abc"),
        (r'"\t\n\r\"\'\\"', b"\t\n\r\"'\\"),
        (r'"\00\fF\7f"', b"\x00\xff\x7f"),
        (r'"\\41"', b"\\41"),
        (r'"\u{41}\u{20_AC}\u{10ffff}"', "A€\U0010ffff".encode()),
        ('"é"', "é".encode()),
    ],
)
def test_unquote_string_gives_its_bytes(token: str, expected: bytes) -> None:
    assert unquote(token) == expected


@pytest.mark.parametrize(
    "token", [r'"\u{d800}"', r'"\u{dfff}"', r'"\u{110000}"', '"\\u{' + "f" * 5000 + '}"']
)
def test_unquote_no_scalar_value_is_an_illegal_escape(token: str) -> None:
    with pytest.raises(StringError, match="illegal escape"):
        unquote(token)


@pytest.mark.parametrize("token", [r'"\ff"', r'"\ed\a0\80"', '"\ud800"'])
def test_name_that_is_no_utf8_is_malformed(token: str) -> None:
    with pytest.raises(StringError, match="malformed UTF-8 encoding"):
        name(token)


@pytest.mark.parametrize(
    ("token", "expected"), [("$a", "a"), ('$"a"', "a"), ('$" b\\41"', " bA"), ("$$", "$")]
)
def test_identifier_plain_or_quoted_gives_the_same_name(token: str, expected: str) -> None:
    assert identifier(token) == expected


@pytest.mark.parametrize("token", ["$", '$""'])
def test_identifier_without_a_character_is_refused(token: str) -> None:
    with pytest.raises(StringError, match="empty identifier"):
        identifier(token)
