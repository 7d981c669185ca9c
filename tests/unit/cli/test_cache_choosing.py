"""The verbs on some of the entries: by namespace, by engine, by date, by part; and at another level."""

import json
import os
import time
from datetime import datetime
from pathlib import Path

import pytest
from cachewasm_cli.main import main

from cachewasm.cache import layout
from cachewasm.cache.byte_lock import ByteLock
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.settings import CacheConfig
from cachewasm.cache.survey import facts
from cachewasm.cache.upkeep import pins
from cachewasm.engine import ingredients
from cachewasm.engine.config import Config
from cachewasm.engine.environment import from_config
from cachewasm.engine.version import VERSION

Capture = pytest.CaptureFixture[str]

NOW = time.time()
DAY = 86400
KEYS = [ArtifactKey(bytes([n]) * 32, bytes(32), "x86-64-v3:x", "optimized") for n in range(4)]
NAMES = [key.entry_name.partition("/")[2] for key in KEYS]
NAMESPACES = ("", "nightly", "nightly", "ci.2")
CONTENT = b"an artifact, and again " * 40


@pytest.fixture(params=["files", "index"], autouse=True)
def cache(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Four entries, used 0 to 3 days ago: of no namespace, of one and of another; by two engines.

    What they say of themselves comes from the files or from the index.
    """
    for name in ("CACHEWASM_CONFIG", "CACHEWASM_CACHE"):
        monkeypatch.setenv(name, "")
    cache = tmp_path / "cache"
    monkeypatch.setenv("CACHEWASM_DIR", str(cache))
    if request.param == "index":
        monkeypatch.setattr(facts, "MIN_ENTRIES", 1)
    compiler = {
        name: value
        for name, value in ingredients.of_environment(from_config(Config())).items()
        if name.startswith("compiler.")
    }
    for number, (key, namespace) in enumerate(zip(KEYS, NAMESPACES, strict=True)):
        environ = {"CACHEWASM_NAMESPACE": namespace}
        store = LocalStore(str(cache), config=CacheConfig(environ=environ).in_use())
        engine = (
            {**compiler, "cachewasm": VERSION}
            if number % 2
            else {**compiler, "compiler.sources": "old", "cachewasm": "0.0.9"}
        )
        made = {"created": 1000 + number % 3}
        assert store.put(key, CONTENT, {"module_name": f"m{number}", **engine, **made}) is None
        moment = NOW - number * DAY
        os.utime(layout.entry_path(str(cache), key), (moment, moment))
    return cache


def _run(capfd: Capture, *arguments: str, code: int = 0) -> str:
    assert main(["cache", *arguments]) == code
    return capfd.readouterr().out


def _left(capfd: Capture, *arguments: str) -> list[int]:
    keys = _run(capfd, "list", "--format", "keys", *arguments).splitlines()
    return [NAMES.index(key) for key in keys]


def test_list_tells_of_what_and_for_whom(capfd: Capture) -> None:
    told = json.loads(_run(capfd, "list", "--json"))
    assert [each["namespace"] for each in told] == [None, "nightly", "nightly", "ci.2"]
    assert [each["version"] for each in told] == ["0.0.9", VERSION] * 2
    assert [each["created"] for each in told] == [1000, 1001, 1002, 1000]


def test_list_of_a_namespace_and_in_other_orders(capfd: Capture) -> None:
    assert _left(capfd, "--namespace", "nightly") == [1, 2]
    assert _left(capfd, "--namespace", "other") == []
    assert _left(capfd, "--sort", "used") == [0, 1, 2, 3]
    assert _left(capfd, "--sort", "made") == [2, 1, 0, 3]


def test_list_has_a_column_of_namespaces_if_there_are_any(capfd: Capture) -> None:
    assert _run(capfd, "list").splitlines()[0].endswith("  NAMESPACE")
    _run(capfd, "clear", "--namespace", "nightly", "--yes")
    _run(capfd, "clear", "--namespace", "ci.2", "--yes")
    assert "NAMESPACE" not in _run(capfd, "list")


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (("--namespace", "nightly"), [0, 3]),
        (("--namespace", "nightly", "--max-files", "1"), [0, 1, 3]),
        (("--namespace", "nightly", "--older-than", "36h"), [0, 1, 3]),
        (("--namespace", "nightly", "--dry-run"), [0, 1, 2, 3]),
        (("--namespace", "nightly", "--keep", NAMES[2][:6]), [0, 2, 3]),
        (("--engine-version", "other"), [1, 3]),
        (("--engine-version", "current"), [0, 2]),
        (("--engine-version", "0.0.9"), [1, 3]),
        (("--engine-version", "0.0.8"), [0, 1, 2, 3]),
        (("--engine-version", "other", "--namespace", "nightly"), [0, 1, 3]),
        (("--unused-since", "36h"), [0, 1]),
        (("--unused-since", datetime.fromtimestamp(NOW - 1.5 * DAY).isoformat()), [0, 1]),
        (("--unused-since", "1970-01-02"), [0, 1, 2, 3]),
    ],
)
def test_prune_of_some_leaves_the_others(
    capfd: Capture, arguments: tuple[str, ...], left: list[int]
) -> None:
    _run(capfd, "prune", *arguments)
    assert _left(capfd) == left


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--keep", "zzz", "--keep", NAMES[1][:6]), "--keep zzz matches no entry"),
        (("--keep", "*.zzz"), "--keep *.zzz matches no entry"),
        (("--keep", NAMES[1]), ""),
        (
            ("--engine-version", "0.0.8"),
            "no entry is of the version 0.0.8 that --engine-version names",
        ),
        (("--engine-version", "0.0.9"), ""),
        (("--engine-version", "other", "--namespace", "ci.3"), ""),
    ],
)
def test_prune_says_what_means_no_entry(
    capfd: Capture, arguments: tuple[str, ...], said: str
) -> None:
    assert main(["cache", "prune", "--dry-run", *arguments]) == 0
    assert capfd.readouterr().err == (said and f"cachewasm: {said}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("prune", "--unused-since", "tomorrow"),
        ("prune", "--unused-since", "9000-01-01"),
        ("prune", "--unused-since", "1d", "--older-than", "1d"),
        ("prune", "--namespace", "A b"),
        ("prune", "--tmp", "--namespace", "nightly"),
        ("prune", "--engine-version", ""),
        ("show", NAMES[0], "--elf", "out", "--json"),
        ("show", NAMES[0], "--elf", "out", "--payload"),
        *(
            ("list", "--quarantined", *option)
            for option in (
                ("--sort", "module"),
                ("--module", "m0"),
                ("--target", "x86-64"),
                ("--namespace", "nightly"),
                ("--older-than", "1d"),
                ("--larger-than", "1KiB"),
                ("--pinned",),
            )
        ),
        ("verify", "--sample", "0/3"),
        ("verify", "--sample", "4/3"),
        ("verify", "--sample", "1/"),
        ("verify", "--full", "--quick"),
        ("verify", "--wait", "3"),
        ("recompress",),
        ("recompress", "--level", "22"),
        ("recompress", "--level", "-1"),
    ],
)
def test_wrong_choice_is_wrong_usage(capfd: Capture, arguments: tuple[str, ...]) -> None:
    assert main(["cache", *arguments]) == 2
    assert capfd.readouterr().err.count("\n") == 1


def test_clear_of_a_namespace_leaves_the_others(capfd: Capture, cache: Path) -> None:
    for number in (0, 1):
        assert pins.pin(str(cache), KEYS[number].entry_name)
    out = _run(capfd, "clear", "--namespace", "nightly", "--yes")
    assert out.startswith("removed 2 entries and 1 other file ")
    assert _left(capfd) == [0, 3]
    assert pins.pinned(str(cache)) == {KEYS[0].entry_name}


def test_verify_parts_are_disjoint_and_together_all(capfd: Capture) -> None:
    found: list[str] = []
    for number in (1, 2, 3):
        once, again = (
            [each["path"] for each in json.loads(out)["findings"]]
            for out in [_run(capfd, "verify", "--sample", f"{number}/3", "--json") for _ in "12"]
        )
        assert once == again
        found += once
    assert len(found) == len(set(found)) == len(KEYS)


def test_verify_in_full_reads_every_byte(capfd: Capture, cache: Path) -> None:
    path = Path(layout.entry_path(str(cache), KEYS[0]))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    _run(capfd, "verify", "--quick")
    _run(capfd, "verify", "--full", code=4)


def test_verify_repair_of_what_is_locked_waits_and_then_says_so(
    capfd: Capture, cache: Path
) -> None:
    name = KEYS[0].entry_name
    path = Path(layout.entry_path(str(cache), KEYS[0]))
    path.write_bytes(path.read_bytes()[:-1])
    with ByteLock(str(cache), layout.lock_offset(name)):
        out = _run(capfd, "verify", "--repair", "--wait", "0.01s", code=11)
        assert f"{path}: busy" in out
        _run(capfd, "verify", "--repair", "--dry-run", code=4)
    _run(capfd, "verify", "--repair", "--wait", "1", code=4)
    assert _left(capfd) == [1, 2, 3]


def test_recompress_tells_what_it_has_done(capfd: Capture, cache: Path) -> None:
    before = sum(path.stat().st_size for path in (cache / "entries").rglob("*.optimized"))
    arguments = ("recompress", "--level", "19", "--json")
    told = json.loads(_run(capfd, *arguments, "--dry-run", "--namespace", "nightly"))
    assert (told["level"], told["dry_run"], sum(told["counts"].values())) == (19, True, 2)
    told = json.loads(_run(capfd, *arguments, NAMES[0][:8], NAMES[3]))
    assert (sum(told["counts"].values()), told["failed"]) == (2, [])
    told = json.loads(_run(capfd, *arguments))
    assert told["bytes_before"] <= before
    assert told["bytes_after"] == sum(
        path.stat().st_size for path in (cache / "entries").rglob("*.optimized")
    )
    assert told["counts"].get("unchanged", 0) >= 2
    assert _left(capfd, "--sort", "used") == [0, 1, 2, 3]


def test_recompress_what_is_not_there_is_an_error(capfd: Capture) -> None:
    _run(capfd, "recompress", "--level", "3", "ffffffff", code=1)


def test_recompress_of_what_is_locked_is_busy(capfd: Capture, cache: Path) -> None:
    with ByteLock(str(cache), layout.lock_offset(KEYS[1].entry_name)):
        out = _run(capfd, "recompress", "--level", "1", code=11)
    assert out.startswith("4 entries: 1 busy, ")
