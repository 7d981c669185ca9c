"""Folders of the cache that are none, lead elsewhere, or hold what is not the cache's."""

import contextlib
import os
from pathlib import Path

import pytest

from cachewasm.cache import layout, publish, scan
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore, StoreFailure
from cachewasm.cache.reasons import UNTRUSTED, UNWRITABLE
from cachewasm.cache.survey.folders import FOREIGN, misplaced
from cachewasm.cache.survey.inspect import listing
from cachewasm.cache.upkeep.prune import prune


def _found(cache: Path) -> list[tuple[str, str]]:
    return [(each.name, each.reason) for each in misplaced(str(cache))]


@pytest.fixture
def cache(entry_path: Path) -> Path:
    """A cache with one entry."""
    return entry_path.parents[3]


def test_misplaced_of_a_sound_cache_is_nothing(cache: Path) -> None:
    assert _found(cache) == []


def test_misplaced_of_no_directory_is_nothing(tmp_path: Path) -> None:
    assert _found(tmp_path / "missing") == []


def test_misplaced_tells_foreign_names_from_what_is_in_the_way(cache: Path) -> None:
    for name in ("entries/v1/README", "tmp/notes.txt"):
        (cache / name).touch()
    for name in ("entries/v1/ff", "stats"):
        (cache / name).symlink_to(cache / "tmp")
    os.mkfifo(cache / "tmp" / "notes")
    assert _found(cache) == [
        ("entries/v1/README", FOREIGN),
        ("entries/v1/ff", UNTRUSTED),
        ("tmp/notes", FOREIGN),
        ("tmp/notes.txt", FOREIGN),
        ("stats", UNTRUSTED),
    ]


@pytest.mark.parametrize("folder", ["entries", "entries/v1", "entries/v1/00"])
def test_prune_does_not_follow_a_link_to_entries_elsewhere(
    cache: Path, entry_path: Path, tmp_path: Path, folder: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (cache / folder).rename(elsewhere)
    (cache / folder).symlink_to(elsewhere)
    assert entry_path.exists()
    assert list(listing(str(cache))) == []
    assert prune(str(cache), max_size=0, older_than=None, dry_run=False).removed == ()
    assert entry_path.exists()


def test_names_below_a_cache_that_is_itself_a_link_are_found(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(cache)
    assert scan.names_below(str(tmp_path / "link"), layout.ENTRIES) == ["00"]
    assert scan.names_below(str(tmp_path / "link"), layout.LOCKS) == []


@pytest.mark.parametrize("folder", ["entries", "entries/v1", "entries/v1/00", "tmp"])
def test_put_below_a_link_that_leads_nowhere_fails(
    cache: Path, store: LocalStore, key: ArtifactKey, folder: str
) -> None:
    (cache / folder).rename(cache / "away")
    (cache / folder).symlink_to("nowhere")
    failure = store.put(key, b"new", {})
    assert isinstance(failure, StoreFailure)
    assert failure.reason in (UNWRITABLE, UNTRUSTED)


def test_make_directory_makes_all_that_is_missing_however_much(tmp_path: Path) -> None:
    path = str(tmp_path) + "/d" * 1500
    try:
        assert publish.make_directory(path)
        assert not publish.make_directory(path)
    finally:
        # Too deep for those who clean up.
        while path != str(tmp_path):
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(path)
            path = os.path.dirname(path)
