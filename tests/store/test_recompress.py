"""Compressing entries again: the artifacts stay what they are, whatever else is there."""

import os
from pathlib import Path

import pytest

from cachewasm.cache import layout
from cachewasm.cache.byte_lock import ByteLock
from cachewasm.cache.entry import Entry
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.settings import CacheConfig
from cachewasm.cache.survey.inspect import leftovers, listing
from cachewasm.cache.survey.verify import verify
from cachewasm.cache.upkeep.recompress import (
    BUSY,
    FAILED,
    GONE,
    RAW,
    RECOMPRESSED,
    UNCHANGED,
    recompress,
)

from .faulty import COMPRESSIBLE, SEALED

LONG_AGO = 1_000_000_000


def _key(number: int) -> ArtifactKey:
    return ArtifactKey(bytes([number]) * 32, bytes(32), "x86-64-v1", "baseline")


def _put(directory: str, number: int, **settings: str) -> str:
    """Store an entry, long ago; its path."""
    environ = {f"CACHEWASM_{name.upper()}": value for name, value in settings.items()}
    config = CacheConfig(environ={"CACHEWASM_DIR": directory, **environ})
    store = LocalStore(directory, config=config.in_use())
    assert store.put(_key(number), COMPRESSIBLE, {"compile_ms": number}) is None
    path = layout.entry_path(directory, _key(number))
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


@pytest.fixture
def directory(tmp_path: Path) -> str:
    return str(tmp_path / "cache")


def _file(path: str) -> tuple[int, int, int]:
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns


def _done(directory: str, level: int, *, dry_run: bool = False) -> list[str]:
    listed = list(listing(directory))
    return [each.done for each in recompress(directory, listed, level, dry_run=dry_run)]


def test_recompress_at_a_higher_level_is_smaller_and_the_same(directory: str) -> None:
    path = _put(directory, 1)
    before = os.stat(path)
    (done,) = recompress(directory, list(listing(directory)), 19)
    after = os.stat(path)
    assert (done.done, done.file.size, done.size) == (RECOMPRESSED, before.st_size, after.st_size)
    assert after.st_size < before.st_size
    assert (after.st_mtime, after.st_mode) == (LONG_AGO, before.st_mode)
    found = LocalStore(directory).get(_key(1))
    assert isinstance(found, Entry)
    assert (bytes(found.raw), found.compile_ms) == (COMPRESSIBLE, 1)
    assert list(leftovers(directory)) == []


def test_recompress_at_the_same_level_writes_nothing(directory: str) -> None:
    path = _put(directory, 1, baseline_compression_level="3")
    before = _file(path)
    assert _done(directory, 3) == [UNCHANGED]
    assert _file(path) == before


def test_recompress_dry_run_tells_the_size_and_writes_nothing(directory: str) -> None:
    path = _put(directory, 1)
    before = _file(path)
    (would,) = recompress(directory, list(listing(directory)), 19, dry_run=True)
    assert _file(path) == before
    (done,) = recompress(directory, list(listing(directory)), 19)
    assert (would.done, would.size) == (done.done, done.size)


def test_recompress_leaves_raw_entries(directory: str) -> None:
    path = _put(directory, 1, payload="raw")
    before = _file(path)
    assert _done(directory, 19) == [RAW]
    assert _file(path) == before


def test_recompress_damaged_entry_fails_and_the_others_do_not(directory: str) -> None:
    for number in (1, 2, 3):
        path = _put(directory, number)
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    listed = list(listing(directory))
    os.unlink(listed[0].path)
    done = list(recompress(directory, listed, 19))
    assert [each.done for each in done] == [GONE, RECOMPRESSED, FAILED]
    assert done[2].detail.startswith("corrupt: ")


def test_recompress_entry_that_is_locked_is_busy_until_it_is_free(directory: str) -> None:
    path = _put(directory, 1)
    before = os.stat(path)
    listed = list(listing(directory))
    lock = ByteLock(directory, layout.lock_offset(_key(1).entry_name))
    assert _done(directory, 19) == [BUSY]
    waited = []

    def turns() -> object:
        # The third time, its holder is done.
        for number in range(3):
            waited.append(number)
            if number == 2:
                lock.close()
            yield

    (done,) = recompress(directory, listed, 19, turns=turns())  # type: ignore[arg-type]
    assert (done.done, waited) == (RECOMPRESSED, [0, 1, 2])
    assert os.stat(path).st_size < before.st_size


def test_recompress_sealed_entry_is_sealed_again(directory: str) -> None:
    store = LocalStore(directory)
    store.rules = SEALED
    assert store.put(_key(1), COMPRESSIBLE, {}) is None
    listed = list(listing(directory))
    assert [each.done for each in recompress(directory, listed, 19, SEALED)] == [RECOMPRESSED]
    assert isinstance(store.get(_key(1)), Entry)
    assert verify(directory, SEALED).is_sound


def test_recompress_in_a_directory_of_others_is_refused(directory: str) -> None:
    path = _put(directory, 1)
    before = Path(path).read_bytes()
    os.chmod(directory, 0o777)
    assert _done(directory, 19) == [FAILED]
    assert Path(path).read_bytes() == before
