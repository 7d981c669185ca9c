"""Prints the table of figures, ours next to the peer's.

The exit code is 1 if a figure is over its limit. `--quick` is a look: fewer pairs, smaller runs.
"""

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.figures import FIGURES, Figure, Setting, Unavailable
from benchmarks.machine import describe
from benchmarks.package import Package
from benchmarks.processes import DEFAULT, Commands

WIDTHS = (34, 10, 10, 7, 13, 6)


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _line(*cells: str) -> str:
    name, *numbers = cells
    right = " ".join(cell.rjust(width) for cell, width in zip(numbers, WIDTHS[1:], strict=True))
    return f"{name.ljust(WIDTHS[0])} {right}"


def _row(figure: Figure) -> str:
    first, third = figure.pairs.quartiles
    return _line(
        f"  {figure.name}" if figure.part else figure.name,
        _time(median(figure.pairs.ours)),
        _time(median(figure.pairs.peer)),
        f"{figure.ratio:.3g}",
        f"{first:.3g}..{third:.3g}",
        "" if figure.limit is None else f"{figure.limit:g}{'!' if figure.is_over else ''}",
    )


def _record(group: str, figure: Figure) -> dict[str, object]:
    return {
        "group": group,
        "figure": figure.name,
        "ours": figure.pairs.ours,
        "peer": figure.pairs.peer,
        "ratio": figure.ratio,
        "limit": figure.limit,
    }


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pairs, smaller runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    parser.add_argument(
        "--only", action="append", choices=FIGURES, metavar="NAME", help="|".join(FIGURES)
    )
    parser.add_argument("--ours", default="cachewasm", metavar="PACKAGE", help="import name")
    parser.add_argument("--peer", default="wasmtime", metavar="PACKAGE", help="import name")
    parser.add_argument(
        "--ours-command", default=shlex.join(DEFAULT.ours), metavar="COMMAND", help="runs a WASM"
    )
    parser.add_argument(
        "--peer-command", default=shlex.join(DEFAULT.peer), metavar="COMMAND", help="runs a WASM"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Measure, print, record."""
    options = _parse(arguments)
    machine = describe()
    records: list[dict[str, object]] = []
    skipped: dict[str, str] = {}
    is_over = False
    print(_line("figure", "ours", "peer", "ratio", "quartiles", "limit"))
    # The peer may still be writing into its cache.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        setting = Setting(
            Package(options.ours),
            Package(options.peer),
            Commands(
                tuple(shlex.split(options.ours_command)), tuple(shlex.split(options.peer_command))
            ),
            Path(folder),
            options.quick,
        )
        for name in options.only or FIGURES:
            try:
                for figure in FIGURES[name](setting):
                    print(_row(figure), flush=True)
                    records.append(_record(name, figure))
                    is_over = is_over or figure.is_over
            except Unavailable as reason:
                print(f"{name}: not measured: {reason}")
                skipped[name] = str(reason)
    if options.json is not None:
        result = {"quick": options.quick, "on": machine, "figures": records, "skipped": skipped}
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if is_over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
