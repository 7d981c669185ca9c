"""The command line: exit code, what is written, and what is refused before measuring."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.figures.figure import Figure, Item, Setting, Skipped

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, package_name: str
) -> Callable[[list[Item], list[str]], int]:
    """Runs the command with one group of given items."""

    def start(items: list[Item], arguments: list[str]) -> int:
        def group(setting: Setting) -> Iterator[Item]:
            yield from items

        monkeypatch.setattr(command, "FIGURES", {"calls": group})
        return command.main(["--ours", package_name, "--peer", package_name, *arguments])

    return start


def test_main_within_limits_writes_the_table_and_returns_0(
    run: Callable[..., int],
    make_figure: Callable[..., Figure],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    items = [make_figure("x", 1.0, 2.0), Skipped("y", "it is not there")]
    assert run(items, ["--json", str(tmp_path / "result.json")]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.split()[0] == "figure"
    assert second.split()[0] == "x"
    assert third == "y: not measured: it is not there"
    result = json.loads((tmp_path / "result.json").read_text())
    assert [each["figure"] for each in result["figures"]] == ["x"]
    assert result["skipped"] == [{"group": "calls", "figure": "y", "reason": "it is not there"}]
    assert result["on"]["packages"].keys() >= {"cachewasm", "wasmtime", "llvmlite"}


def test_main_over_a_limit_keeps_the_row_and_returns_1(
    run: Callable[..., int],
    make_figure: Callable[..., Figure],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run([make_figure("x", 3.0, 2.0), make_figure("y", 1.0)], []) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith(" 2!")
    assert lines[2].split()[0] == "y"
    assert lines[3] == "over its limit of 2: x: 3"


def test_main_plot_without_matplotlib_is_refused_before_measuring(
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        run([], ["--plot", "picture.svg"])
    output = capsys.readouterr()
    assert "pip install 'cachewasm[bench]'" in output.err
    assert output.out == ""


def test_main_plot_in_an_unknown_format_is_refused(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run([], ["--plot", "picture.docx"])
    assert ".svg or .png" in capsys.readouterr().err


def test_main_without_a_plot_imports_no_matplotlib() -> None:
    script = "import sys, benchmarks.__main__\nsys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
