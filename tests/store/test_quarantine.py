"""Damaged entries are kept for inspection: which, when, and how many."""

import os
import shutil
from pathlib import Path

import pytest

from cachewasm.cache.entry import Entry, pack
from cachewasm.cache.history import statistics
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore, Miss
from cachewasm.cache.reasons import CORRUPT, TORN, WRONG_KEY, EntryError
from cachewasm.cache.upkeep import quarantine
from cachewasm.cache.upkeep.quarantine import move_if_damaged, quarantined

from .conftest import RAW


def _damage(path: Path) -> bytes:
    data = bytearray(path.read_bytes())
    data[120] ^= 1
    path.write_bytes(data)
    return bytes(data)


def _damaged() -> object:
    raise EntryError(CORRUPT, "as found before")


def test_miss_moves_a_corrupt_entry_before_the_new_one_is_stored(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    data = _damage(entry_path)
    assert isinstance(store.get(key), Miss)
    assert entry_path.exists()
    assert store.put(key, RAW, {}) is None
    assert isinstance(store.get(key), Entry)
    (found,) = quarantined(store.directory)
    assert (found.entry, found.reason) == (key.entry_name, CORRUPT)
    assert Path(found.path).read_bytes() == data
    assert store.counters.snapshot()["quarantined"] == 1
    store.record()
    assert statistics.read(store.directory).count("quarantined") == 1


def test_miss_moves_another_keys_entry(
    store: LocalStore, entry_path: Path, key: ArtifactKey, other_key: ArtifactKey
) -> None:
    entry_path.write_bytes(pack(other_key, RAW, {}))
    store.get(key)
    store.put(key, RAW, {})
    assert [found.reason for found in quarantined(store.directory)] == [WRONG_KEY]


def test_miss_leaves_a_torn_entry_to_be_replaced(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    os.truncate(entry_path, 200)
    miss = store.get(key)
    assert isinstance(miss, Miss) and miss.reason == TORN
    store.put(key, RAW, {})
    assert quarantined(store.directory) == []


def test_miss_entry_that_another_has_repaired_stays(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    good = entry_path.read_bytes()
    _damage(entry_path)
    store.get(key)
    entry_path.write_bytes(good)
    store.put(key, RAW, {})
    assert quarantined(store.directory) == []


def test_move_file_replaced_after_it_was_read_is_put_back(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    fresh = entry_path.with_name("fresh")
    shutil.copy(entry_path, fresh)

    def damaged_then_replaced() -> object:
        fresh.rename(entry_path)
        return _damaged()

    assert not move_if_damaged(
        store.directory, key.entry_name, damaged_then_replaced, now=0
    ).is_done
    assert isinstance(store.get(key), Entry)
    assert quarantined(store.directory) == []


def test_move_keeps_the_newest_of_too_many(
    store: LocalStore, entry_path: Path, key: ArtifactKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MAX_FILES", 3)
    for moment in range(5):
        entry_path.write_bytes(b"damaged")
        assert move_if_damaged(store.directory, key.entry_name, _damaged, now=moment).is_done
    assert [found.time for found in quarantined(store.directory)] == [2, 3, 4]


def test_move_keeps_within_its_size(
    store: LocalStore, entry_path: Path, key: ArtifactKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MAX_SIZE", 100)
    for moment, size in enumerate((60, 30, 50)):
        entry_path.write_bytes(bytes(size))
        assert move_if_damaged(store.directory, key.entry_name, _damaged, now=moment).is_done
    assert [found.size for found in quarantined(store.directory)] == [30, 50]
    entry_path.write_bytes(bytes(101))
    assert not move_if_damaged(store.directory, key.entry_name, _damaged, now=9).is_done
    assert entry_path.exists()


def test_move_odd_file_stays(store: LocalStore, entry_path: Path, key: ArtifactKey) -> None:
    entry_path.unlink()
    os.mkfifo(entry_path)
    assert not move_if_damaged(store.directory, key.entry_name, _damaged, now=0).is_done
    entry_path.unlink()
    assert not move_if_damaged(store.directory, key.entry_name, _damaged, now=0).is_done


def test_move_without_a_place_is_no_error(
    store: LocalStore, entry_path: Path, key: ArtifactKey, tmp_path: Path
) -> None:
    (tmp_path / "cache" / "quarantine").write_text("in the way", encoding="ascii")
    data = _damage(entry_path)
    assert isinstance(store.get(key), Miss)
    assert not move_if_damaged(store.directory, key.entry_name, _damaged, now=0).is_done
    assert entry_path.read_bytes() == data
    assert store.put(key, RAW, {}) is None


def test_move_follows_no_link_out_of_the_directory(
    store: LocalStore, entry_path: Path, key: ArtifactKey, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "cache" / "quarantine").symlink_to(tmp_path / "elsewhere")
    assert not move_if_damaged(store.directory, key.entry_name, _damaged, now=0).is_done
    assert entry_path.exists()


def test_quarantined_leaves_out_foreign_names(
    store: LocalStore, entry_path: Path, key: ArtifactKey, tmp_path: Path
) -> None:
    assert move_if_damaged(store.directory, key.entry_name, _damaged, now=7).is_done
    (found,) = quarantined(store.directory)
    folder = tmp_path / "cache" / "quarantine"
    entry = Path(key.entry_name).name
    odd = ["notes.txt", "a.b.c.d", f"{entry}.absent.7.00000000", f"{entry}.corrupt.x.00000000"]
    odd += [f"{entry}.corrupt.{'9' * 40}.00000000", f"{entry}.corrupt.7.0"]
    for name in odd:
        (folder / name).touch()
    (folder / f"{entry}.corrupt.8.00000000").symlink_to(found.path)
    assert quarantined(store.directory) == [found]
