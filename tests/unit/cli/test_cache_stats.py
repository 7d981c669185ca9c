"""`cache stats`: what was counted since when, and counting anew."""

import json
import os
import time
from pathlib import Path

import pytest
from cachewasm_cli.main import main

from cachewasm.cache.counters import record_of
from cachewasm.cache.history.statistics import fold

Capture = pytest.CaptureFixture[str]

DAY = 86400


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The log of a cache, with a hit of ten days ago and two of an hour ago."""
    for name in ("CACHEWASM_CONFIG", "CACHEWASM_CACHE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("CACHEWASM_DIR", str(tmp_path / "cache"))
    log = tmp_path / "cache" / "stats" / "log"
    log.parent.mkdir(mode=0o700, parents=True)
    now = int(time.time())
    content = record_of({"hit": 1}, now - 10 * DAY) + record_of({"hit": 2}, now - 3600)
    os.close(os.open(log, os.O_WRONLY | os.O_CREAT, 0o600))
    log.write_bytes(content)
    return log


def _hits(capfd: Capture, *arguments: str, said: str = "") -> int:
    assert main(["cache", "stats", "--json", *arguments]) == 0
    captured = capfd.readouterr()
    assert captured.err == said
    hits: int = json.loads(captured.out)["hits"]
    return hits


def test_stats_since_counts_what_ended_since(capfd: Capture) -> None:
    assert [_hits(capfd, *given) for given in ((), ("--since", "2w"), ("--since", "1d"))] == [
        3,
        3,
        2,
    ]
    assert _hits(capfd, "--since", "1m") == 0


def test_stats_since_says_what_it_cannot_know(capfd: Capture, log: Path) -> None:
    content = log.read_bytes()
    for _ in range(2):
        assert fold(str(log.parents[1]))
        log.write_bytes(content[-1:] + content)
        log.chmod(0o600)
    said = "cachewasm: older records are in the totals already, without their times\n"
    assert _hits(capfd, "--since", "2w", said=said) == 6
    assert _hits(capfd, "--since", "1d") == 4


def test_stats_reset_prints_and_begins_anew(capfd: Capture, log: Path) -> None:
    assert _hits(capfd, "--reset", "--dry-run") == 3
    assert _hits(capfd, "--reset") == 3
    assert _hits(capfd) == 0
    assert not log.exists()


def test_stats_reset_of_what_must_not_be_changed_is_refused(
    capfd: Capture, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHEWASM_MODE", "read-only")
    assert main(["cache", "stats", "--reset"]) == 1
    assert "its mode is read-only" in capfd.readouterr().err
    assert log.exists()


def test_stats_reset_that_fails_is_an_error(capfd: Capture, log: Path) -> None:
    log.parents[1].chmod(0o777)
    assert main(["cache", "stats", "--reset"]) == 1
    assert "the statistics cannot be reset" in capfd.readouterr().err


@pytest.mark.parametrize(
    "given",
    [
        ("--json", "--prometheus"),
        ("--since", "1d", "--reset"),
        ("--since", "1d", "--prometheus"),
        ("--dry-run",),
    ],
)
def test_stats_contradictions_are_refused(capfd: Capture, given: tuple[str, ...]) -> None:
    assert main(["cache", "stats", *given]) == 2
    assert capfd.readouterr().out == ""
