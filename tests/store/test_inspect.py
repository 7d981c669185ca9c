"""Listing a cache directory."""

import os
from pathlib import Path

from cachewasm.cache.keys import ArtifactKey, parse_entry_name
from cachewasm.cache.local import LocalStore
from cachewasm.cache.reasons import CORRUPT, TORN, UNTRUSTED
from cachewasm.cache.survey.inspect import (
    EntryInfo,
    entries,
    is_entry_name,
    leftovers,
    listing,
    listing_of,
)


def _only(directory: Path) -> EntryInfo:
    (info,) = entries(str(directory))
    return info


def test_entries_tells_header_and_manifest(
    entry_path: Path, tmp_path: Path, key: ArtifactKey
) -> None:
    info = _only(tmp_path / "cache")
    assert (info.file.name, info.file.path) == (key.entry_name, str(entry_path))
    assert info.file.size == entry_path.stat().st_size
    assert info.file.mtime_ns == entry_path.stat().st_mtime_ns
    assert info.reason is None
    assert info.parts is not None and info.parts.tier == "optimized"
    assert info.header is not None and info.header.key_digest == key.digest
    assert info.manifest is not None and info.manifest["module"] == "demo"


def test_entries_are_in_the_order_of_their_names(
    store: LocalStore, entry_path: Path, tmp_path: Path, other_key: ArtifactKey
) -> None:
    store.put(other_key, b"x", {})
    names = [info.file.name for info in entries(str(tmp_path / "cache"))]
    assert len(names) == 2
    assert names == sorted(names)


def test_entries_torn_entry_is_reported(entry_path: Path, tmp_path: Path) -> None:
    os.truncate(entry_path, 100)
    info = _only(tmp_path / "cache")
    assert (info.reason, info.header, info.manifest) == (TORN, None, None)


def test_entries_untrusted_entry_is_reported(entry_path: Path, tmp_path: Path) -> None:
    entry_path.chmod(0o666)
    assert _only(tmp_path / "cache").reason == UNTRUSTED


def test_entries_unreadable_manifest_is_reported_with_the_header(
    entry_path: Path, tmp_path: Path
) -> None:
    info = _only(tmp_path / "cache")
    assert info.header is not None
    with entry_path.open("r+b") as file:
        file.seek(info.header.manifest_offset)
        file.write(b"\xff")
    info = _only(tmp_path / "cache")
    assert info.reason == CORRUPT
    assert info.header is not None and info.manifest is None


def test_entries_foreign_files_are_left_out_unless_asked_for(
    entry_path: Path, tmp_path: Path
) -> None:
    entry_path.with_name("notes.txt").touch()
    cache = str(tmp_path / "cache")
    assert [info.parts is None for info in entries(cache)] == [False]
    foreign = [info for info in entries(cache, include_foreign=True) if info.parts is None]
    assert [info.file.name for info in foreign] == ["00/notes.txt"]


def test_listing_odd_file_under_an_entrys_name_is_foreign(entry_path: Path, tmp_path: Path) -> None:
    entry_path.unlink()
    os.mkfifo(entry_path)
    cache = str(tmp_path / "cache")
    assert list(listing(cache)) == []
    (file,) = listing(cache, include_foreign=True)
    assert not file.is_regular


def test_listing_missing_directory_is_empty(tmp_path: Path) -> None:
    assert list(listing(str(tmp_path / "missing"))) == []
    assert list(leftovers(str(tmp_path / "missing"))) == []


def test_is_entry_name_says_what_parsing_says(key: ArtifactKey) -> None:
    name = key.entry_name
    for position in range(len(name)):
        for put in ("", "0", "f", "g", ".", "/", "-", "F", "\0"):
            odd = name[:position] + put + name[position + 1 :]
            assert is_entry_name(odd) == (parse_entry_name(odd) is not None)
        assert is_entry_name(name[:position]) == (parse_entry_name(name[:position]) is not None)


def test_listing_of_finds_all_that_begin_so(
    store: LocalStore, entry_path: Path, other_key: ArtifactKey
) -> None:
    store.put(other_key, b"x", {})
    assert len(list(listing_of(store.directory, "00"))) == 2
    (found,) = listing_of(store.directory, other_key.entry_name[3:40])
    assert found.name == other_key.entry_name
    assert list(listing_of(store.directory, "ff")) == []
    assert list(listing_of(store.directory, "../")) == []
