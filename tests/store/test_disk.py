"""Directories that cannot be trusted or written, disks that are full, writers that are killed."""

import logging
import os
import signal
from pathlib import Path

import pytest

from cachewasm.cache.alias import AliasKey
from cachewasm.cache.entry import Entry
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore, Miss, StoreFailure
from cachewasm.cache.reasons import TOO_LARGE, UNTRUSTED, UNWRITABLE
from cachewasm.log import LOGGER_NAME

from .conftest import Child

RAW = b"artifact"
# Incompressible, so that the entry is as large as it looks.
FILL = "big = random.Random(1).randbytes(100_000)\n"


def _cut_short(at: int) -> str:
    return f"resource.setrlimit(resource.RLIMIT_FSIZE, ({at}, {at}))\n"


def test_put_on_a_full_disk_is_a_failure_that_leaves_nothing(
    run_child: Child, users_directory: Path
) -> None:
    child = run_child(FILL + _cut_short(50_000) + "print(store.put(KEY, big, {}))")
    assert child.stdout.startswith("StoreFailure(full: ")
    assert child.stderr == ""
    assert os.listdir(users_directory / "cache" / "tmp") == []
    assert os.listdir(users_directory / "cache" / "entries" / "v1" / "00") == []


def test_put_on_a_full_disk_leaves_the_old_entry(run_child: Child) -> None:
    child = run_child(
        FILL
        + "assert store.put(KEY, b'old', {}) is None\n"
        + _cut_short(50_000)
        + "print(store.put(KEY, big, {}) is None, bytes(store.get(KEY).raw))\n"
    )
    assert child.stdout == "False b'old'\n"


def test_put_killed_while_writing_leaves_only_a_temporary_file(
    run_child: Child, users_directory: Path
) -> None:
    # SIGXFSZ, which Python ignores unless told not to, kills in the middle of the write.
    child = run_child(
        FILL
        + "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        + "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        + _cut_short(50_000)
        + "store.put(KEY, big, {})"
    )
    assert child.returncode == -signal.SIGXFSZ
    (left,) = (users_directory / "cache" / "tmp").iterdir()
    assert 0 < left.stat().st_size <= 50_000
    assert os.listdir(users_directory / "cache" / "entries" / "v1" / "00") == []
    after = run_child("print(store.get(KEY).reason, store.put(KEY, b'x', {}), store.get(KEY).key)")
    assert after.stdout.startswith("absent None ArtifactKey")


def test_put_in_an_unwritable_directory_is_a_failure(
    run_child: Child, users_directory: Path
) -> None:
    users_directory.chmod(0o555)
    child = run_child("print(store.put(KEY, b'x', {}), store.get(KEY))")
    assert child.stdout.startswith("StoreFailure(unwritable: ")
    assert child.stdout.endswith("Miss(absent: no entry)\n")


def test_get_from_a_read_only_directory_is_a_hit(run_child: Child, users_directory: Path) -> None:
    assert run_child("assert store.put(KEY, b'x', {}) is None").returncode == 0
    for path, _, names in os.walk(users_directory / "cache"):
        for name in names:
            os.chmod(os.path.join(path, name), 0o444)
        os.chmod(path, 0o555)
    child = run_child("print(bytes(store.get(KEY).raw), store.put(KEY, b'y', {}).reason)")
    assert child.stdout == "b'x' unwritable\n"


def test_get_unreadable_entry_is_a_miss(run_child: Child, users_directory: Path) -> None:
    child = run_child(
        "assert store.put(KEY, b'x', {}) is None\n"
        "os.chmod(f'{sys.argv[1]}/entries/v1/{KEY.entry_name}', 0)\n"
        "print(store.get(KEY))"
    )
    assert child.stdout == "Miss(unreadable: it cannot be opened: Permission denied)\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a cache that another user made")
def test_get_from_a_cache_of_root_is_a_hit_for_every_user(
    run_child: Child, users_directory: Path, key: ArtifactKey
) -> None:
    os.chown(users_directory, 0, 0)
    users_directory.chmod(0o755)
    assert LocalStore(str(users_directory / "cache")).put(key, RAW, {}) is None
    for path, _, names in os.walk(users_directory / "cache"):
        for name in names:
            os.chmod(os.path.join(path, name), 0o444)
        os.chmod(path, 0o755)
    assert run_child("print(bytes(store.get(KEY).raw))").stdout == "b'artifact'\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a cache that another user made")
