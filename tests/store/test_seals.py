"""Entries that are believed for being sealed with a secret, whoever owns them."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cachewasm.cache.alias import AliasKey
from cachewasm.cache.entry import Entry
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.reasons import CORRUPT, UNTRUSTED, Miss, StoreFailure
from cachewasm.cache.secret import Secret, file_content
from cachewasm.cache.settings import CacheConfig
from cachewasm.cache.survey.verify import verify
from cachewasm.cache.trust import SEAL_SIZE, Rules
from cachewasm.log import LOGGER_NAME

from .conftest import KEY, OTHER, RAW

MINE, ANOTHER = bytes(32), bytes([1]) * 32
TEXT = AliasKey(bytes(range(32)), bytes(32))

Make = Callable[[bytes | None], LocalStore]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes stores in tmp_path/cache, for readers with a secret or none."""

    def made(secret: bytes | None) -> LocalStore:
        config = CacheConfig(environ={"CACHEWASM_DIR": str(tmp_path / "cache")})
        if secret is not None:
            path = tmp_path / f"key-{secret[0]}"
            path.write_bytes(file_content(secret))
            path.chmod(0o600)
            config.key_file = str(path)
        return LocalStore(str(tmp_path / "cache"), config=config.in_use())

    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the entry of KEY is."""
    return tmp_path / "cache" / "entries" / "v1" / KEY.entry_name


def _missed(store: LocalStore, key: ArtifactKey = KEY) -> Miss:
    missed = store.get(key)
    assert isinstance(missed, Miss)
    return missed


def test_get_plain_entry_with_a_secret_is_untrusted_and_put_replaces_it(make: Make) -> None:
    make(None).put(KEY, RAW, {})
    store = make(MINE)
    missed = _missed(store)
    assert (missed.reason, missed.detail) == (UNTRUSTED, "it is not sealed with a secret")
    assert store.put(KEY, RAW, {}) is None
    assert isinstance(store.get(KEY), Entry)
    assert store.counters.snapshot() == {"miss.untrusted": 1, "store": 1, "hit": 1}


def test_get_entry_of_another_secret_is_untrusted_and_names_both(make: Make) -> None:
    make(ANOTHER).put(KEY, RAW, {})
    missed = _missed(make(MINE))
    assert missed.reason == UNTRUSTED
    assert Secret(MINE).id in missed.detail and Secret(ANOTHER).id in missed.detail


def test_get_forged_seal_is_untrusted(make: Make, path: Path) -> None:
    make(ANOTHER).put(KEY, b"evil", {})
    data = path.read_bytes()
    # The number of a secret is no secret.
    forged = data[:-SEAL_SIZE] + bytes.fromhex(Secret(MINE).id) + data[-SEAL_SIZE + 8 :]
    path.write_bytes(forged)
    missed = _missed(make(MINE))
    assert (missed.reason, missed.detail) == (UNTRUSTED, "its seal was made without the secret")


def test_get_entry_with_the_seal_of_another_entry_is_untrusted(make: Make, path: Path) -> None:
    store = make(MINE)
    store.put(KEY, RAW, {})
    store.put(OTHER, RAW, {})
    other = path.parents[1] / OTHER.entry_name
    path.write_bytes(path.read_bytes()[:-SEAL_SIZE] + other.read_bytes()[-SEAL_SIZE:])
    assert _missed(store).reason == UNTRUSTED


def test_get_sealed_entry_each_altered_byte_is_a_miss(make: Make, path: Path) -> None:
    store = make(MINE)
    store.put(KEY, RAW, {})
    data = path.read_bytes()
    for at in range(len(data)):
        altered = bytearray(data)
        altered[at] ^= 1
        path.write_bytes(altered)
        assert isinstance(store.peek(KEY), Miss), at
    for size in range(len(data)):
        path.write_bytes(data[:size])
        assert isinstance(store.peek(KEY), Miss), size
    path.write_bytes(data + b"x")
    missed = store.peek(KEY)
    assert isinstance(missed, Miss) and missed.reason == CORRUPT


def test_get_with_a_secret_asks_nobody_who_owns_or_may_write(make: Make, path: Path) -> None:
    store = make(MINE)
    store.put(KEY, RAW, {})
    store.put_alias(TEXT, bytes(32))
    root = path.parents[3]
    for place, _, names in os.walk(root):
        for name in names:
            os.chmod(os.path.join(place, name), 0o666)
        os.chmod(place, 0o777)
    reader = make(MINE)
    assert isinstance(reader.get(KEY), Entry)
    assert reader.get_alias(TEXT) == bytes(32)
    assert reader.put(OTHER, RAW, {}) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs files of another user")
def test_get_with_a_secret_believes_what_a_stranger_owns(make: Make, path: Path) -> None:
    make(MINE).put(KEY, RAW, {})
    for place, _, names in os.walk(path.parents[3]):
        for name in (".", *names):
            os.chown(os.path.join(place, name), 4242, 4242)
    assert isinstance(make(MINE).get(KEY), Entry)
    missed = _missed(make(None))
    assert missed.reason == UNTRUSTED


def test_get_without_a_secret_reads_sealed_entries_that_ownership_vouches_for(
    make: Make, path: Path
) -> None:
    writer = make(MINE)
    writer.put(KEY, RAW, {})
    writer.put_alias(TEXT, bytes(32))
    reader = make(None)
    entry = reader.get(KEY)
    assert isinstance(entry, Entry) and bytes(entry.raw) == RAW
    assert reader.get_alias(TEXT) == bytes(32)
    path.chmod(0o620)
    assert _missed(reader).reason == UNTRUSTED


def test_get_symbolic_link_with_a_secret_is_untrusted(make: Make, path: Path) -> None:
    store = make(MINE)
    store.put(KEY, RAW, {})
    path.rename(path.parent / "elsewhere")
    path.symlink_to("elsewhere")
    assert _missed(store).reason == UNTRUSTED


@pytest.mark.parametrize("name", ["tmp", "entries", "entries/v1"])
def test_put_with_a_secret_does_not_follow_links_out_of_the_directory(
    make: Make, tmp_path: Path, name: str
) -> None:
    target = tmp_path / "precious"
    target.mkdir()
    link = tmp_path / "cache" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
    failure = make(MINE).put(KEY, RAW, {})
    assert isinstance(failure, StoreFailure) and failure.reason == UNTRUSTED
    assert "leads out of the cache directory" in failure.detail
    assert list(target.iterdir()) == []


def test_record_with_a_secret_does_not_follow_a_link_out_of_the_directory(
    make: Make, tmp_path: Path
) -> None:
    store = make(MINE)
    store.put(KEY, RAW, {})
    target = tmp_path / "precious"
    target.mkdir()
    (tmp_path / "cache" / "stats").symlink_to(target)
    store.record()
    assert list(target.iterdir()) == []


def test_get_alias_plain_or_of_another_secret_is_untrusted(make: Make) -> None:
    for writer in (make(None), make(ANOTHER)):
        assert writer.put_alias(TEXT, bytes(32)) is None
        missed = make(MINE).get_alias(TEXT)
        assert isinstance(missed, Miss) and missed.reason == UNTRUSTED


def test_verify_judges_as_the_reader_does(make: Make, tmp_path: Path) -> None:
    make(None).put(KEY, RAW, {})
    make(MINE).put(OTHER, RAW, {})
    make(ANOTHER).put_alias(TEXT, bytes(32))
    directory = str(tmp_path / "cache")
    assert verify(directory).counts == {"ok": 3}
    assert verify(directory, rules=Rules(secret=Secret(MINE))).counts == {"ok": 1, "untrusted": 2}


def test_get_untrusted_entry_is_warned_of(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    make(None).put(KEY, RAW, {})
    with caplog.at_level(logging.WARNING, logger=LOGGER_NAME):
        make(MINE).get(KEY)
    (message,) = caplog.messages
    assert message.endswith("untrusted (it is not sealed with a secret)")


@pytest.mark.parametrize("payload", ["zstd", "raw"])
def test_get_large_sealed_entry_is_checked_like_a_small_one(
    make: Make, path: Path, payload: str
) -> None:
    raw = os.urandom(1 << 20) * 3
    store = make(MINE)
    writer = LocalStore(store.directory, config=_with_payload(store.config, payload))
    assert writer.put(KEY, raw, {}) is None
    entry = store.get(KEY)
    assert isinstance(entry, Entry) and bytes(entry.raw) == raw
    plain = make(None).get(KEY)
    assert isinstance(plain, Entry) and bytes(plain.raw) == raw
    assert _missed(make(ANOTHER)).reason == UNTRUSTED
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    assert _missed(store).detail == "its seal was made without the secret"
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - SEAL_SIZE)
    assert _missed(store).detail == "it is not sealed with a secret"


def _with_payload(config: CacheConfig, payload: str) -> CacheConfig:
    changed = CacheConfig(environ={"CACHEWASM_DIR": config.directory or ""})
    changed.key_file = config.key_file
    changed.payload = payload
    return changed.in_use()
