"""A cache directory that is missing, none, or not to be read is never taken for an empty cache."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cachewasm_cli.main import main

from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore

Capture = pytest.CaptureFixture[str]

READING = (
    ["verify"],
    ["list"],
    ["list", "--quarantined"],
    ["prune", "--dry-run"],
    ["stats"],
    ["pin"],
    ["why", "--last"],
)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command changes variables of its process: they are as before after the test."""
    for name in ("CACHEWASM_CONFIG", "CACHEWASM_CACHE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("CACHEWASM_DIR", str(tmp_path / "cache"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    key = ArtifactKey(bytes(32), bytes(32), "x86-64-v3:x", "optimized")
    assert LocalStore(str(tmp_path / "cache")).put(key, b"artifact", {}) is None
    return tmp_path / "cache"


@contextmanager
def _shut(directory: Path) -> Iterator[None]:
    """The directory is nobody's to read; root, who may read all, is somebody else meanwhile."""
    directory.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        directory.chmod(0o700)


@pytest.mark.parametrize("verb", READING, ids=" ".join)
def test_reading_verb_of_no_directory_says_so_and_is_zero(
    capfd: Capture, tmp_path: Path, verb: list[str]
) -> None:
    assert main(["cache", *verb]) == 0
    said = f"cachewasm: {tmp_path}/cache: there is no cache yet\n"
    assert capfd.readouterr().err == said
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("verb", READING[1:], ids=" ".join)
def test_reading_verb_of_a_file_is_an_error(
    capfd: Capture, tmp_path: Path, verb: list[str]
) -> None:
    (tmp_path / "cache").touch()
    assert main(["cache", *verb]) == 1
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", f"cachewasm: {tmp_path}/cache: it is not a directory\n")


@pytest.mark.parametrize("verb", READING[1:], ids=" ".join)
def test_reading_verb_of_what_cannot_be_listed_is_an_error(
    capfd: Capture, cache: Path, verb: list[str]
) -> None:
    # What is imported late has been by now.
    assert main(["cache", *verb]) == 0
    capfd.readouterr()
    with _shut(cache):
        assert main(["cache", *verb]) == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == f"cachewasm: {cache}: it cannot be listed: Permission denied\n"


def test_verify_of_what_cannot_be_listed_is_unreadable(capfd: Capture, cache: Path) -> None:
    assert main(["cache", "verify", "--json"]) == 0
    capfd.readouterr()
    with _shut(cache):
        assert main(["cache", "verify", "--json"]) == 16
    found = json.loads(capfd.readouterr().out)
    detail = "it cannot be listed: Permission denied"
    assert found["findings"] == [{"path": str(cache), "verdict": "unreadable", "detail": detail}]


def test_verify_of_a_file_is_untrusted(capfd: Capture, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    assert main(["cache", "verify"]) == 8
    found = f"{tmp_path}/cache: untrusted: it is not a directory"
    assert found in capfd.readouterr().out.splitlines()


def test_export_all_of_nothing_is_an_error_and_writes_nothing(
    capfd: Capture, tmp_path: Path
) -> None:
    for is_there in (False, True):
        if is_there:
            (tmp_path / "cache").mkdir(0o700)
        assert main(["cache", "export", "--all", str(tmp_path / "bundle")]) == 1
        assert capfd.readouterr().err.endswith(": there is no entry to export\n")
        assert not (tmp_path / "bundle").exists()
