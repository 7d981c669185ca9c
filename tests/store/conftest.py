"""A store in a fresh directory, and child processes that use one.

Children run as an ordinary user even where the tests run as root, since root may write anywhere.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore

KEY = ArtifactKey(bytes(range(32)), bytes(range(32, 64)), "x86-64-v3:+avx,+avx2", "optimized")
OTHER = ArtifactKey(bytes(32), bytes(32), "x86-64-v1", "baseline")
RAW = b"artifact"

_ORDINARY_USER = 65534

PRELUDE = f"""
import sys
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
KEY = ArtifactKey({KEY.wasm_digest!r}, {KEY.compat!r}, {KEY.isa!r}, {KEY.tier!r})
store = LocalStore(sys.argv[1])
"""

# Everything is imported first: an ordinary user may have no access to the interpreter's files.
DROP_PRIVILEGES = f"""
import fcntl, os, random, resource, signal
from cachewasm.cache import outcomes, settings, zstd
from cachewasm.cache.upkeep import cleanup
from cachewasm.cache.upkeep.prune import prune
zstd.compress(b"x")
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({_ORDINARY_USER})
    os.setuid({_ORDINARY_USER})
"""

Child = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def key() -> ArtifactKey:
    """The key of the tests."""
    return KEY


@pytest.fixture
def other_key() -> ArtifactKey:
    """A key that shares no part with `key`."""
    return OTHER


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """A store in a directory that does not exist yet."""
    return LocalStore(str(tmp_path / "cache"))


@pytest.fixture
def entry_path(store: LocalStore, tmp_path: Path) -> Path:
    """The path of the entry of `key`, which has been put."""
    assert store.put(KEY, RAW, {"module": "demo"}) is None
    return tmp_path / "cache" / "entries" / "v1" / KEY.entry_name


@pytest.fixture
def users_directory() -> Iterator[Path]:
    """A directory of the ordinary user that `run_child` is."""
    directory = tempfile.mkdtemp()
    if os.geteuid() == 0:
        os.chown(directory, _ORDINARY_USER, _ORDINARY_USER)
    yield Path(directory)
    for path, _, _ in os.walk(directory):
        os.chmod(path, 0o700)
    shutil.rmtree(directory)


@pytest.fixture
def run_child(users_directory: Path) -> Child:
    """Run a script after PRELUDE, with `store` in users_directory/cache, as an ordinary user."""

    def run(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PRELUDE + DROP_PRIVILEGES + script, users_directory / "cache"],
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def child_script() -> str:
    """PRELUDE, for tests that start their own processes."""
    return PRELUDE
