"""What every store does, whatever it keeps its entries in."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cachewasm.cache.alias import AliasKey
from cachewasm.cache.entry import Entry
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.memory import MemoryStore
from cachewasm.cache.reasons import ABSENT, TOO_LARGE, Miss, StoreFailure
from cachewasm.cache.secret import file_content
from cachewasm.cache.settings import CacheConfig
from cachewasm.cache.single_flight import compile_once
from cachewasm.cache.store import ArtifactStore
from cachewasm.errors import InternalError

from .conftest import KEY, OTHER, RAW

TEXT = AliasKey(bytes(range(32)), bytes(32))
DIGEST = bytes(range(32, 64))


def _local(tmp_path: Path) -> ArtifactStore:
    return LocalStore(str(tmp_path / "cache"))


def _configured(tmp_path: Path, **settings: object) -> ArtifactStore:
    config = CacheConfig(environ={"CACHEWASM_DIR": str(tmp_path / "cache")})
    for name, value in settings.items():
        setattr(config, name, value)
    return LocalStore(str(tmp_path / "cache"), config=config.in_use())


def _raw(tmp_path: Path) -> ArtifactStore:
    return _configured(tmp_path, payload="raw")


def _sealed(tmp_path: Path) -> ArtifactStore:
    key_file = tmp_path / "key"
    key_file.write_bytes(file_content(bytes(32)))
    key_file.chmod(0o600)
    return _configured(tmp_path, key_file=key_file)


def _memory(tmp_path: Path) -> ArtifactStore:
    return MemoryStore(1 << 20)


@pytest.fixture(params=[_local, _raw, _sealed, _memory], ids=lambda make: make.__name__.strip("_"))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    """An empty store of each kind."""
    make: Callable[[Path], ArtifactStore] = request.param
    return make(tmp_path)


def _found(store: ArtifactStore, key: ArtifactKey) -> Entry:
    entry = store.get(key)
    assert isinstance(entry, Entry)
    return entry


def test_get_from_an_empty_store_is_absent(store: ArtifactStore) -> None:
    missed = store.get(KEY)
    assert isinstance(missed, Miss) and missed.reason == ABSENT
    assert store.counters.snapshot() == {"miss.absent": 1}


def test_get_after_put_is_the_artifact_under_its_key(store: ArtifactStore) -> None:
    assert store.put(KEY, RAW, {"module": "demo", "compile_ms": 12}) is None
    entry = _found(store, KEY)
    assert (bytes(entry.raw), entry.raw.readonly) == (RAW, True)
    assert entry.manifest["module"] == "demo"
    assert entry.manifest["wasm_digest"] == KEY.wasm_digest.hex()
    assert entry.compile_ms == 12
    assert isinstance(store.get(OTHER), Miss)


def test_get_counts_and_tells_what_it_finds(store: ArtifactStore) -> None:
    events: list[tuple[str, object, str]] = []
    store.on_event = lambda *event: events.append(event)
    store.put(KEY, RAW, {"compile_ms": 12})
    store.get(KEY)
    store.get(OTHER)
    assert events == [("store", KEY, ""), ("hit", KEY, ""), ("miss", OTHER, "absent")]
    assert store.counters.snapshot() == {"store": 1, "hit": 1, "miss.absent": 1}
    assert store.amounts.snapshot() == {
        "store-bytes": len(RAW),
        "compile-ms": 12,
        "hit-bytes": len(RAW),
        "saved-ms": 12,
    }


def test_get_of_a_key_that_is_not_the_last_is_no_miss_yet(store: ArtifactStore) -> None:
    assert isinstance(store.get(KEY, is_last=False), Miss)
    assert store.counters.snapshot() == {}
    store.put(KEY, RAW, {})
    assert isinstance(store.get(KEY, is_last=False), Entry)
    assert store.counters.snapshot() == {"store": 1, "hit": 1}


def test_may_have_tells_of_what_is_there_without_an_event(store: ArtifactStore) -> None:
    assert not store.may_have(KEY)
    store.put(KEY, RAW, {})
    assert store.may_have(KEY)
    assert not store.may_have(OTHER)
    assert store.counters.snapshot() == {"store": 1}


def test_peek_finds_and_misses_without_an_event(store: ArtifactStore) -> None:
    missed = store.peek(KEY)
    assert isinstance(missed, Miss) and missed.reason == ABSENT
    store.put(KEY, RAW, {})
    found = store.peek(KEY)
    assert isinstance(found, Entry) and bytes(found.raw) == RAW
    assert store.counters.snapshot() == {"store": 1}


def test_put_replaces_what_is_there(store: ArtifactStore) -> None:
    store.put(KEY, b"old", {})
    store.put(KEY, b"new and longer", {})
    assert bytes(_found(store, KEY).raw) == b"new and longer"


def test_put_keeps_a_copy(store: ArtifactStore) -> None:
    raw = bytearray(RAW)
    store.put(KEY, memoryview(raw), {})
    raw[:] = bytes(len(raw))
    assert bytes(_found(store, KEY).raw) == RAW


def test_put_of_a_large_artifact_gives_every_byte_back(store: ArtifactStore) -> None:
    raw = bytes(range(256)) * 9000
    assert store.put(KEY, raw, {}) is None
    assert bytes(_found(store, KEY).raw) == raw


def test_put_empty_artifact_is_a_bug_of_the_caller(store: ArtifactStore) -> None:
    with pytest.raises(InternalError):
        store.put(KEY, b"", {})


def test_put_manifest_with_parts_of_the_key_is_a_bug_of_the_caller(store: ArtifactStore) -> None:
    with pytest.raises(InternalError):
        store.put(KEY, RAW, {"tier": "x"})


def test_peek_alias_finds_and_misses_without_an_event(store: ArtifactStore) -> None:
    missed = store.peek_alias(TEXT)
    assert isinstance(missed, Miss) and missed.reason == ABSENT
    store.put_alias(TEXT, DIGEST)
    assert store.peek_alias(TEXT) == DIGEST
    assert store.counters.snapshot() == {"alias-store": 1}


def test_alias_is_absent_then_found_then_replaced(store: ArtifactStore) -> None:
    missed = store.get_alias(TEXT)
    assert isinstance(missed, Miss) and missed.reason == ABSENT
    assert store.put_alias(TEXT, DIGEST) is None
    assert store.get_alias(TEXT) == DIGEST
    assert store.put_alias(TEXT, bytes(32)) is None
    assert store.get_alias(TEXT) == bytes(32)
    assert isinstance(store.get_alias(AliasKey(bytes(32), bytes(32))), Miss)
    assert store.counters.snapshot() == {
        "alias-miss.absent": 2,
        "alias-store": 2,
        "alias-hit": 2,
    }


def test_store_says_where_it_is_and_that_all_is_well(store: ArtifactStore) -> None:
    store.put(KEY, RAW, {})
    assert store.place
    assert store.directory in (None, store.place)
    assert (store.trouble, store.writes, store.must_hit) == ("", True, False)
    assert store.config.mode == "read-write"
    assert store.config.directory == store.directory


def test_store_used_by_threads_loses_nothing(store: ArtifactStore) -> None:
    keys = [ArtifactKey(bytes([i]) * 32, bytes(32), "x86-64-v1", "baseline") for i in range(32)]

    def use(key: ArtifactKey) -> bool:
        store.put(key, key.wasm_digest * 100, {})
        return bytes(_found(store, key).raw) == key.wasm_digest * 100

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, keys * 3))
    assert store.counters.snapshot() == {"store": 96, "hit": 96}


def test_compile_once_on_any_store_compiles_once(store: ArtifactStore) -> None:
    compiled: list[int] = []

    def lookup() -> bytes | None:
        found = store.peek(KEY)
        return bytes(found.raw) if isinstance(found, Entry) else None

    def compile() -> bytes:
        compiled.append(1)
        store.put(KEY, RAW, {})
        return RAW

    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(compile_once, store, [KEY], lookup, compile) for _ in range(4)]
        assert [result.result() for result in results] == [RAW] * 4
    assert compiled == [1]


def test_memory_full_forgets_what_was_not_used_for_longest() -> None:
    store = MemoryStore(4000)
    keys = [ArtifactKey(bytes([i]) * 32, bytes(32), "x86-64-v1", "baseline") for i in range(3)]
    # Incompressible: each takes about 1,300 bytes and what it costs to keep it.
    for key in keys[:2]:
        store.put(key, os.urandom(1000), {})
    store.get(keys[0])
    store.peek(keys[1])
    store.put(keys[2], os.urandom(1000), {})
    assert [isinstance(store.peek(key), Entry) for key in keys] == [True, False, True]
    assert store.counters.snapshot()["evicted"] == 1
    assert store.amounts.snapshot()["evicted-bytes"] > 1000


def test_memory_too_small_for_an_artifact_is_a_failure_that_evicts_nothing() -> None:
    store = MemoryStore(4000)
    store.put(KEY, RAW, {})
    failure = store.put(OTHER, os.urandom(5000), {})
    assert isinstance(failure, StoreFailure) and failure.reason == TOO_LARGE
    assert isinstance(store.peek(KEY), Entry)


def test_memory_stores_are_apart() -> None:
    one, other = MemoryStore(4000), MemoryStore(4000)
    one.put(KEY, RAW, {})
    assert isinstance(other.peek(KEY), Miss)
    assert one.place != other.place


def test_memory_in_a_forked_child_goes_on_with_a_copy_and_new_counts() -> None:
    store = MemoryStore(4000)
    store.put(KEY, RAW, {})
    # Another thread of the parent might be in the middle of a lookup.
    with store._lock:
        child = os.fork()
        if not child:
            is_right = False
            try:
                found = isinstance(store.get(KEY), Entry)
                is_right = found and store.counters.snapshot() == {"hit": 1}
            finally:
                os._exit(not is_right)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
