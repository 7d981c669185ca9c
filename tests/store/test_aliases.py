"""Aliases in the store: published, found, refused with a reason, verified and pruned like entries."""

import os
from pathlib import Path

import pytest

from cachewasm.cache import layout
from cachewasm.cache.alias import Alias, AliasKey
from cachewasm.cache.keys import ArtifactKey, wasm_prefix
from cachewasm.cache.local import LocalStore, Miss
from cachewasm.cache.reasons import (
    ABSENT,
    CORRUPT,
    FOREIGN_VERSION,
    TORN,
    UNTRUSTED,
    WRONG_KEY,
)
from cachewasm.cache.survey.inspect import leftovers, texts_by_module
from cachewasm.cache.survey.verify import FOREIGN, OK, verify
from cachewasm.cache.upkeep.prune import PruneReport, prune

from .conftest import Child

ALIAS = AliasKey(b"\xaa" * 32, b"\xbb" * 32)


@pytest.fixture
def alias_path(store: LocalStore, entry_path: Path, key: ArtifactKey, tmp_path: Path) -> Path:
    """The alias of a text that leads to the entry of `key`."""
    assert store.put_alias(ALIAS, key.wasm_digest) is None
    return tmp_path / "cache" / "aliases" / "v1" / ALIAS.alias_name


def _reason(store: LocalStore) -> str:
    missed = store.get_alias(ALIAS)
    assert isinstance(missed, Miss)
    assert missed.detail
    return missed.reason


def _prune(
    tmp_path: Path, *, max_size: int | None = None, older_than: float | None = None
) -> PruneReport:
    cache = str(tmp_path / "cache")
    return prune(cache, max_size=max_size, older_than=older_than, dry_run=False)


def test_get_alias_gives_back_what_was_put(
    store: LocalStore, alias_path: Path, key: ArtifactKey
) -> None:
    assert store.get_alias(ALIAS) == key.wasm_digest
    assert alias_path.stat().st_mode & 0o077 == 0
    assert store.counters.snapshot() == {"store": 1, "alias-store": 1, "alias-hit": 1}


def test_get_alias_absent_is_a_counted_miss(store: LocalStore) -> None:
    assert _reason(store) == ABSENT
    assert store.counters.snapshot() == {"alias-miss.absent": 1}


def test_get_alias_each_altered_byte_is_a_miss(store: LocalStore, alias_path: Path) -> None:
    data = bytearray(alias_path.read_bytes())
    for position in range(len(data)):
        data[position] ^= 0xFF
        alias_path.write_bytes(data)
        data[position] ^= 0xFF
        assert _reason(store) == (FOREIGN_VERSION if position in (8, 9) else CORRUPT)


def test_get_alias_torn_and_grown_files_are_misses(store: LocalStore, alias_path: Path) -> None:
    size = alias_path.stat().st_size
    os.truncate(alias_path, size + 1)
    assert _reason(store) == CORRUPT
    os.truncate(alias_path, size - 1)
    assert _reason(store) == TORN


def test_get_alias_of_another_text_is_wrong_key(
    store: LocalStore, alias_path: Path, key: ArtifactKey
) -> None:
    alias_path.write_bytes(Alias(AliasKey(bytes(32), bytes(32)), key.wasm_digest).to_bytes())
    assert _reason(store) == WRONG_KEY


def test_get_alias_that_others_may_write_is_untrusted(store: LocalStore, alias_path: Path) -> None:
    alias_path.chmod(0o666)
    assert _reason(store) == UNTRUSTED


def test_get_alias_fifo_is_untrusted_and_does_not_hang(store: LocalStore, alias_path: Path) -> None:
    alias_path.unlink()
    os.mkfifo(alias_path)
    assert _reason(store) == UNTRUSTED


def test_put_alias_over_damage_heals_it(
    store: LocalStore, alias_path: Path, key: ArtifactKey
) -> None:
    alias_path.write_bytes(b"damaged")
    assert store.put_alias(ALIAS, key.wasm_digest) is None
    assert store.get_alias(ALIAS) == key.wasm_digest


def test_put_alias_leaves_no_temporary_file(alias_path: Path, tmp_path: Path) -> None:
    assert list((tmp_path / "cache" / "tmp").iterdir()) == []


