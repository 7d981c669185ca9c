"""What was measured, as lines of a table and as JSON."""

from statistics import median

from benchmarks.figures.figure import BYTES, SECONDS, TIMES, Figure, Skipped

NAME_WIDTH = 48
WIDTHS = (9, 9, 8, 14, 7)
SCALES = {
    SECONDS: (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)),
    BYTES: (("MB", 1e6), ("KB", 1e3), ("B", 1.0)),
    TIMES: (("x", 1.0),),
}


def amount(value: float, unit: str) -> str:
    """Three digits of a value in the largest unit that leaves something before the point."""
    scales = SCALES[unit]
    name, scale = next((each for each in scales if value >= each[1]), scales[-1])
    return f"{_digits(value / scale)} {name}"


def _digits(value: float) -> str:
    """Three digits, but never an exponent for what is large."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def _line(name: str, *cells: str) -> str:
    right = " ".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))
    return f"{name.ljust(NAME_WIDTH)} {right}".rstrip()


def head() -> str:
    """The line above the table."""
    return _line("figure", "ours", "peer", "ratio", "quartiles", "limit")


def row(figure: Figure) -> str:
    """One figure; an exclamation mark follows a limit that is exceeded."""
    quartiles = figure.pairs.quartiles
    limit = "" if figure.limit is None else f"{figure.limit:g}"
    return _line(
        f"  {figure.name}" if figure.part else figure.name,
        amount(median(figure.pairs.ours), figure.unit),
        amount(median(figure.pairs.peer), figure.unit),
        _digits(figure.ratio),
        "" if quartiles is None else "..".join(map(_digits, quartiles)),
        f"{limit}!" if figure.is_over else limit,
    )


def remark(skipped: Skipped) -> str:
    """The line of a figure that has no numbers."""
    return f"{skipped.name}: not measured: {skipped.reason}"


def record(group: str, figure: Figure) -> dict[str, object]:
    """One figure with every pair, as JSON takes it."""
    return {
        "group": group,
        "figure": figure.name,
        "part": figure.part,
        "unit": figure.unit,
        "ours": figure.pairs.ours,
        "peer": figure.pairs.peer,
        "ratio": figure.ratio,
        "limit": figure.limit,
        "over": figure.is_over,
    }


def skipped_record(group: str, skipped: Skipped) -> dict[str, object]:
    """One figure that was not measured, as JSON takes it."""
    return {"group": group, "figure": skipped.name, "reason": skipped.reason}
