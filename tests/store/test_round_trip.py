"""What goes into the store comes out of it, in this process and in another."""

import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cachewasm.cache.entry import CODEC_RAW, Entry, pack
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore, Miss, StoreFailure
from cachewasm.cache.reasons import ABSENT
from cachewasm.errors import ConfigError, InternalError
from cachewasm.log import LOGGER_NAME

RAW = b"artifact"


def test_get_from_missing_directory_is_absent_and_makes_nothing(
    store: LocalStore, key: ArtifactKey, tmp_path: Path
) -> None:
    missed = store.get(key)
    assert isinstance(missed, Miss)
    assert missed.reason == ABSENT
    assert os.listdir(tmp_path) == []


def test_get_after_put_is_a_hit(store: LocalStore, key: ArtifactKey) -> None:
    assert store.put(key, RAW * 1000, {"module": "demo", "compile_ms": 3}) is None
    entry = store.get(key)
    assert isinstance(entry, Entry)
    assert entry.raw == RAW * 1000
    assert entry.manifest["compile_ms"] == 3
    assert store.counters.snapshot() == {"store": 1, "hit": 1}


def test_get_after_another_process_put_is_a_hit(
    store: LocalStore, key: ArtifactKey, tmp_path: Path, child_script: str
) -> None:
    script = child_script + "assert store.put(KEY, b'artifact', {}) is None"
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "cache")], check=True)
    entry = store.get(key)
    assert isinstance(entry, Entry)
    assert entry.raw == RAW


def test_get_other_key_is_absent(
    store: LocalStore, entry_path: Path, other_key: ArtifactKey
) -> None:
    missed = store.get(other_key)
    assert isinstance(missed, Miss)
    assert missed.reason == ABSENT


def test_get_raw_entry_is_a_hit(store: LocalStore, entry_path: Path, key: ArtifactKey) -> None:
    entry_path.write_bytes(pack(key, RAW, {}, codec=CODEC_RAW))
    entry = store.get(key)
    assert isinstance(entry, Entry)
    assert entry.raw == RAW


def test_put_replaces_the_entry(store: LocalStore, entry_path: Path, key: ArtifactKey) -> None:
    assert store.put(key, b"newer", {}) is None
    entry = store.get(key)
    assert isinstance(entry, Entry)
    assert entry.raw == b"newer"


def test_put_with_sync_is_a_hit(tmp_path: Path, key: ArtifactKey) -> None:
    store = LocalStore(str(tmp_path / "cache"), sync=True)
    assert store.put(key, RAW, {}) is None
    assert isinstance(store.get(key), Entry)


def test_put_makes_the_documented_layout(entry_path: Path, key: ArtifactKey) -> None:
    root = entry_path.parents[3]
    found = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    assert found == [
        "CACHEDIR.TAG",
        "entries",
        "entries/v1",
        "entries/v1/00",
        f"entries/v1/{key.entry_name}",
        "locks",
        "locks/cleaned",
        "tmp",
    ]


def test_put_makes_everything_private(entry_path: Path) -> None:
    root = entry_path.parents[3]
    for path in [root, *root.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_get_writes_nothing(store: LocalStore, entry_path: Path, key: ArtifactKey) -> None:
    before = entry_path.stat()
    assert isinstance(store.get(key), Entry)
    after = entry_path.stat()
    assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns)


def test_get_entry_unused_for_hours_notes_the_use(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    now = entry_path.stat().st_mtime
    os.utime(entry_path, (now - 7200, now - 7200))
    assert isinstance(store.get(key), Entry)
    assert entry_path.stat().st_mtime > now - 600


def test_peek_is_no_use(store: LocalStore, entry_path: Path, key: ArtifactKey) -> None:
    os.utime(entry_path, (0, 0))
    assert isinstance(store.peek(key), Entry)
    assert entry_path.stat().st_mtime == 0


def test_get_damaged_entry_does_not_note_a_use(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    entry_path.write_bytes(b"damaged")
    os.utime(entry_path, (0, 0))
    assert isinstance(store.get(key), Miss)
    assert entry_path.stat().st_mtime == 0


def test_put_empty_artifact_is_a_bug_of_the_caller(store: LocalStore, key: ArtifactKey) -> None:
    with pytest.raises(InternalError):
        store.put(key, b"", {})


def test_store_relative_directory_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be an absolute path"):
        LocalStore("cache")


def test_store_through_a_symbolic_link_to_the_directory_works(
    tmp_path: Path, key: ArtifactKey
) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")
    assert LocalStore(str(tmp_path / "link")).put(key, RAW, {}) is None
    assert isinstance(LocalStore(str(tmp_path / "real")).get(key), Entry)


def test_put_after_the_directory_was_removed_makes_it_again(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    root = entry_path.parents[3]
    root.rename(root.with_name("moved"))
    assert store.put(key, RAW, {}) is None
    assert isinstance(store.get(key), Entry)
    assert (root / "CACHEDIR.TAG").exists()


def test_get_absent_entry_is_no_warning(
    store: LocalStore, key: ArtifactKey, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger=LOGGER_NAME):
        store.get(key)
    assert [record.levelname for record in caplog.records] == ["DEBUG"]


def test_get_damaged_entry_is_a_warning_with_the_reason(
    store: LocalStore, entry_path: Path, key: ArtifactKey, caplog: pytest.LogCaptureFixture
) -> None:
    entry_path.write_bytes(b"damaged")
    with caplog.at_level(logging.WARNING, logger=LOGGER_NAME):
        store.get(key)
    (message,) = caplog.messages
    assert "(torn)" in message or "torn (" in message


def test_store_failure_and_miss_tell_themselves() -> None:
    assert repr(Miss("torn", "short")) == "Miss(torn: short)"
    assert repr(StoreFailure("full", "no space")) == "StoreFailure(full: no space)"
