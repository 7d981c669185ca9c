"""The record of the last misses: bounded, whole lines only, and none without a miss."""

from pathlib import Path

import pytest

from cachewasm.cache import local
from cachewasm.cache.alias import AliasKey
from cachewasm.cache.history import misses
from cachewasm.cache.history.misses import MissRecord
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore


def _last(store: LocalStore) -> list[tuple[str, ArtifactKey]]:
    return [(miss.reason, miss.key) for miss in misses.last(store.directory, 1000)]


def _file(store: LocalStore) -> Path:
    return Path(store.directory, "stats", "misses")


@pytest.fixture
def made(store: LocalStore, other_key: ArtifactKey) -> LocalStore:
    """A store whose directory exists, with one other entry."""
    store.put(other_key, b"x", {})
    return store


def test_record_tells_of_misses_once(made: LocalStore, key: ArtifactKey) -> None:
    made.get(key)
    made.record()
    assert _last(made) == [("absent", key)]
    made.get(key)
    made.record()
    made.record()
    assert _last(made) == [("absent", key)] * 2


def test_record_without_a_miss_writes_no_miss(made: LocalStore, other_key: ArtifactKey) -> None:
    made.get(other_key)
    made.get_alias(AliasKey(bytes(32), bytes(32)))
    made.record()
    assert not _file(made).exists()


def test_record_where_there_is_no_directory_makes_none(store: LocalStore, key: ArtifactKey) -> None:
    store.get(key)
    store.record()
    assert not Path(store.directory).exists()


def test_record_tells_of_a_bounded_number_of_misses(
    made: LocalStore, key: ArtifactKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "MAX_MISSES", 2)
    for _ in range(3):
        made.get(key)
    made.record()
    assert len(_last(made)) == 2


def test_last_is_the_latest_first(
    made: LocalStore, key: ArtifactKey, other_key: ArtifactKey
) -> None:
    misses.append(made.directory, [(9, "torn", key), (7, "absent", key)])
    misses.append(made.directory, [(8, "corrupt", other_key)])
    found = misses.last(made.directory, 2)
    assert [(miss.time, miss.reason) for miss in found] == [(9, "torn"), (8, "corrupt")]


def test_last_of_no_directory_is_none(tmp_path: Path) -> None:
    assert misses.last(str(tmp_path), 5) == []


def test_append_long_file_is_put_aside_and_still_read(
    made: LocalStore, key: ArtifactKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(misses, "ROTATE_SIZE", 500)
    for time in range(5):
        misses.append(made.directory, [(time, "absent", key)])
    folder = _file(made).parent
    assert sorted(path.name for path in folder.iterdir()) == ["misses", "misses.old"]
    # Three lines are longer than the limit: those of one and two such files are known.
    assert [miss.time for miss in misses.last(made.directory, 9)] == [4, 3, 2, 1, 0]
    assert all(path.stat().st_size < 1000 for path in folder.iterdir())


def test_append_full_file_takes_no_more(
    made: LocalStore, key: ArtifactKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(misses, "MAX_SIZE", 500)
    for time in range(9):
        misses.append(made.directory, [(time, "absent", key)])
    assert _file(made).stat().st_size <= 500


def test_append_key_with_other_characters_leaves_no_line(
    made: LocalStore, key: ArtifactKey
) -> None:
    odd = ArtifactKey(key.wasm_digest, key.compat, "x86-64-v1:a b", "baseline")
    misses.append(made.directory, [(1, "absent", odd)])
    assert not _file(made).exists()


def test_last_passes_over_what_is_no_whole_record(made: LocalStore, key: ArtifactKey) -> None:
    misses.append(made.directory, [(1, "absent", key)])
    path = _file(made)
    line = path.read_bytes()
    for at in range(1, len(line) - 1):
        path.write_bytes(line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :])
        assert misses.last(made.directory, 5) == []
        path.write_bytes(line[:at] + line)
        assert misses.last(made.directory, 5) == [MissRecord(1, "absent", key)]


def test_last_of_a_file_that_others_can_write_is_none(made: LocalStore, key: ArtifactKey) -> None:
    misses.append(made.directory, [(1, "absent", key)])
    _file(made).chmod(0o666)
    assert misses.last(made.directory, 5) == []
