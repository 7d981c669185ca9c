"""The benchmark as a user starts it: one command, a table and JSON. Its numbers are not looked at."""

import json
import subprocess
import sys
from pathlib import Path


def test_benchmarks_quick_measures_every_figure_of_its_groups(root: Path, tmp_path: Path) -> None:
    groups = ("calls", "memory", "run-baseline")
    chosen = [argument for group in groups for argument in ("--only", group)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks", "--quick", "--input", "fib", *chosen),
            *("--json", str(tmp_path / "result.json")),
        ],
        cwd=root,
        capture_output=True,
        check=False,
    )
    # Over a limit is a result, too.
    assert done.returncode in (0, 1), done.stderr.decode()
    assert done.stderr == b""
    result = json.loads((tmp_path / "result.json").read_text())
    assert {figure["group"] for figure in result["figures"]} == set(groups)
    assert all(figure["ratio"] > 0 for figure in result["figures"])
    assert result["skipped"] == []
    lines = done.stdout.decode().splitlines()
    for figure in result["figures"]:
        assert [line for line in lines if line.strip().startswith(figure["figure"])]
