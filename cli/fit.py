"""How wide the columns of a table are where there is not room for all that is in them.

Text is cut first, the widest of it most, down to the heads; then the blanks between columns; then heads
and more of the text; numbers last, since one that is cut says little. No column is cut to nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# Of text, a character and the mark that more is missing.
_FEW = 2


@dataclass(frozen=True, slots=True)
class Column:
    """How wide a column's head is, and the widest of its cells; of text, or of all of it."""

    head: int
    content: int
    is_number: bool

    @property
    def width(self) -> int:
        """What it takes to show all of it."""
        return max(self.head, self.content, 1)


def fit(columns: Sequence[Column], room: int) -> tuple[list[int], int]:
    """The widths of the columns and the number of blanks between them, for rows as wide as `room`.

    They are as small as can be where there is not room even for that.
    """
    wanted = [each.width for each in columns]
    whole = [each.width if each.is_number else min(each.width, each.head) for each in columns]
    least = [max(each.content, 1) if each.is_number else min(each.width, _FEW) for each in columns]
    one = [1] * len(columns)
    for floors, blanks in ((whole, 2), (whole, 1), (least, 1)):
        available = room - blanks * (len(columns) - 1)
        if sum(floors) <= available:
            return _cut(wanted, floors, available), blanks
    return _cut(wanted, one, max(len(columns), room - len(columns) + 1)), 1


def _cut(wanted: Sequence[int], floors: Sequence[int], available: int) -> list[int]:
    """The widths, none below its floor, that are together as wide as is available at most: those above
    one level are cut to it.
    """

    def at(level: int) -> list[int]:
        pairs = zip(wanted, floors, strict=True)
        return [max(floor, min(width, level)) for width, floor in pairs]

    low, high = 0, max(wanted)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(at(middle)) <= available:
            low = middle
        else:
            high = middle - 1
    widths = at(low)
    # What is left is too little for all that are at the level.
    left = available - sum(widths)
    for each, (width, wide) in enumerate(zip(widths, wanted, strict=True)):
        if left > 0 and low <= width < wide:
            widths[each] += 1
            left -= 1
    return widths
