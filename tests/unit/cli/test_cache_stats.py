"""`cache stats`: what was counted since when, and counting anew."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

import pytest
from cachewasm_cli.main import main

from cachewasm.cache import layout
from cachewasm.cache.byte_lock import ByteLock
from cachewasm.cache.counters import record_of, this_process
from cachewasm.cache.history.statistics import fold, processes
from cachewasm.cache.local import LocalStore
from cachewasm.cache.settings import CacheConfig

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
    said = f"cachewasm: the statistics cannot be reset: {log.parents[1]}: others can write to it"
    assert capfd.readouterr().err.startswith(said)


def test_stats_reset_that_cannot_write_says_where_and_why(capfd: Capture, log: Path) -> None:
    totals = log.with_name("totals")
    totals.mkdir()
    assert main(["cache", "stats", "--reset"]) == 1
    said = f"cachewasm: the statistics cannot be reset: {log.parent}: what is there cannot be "
    assert capfd.readouterr().err.startswith(said)


def test_stats_reset_of_none_is_done(capfd: Capture, log: Path) -> None:
    for missing in log.parents[:2]:
        shutil.rmtree(missing)
        said = "" if missing == log.parent else f"cachewasm: {missing}: there is no cache yet\n"
        assert _hits(capfd, "--reset", said=said) == 0
        assert not log.parent.exists()


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


def _in_log(log: Path, *records: bytes) -> None:
    log.write_bytes(b"".join(records))


def test_stats_per_process_lists_the_latest_first(capfd: Capture, log: Path) -> None:
    now = int(time.time())
    _in_log(
        log,
        record_of({"hit": 1, "saved-ms": 1500}, now - DAY, "17 builder"),
        record_of({"miss.absent": 2, "store": 2}, now - 60, "18 app.py"),
        record_of({"evicted": 3}, now - 3600, this_process()),
    )
    assert main(["cache", "stats", "--per-process", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert [(each["process"], each["program"]) for each in told] == [
        (18, "app.py"),
        (os.getpid(), this_process().partition(" ")[2]),
        (17, "builder"),
    ]
    assert (told[0]["misses"], told[2]["hits"], told[2]["saved_seconds"]) == (2, 1, 1.5)
    assert main(["cache", "stats", "--per-process", "--since", "2h"]) == 0
    rows = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert [row[1] for row in rows] == ["PID", "18", str(os.getpid())]


def test_stats_per_process_says_how_many_it_cannot_tell_apart(capfd: Capture, log: Path) -> None:
    content = log.read_bytes()
    for _ in range(2):
        assert fold(str(log.parents[1]))
        log.write_bytes(content)
        log.chmod(0o600)
    assert main(["cache", "stats", "--per-process"]) == 0
    captured = capfd.readouterr()
    assert captured.err == "cachewasm: 2 records before these are in the totals already\n"
    # Of records without a process, as of those of before there were any.
    assert captured.out.count(" -  ") == 4


def test_stats_log_is_of_the_processes_that_have_written_to_it(
    capfd: Capture, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tmp_path / "build.stats"
    monkeypatch.setenv("CACHEWASM_STATS_LOG", str(build))
    for mode in ("read-write", "read-only"):
        monkeypatch.setenv("CACHEWASM_MODE", mode)
        store = LocalStore(str(tmp_path / "cache"), config=CacheConfig().in_use())
        store.counters.add("hit")
        store.record()
    monkeypatch.delenv("CACHEWASM_MODE")
    assert main(["cache", "stats", "log", str(build), "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["file"], told["hits"]) == (str(build), 2)
    assert told["counts"] == {"hit": 2, "statistics.records": 2}
    # The directory's statistics have what is written there, and that only.
    assert _hits(capfd) == 4
    assert main(["cache", "stats", "--json", "log", "--per-process", str(build)]) == 0
    assert [each["hits"] for each in json.loads(capfd.readouterr().out)] == [1, 1]
    assert main(["cache", "stats", "log", "--since", "1m", str(build)]) == 0
    assert "hits: 2\n" in capfd.readouterr().out


def test_stats_log_with_other_lines_counts_them_as_damaged(capfd: Capture, tmp_path: Path) -> None:
    build = tmp_path / "build.stats"
    build.touch(mode=0o600)
    lines = (b"2 5 17 x hit=1 00000000\n", record_of({"hit": 1}, 5, "17 x"), b"\xff\n")
    build.write_bytes(b"".join(lines))
    assert main(["cache", "stats", "log", "--json", str(build)]) == 0
    told = json.loads(capfd.readouterr().out)["counts"]
    assert told == {"hit": 1, "statistics.damaged": 2, "statistics.records": 1}


def test_stats_log_that_cannot_be_believed_is_an_error(capfd: Capture, tmp_path: Path) -> None:
    build = tmp_path / "build.stats"
    assert main(["cache", "stats", "log", str(build)]) == 1
    assert capfd.readouterr().err == f"cachewasm: {build}: No such file\n"
    build.touch()
    build.chmod(0o666)
    assert main(["cache", "stats", "log", str(build)]) == 1
    assert capfd.readouterr().err.startswith(f"cachewasm: {build}: untrusted: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--per-process", "--reset"),
        ("--per-process", "--prometheus"),
        ("--wait", "5"),
        ("--reset", "--wait", "soon"),
        ("--reset", "log", "f"),
        ("--cache-dir", "/c", "log", "f"),
        ("log",),
    ],
)
def test_stats_contradictions_are_wrong_usage(capfd: Capture, arguments: tuple[str, ...]) -> None:
    assert main(["cache", "stats", *arguments]) == 2
    assert capfd.readouterr().err.count("\n") == 1


def test_stats_reset_waits_for_who_adds_them_up_and_then_says_so(capfd: Capture, log: Path) -> None:
    directory = str(log.parents[1])
    with ByteLock(directory, layout.FOLD_OFFSET):
        for wait in ((), ("--wait", "0.01s")):
            assert main(["cache", "stats", "--reset", *wait]) == 11
            assert "another process" in capfd.readouterr().err
    assert _hits(capfd, "--reset", "--wait", "1") == 3
    assert _hits(capfd) == 0


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("/usr/bin/app.py", "app.py"),
        ("", "_"),
        ("-c", "-c"),
        ("a b\xe9=1", "a_b__1"),
        ("x" * 99, "x" * 32),
    ],
)
def test_record_names_the_program_in_plain_characters(
    name: str, program: str, monkeypatch: pytest.MonkeyPatch, log: Path
) -> None:
    monkeypatch.setattr(sys, "argv", [name])
    _in_log(log, record_of({"hit": 1}, 5, this_process()))
    (record,), _ = processes(str(log.parents[1]))
    assert (record.process, record.program) == (os.getpid(), program)
