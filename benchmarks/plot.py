"""Draws measured figures as a picture: one row each, its ratio on a logarithmic scale.

    python -m benchmarks.plot RESULT.json PICTURE.svg

What is left of the line at 1 is faster or smaller than the peer's. It needs matplotlib, which the
extra `bench` has and nothing else here imports.
"""

import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any

MISSING = "a picture needs matplotlib: pip install 'cachewasm[bench]'"

Record = Mapping[str, Any]

_BAR, _PART, _OVER, _LIMIT = "#30638e", "#a9bfd3", "#d1495b", "#edae49"
_ROW, _WIDTH, _MARGIN = 0.22, 9.0, 1.6


def missing() -> str | None:
    """Why no picture can be drawn, or None."""
    return None if importlib.util.find_spec("matplotlib") else MISSING


def _color(record: Record) -> str:
    if record["over"]:
        return _OVER
    return _PART if record["part"] else _BAR


def _whiskers(record: Record) -> tuple[float, float]:
    """How far the quartiles are from the ratio, to the left and to the right."""
    ratios = [a / b for a, b in zip(record["ours"], record["peer"], strict=True)]
    if len(ratios) < 2:
        return 0.0, 0.0
    first, _, third = quantiles(ratios, n=4, method="inclusive")
    ratio = record["ratio"]
    return max(0.0, ratio - first), max(0.0, third - ratio)


def draw(records: Sequence[Record], title: str, picture: Path) -> None:
    """Write the picture of JSON's figures in the format that the file's name asks for.

    Equal figures give equal bytes with one version of matplotlib. Raises ValueError where there
    is nothing to draw.
    """
    if not records:
        raise ValueError("no figure was measured: there is nothing to draw")
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows = range(len(records))
    ratios = [record["ratio"] for record in records]
    with mpl.rc_context({"svg.hashsalt": "cachewasm", "font.size": 8}):
        figure = Figure(figsize=(_WIDTH, _MARGIN + _ROW * len(records)), layout="constrained")
        axes = figure.add_subplot()
        # Bars start at 1, so that their length says how far the two are apart, either way.
        axes.barh(
            rows,
            [ratio - 1 for ratio in ratios],
            left=1,
            height=0.7,
            color=[_color(record) for record in records],
            xerr=list(zip(*map(_whiskers, records), strict=True)),
            error_kw={"elinewidth": 0.8},
        )
        for place, record in zip(rows, records, strict=True):
            if record["limit"] is not None:
                axes.vlines(
                    record["limit"], place - 0.45, place + 0.45, colors=_LIMIT, linewidths=2
                )
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_yticks(rows, [f"{record['figure']}  {record['ratio']:.3g}" for record in records])
        axes.set_ylim(len(records) - 0.4, -0.6)
        axes.set_xlabel("ours / peer's; the thick mark is the limit, red is over it")
        axes.set_title(title)
        axes.grid(axis="x", linewidth=0.3)
        # A date would make every picture another one.
        metadata = {"Date": None} if picture.suffix == ".svg" else None
        figure.savefig(picture, metadata=metadata, dpi=120)


def title(machine: Mapping[str, Any], *, quick: bool) -> str:
    """The machine and the versions, in the picture's head."""
    packages = machine["packages"]
    versions = ", ".join(f"{name} {packages[name]}" for name in ("cachewasm", "wasmtime"))
    look = " (a quick look)" if quick else ""
    where = f"{machine['cpu'] or machine['machine']}, {machine['processors']} processors"
    return f"{versions}{look}\n{where}, {machine['python']}"


def main(arguments: Sequence[str]) -> int:
    """Draw what `python -m benchmarks --json` has written."""
    if len(arguments) != 2:
        print("usage: python -m benchmarks.plot RESULT.json PICTURE.svg|.png", file=sys.stderr)
        return 2
    if (reason := missing()) is not None:
        print(reason, file=sys.stderr)
        return 1
    result = json.loads(Path(arguments[0]).read_text())
    draw(result["figures"], title(result["on"], quick=result["quick"]), Path(arguments[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