def test_put_alias_in_an_unwritable_directory_is_a_counted_failure(
    run_child: Child, users_directory: Path
) -> None:
    users_directory.chmod(0o555)
    child = run_child(
        "from cachewasm.cache.alias import AliasKey\n"
        "print(store.put_alias(AliasKey(bytes(32), bytes(32)), bytes(32)))\n"
        "print(store.counters.snapshot())\n"
    )
    assert child.stdout.startswith("StoreFailure(unwritable: ")
    assert "'alias-store-failure.unwritable': 1" in child.stdout


def test_get_alias_unused_for_hours_notes_the_use(store: LocalStore, alias_path: Path) -> None:
    now = alias_path.stat().st_mtime
    os.utime(alias_path, (now - 7200, now - 7200))
    assert isinstance(store.get_alias(ALIAS), bytes)
    assert alias_path.stat().st_mtime > now - 600


def test_verify_intact_alias_is_ok(alias_path: Path, tmp_path: Path) -> None:
    report = verify(str(tmp_path / "cache"))
    assert report.counts == {OK: 2}
    assert report.is_sound


def test_verify_every_altered_byte_of_an_alias_is_found(alias_path: Path, tmp_path: Path) -> None:
    data = bytearray(alias_path.read_bytes())
    for position in range(len(data)):
        data[position] ^= 1
        alias_path.write_bytes(data)
        data[position] ^= 1
        assert not verify(str(tmp_path / "cache")).is_sound


def test_verify_alias_under_another_name_is_wrong_key(alias_path: Path, tmp_path: Path) -> None:
    alias_path.rename(alias_path.with_name("aa" * 16 + "." + "cc" * 8))
    assert verify(str(tmp_path / "cache")).counts == {OK: 1, WRONG_KEY: 1}


def test_verify_foreign_file_among_aliases_does_no_harm(alias_path: Path, tmp_path: Path) -> None:
    alias_path.with_name("notes.txt").touch()
    report = verify(str(tmp_path / "cache"))
    assert report.counts == {OK: 2, FOREIGN: 1}
    assert report.is_sound


def test_texts_by_module_counts_intact_aliases(
    store: LocalStore, alias_path: Path, key: ArtifactKey, tmp_path: Path
) -> None:
    store.put_alias(AliasKey(bytes(32), bytes(32)), key.wasm_digest)
    damaged = AliasKey(b"\1" * 32, bytes(32))
    store.put_alias(damaged, key.wasm_digest)
    os.truncate(tmp_path / "cache" / "aliases" / "v1" / damaged.alias_name, 5)
    assert texts_by_module(str(tmp_path / "cache")) == {wasm_prefix(key.wasm_digest): 2}


def test_prune_alias_that_leads_to_an_entry_stays(alias_path: Path, tmp_path: Path) -> None:
    assert _prune(tmp_path).stale == ()
    assert alias_path.exists()


def test_prune_alias_goes_with_the_last_entry_of_its_module(
    alias_path: Path, tmp_path: Path
) -> None:
    report = _prune(tmp_path, max_size=0)
    assert [file.path for file in report.stale] == [str(alias_path)]
    assert not alias_path.exists()


def test_prune_alias_not_used_for_too_long_goes(alias_path: Path, tmp_path: Path) -> None:
    then = alias_path.stat().st_mtime - 3600
    os.utime(alias_path, (then, then))
    report = _prune(tmp_path, older_than=1800)
    assert (report.removed, [file.path for file in report.stale]) == ((), [str(alias_path)])


@pytest.mark.parametrize("content", [b"", b"damaged" * 50])
def test_prune_damaged_alias_goes(alias_path: Path, tmp_path: Path, content: bytes) -> None:
    alias_path.write_bytes(content)
    assert len(_prune(tmp_path).stale) == 1


def test_prune_alias_of_another_version_stays(alias_path: Path, tmp_path: Path) -> None:
    data = bytearray(alias_path.read_bytes())
    data[8] = 2
    alias_path.write_bytes(data)
    assert _prune(tmp_path).stale == ()


def test_prune_foreign_file_among_aliases_stays(alias_path: Path, tmp_path: Path) -> None:
    foreign = alias_path.with_name("notes.txt")
    foreign.touch()
    _prune(tmp_path, max_size=0, older_than=0)
    assert foreign.exists()


def test_leftover_of_an_alias_is_known(alias_path: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    left = Path(layout.temporary_path(cache, ALIAS.alias_name, 1, bytes(8)))
    left.write_bytes(b"half an al")
    assert [file.path for file in leftovers(cache)] == [str(left)]
