"""A directory with somebody else's files, and without our tag: nothing is put there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cachewasm.cache import layout
from cachewasm.cache.alias import AliasKey
from cachewasm.cache.byte_lock import ByteLock
from cachewasm.cache.history import statistics
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.reasons import UNWRITABLE, EntryError, StoreFailure
from cachewasm.cache.single_flight import compile_once

from .conftest import KEY, OTHER, RAW

TEXT = AliasKey(bytes(range(32)), bytes(32))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Somebody's directory."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "thesis.txt").touch()
    return home


def test_store_in_a_foreign_directory_puts_nothing_there_and_warns_once(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = LocalStore(str(home))
    for key in (KEY, OTHER):
        store.get(key)
        failure = store.put(key, RAW, {})
        assert isinstance(failure, StoreFailure) and failure.reason == UNWRITABLE
    assert isinstance(store.put_alias(TEXT, bytes(32)), StoreFailure)
    assert compile_once(store, [KEY], lambda: None, lambda: 42) == 42
    store.record()
    statistics.append(store.directory, {"evicted": 1})
    with pytest.raises(EntryError, match="holds other files"):
        ByteLock(store.directory, 1)
    assert os.listdir(home) == ["thesis.txt"]
    assert store.counters.snapshot() == {
        "miss.absent": 2,
        "store-failure.unwritable": 2,
        "alias-store-failure.unwritable": 1,
        "lock-failure.unlockable": 1,
        "degraded": 1,
    }
    (warning,) = (each for each in caplog.records if each.levelname == "WARNING")
    assert f"{home} holds other files and no CACHEDIR.TAG" in warning.getMessage()


def test_process_with_a_foreign_directory_compiles_and_leaves_it_alone(home: Path) -> None:
    script = (
        "import logging\n"
        "logging.basicConfig()\n"
        "from cachewasm import Engine, Instance, Module, Store\n"
        "engine = Engine()\n"
        "store = Store(engine)\n"
        "text = '(module (func (export \"f\") (result i32) (i32.const 42)))'\n"
        "module = Module(engine, text)\n"
        "print(Instance(store, module, []).exports(store)['f'](store))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "CACHEWASM_DIR": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "42\n"
    assert done.stderr.count("compiled code is not cached: unwritable") == 1
    assert os.listdir(home) == ["thesis.txt"]


def test_store_in_an_older_cache_without_the_tag_goes_on_and_tags_it(
    store: LocalStore, entry_path: Path, other_key: ArtifactKey
) -> None:
    tag = Path(store.directory, layout.TAG)
    tag.unlink()
    assert LocalStore(store.directory).put(other_key, RAW, {}) is None
    assert tag.read_bytes() == layout.TAG_CONTENT
    assert entry_path.exists()


def test_store_in_a_tagged_directory_does_not_mind_other_files(
    store: LocalStore, entry_path: Path, other_key: ArtifactKey
) -> None:
    entry_path.parents[3].joinpath("notes.txt").touch()
    assert LocalStore(store.directory).put(other_key, RAW, {}) is None
