"""Pruning a cache directory."""

import os
from pathlib import Path

import pytest

from cachewasm.cache import layout
from cachewasm.cache.entry import Entry
from cachewasm.cache.inspect import listing
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.prune import PruneReport, _Outcome, _remove, prune

from .conftest import Child

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


def test_prune_dry_run_reports_the_same_and_removes_nothing(cache: Path) -> None:
    would = _prune(cache, max_size=0, dry_run=True)
    assert len(list((cache / "entries").rglob("*.*"))) == 2
    assert _prune(cache, max_size=0) == would


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


def test_prune_removes_stale_temporary_files_only(cache: Path) -> None:
    stale, fresh = (leave_temporary_file(cache, number=number) for number in (1, 2))
    _age(stale, 3700)
    report = _prune(cache)
    assert [file.path for file in report.stale] == [str(stale)]
    assert report.removed_bytes == 10
    assert list((cache / "tmp").iterdir()) == [fresh]


def test_remove_entry_that_another_prune_removed_is_gone(cache: Path, entry_path: Path) -> None:
    (file,) = (file for file in listing(str(cache)) if file.path == str(entry_path))
    entry_path.unlink()
    assert _remove(file, dry_run=False) is _Outcome.GONE


def test_remove_entry_used_since_it_was_listed_is_spared(cache: Path, entry_path: Path) -> None:
    (file,) = (file for file in listing(str(cache)) if file.path == str(entry_path))
    os.utime(entry_path)
    assert _remove(file, dry_run=False) is _Outcome.SPARED
    assert entry_path.exists()


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
