"""Messages against what scripts expect."""

from pathlib import Path

import pytest

from cachewasm.wast.wording import STANDS_FOR, says

PAGE = Path(__file__).parent.parent.parent.parent / "docs" / "testing.md"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("type mismatch: expected i32", "type mismatch"),
        ("integer overflow", "integer overflow"),
        ("wasm `unreachable` instruction executed", "unreachable"),
        ("undefined element: out of bounds table access", "undefined element"),
        ("undefined element: out of bounds table access", "out of bounds table access"),
        ("uninitialized element", "uninitialized element 2"),
    ],
)
def test_says_what_is_expected(message: str, expected: str) -> None:
    assert says(message, expected)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("a type mismatch", "type mismatch"),
        ("type", "type mismatch"),
        ("integer overflow", "unreachable"),
        ("unknown function 3", "unknown table"),
    ],
)
def test_says_nothing_else(message: str, expected: str) -> None:
    assert not says(message, expected)


def test_page_has_every_row_of_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for expected, ours in STANDS_FOR:
        quoted = f"``{ours}``" if "`" in ours else f"`{ours}`"
        assert f"| `{expected}` | {quoted} |" in page
