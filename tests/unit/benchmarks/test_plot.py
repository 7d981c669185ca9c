"""The picture: drawn from JSON's figures, the same bytes each time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import plot
from benchmarks.figures.figure import Figure
from benchmarks.report import record


def test_draw_writes_every_figure_and_equal_bytes(
    make_figure: Callable[..., Figure], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    figures = [make_figure("x", 3.0, 2.0), make_figure("y", 0.1, part=True)]
    records = [record("calls", each) for each in figures]
    pictures = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for picture in pictures:
        plot.draw(records, "a title", picture)
    first, second = (picture.read_bytes() for picture in pictures)
    assert first == second
    assert b"<svg" in first
    assert first.count(b"x  3") == 1


def test_draw_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        plot.draw([], "a title", tmp_path / "a.svg")


def test_title_has_versions_and_machine() -> None:
    machine = {
        "packages": {"cachewasm": "1.0", "wasmtime": "2.0"},
        "cpu": None,
        "machine": "x86_64",
        "processors": 2,
        "python": "CPython 3.11.7",
    }
    assert plot.title(machine, quick=True) == (
        "cachewasm 1.0, wasmtime 2.0 (a quick look)\nx86_64, 2 processors, CPython 3.11.7"
    )
