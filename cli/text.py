"""How facts are shown: sizes, ages, tables, nested facts and JSON.

A report is made of plain values once; `--json` prints it as it is, otherwise it is laid out for
people, with control characters escaped.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from json.encoder import encode_basestring_ascii
from typing import TypeAlias

from .failure import printable
from .fit import Column
from .fit import fit as fit_columns

Plain: TypeAlias = str | int | None
Fact: TypeAlias = "str | int | float | bool | Sequence[Fact] | Mapping[str, Fact] | None"

_BINARY_UNITS = ("KiB", "MiB", "GiB", "TiB")
# How each of the types that Plain is made of stands in JSON.
_JSON: Mapping[type, Callable[..., str]] = {
    str: encode_basestring_ascii,
    int: str,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): {None: "null"}.__getitem__,
}
_AGES = ((7 * 86400, "w"), (86400, "d"), (3600, "h"), (60, "m"))


def size(count: int) -> str:
    """Bytes for people."""
    if count < 1024:
        return f"{count} B"
    power = min((count.bit_length() - 1) // 10, len(_BINARY_UNITS))
    return f"{count / (1 << 10 * power):.1f} {_BINARY_UNITS[power - 1]}"


def counted(count: int, one: str, many: str = "") -> str:
    """A number of things: `one` of them, or `many`, by default with an s."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def age(seconds: float) -> str:
    """A span for people, in its largest unit; none is negative."""
    whole = max(0, int(seconds))
    for unit, name in _AGES:
        if whole >= unit:
            return f"{whole // unit}{name}"
    return f"{whole}s"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str]) -> str:
    """Rows under their heads; the columns in `right` are aligned to the right."""
    return "\n".join(table_lines(head, rows, right=right))


def table_lines(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str], fit: bool = False
) -> Iterator[str]:
    """The lines of such a table; to `fit` a terminal, what is too wide for it is cut."""
    # One look at a row, of which there may be 100,000, is cheaper than one at each cell.
    shown: Iterable[Sequence[str]] = [
        row if "".join(row).isprintable() else tuple(map(printable, row)) for row in (head, *rows)
    ]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    blanks, room = 2, None
    if fit and sys.stdout.isatty():
        terminal = shutil.get_terminal_size().columns
        if sum(widths) + blanks * (len(widths) - 1) > terminal:
            room = terminal
            columns = list(zip(*shown, strict=True))
            widths, blanks = _cut(columns, widths, [name in right for name in head], room)
            shown = zip(*columns, strict=True)
    line = (" " * blanks).join(
        f"%{'' if name in right else '-'}{width}s" for name, width in zip(head, widths, strict=True)
    )
    if room is None:
        return ((line % tuple(row)).rstrip() for row in shown)
    # There may not be room for anything of every column.
    return ((line % row).rstrip()[:room] for row in shown)


def _cut(
    columns: list[tuple[str, ...]], widths: Sequence[int], are_numbers: Sequence[bool], room: int
) -> tuple[list[int], int]:
    """Cut the cells of columns, the first of each its head, so that rows are as wide as `room`.

    The new widths, and the number of blanks between the columns.
    """
    sizes = [
        # What is in a column of text is of no interest beside how wide that is.
        Column(
            len(column[0]), max(map(len, column[1:]), default=0) if is_number else width, is_number
        )
        for column, width, is_number in zip(columns, widths, are_numbers, strict=True)
    ]
    fitting, blanks = fit_columns(sizes, room)
    for at, width in enumerate(fitting):
        if width < widths[at]:
            columns[at] = tuple(
                [cell if len(cell) <= width else f"{cell[: width - 1]}…" for cell in columns[at]]
            )
    return fitting, blanks


def print_lines(lines: Iterable[str]) -> None:
    """Print many lines without having all of them at a time."""
    write = sys.stdout.write
    for line in lines:
        write(f"{line}\n")


def json_lines(
    names: Sequence[str], rows: Iterable[Sequence[Plain]], *, is_array: bool
) -> Iterator[str]:
    """Rows as JSON objects, one per line; the lines together are an array, if they are to be.

    What json.dumps() makes of a mapping from `names` to each row, in a third of the time.
    """
    if is_array:
        yield "["
    line = f"{{{', '.join(f'{encode_basestring_ascii(name)}: %s' for name in names)}}}"
    previous = None
    for row in rows:
        if previous is not None:
            yield f"{previous}," if is_array else previous
        previous = line % tuple([_JSON[type(value)](value) for value in row])
    if previous is not None:
        yield previous
    if is_array:
        yield "]"


def as_json(fact: Fact) -> str:
    """A report as JSON, ASCII only: what is not Unicode in it survives as escapes."""
    return json.dumps(fact, indent=2)


def layout(facts: Mapping[str, Fact], indent: str = "") -> str:
    """A report for people: `name: value`, and what is nested below its name."""
    lines: list[str] = []
    for name, fact in facts.items():
        label = printable(name)
        if isinstance(fact, Mapping):
            lines += [f"{indent}{label}:", layout(fact, indent + "  ")] if fact else []
        elif isinstance(fact, Sequence) and not isinstance(fact, str):
            lines += [f"{indent}{label}:"] if fact else []
            lines += [f"{indent}  {_row(each)}" for each in fact]
        elif fact is not None:
            lines.append(f"{indent}{label}: {_plain(fact)}".rstrip())
    return "\n".join(lines)


def _row(fact: Fact) -> str:
    if isinstance(fact, Mapping):
        return "  ".join(
            f"{name} {_plain(each)}" for name, each in fact.items() if each is not None
        )
    return _plain(fact)


def _plain(fact: Fact) -> str:
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    return printable(str(fact))
