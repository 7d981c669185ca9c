"""The lexer: what a token is, what is skipped, and where errors are."""

import pytest

from cachewasm.errors import TextError
from cachewasm.wasm.text.lexer import Place, tokenize


def _texts(text: str | bytes) -> list[str]:
    return tokenize(text).texts[:-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(func $f)(nop)", ["(", "func", "$f", ")", "(", "nop", ")"]),
        ("  \t\r\n", []),
        ("a;;b\nc;;d\re;;f", ["a", "c", "e"]),
        ("a(;b;)c(;(;x;)y;)d(;;)(;);)", ["a", "c", "d"]),
        ('"a;;b" "(;" $"x y"', ['"a;;b"', '"(;"', '$"x y"']),
        (r'"\"" "\\" "\u{1F_600}"', [r'"\""', r'"\\"', r'"\u{1F_600}"']),
        ('(@a)b(@c (d) ")" [;] (;)x;) ;; )\n)e', ["b", "e"]),
        ('(@"x y" 1q"z"2 (@))f', ["f"]),
        ("+1 -0x1p-3 nan:0x1 offset=1", ["+1", "-0x1p-3", "nan:0x1", "offset=1"]),
        ("caf\xe9".encode()[:3], ["caf"]),
    ],
)
def test_tokenize_text_gives_tokens_without_blanks(text: str | bytes, expected: list[str]) -> None:
    assert _texts(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a"b"', 'unknown operator a"b"'),
        ('"a""b"', 'unknown operator "a""b"'),
        ('$a"b"', 'unknown operator $a"b"'),
        ("a, b", "unknown operator ,"),
        ('"abc', "unclosed string"),
        ('"abc\n"', "unclosed string"),
        ('"\\q"', "illegal escape"),
        ('"a\x01"', "illegal character U+0001"),
        ("(func \xe9)", "illegal character U+00E9"),
        ('$"a\tb"', "empty identifier"),
        ("(; (; ;)", "unclosed comment"),
        ("(@a (b)", "unclosed annotation"),
        ("(@)", "empty annotation id"),
        ('(@"")', "empty annotation id"),
        ('(@"\\ff")', "malformed UTF-8 encoding"),
        ("(@a \x07)", "illegal character U+0007"),
        ('(@a ")', "unclosed string"),
        (b"(func) \xff", "malformed UTF-8 encoding"),
    ],
)
def test_tokenize_bad_text_is_refused_by_reason(text: str | bytes, message: str) -> None:
    with pytest.raises(TextError) as caught:
        tokenize(text)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("\xe9", Place(1, 1)),
        ("a\nbc \xe9", Place(2, 4)),
        ("a\r\nb\rc\n\n  \x00", Place(5, 3)),
        ('(func "\xe9\xe9" \xe9)', Place(1, 12)),
        (b"ab\n \xff", Place(2, 2)),
    ],
)
def test_tokenize_bad_text_says_line_and_column(text: str | bytes, place: Place) -> None:
    with pytest.raises(TextError) as caught:
        tokenize(text)
    error = caught.value
    assert (error.line, error.column) == (place.line, place.column)
    assert str(error) == f"{error.message} (at line {place.line}, column {place.column})"


def test_place_of_token_counts_lines_and_characters_from_one() -> None:
    tokens = tokenize('(a "\xe9"\n  b)')
    assert tokens.place(0) == Place(1, 1)
    assert tokens.place(tokens.texts.index("b")) == Place(2, 3)
    assert tokens.place(len(tokens.texts) - 1) == Place(2, 5)


@pytest.mark.parametrize(
    "text",
    ["(;" * 100_000 + ";)" * 100_000, "(@a " * 100_000 + ")" * 100_000, "(;;)(@a)" * 50_000],
    ids=["nested comments", "nested annotations", "many of both"],
)
def test_tokenize_deep_or_long_nothing_gives_no_token(text: str) -> None:
    assert _texts(text) == []


def test_tokenize_long_names_are_single_tokens() -> None:
    size = 10_000_000
    assert [len(text) for text in _texts("$" + "x" * size + ' "' + "\\41" * (size // 3) + '"')] == [
        size + 1,
        size // 3 * 3 + 2,
    ]
