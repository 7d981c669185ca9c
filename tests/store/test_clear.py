"""Emptying a directory that is ours."""

from pathlib import Path

import pytest

from cachewasm.cache import layout
from cachewasm.cache.alias import AliasKey
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.reasons import CORRUPT, EntryError
from cachewasm.cache.survey.index import Index
from cachewasm.cache.upkeep import pins
from cachewasm.cache.upkeep.clear import clear, is_ours
from cachewasm.cache.upkeep.quarantine import move_if_damaged

from .test_prune import leave_temporary_file


def _damaged() -> object:
    raise EntryError(CORRUPT, "")


@pytest.fixture
def cache(store: LocalStore, entry_path: Path, key: ArtifactKey, other_key: ArtifactKey) -> Path:
    """A directory with one of everything."""
    store.put(other_key, b"x", {})
    assert move_if_damaged(store.directory, other_key.entry_name, _damaged, now=1).is_done
    store.put_alias(AliasKey(bytes(32), bytes(32)), bytes(32))
    pins.pin(store.directory, key.entry_name)
    store.record()
    Index(store.directory).close()
    cache = entry_path.parents[3]
    leave_temporary_file(cache)
    return cache


def _files(cache: Path) -> set[str]:
    return {str(path.relative_to(cache)) for path in cache.rglob("*") if not path.is_dir()}


def test_clear_leaves_what_others_may_be_using(cache: Path) -> None:
    assert is_ours(str(cache))
    report = clear(str(cache), dry_run=False)
    assert (len(report.removed), len(report.others), report.failed) == (1, 5, ())
    assert _files(cache) == {"CACHEDIR.TAG", layout.CLEANED, layout.LOCKS, "stats/log"}


def test_clear_dry_run_reports_the_same_and_removes_nothing(cache: Path) -> None:
    before = _files(cache)
    would = clear(str(cache), dry_run=True)
    assert _files(cache) == before
    assert clear(str(cache), dry_run=False) == would


def test_clear_foreign_files_stay(cache: Path, entry_path: Path) -> None:
    foreign = ["notes.txt", "entries/v1/00/notes.txt", "tmp/x", "quarantine/x", "pins/x", "index/x"]
    for name in foreign:
        (cache / name).touch()
    entry_path.unlink()
    entry_path.symlink_to(cache / "notes.txt")
    clear(str(cache), dry_run=False)
    assert _files(cache) >= {*foreign, str(entry_path.relative_to(cache))}


@pytest.mark.parametrize("content", [b"", b"Signature: 8a477f597d28d172789f06886806bc55\n", None])
def test_directory_without_our_tag_is_not_ours(cache: Path, content: bytes | None) -> None:
    tag = cache / layout.TAG
    tag.unlink()
    assert not is_ours(str(cache))
    if content is not None:
        tag.write_bytes(content)
    else:
        (cache / "tag").write_bytes(layout.TAG_CONTENT)
        tag.symlink_to(cache / "tag")
    assert not is_ours(str(cache))
