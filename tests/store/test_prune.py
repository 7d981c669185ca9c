"""Pruning a cache directory."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cachewasm.cache import file_locks, layout, publish
from cachewasm.cache.entry import Entry
from cachewasm.cache.history import statistics
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore, Miss
from cachewasm.cache.settings import CacheConfig
from cachewasm.cache.survey.inspect import listing
from cachewasm.cache.upkeep import pins
from cachewasm.cache.upkeep.prune import Limits, PruneReport, evict, prune
from cachewasm.cache.upkeep.removal import Outcome, remove

from .conftest import KEY, RAW, Child

NONCE = bytes(range(8))


def leave_temporary_file(cache: Path, *, number: int = 1) -> Path:
    """What a writer leaves that was killed before the rename."""
    entry = "a" * 32 + "." + "b" * 16 + ".x86-64-v1-00000000.baseline"
    path = Path(layout.temporary_path(str(cache), entry, number, NONCE))
    path.write_bytes(b"half an en")
    return path


def _age(path: Path, seconds: int) -> None:
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


@pytest.fixture
def cache(store: LocalStore, entry_path: Path, other_key: ArtifactKey, tmp_path: Path) -> Path:
    """A cache of two entries: that of `key` was last used an hour before that of `other_key`."""
    assert store.put(other_key, b"x" * 5000, {}) is None
    _age(entry_path, 3600)
    return tmp_path / "cache"


def _prune(
    cache: Path,
    *,
    max_size: int | None = None,
    older_than: float | None = None,
    dry_run: bool = False,
) -> PruneReport:
    return prune(str(cache), max_size=max_size, older_than=older_than, dry_run=dry_run)


def test_prune_without_limits_removes_nothing(cache: Path) -> None:
    report = _prune(cache)
    assert report.removed == ()
    assert report.kept_entries == 2


def test_prune_max_size_removes_the_least_recently_used(
    cache: Path, store: LocalStore, key: ArtifactKey, other_key: ArtifactKey
) -> None:
    kept = (cache / "entries" / "v1" / other_key.entry_name).stat().st_size
    size = (cache / "entries" / "v1" / key.entry_name).stat().st_size
    report = _prune(cache, max_size=kept)
    assert [file.name for file in report.removed] == [key.entry_name]
    assert (report.removed_bytes, report.kept_entries, report.kept_bytes) == (size, 1, kept)
    assert isinstance(store.get(other_key), Entry)
    assert not isinstance(store.get(key), Entry)


def test_prune_older_than_removes_by_last_use(cache: Path, key: ArtifactKey) -> None:
    report = _prune(cache, older_than=1800)
    assert [file.name for file in report.removed] == [key.entry_name]


def test_prune_max_files_removes_the_least_recently_used(cache: Path, key: ArtifactKey) -> None:
    report = prune(str(cache), max_files=1)
    assert [file.name for file in report.removed] == [key.entry_name]


def test_evict_spares_pinned_and_kept_entries(
    cache: Path, key: ArtifactKey, other_key: ArtifactKey
) -> None:
    assert pins.pin(str(cache), key.entry_name)
    now = time.time()
    keep = other_key.entry_name.__eq__
    report = evict(str(cache), Limits(max_size=0), now=now, keep=keep)
    assert (report.removed, report.kept_entries, report.pinned_entries) == ((), 2, 1)
    report = evict(str(cache), Limits(max_size=0, max_age=0), now=now + 9)
    assert [file.name for file in report.removed] == [other_key.entry_name]
    assert pins.unpin(str(cache), key.entry_name)
    assert len(evict(str(cache), Limits(max_size=0), now=now).removed) == 1


def test_evict_that_is_late_leaves_the_rest(cache: Path) -> None:
    moments = iter([False, True, True])
    report = evict(str(cache), Limits(max_size=0), now=time.time(), is_late=lambda: next(moments))
    assert (len(report.removed), report.kept_entries, report.is_complete) == (1, 1, False)


def test_evict_far_future_entry_ages_from_now_on(cache: Path, entry_path: Path) -> None:
    now = time.time()
    _age(entry_path, -100_000_000)
    evict(str(cache), Limits(), now=now, dry_run=True)
    assert entry_path.stat().st_mtime > now + 86400
    assert evict(str(cache), Limits(max_age=5), now=now).removed == ()
    assert abs(entry_path.stat().st_mtime - now) < 3600


def test_prune_by_many_processes_counts_each_entry_once(
    child_script: str, tmp_path: Path, store: LocalStore
) -> None:
    for number in range(200):
        digest = number.to_bytes(32, "little")
        assert store.put(ArtifactKey(digest, digest, "x86-64-v1", "baseline"), RAW, {}) is None
    script = (
        "from cachewasm.cache.upkeep.prune import prune\n"
        "sys.stdin.read()\n"
        "print(len(prune(sys.argv[1], max_files=50).removed))\n"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", child_script + script, store.directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    removed = sum(int(child.communicate()[0]) for child in children)
    left = len(list(listing(store.directory)))
    # Each evicts down to the limit by its own listing, so nobody goes below what all would keep.
    assert (removed, left) == (150, 50)
    assert statistics.read(store.directory).count("evicted") == 150


def test_prune_dry_run_reports_the_same_and_removes_nothing(cache: Path) -> None:
    would = _prune(cache, max_size=0, dry_run=True)
    assert len(list((cache / "entries").rglob("*.*"))) == 2
    assert _prune(cache, max_size=0) == would


def test_evict_sparse_file_named_like_an_entry_costs_no_entry_and_is_told_of(
    cache: Path, entry_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sparse = entry_path.with_name(entry_path.name.replace("optimized", "other"))
    with sparse.open("wb") as file:
        file.truncate(100 << 30)
    limits = Limits.of(CacheConfig.defaults(str(cache)))
    before = evict(str(cache), limits, now=time.time(), dry_run=True)
    assert sparse.exists() and caplog.records == []
    report = evict(str(cache), limits, now=time.time())
    assert before == report
    assert (report.removed, [file.path for file in report.stale]) == ((), [str(sparse)])
    assert (report.kept_entries, sparse.exists()) == (2, False)
    assert statistics.read(str(cache)).count("evicted") == 0
    assert "too large for an entry" in caplog.records[0].getMessage()


def test_prune_damaged_entries_are_entries(cache: Path, entry_path: Path) -> None:
    entry_path.write_bytes(b"damaged")
    assert len(_prune(cache, max_size=0).removed) == 2


def test_prune_foreign_files_are_never_removed(cache: Path, entry_path: Path) -> None:
    foreign = [
        entry_path.with_name("notes.txt"),
        cache / "tmp" / "notes.txt",
        cache / "entries" / "README",
        cache / "notes.txt",
    ]
    for path in foreign:
        path.touch()
        _age(path, 1 << 30)
    entry_path.unlink()
    entry_path.symlink_to(foreign[0])
    _prune(cache, max_size=0, older_than=0)
    assert all(path.exists() for path in [*foreign, entry_path])


@pytest.fixture
def held() -> Iterator[Callable[[Path], None]]:
    """Holds a file as its writer does."""
    with ExitStack() as stack:

        def hold(path: Path) -> None:
            file = stack.enter_context(path.open("r+b"))
            assert file_locks.try_lock(file.fileno(), 0)

        yield hold


def test_prune_spares_temporary_files_that_a_writer_holds(
    cache: Path, held: Callable[[Path], None]
) -> None:
    left, writing = (leave_temporary_file(cache, number=number) for number in (1, 2))
    held(writing)
    report = _prune(cache)
    assert [file.path for file in report.stale] == [str(left)]
    assert report.removed_bytes == 10
    assert list((cache / "tmp").iterdir()) == [writing]


def test_put_whose_file_is_pruned_before_it_is_held_writes_another(
    store: LocalStore, key: ArtifactKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = publish._hold
    pruned = []

    def hold_late(descriptor: int) -> None:
        if not pruned:
            pruned.extend(prune(store.directory).stale)
        hold(descriptor)

    monkeypatch.setattr(publish, "_hold", hold_late)
    assert store.put(key, b"artifact", {}) is None
    assert len(pruned) == 1
    assert not isinstance(store.get(key), Miss)


@pytest.mark.parametrize("seconds", [3700, -90_000, 100_000_000, -100_000_000])
def test_prune_removes_held_temporary_files_of_an_impossible_time(
    cache: Path, held: Callable[[Path], None], seconds: int
) -> None:
    left = leave_temporary_file(cache)
    held(left)
    _age(left, seconds)
    _prune(cache)
    assert not left.exists()


def test_put_holds_its_temporary_file(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename, seen = publish.rename, []

    def prune_then_rename(old: str, new: str) -> None:
        seen.extend(_prune(cache).stale)
        rename(old, new)

    monkeypatch.setattr(publish, "rename", prune_then_rename)
    assert LocalStore(str(cache)).put(KEY, RAW, {}) is None
    assert seen == []


def test_remove_entry_that_another_prune_removed_is_gone(cache: Path, entry_path: Path) -> None:
    (file,) = (file for file in listing(str(cache)) if file.path == str(entry_path))
    entry_path.unlink()
    assert remove(file, dry_run=False) is Outcome.GONE


def test_remove_entry_used_since_it_was_listed_is_spared(cache: Path, entry_path: Path) -> None:
    (file,) = (file for file in listing(str(cache)) if file.path == str(entry_path))
    os.utime(entry_path)
    assert remove(file, dry_run=False) is Outcome.SPARED
    assert entry_path.exists()


def test_remove_entry_that_was_removed_and_stored_again_is_spared(
    cache: Path, entry_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = (file for file in listing(str(cache)) if file.path == str(entry_path))

    def too_late(path: str) -> bool:
        entry_path.unlink()
        entry_path.write_bytes(b"another")
        return False

    monkeypatch.setattr(publish, "remove", too_late)
    assert remove(file, dry_run=False) is Outcome.SPARED


def test_prune_missing_directory_is_empty(tmp_path: Path) -> None:
    report = _prune(tmp_path / "missing", max_size=0)
    assert (report.removed, report.kept_bytes) == ((), 0)


def test_prune_in_a_read_only_directory_reports_what_failed(
    run_child: Child, users_directory: Path
) -> None:
    child = run_child(
        "assert store.put(KEY, b'x', {}) is None\n"
        "os.chmod(f'{sys.argv[1]}/entries/v1/00', 0o555)\n"
        "report = prune(sys.argv[1], max_size=0, older_than=None, dry_run=False)\n"
        "print(len(report.removed), len(report.failed), report.kept_entries)\n"
    )
    assert child.stdout == "0 1 1\n"


@pytest.mark.parametrize("linked", ["entries", "entries/v1", "entries/v1/00", "aliases", "tmp"])
def test_prune_follows_no_link_out_of_the_directory(
    cache: Path, tmp_path: Path, linked: str
) -> None:
    leave_temporary_file(cache)
    elsewhere = tmp_path / "elsewhere"
    path = cache / linked
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = sorted(elsewhere.rglob("*"))
    prune(str(cache), max_size=0, older_than=0)
    assert sorted(elsewhere.rglob("*")) == before
