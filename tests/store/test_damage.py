"""Damaged, foreign and misplaced files under an entry's name: each a miss that says why."""

import os
import socket
import struct
from pathlib import Path

import pytest
from blake3 import blake3

from cachewasm.cache.entry import Entry, pack
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore, Miss
from cachewasm.cache.reasons import (
    CORRUPT,
    FOREIGN_VERSION,
    TORN,
    UNREADABLE,
    UNTRUSTED,
    WRONG_KEY,
)

RAW = b"artifact"


def _reason(store: LocalStore, key: ArtifactKey) -> str:
    missed = store.get(key)
    assert isinstance(missed, Miss)
    assert missed.detail
    return missed.reason


def test_get_each_altered_byte_is_a_miss(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    data = bytearray(entry_path.read_bytes())
    reasons = []
    for position in range(len(data)):
        data[position] ^= 0xFF
        entry_path.write_bytes(data)
        data[position] ^= 0xFF
        reasons.append(_reason(store, key))
    # The version's and codec's bytes cannot be told from another version's; the size of the entry
    # cannot be told from a file cut short.
    assert reasons[8:12] == [FOREIGN_VERSION] * 4
    assert set(reasons[104:112]) == {TORN}
    assert set(reasons[:8] + reasons[12:104] + reasons[112:]) == {CORRUPT}


def test_get_each_truncation_is_a_torn_miss(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    for size in range(entry_path.stat().st_size - 1, -1, -1):
        os.truncate(entry_path, size)
        assert _reason(store, key) == TORN


def test_get_grown_entry_is_corrupt(store: LocalStore, entry_path: Path, key: ArtifactKey) -> None:
    with entry_path.open("ab") as file:
        file.write(b"\0")
    assert _reason(store, key) == CORRUPT


def test_get_copy_under_another_keys_name_is_wrong_key(
    store: LocalStore, entry_path: Path, key: ArtifactKey, other_key: ArtifactKey
) -> None:
    entry_path.write_bytes(pack(other_key, RAW, {}))
    assert _reason(store, key) == WRONG_KEY


def test_get_entry_of_a_later_version_is_foreign(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    body = bytearray(entry_path.read_bytes()[:-32])
    struct.pack_into("<H", body, 8, 2)
    entry_path.write_bytes(body + blake3(bytes(body)).digest())
    assert _reason(store, key) == FOREIGN_VERSION


def test_get_symbolic_link_is_untrusted(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    intact = entry_path.rename(entry_path.with_name("elsewhere"))
    entry_path.symlink_to(intact)
    assert _reason(store, key) == UNTRUSTED


def test_get_dangling_symbolic_link_is_untrusted(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    entry_path.unlink()
    entry_path.symlink_to("nowhere")
    assert _reason(store, key) == UNTRUSTED


def test_get_fifo_is_untrusted_and_does_not_hang(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    entry_path.unlink()
    os.mkfifo(entry_path)
    assert _reason(store, key) == UNTRUSTED


def test_get_socket_is_untrusted(
    store: LocalStore, entry_path: Path, key: ArtifactKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry_path.unlink()
    # The path of a socket may have 107 bytes only.
    monkeypatch.chdir(entry_path.parent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(entry_path.name)
        assert _reason(store, key) == UNTRUSTED


def test_get_directory_is_untrusted(store: LocalStore, entry_path: Path, key: ArtifactKey) -> None:
    entry_path.unlink()
    entry_path.mkdir()
    assert _reason(store, key) == UNTRUSTED


def test_get_huge_sparse_file_is_corrupt(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    os.truncate(entry_path, 1 << 40)
    assert _reason(store, key) == CORRUPT


def test_get_large_sparse_file_within_bounds_is_corrupt(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    os.truncate(entry_path, 0)
    os.truncate(entry_path, 1 << 30)
    assert _reason(store, key) == CORRUPT


def test_get_file_in_place_of_a_shard_is_unreadable(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    entry_path.unlink()
    entry_path.parent.rmdir()
    entry_path.parent.touch()
    assert _reason(store, key) == UNREADABLE


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_get_file_that_others_may_write_is_untrusted(
    store: LocalStore, entry_path: Path, key: ArtifactKey, mode: int
) -> None:
    entry_path.chmod(mode)
    assert _reason(store, key) == UNTRUSTED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_get_file_of_another_user_is_untrusted(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    os.chown(entry_path, 12345, -1)
    assert _reason(store, key) == UNTRUSTED


def test_put_over_damage_heals_the_entry(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    entry_path.write_bytes(b"damaged")
    assert _reason(store, key) == TORN
    assert store.put(key, RAW, {}) is None
    assert isinstance(store.get(key), Entry)


def test_get_counts_misses_by_reason(
    store: LocalStore, entry_path: Path, key: ArtifactKey, other_key: ArtifactKey
) -> None:
    entry_path.write_bytes(b"damaged")
    store.get(key)
    store.get(key)
    store.get(other_key)
    assert store.counters.snapshot() == {"store": 1, "miss.torn": 2, "miss.absent": 1}
