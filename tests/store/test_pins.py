"""Pins: empty files with the names of entries."""

import os
from pathlib import Path

from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.upkeep import pins


def test_pin_is_an_empty_private_file(tmp_path: Path, key: ArtifactKey) -> None:
    assert pins.pin(str(tmp_path), key.entry_name)
    path = tmp_path / "pins" / "v1" / key.entry_name
    assert path.read_bytes() == b""
    assert path.stat().st_mode & 0o077 == 0
    assert pins.pinned(str(tmp_path)) == {key.entry_name}


def test_pin_twice_and_unpin_twice_tell(tmp_path: Path, key: ArtifactKey) -> None:
    directory, name = str(tmp_path), key.entry_name
    assert [pins.pin(directory, name), pins.pin(directory, name)] == [True, False]
    assert [pins.unpin(directory, name), pins.unpin(directory, name)] == [True, False]
    assert pins.pinned(directory) == frozenset()


def test_pinned_of_nothing_is_empty(tmp_path: Path) -> None:
    assert pins.pinned(str(tmp_path / "missing")) == frozenset()


def test_pinned_leaves_out_what_is_no_pin(
    tmp_path: Path, key: ArtifactKey, other_key: ArtifactKey
) -> None:
    directory = str(tmp_path)
    pins.pin(directory, key.entry_name)
    pins.pin(directory, other_key.entry_name)
    link = tmp_path / "pins" / "v1" / key.entry_name
    link.unlink()
    link.symlink_to(tmp_path / "pins" / "v1" / other_key.entry_name)
    fifo = link.with_name(link.name.replace("optimized", "baseline"))
    os.mkfifo(fifo)
    link.with_name("notes.txt").touch()
    (tmp_path / "pins" / "notes.txt").touch()
    assert pins.pinned(directory) == {other_key.entry_name}
