"""What the doctor makes of what the system tells it."""

import os
from pathlib import Path

import pytest
from cachewasm_cli.cache.checks import FAIL, OK, WARN, checks, clock, locks


@pytest.mark.parametrize(("skew", "state"), [(0.0, OK), (1.5, OK), (-3.0, WARN), (1e9, WARN)])
def test_clock_of_another_machine_is_noticed(skew: float, state: str) -> None:
    assert clock(1_800_000_000 + skew, 1_800_000_000).state == state


def test_locks_that_cannot_be_had_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        assert locks(str(path), descriptor).state == OK
        assert locks(str(tmp_path / "missing"), descriptor).state == WARN
    finally:
        os.close(descriptor)
    other = os.open(path, os.O_RDWR)
    os.close(other)
    assert locks(str(path), other).state == WARN


def _states(config: str | None = None) -> dict[str, str]:
    return {check.name: check.state for check in checks(config)}


def test_checks_of_a_sound_cache_are_all_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "cache"
    directory.mkdir(0o700)
    monkeypatch.setenv("CACHEWASM_DIR", str(directory))
    states = _states()
    assert set(states.values()) <= {OK, WARN}
    for name in ("environment", "host", "owners", "writing", "locks", "compiler", "mapping"):
        assert states[name] == OK
    assert [path.name for path in directory.rglob("*")] == ["tmp"]


def test_checks_of_a_missing_directory_make_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHEWASM_DIR", str(tmp_path / "deep" / "cache"))
    states = _states()
    assert (states["directory"], states["writing"]) == (OK, OK)
    assert "locks" not in states
    assert list(tmp_path.iterdir()) == []


def test_checks_directory_that_others_can_write_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setenv("CACHEWASM_DIR", str(tmp_path))
    (owners,) = (check for check in checks(None) if check.name == "owners")
    assert owners.state == FAIL
    assert "others can write to it (mode 0777)" in owners.found
    assert owners.advice


def test_checks_unacceptable_configuration_ends_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[cache]\nnonsense = 1\n")
    path.chmod(0o600)
    last = list(checks(str(path)))[-1]
    assert (last.name, last.state) == ("configuration", FAIL)
    assert "line 2" in last.found


def test_checks_variable_that_is_no_setting_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHEWASM_Mode", "read-only")
    (first, *_) = checks(None)
    assert (first.name, first.state) == ("environment", WARN)
    assert "CACHEWASM_Mode" in first.found


def test_checks_cache_that_is_switched_off_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHEWASM_CACHE", "0")
    assert _states()["configuration"] == WARN
