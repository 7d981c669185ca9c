"""The table's lines and JSON's records."""

import json
from collections.abc import Callable

import pytest

from benchmarks.figures.figure import BYTES, SECONDS, Figure, Skipped, figure
from benchmarks.measure import Pairs
from benchmarks.report import amount, head, record, remark, row

Make = Callable[..., Figure]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (12.3456, SECONDS, "12.3 s"),
        (0.00051, SECONDS, "510 us"),
        (1.2e-10, SECONDS, "0.12 ns"),
        (1234.5, SECONDS, "1234 s"),
        (1_905_143_808, BYTES, "1905 MB"),
        (197_000, BYTES, "197 KB"),
        (0, BYTES, "0 B"),
    ],
)
def test_amount_has_three_digits_and_a_unit(value: float, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_row_columns_stand_under_the_heads(make_figure: Make) -> None:
    line = row(make_figure("Module(x), miss", 2.5, 3.0))
    assert line.split() == ["Module(x),", "miss", "2.5", "s", "1", "s", "2.5", "2.5..2.5", "3"]
    assert len(line) == len(head())


def test_row_over_its_limit_is_marked(make_figure: Make) -> None:
    assert row(make_figure("x", 3.1, 3.0)).endswith(" 3!")


def test_row_part_is_indented_and_one_pair_has_no_quartiles() -> None:
    line = row(figure("x", Pairs((1.0,), (2.0,)), part=True))
    assert line.startswith("  x ")
    assert ".." not in line


def test_record_holds_every_pair_and_is_json(make_figure: Make) -> None:
    found = json.loads(json.dumps(record("calls", make_figure("x", 2.0, 1.5))))
    assert found == {
        "group": "calls",
        "figure": "x",
        "part": False,
        "unit": "s",
        "ours": [2.0, 2.0],
        "peer": [1.0, 1.0],
        "ratio": 2.0,
        "limit": 1.5,
        "over": True,
    }


def test_remark_has_the_reason() -> None:
    assert remark(Skipped("Module(x), hit", "gone")) == "Module(x), hit: not measured: gone"
