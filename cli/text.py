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
    """The lines of such a table; to `fit` a terminal, the widest column is cut if it is too wide."""
    # One look at a row, of which there may be 100,000, is cheaper than one at each cell.
    shown = [
        row if "".join(row).isprintable() else tuple(map(printable, row)) for row in (head, *rows)
    ]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    excess = sum(widths) + 2 * (len(widths) - 1) - shutil.get_terminal_size().columns
    if fit and sys.stdout.isatty() and excess > 0:
        widest = widths.index(max(widths))
        width = widths[widest] = max(len(head[widest]), widths[widest] - excess)
        for at, row in enumerate(shown):
            if len(row[widest]) > width:
                cut = row[widest][: width - 1] + "…"
                shown[at] = (*row[:widest], cut, *row[widest + 1 :])
    line = "  ".join(
        f"%{'' if name in right else '-'}{width}s" for name, width in zip(head, widths, strict=True)
    )
    for row in shown:
        yield (line % tuple(row)).rstrip()


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
