"""The verbs that keep a cache small and say what is in it: list, prune, clear, pin, unpin, verify."""

import json
import os
import time
from pathlib import Path

import pytest
from cachewasm_cli.main import main

from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.hashing import digest_of

Capture = pytest.CaptureFixture[str]

WASM = b"\0asm\1\0\0\0"
NOW = time.time()
DAY = 86400


def _key(number: int, isa: str = "x86-64-v3") -> ArtifactKey:
    digest = digest_of(WASM) if number == 0 else bytes([number]) * 32
    return ArtifactKey(digest, bytes(32), f"{isa}:x", "optimized")


KEYS = [_key(0), _key(0, "x86-64-v2"), _key(1), _key(2)]
NAMES = [key.entry_name.partition("/")[2] for key in KEYS]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command changes variables of its process: they are as before after the test."""
    for name in ("CACHEWASM_CONFIG", "CACHEWASM_CACHE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("CACHEWASM_DIR", str(tmp_path / "cache"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Two entries of one module and one each of two, used 0 to 3 days ago."""
    cache = tmp_path / "cache"
    store = LocalStore(str(cache))
    for number, key in enumerate(KEYS):
        manifest = {"module_name": f"module {number}", "compile_ms": 10 * number}
        assert store.put(key, os.urandom(100 * (number + 1)), manifest) is None
        moment = NOW - number * DAY
        os.utime(cache / "entries" / "v1" / key.entry_name, (moment, moment))
    return cache


def _run(capfd: Capture, *arguments: str | Path, code: int = 0) -> str:
    assert main(["cache", *map(str, arguments)]) == code
    captured = capfd.readouterr()
    return captured.out if code != 1 else captured.out + captured.err


def _keys(capfd: Capture, *arguments: str) -> list[int]:
    out = _run(capfd, "list", "--format", "keys", *arguments)
    return [NAMES.index(name) for name in out.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), [0, 1, 2, 3]),
        (("--sort", "size"), [3, 2, 1, 0]),
        (("--sort", "age"), [0, 1, 2, 3]),
        (("--sort", "compile", "--limit", "2"), [3, 2]),
        (("--limit", "0"), []),
        (("--module", "module 2"), [2]),
        (("--module", "0101"), [2]),
        (("--module", "module"), []),
        (("--target", "x86-64-v2"), [1]),
        (("--older-than", "36h"), [2, 3]),
        (("--larger-than", "10kB"), []),
        (("--pinned",), []),
    ],
)
def test_list_keys_of_those_that_match(
    capfd: Capture, cache: Path, arguments: tuple[str, ...], expected: list[int]
) -> None:
    assert _keys(capfd, *arguments) == expected


def test_list_json_and_jsonl_say_the_same(capfd: Capture, cache: Path) -> None:
    whole = json.loads(_run(capfd, "list", "--json"))
    lines = _run(capfd, "list", "--format", "jsonl").splitlines()
    again = [json.loads(line) for line in lines]
    assert [entry["key"] for entry in whole] == NAMES
    for entry in (*whole, *again):
        entry.pop("unused_seconds")
    assert whole == again
    assert (whole[1]["raw_size"], whole[1]["compile_ms"], whole[1]["pinned"]) == (200, 10, False)


def test_list_json_of_nothing_is_an_empty_array(capfd: Capture) -> None:
    assert json.loads(_run(capfd, "list", "--json")) == []
    assert _run(capfd, "list", "--format", "jsonl") == ""
    assert json.loads(_run(capfd, "list", "--quarantined", "--json")) == []


@pytest.mark.parametrize(
    "arguments", [("--json", "--format", "keys"), ("--limit", "-1"), ("--format", "xml")]
)
def test_list_wrong_usage_is_refused(capfd: Capture, arguments: tuple[str, ...]) -> None:
    _run(capfd, "list", *arguments, code=2)


