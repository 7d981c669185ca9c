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

from benchmarks import plot, report
from benchmarks.figures import FIGURES
from benchmarks.figures.figure import Figure, Setting, Skipped
from benchmarks.machine import describe
from benchmarks.package import Package
from benchmarks.processes import DEFAULT, Commands


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pairs, smaller runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it, as .svg or .png")
    parser.add_argument(
        "--only", action="append", choices=FIGURES, metavar="GROUP", help="|".join(FIGURES)
    )
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME",
        help="where a group runs over modules or kernels, only this one",
    )
    parser.add_argument("--ours", default="cachewasm", metavar="PACKAGE", help="import name")
    parser.add_argument("--peer", default="wasmtime", metavar="PACKAGE", help="import name")
    parser.add_argument(
        "--ours-command", default=shlex.join(DEFAULT.ours), metavar="COMMAND", help="runs a WASM"
    )
    parser.add_argument(
        "--peer-command", default=shlex.join(DEFAULT.peer), metavar="COMMAND", help="runs a WASM"
    )
    options = parser.parse_args(arguments)
    # Before anything is measured: it would be lost.
    if options.plot is not None:
        if options.plot.suffix not in (".svg", ".png"):
            parser.error("--plot takes a file named .svg or .png")
        if (reason := plot.missing()) is not None:
            parser.error(reason)
    return options


def main(arguments: Sequence[str]) -> int:
    """Measure, print, record."""
    options = _parse(arguments)
    machine = describe()
    figures: list[Figure] = []
    records: list[dict[str, object]] = []
    skipped: list[dict[str, object]] = []
    print(report.head())
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
            frozenset(options.input),
        )
        for group in options.only or FIGURES:
            for item in FIGURES[group](setting):
                if isinstance(item, Skipped):
                    print(report.remark(item), flush=True)
                    skipped.append(report.skipped_record(group, item))
                else:
                    print(report.row(item), flush=True)
                    figures.append(item)
                    records.append(report.record(group, item))
    over = [figure for figure in figures if figure.is_over]
    for figure in over:
        print(f"over its limit of {figure.limit:g}: {figure.name}: {figure.ratio:.3g}")
    if options.json is not None:
        result = {"quick": options.quick, "on": machine, "figures": records, "skipped": skipped}
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.plot is not None and records:
        plot.draw(records, plot.title(machine, quick=options.quick), options.plot)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
