"""`cachewasm wast`: scripts in, counts out, failures said with their place."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]

GOOD = """(module (func (export "f") (result i32) (i32.const 1)))
(assert_return (invoke "f") (i32.const 1))
"""
BAD = (
    GOOD
    + """  (assert_return
  (invoke "f") (i32.const 2))
(assert_return (invoke "f") (ref.i31))
"""
)


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a script and returns its path."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def _objects(done: Completed) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("tier", ["baseline", "optimized"])
def test_wast_passing_script_counts_its_commands(
    cachewasm: Cachewasm, script: Callable[[str, str], Path], tier: str
) -> None:
    path = script("good.wast", GOOD)
    done = cachewasm("wast", "--tier", tier, path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{path}: 2 passed, 0 failed, 0 skipped\n"


def test_wast_failing_script_says_where_and_why(
    cachewasm: Cachewasm, script: Callable[[str, str], Path]
) -> None:
    path = script("bad.wast", BAD)
    done = cachewasm("wast", "--strategy", "baseline", path)
    assert done.returncode == 1
    assert done.stdout.decode() == f"{path}: 2 passed, 1 failed, 1 skipped\n"
    failed, skipped = done.stderr.decode().splitlines()
    assert failed == (
        f'{path}:3:3: failed: (assert_return (invoke "f") (i32.const 2)): expected i32 2; got i32 1'
    )
    assert skipped.startswith(f"{path}:5:1: skipped: (assert_return ")


def test_wast_json_is_an_object_per_file_and_the_total(
    cachewasm: Cachewasm, script: Callable[[str, str], Path]
) -> None:
    good, bad = script("good.wast", GOOD), script("bad.wast", BAD)
    done = cachewasm("wast", "--json", good, bad)
    assert done.returncode == 1
    assert _objects(done) == [
        {"file": str(good), "passed": 2, "failed": 0, "skipped": 0},
        {"file": str(bad), "passed": 2, "failed": 1, "skipped": 1},
        {"total": {"files": 2, "passed": 4, "failed": 1, "skipped": 1}},
    ]


def test_wast_skipped_commands_are_no_failure(
    cachewasm: Cachewasm, script: Callable[[str, str], Path]
) -> None:
    done = cachewasm("wast", "--json", script("later.wast", "(module (rec))(assert_later)"))
    assert done.returncode == 0
    assert _objects(done)[-1] == {"total": {"files": 1, "passed": 0, "failed": 0, "skipped": 2}}
    assert len(done.stderr.splitlines()) == 1  # the first of the file


def test_wast_unreadable_or_malformed_script_is_one_failure(
    cachewasm: Cachewasm, script: Callable[[str, str], Path], tmp_path: Path
) -> None:
    missing, malformed = tmp_path / "missing.wast", script("malformed.wast", "(module)\n (")
    done = cachewasm("wast", "--json", missing, malformed, script("good.wast", GOOD))
    assert done.returncode == 1
    assert _objects(done)[-1] == {"total": {"files": 3, "passed": 2, "failed": 2, "skipped": 0}}
    first, second = done.stderr.decode().splitlines()
    assert first == f"{missing}: No such file or directory"
    assert second.startswith(f"{malformed}: unexpected token")
    assert "line 2" in second


def test_wast_without_a_file_is_a_usage_error(cachewasm: Cachewasm) -> None:
    assert cachewasm("wast").returncode == 2