@pytest.mark.parametrize("columns", [1, 17, 24, 25, 33, 40, 60, 80, 100, 200])
def test_list_fits_the_terminal(
    capfd: Capture, cache: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    store = LocalStore(str(cache))
    assert store.put(_key(3), b"x", {"module_name": "name " * 40}) is None
    monkeypatch.setenv("COLUMNS", str(columns))
    unlimited = _run(capfd, "list")
    assert max(map(len, unlimited.splitlines())) > 200
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    widest = max(map(len, _run(capfd, "list").splitlines()))
    assert widest <= columns


def test_prune_without_limits_takes_the_configured_ones(
    capfd: Capture, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "removed 0 entries" in _run(capfd, "prune")
    monkeypatch.setenv("CACHEWASM_FILE_COUNT_SOFT_LIMIT", "3")
    monkeypatch.setenv("CACHEWASM_FILE_COUNT_LIMIT_PERCENT_IF_DELETING", "50%")
    assert "would remove 3 entries" in _run(capfd, "prune", "--dry-run")
    monkeypatch.setenv("CACHEWASM_MAX_AGE", "60h")
    monkeypatch.setenv("CACHEWASM_FILE_COUNT_SOFT_LIMIT", "5")
    assert "removed 1 entry" in _run(capfd, "prune")
    assert _keys(capfd) == [0, 1, 2]


def test_prune_max_files_and_keep(capfd: Capture, cache: Path) -> None:
    kept = ("--keep", NAMES[3][:8], "--keep", "*.x86-64-v2-*")
    report = json.loads(_run(capfd, "prune", "--json", "--max-files", "1", *kept))
    assert [Path(path).name for path in report["removed"]] == [NAMES[2], NAMES[0]]
    assert _keys(capfd) == [1, 3]


def test_prune_tmp_removes_nothing_else(capfd: Capture, cache: Path) -> None:
    left = cache / "tmp" / f"{NAMES[0]}.1.{'0' * 16}"
    left.write_bytes(b"half")
    out = "1 leftover (4 B), kept 4 entries"
    assert f"would remove 0 entries and {out}" in _run(capfd, "prune", "--tmp", "--dry-run")
    assert f"removed 0 entries and {out}" in _run(capfd, "prune", "--tmp")
    assert not left.exists()
    _run(capfd, "prune", "--tmp", "--max-size", "0", code=2)


def test_pin_keeps_entries_until_they_are_unpinned(capfd: Capture, cache: Path) -> None:
    module = cache.parent / "m.wasm"
    module.write_bytes(WASM)
    out = _run(capfd, "pin", module, cache / "entries" / "v1" / KEYS[3].entry_name)
    assert set(out.splitlines()) == {f"pinned {NAMES[number]}" for number in (0, 1, 3)}
    assert _run(capfd, "pin", NAMES[0]) == f"was pinned {NAMES[0]}\n"
    assert _keys(capfd, "--pinned") == [0, 1, 3]
    assert "kept 3 entries" in _run(capfd, "prune", "--max-size", "0")
    unpinned = json.loads(_run(capfd, "unpin", "--json", NAMES[0], NAMES[1][:40]))
    assert {each["key"] for each in unpinned if each["changed"]} == {NAMES[0], NAMES[1]}
    assert "kept 1 entry" in _run(capfd, "prune", "--max-size", "0")
    assert _keys(capfd) == [3]


def test_pin_that_cannot_be_made_names_the_entry(capfd: Capture, cache: Path) -> None:
    (cache / "pins").write_text("")
    assert main(["cache", "pin", NAMES[0]]) == 1
    path = cache / "entries" / "v1" / KEYS[0].entry_name
    assert path.exists()
    assert capfd.readouterr().err.startswith(f"cachewasm: {path}: ")


def test_pins_are_listed_with_and_without_their_entries(capfd: Capture, cache: Path) -> None:
    _run(capfd, "pin", NAMES[2], NAMES[3])
    (cache / "entries" / "v1" / KEYS[2].entry_name).unlink()
    assert _run(capfd, "pin") == f"{NAMES[2]}  (no entry)\n{NAMES[3]}\n"
    listed = json.loads(_run(capfd, "pin", "--json"))
    assert [each["present"] for each in listed] == [False, True]
    _run(capfd, "unpin", NAMES[2])
    assert _run(capfd, "pin") == f"{NAMES[3]}\n"


@pytest.mark.parametrize("key", ["ffffffff", "0101", "missing.wasm"])
def test_pin_of_nothing_is_a_failure(capfd: Capture, cache: Path, key: str) -> None:
    assert _run(capfd, "pin", key, code=1).count("\n") == 1
    assert _run(capfd, "unpin", key, code=1).count("\n") == 1


def test_clear_empties_a_tagged_directory(capfd: Capture, cache: Path) -> None:
    _run(capfd, "pin", NAMES[0])
    _run(capfd, "clear", code=2)
    _run(capfd, "clear", "--yes", "--dry-run", code=2)
    assert "would remove 4 entries and 1 other file (" in _run(capfd, "clear", "--dry-run")
    assert len(json.loads(_run(capfd, "clear", "--yes", "--json"))["removed"]) == 4
    assert _keys(capfd) == []


def test_clear_directory_without_the_tag_is_refused(capfd: Capture, cache: Path) -> None:
    (cache / "CACHEDIR.TAG").unlink()
    assert "no CACHEDIR.TAG of cachewasm" in _run(capfd, "clear", "--yes", code=1)
    assert _keys(capfd) == [0, 1, 2, 3]


def test_verify_quarantine_moves_and_list_shows(capfd: Capture, cache: Path) -> None:
    path = cache / "entries" / "v1" / KEYS[1].entry_name
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    would = _run(capfd, "verify", "--quarantine", "--dry-run", code=4)
    assert f"{path}: would be quarantined" in would
    found = json.loads(_run(capfd, "verify", "--quarantine", "--json", code=4))
    assert found["repairs"] == [{"path": str(path), "done": "quarantined", "detail": ""}]
    (quarantined,) = found["quarantined"]
    (listed,) = json.loads(_run(capfd, "list", "--quarantined", "--json"))
    assert (listed["path"], listed["key"], listed["reason"]) == (quarantined, NAMES[1], "corrupt")
    assert quarantined in _run(capfd, "list", "--quarantined")
    assert _run(capfd, "list", "--quarantined", "--format", "keys").startswith(NAMES[1])
    _run(capfd, "verify")
    _run(capfd, "verify", "--delete", "--repair", code=2)


@pytest.mark.parametrize(
    "verb", [("prune",), ("clear", "--yes"), ("pin", NAMES[0]), ("unpin", NAMES[0])]
)
def test_read_only_cache_is_not_changed(
    capfd: Capture, cache: Path, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CACHEWASM_MODE", "read-only")
    before = sorted(cache.rglob("*"))
    assert "its mode is read-only" in _run(capfd, *verb, code=1)
    assert "its mode is read-only" in _run(capfd, "verify", "--delete", code=1)
    assert _keys(capfd) == [0, 1, 2, 3]
    _run(capfd, "prune", "--dry-run", "--max-size", "0")
    assert sorted(cache.rglob("*")) == before


def test_verify_quarantine_says_what_it_leaves_and_what_removes_it(
    capfd: Capture, cache: Path
) -> None:
    path = cache / "entries" / "v1" / KEYS[1].entry_name
    os.truncate(path, 200)
    why = "left: what is torn is not put into quarantine; --repair or --delete removes it"
    assert f"{path}: {why}" in _run(capfd, "verify", "--quarantine", code=4).splitlines()
    assert path.exists()


def test_verify_dry_run_of_nothing_is_wrong_usage(capfd: Capture) -> None:
    _run(capfd, "verify", "--dry-run", code=2)
    _run(capfd, "verify", "--dry-run", "--lock", "lock", code=2)


def test_verify_names_what_is_foreign_but_not_without_end(capfd: Capture, cache: Path) -> None:
    os.mkfifo(cache / "tmp" / "a")
    (cache / "tmp" / "b").symlink_to("a")
    (cache / "tmp" / "c").mkdir()
    why = "foreign: its name is not that of a temporary file"
    lines = _run(capfd, "verify").splitlines()
    assert lines == [*(f"{cache}/tmp/{name}: {why}" for name in "abc"), "7 files: 3 foreign, 4 ok"]
    for number in range(20):
        (cache / "tmp" / f"d{number}").touch()
    lines = _run(capfd, "verify").splitlines()
    assert lines[10:] == ["13 more are foreign (--json names them)", "27 files: 23 foreign, 4 ok"]