def test_get_as_root_from_a_users_cache_is_untrusted(
    run_child: Child, users_directory: Path, key: ArtifactKey
) -> None:
    assert run_child("assert store.put(KEY, b'x', {}) is None").returncode == 0
    missed = LocalStore(str(users_directory / "cache")).get(key)
    assert isinstance(missed, Miss)
    assert missed.reason == UNTRUSTED


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_store_in_a_directory_that_others_write_is_untrusted(
    entry_path: Path, key: ArtifactKey, mode: int
) -> None:
    root = entry_path.parents[3]
    root.chmod(mode)
    store = LocalStore(str(root))
    assert store.may_have(key)  # why it is of no use is for `get` to tell
    missed, failure = store.get(key), store.put(key, b"new", {})
    assert isinstance(missed, Miss) and missed.reason == UNTRUSTED
    assert isinstance(failure, StoreFailure) and failure.reason == UNTRUSTED
    root.chmod(0o700)
    entry = store.get(key)
    assert isinstance(entry, Entry) and entry.raw == RAW


def test_put_below_a_directory_that_others_write_makes_nothing(
    tmp_path: Path, key: ArtifactKey
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    failure = LocalStore(str(tmp_path / "open" / "cache")).put(key, RAW, {})
    assert isinstance(failure, StoreFailure) and failure.reason == UNTRUSTED
    assert os.listdir(tmp_path / "open") == []


def test_store_untrusted_directory_is_warned_of_once(
    entry_path: Path, key: ArtifactKey, caplog: pytest.LogCaptureFixture
) -> None:
    root = entry_path.parents[3]
    root.chmod(0o777)
    store = LocalStore(str(root))
    with caplog.at_level(logging.WARNING, logger=LOGGER_NAME):
        store.get(key)
        store.get(key)
    (message,) = caplog.messages
    assert f"the cache directory is not trusted: {root}: others can write to it" in message


def test_put_into_a_file_in_place_of_the_directory_is_untrusted(
    tmp_path: Path, key: ArtifactKey
) -> None:
    (tmp_path / "cache").touch()
    failure = LocalStore(str(tmp_path / "cache")).put(key, RAW, {})
    assert isinstance(failure, StoreFailure) and failure.reason == UNTRUSTED


def test_put_over_a_directory_in_place_of_the_entry_is_unwritable(
    store: LocalStore, entry_path: Path, key: ArtifactKey
) -> None:
    entry_path.unlink()
    (entry_path / "something").mkdir(parents=True)
    failure = store.put(key, RAW, {})
    assert isinstance(failure, StoreFailure) and failure.reason == UNWRITABLE
    assert os.listdir(entry_path.parents[3] / "tmp") == []


def test_put_beyond_the_bounds_is_too_large(
    store: LocalStore, key: ArtifactKey, tmp_path: Path
) -> None:
    # A sparse file stands for the memory of such an artifact.
    import mmap

    with (tmp_path / "large").open("w+b") as file:
        file.truncate((1 << 30) + 1)
        with mmap.mmap(file.fileno(), 0) as mapping, memoryview(mapping) as large:
            failure = store.put(key, large, {})
    assert isinstance(failure, StoreFailure) and failure.reason == TOO_LARGE
    assert store.counters.snapshot() == {"store-failure.too-large": 1}


def test_get_from_a_directory_that_may_not_be_searched_is_said_once(run_child: Child) -> None:
    child = run_child(
        "assert store.put(KEY, b'x', {}) is None\n"
        "os.chmod(f'{sys.argv[1]}/entries', 0)\n"
        "print(store.get(KEY), store.get(KEY).reason, store.put(KEY, b'x', {}).reason)\n"
        "print(store.counters.snapshot()['degraded'], store.trouble)\n"
    )
    missed, trouble = child.stdout.splitlines()
    assert missed.startswith("Miss(unreadable: ")
    assert missed.endswith("may not be searched) unreadable unwritable")
    assert trouble.startswith("1 unreadable: ")


def test_directory_of_no_use_is_said_once_whatever_is_asked(
    tmp_path: Path, key: ArtifactKey, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").touch()
    text = AliasKey(bytes(32), bytes(32))
    stores = [LocalStore(str(tmp_path / "cache")) for _ in range(2)]
    with caplog.at_level(logging.WARNING, logger=LOGGER_NAME):
        for store in stores:
            store.get_alias(text)
            store.get(key)
            store.put(key, RAW, {})
            store.put_alias(text, bytes(32))
            store.record()
    assert [message.partition(" (")[0] for message in caplog.messages] == [
        "compiled code is not cached: untrusted"
    ]
    assert [store.counters.snapshot().get("degraded") for store in stores] == [1, None]
    assert all("it is not a directory" in store.trouble for store in stores)


def test_put_failures_after_the_first_are_no_warnings(
    tmp_path: Path, key: ArtifactKey, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").touch()
    store = LocalStore(str(tmp_path / "cache"))
    with caplog.at_level(logging.WARNING, logger=LOGGER_NAME):
        store.put(key, RAW, {})
        store.put(key, RAW, {})
    assert len(caplog.messages) == 1
