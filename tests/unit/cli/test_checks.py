"""What the doctor makes of what the system tells it."""

import os
import resource
from pathlib import Path

import pytest
from cachewasm_cli.cache.check import FAIL, OK, WARN
from cachewasm_cli.cache.checks import checks
from cachewasm_cli.cache.directory_checks import clock, locks, writing

from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.trust import Rules


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
    assert list(directory.rglob("*")) == []


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


def test_checks_of_an_unacceptable_configuration_leave_out_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[cache]\nnonsense = 1\n")
    path.chmod(0o600)
    found = {check.name: check for check in checks(str(path))}
    assert found["configuration"].state == FAIL
    assert "line 2" in found["configuration"].found
    assert found["mapping"].state == OK
    assert "directory" not in found


def test_checks_key_that_cannot_be_read_leaves_out_what_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHEWASM_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("CACHEWASM_KEY_FILE", str(tmp_path / "missing"))
    states = _states()
    assert (states["trust"], states["directory"], states["writing"]) == (FAIL, OK, OK)
    assert states["mapping"] == OK
    assert "owners" not in states


@pytest.fixture
def used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that has been used, which is that of the environment."""
    monkeypatch.setenv("CACHEWASM_DIR", str(tmp_path / "cache"))
    key = ArtifactKey(bytes(32), bytes(32), "x86-64-v3:x", "optimized")
    assert LocalStore(str(tmp_path / "cache")).put(key, b"artifact", {}) is None
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("locks", "locks"),
        ("locks/keys", "locks"),
        ("stats", "contents"),
        ("stats/log", "contents"),
        ("CACHEDIR.TAG", "contents"),
    ],
)
@pytest.mark.parametrize("kind", ["fifo", "link"])
def test_checks_of_what_is_misplaced_name_it(used: Path, place: str, name: str, kind: str) -> None:
    path = used / place
    path.parent.mkdir(exist_ok=True)
    if path.is_dir():
        path.rename(used.parent / "aside")
    path.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/null")
    (found,) = (check for check in checks(None) if check.name in ("contents", name))
    assert (found.name, found.state) == (name, FAIL)
    assert found.found.startswith(f"{place}: it is not a ")
    assert found.advice


def test_checks_of_much_that_is_misplaced_are_bounded(used: Path) -> None:
    for number in range(20):
        (used / "tmp" / f"foreign{number}").touch()
    found = [check for check in checks(None) if check.name == "contents"]
    assert {check.state for check in found} == {WARN}
    assert len(found) == 11
    assert found[-1].found == "there is more that is misplaced"


def test_checks_missing_tag_of_a_used_cache_is_noticed(used: Path) -> None:
    (used / "CACHEDIR.TAG").unlink()
    (found,) = (check for check in checks(None) if check.name == "contents")
    assert (found.state, found.found) == (WARN, "CACHEDIR.TAG is missing")


def test_checks_directory_that_cannot_be_made_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHEWASM_DIR", "/proc/cachewasm")
    found = {check.name: check for check in checks(None)}
    assert found["writing"].state == FAIL
    assert found["writing"].found.startswith("it cannot be made in /proc: ")
    assert (found["space"].state, found["files"].state) == (OK, OK)
    assert found["space"].found == "the file system does not tell how much is free"
    (tmp_path / "file").touch()
    monkeypatch.setenv("CACHEWASM_DIR", str(tmp_path / "file" / "cache"))
    assert _states()["writing"] == FAIL


def test_writing_beyond_a_limit_is_a_matter_of_room(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        (check,) = writing(str(tmp_path), Rules())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (check.name, check.state) == ("writing", FAIL)
    assert check.advice.startswith("make room")
    assert list(tmp_path.iterdir()) == []


def test_writing_among_files_of_others_is_not_tried(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    (check,) = writing(str(tmp_path), Rules())
    assert (check.name, check.state) == ("writing", FAIL)
    assert "holds other files and no CACHEDIR.TAG" in check.found
    assert "another directory" in check.advice
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_checks_variable_that_is_no_setting_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHEWASM_Mode", "read-only")
    (first, *_) = checks(None)
    assert (first.name, first.state) == ("environment", WARN)
    assert "CACHEWASM_Mode" in first.found


def test_checks_cache_that_is_switched_off_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHEWASM_CACHE", "0")
    assert _states()["configuration"] == WARN
