"""Sizes, ages, tables and reports as people see them."""

import json

import pytest
from cachewasm_cli import text
from cachewasm_cli.failure import printable


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1 << 20, "1.0 MiB"),
        (5 << 30, "5.0 GiB"),
        (1 << 40, "1.0 TiB"),
        (1 << 52, "4096.0 TiB"),
    ],
)
def test_size_is_in_the_largest_unit_that_it_fills(count: int, shown: str) -> None:
    assert text.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (7200, "2h"),
        (86400, "1d"),
        (6 * 86400, "6d"),
        (14 * 86400, "2w"),
    ],
)
def test_age_is_in_the_largest_unit_that_it_fills(seconds: float, shown: str) -> None:
    assert text.age(seconds) == shown


def test_table_columns_are_aligned() -> None:
    assert text.table(("A", "B"), [("long", "1"), ("x", "234")], right=("B",)) == (
        "A       B\nlong    1\nx     234"
    )


@pytest.mark.parametrize("columns", range(1, 60))
def test_table_is_never_wider_than_the_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    rows = [("a long name", "123", "x" * 30), ("b", "4", "")]
    lines = list(text.table_lines(("NAME", "COUNT", "TEXT"), rows, right=("COUNT",), fit=True))
    whole = text.table(("NAME", "COUNT", "TEXT"), rows, right=("COUNT",)).split("\n")
    assert all(len(line) <= columns for line in lines)
    assert (lines == whole) is (columns >= max(map(len, whole)))
    assert [line[:1] for line in lines] == (["N", "a", "b"] if columns >= 6 else ["…", "…", "b"])


def test_layout_nests_and_leaves_out_what_is_unknown() -> None:
    facts: dict[str, text.Fact] = {
        "name": "m",
        "start": None,
        "empty": [],
        "intact": True,
        "counts": {"types": 1},
        "rows": [{"a": 1, "b": None}, "plain"],
    }
    assert text.layout(facts) == (
        "name: m\nintact: yes\ncounts:\n  types: 1\nrows:\n  a 1\n  plain"
    )


def test_layout_escapes_what_could_steer_a_terminal() -> None:
    assert text.layout({"name": "\x1b[2J\n"}) == "name: \\x1b[2J\\n"


@pytest.mark.parametrize(
    ("given", "shown"),
    [("naïve", "naïve"), ("a\nb", "a\\nb"), ("\udc80", "\\udc80"), ("\u202e", "\\u202e")],
)
def test_printable_keeps_text_and_escapes_the_rest(given: str, shown: str) -> None:
    assert printable(given) == shown


@pytest.mark.parametrize("is_array", [True, False], ids=["array", "lines"])
def test_json_lines_are_what_the_standard_library_writes(*, is_array: bool) -> None:
    names = ("text", 'quo"ted', "number", "flag", "none")
    rows = [('a\n\udc80é"\\', "", -5, True, None), ("%s{}", "x", 1 << 70, False, None)]
    lines = list(text.json_lines(names, rows, is_array=is_array))
    expected = [dict(zip(names, row, strict=True)) for row in rows]
    if is_array:
        assert json.loads("\n".join(lines)) == expected
        assert list(text.json_lines(names, [], is_array=True)) == ["[", "]"]
    else:
        assert lines == [json.dumps(row) for row in expected]
