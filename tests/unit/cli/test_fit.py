"""How a table is made to fit a terminal."""

import pytest
from cachewasm_cli.fit import Column, fit

COLUMNS = [Column(6, 40, False), Column(4, 9, False), Column(10, 3, True), Column(3, 3, False)]


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (68, ([40, 9, 10, 3], 2)),
        (67, ([39, 9, 10, 3], 2)),
        # The widest of the text first, then all that is as wide.
        (38, ([10, 9, 10, 3], 2)),
        (36, ([9, 8, 10, 3], 2)),
        (29, ([6, 4, 10, 3], 2)),
        # Then the blanks between, then the heads.
        (28, ([6, 6, 10, 3], 1)),
        (26, ([6, 4, 10, 3], 1)),
        (25, ([7, 6, 6, 3], 1)),
        (12, ([2, 2, 3, 2], 1)),
        # Then numbers, and nothing to nothing.
        (11, ([2, 2, 2, 2], 1)),
        (10, ([2, 2, 2, 1], 1)),
        (7, ([1, 1, 1, 1], 1)),
        (1, ([1, 1, 1, 1], 1)),
    ],
)
def test_fit_cuts_what_says_least(room: int, expected: tuple[list[int], int]) -> None:
    assert fit(COLUMNS, room) == expected


def test_fit_of_empty_columns_leaves_each_something() -> None:
    assert fit([Column(0, 0, True), Column(0, 0, False)], 1) == ([1, 1], 1)
