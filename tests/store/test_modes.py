"""Modes that write nothing, directories that a group shares, and a cache that root has baked."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cachewasm.cache import outcomes
from cachewasm.cache.alias import AliasKey
from cachewasm.cache.entry import Entry
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.reasons import ABSENT, READ_ONLY, UNTRUSTED, Miss, StoreFailure
from cachewasm.cache.settings import CacheConfig
from cachewasm.errors import ConfigError

from .conftest import KEY, OTHER, RAW

TEXT = AliasKey(bytes(range(32)), bytes(32))
MEMBERS = (4242, 4243)
# Children that have become somebody else may have no access to the interpreter's files.
IMPORTED = (outcomes,)
GROUP = 4200


def _store(directory: Path, **settings: object) -> LocalStore:
    config = CacheConfig(environ={"CACHEWASM_DIR": str(directory)})
    for name, value in settings.items():
        setattr(config, name, value)
    return LocalStore(str(directory), config=config.in_use())


def _state(root: Path) -> list[tuple[str, int, int, int]]:
    """All that a write would change."""
    found = []
    for place, _, names in os.walk(root):
        for name in (".", *names):
            path = os.path.join(place, name)
            status = os.lstat(path)
            found.append((path, status.st_mtime_ns, status.st_ctime_ns, status.st_size))
    return sorted(found)


@pytest.fixture(params=["read-only", "must-hit"])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> LocalStore:
    """A store that does not write, over a directory with an entry and an alias not used for long."""
    writer = _store(tmp_path / "cache")
    writer.put(KEY, RAW, {})
    writer.put_alias(TEXT, bytes(32))
    for path in (tmp_path / "cache").rglob("*"):
        os.utime(path, (0, 0))
    return _store(tmp_path / "cache", mode=request.param)


def test_reader_finds_and_writes_nothing_at_all(reader: LocalStore, tmp_path: Path) -> None:
    before = _state(tmp_path)
    assert isinstance(reader.get(KEY), Entry)
    assert isinstance(reader.peek(KEY), Entry)
    assert reader.get_alias(TEXT) == bytes(32)
    assert isinstance(reader.get(OTHER), Miss)
    for failure in (reader.put(OTHER, RAW, {}), reader.put_alias(TEXT, bytes(32))):
        assert isinstance(failure, StoreFailure) and failure.reason == READ_ONLY
    reader.record()
    assert _state(tmp_path) == before
    assert reader.counters.snapshot() == {"hit": 1, "alias-hit": 1, "miss.absent": 1}
    assert not reader.writes


@pytest.mark.parametrize("mode", ["read-only", "must-hit"])
def test_reader_of_a_missing_directory_makes_none(tmp_path: Path, mode: str) -> None:
    reader = _store(tmp_path / "cache", mode=mode)
    missed = reader.get(KEY)
    assert isinstance(missed, Miss) and missed.reason == ABSENT
    reader.put(KEY, RAW, {})
    reader.record()
    assert list(tmp_path.iterdir()) == []
    assert reader.trouble == ""


def _as_user(user: int, group: int, work: Callable[[], bool]) -> bool:
    """What `work` returns in a child that has become another user; False if it raises."""
    child = os.fork()
    if not child:
        is_right = False
        try:
            os.umask(0o002)
            os.setgroups([])
            os.setgid(group)
            os.setuid(user)
            is_right = work()
        finally:
            os._exit(not is_right)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory of a group, in one that everybody can reach: pytest's own are private."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        root = Path(directory, "cache")
        root.mkdir()
        os.chown(root, 0, GROUP)
        root.chmod(0o2770)
        yield root


AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs to become several users")


@AS_ROOT
def test_group_with_mode_and_owners_shares_a_directory(shared: Path) -> None:
    def member(key: ArtifactKey) -> bool:
        store = _store(shared, file_mode=0o660, trusted_owners=MEMBERS)
        written = store.put(key, RAW, {})
        os.close(store.open_lock_file())
        store.record()
        return written is None and store.trouble == "" and "store" in store.counters.snapshot()

    def both_there() -> bool:
        store = _store(shared, file_mode=0o660, trusted_owners=MEMBERS)
        return all(isinstance(store.get(key), Entry) for key in (KEY, OTHER))

    assert _as_user(MEMBERS[0], GROUP, lambda: member(KEY))
    assert _as_user(MEMBERS[1], GROUP, lambda: member(OTHER))
    # Shards, locks and statistics of one member are used by the other one.
    assert _as_user(MEMBERS[1], GROUP, lambda: member(KEY))
    assert _as_user(MEMBERS[0], GROUP, both_there)
    owners = {path.stat().st_uid for path in shared.rglob("*")}
    groups = {path.stat().st_gid for path in shared.rglob("*")}
    modes = {path.stat().st_mode & 0o7777 for path in shared.rglob("*")}
    assert (owners, groups, modes) == ({*MEMBERS}, {GROUP}, {0o660, 0o2770})


@AS_ROOT
@pytest.mark.parametrize(
    "settings",
    [{}, {"trusted_owners": MEMBERS}],
    ids=["default", "owners"],
)
def test_group_without_a_mode_for_it_is_untrusted(
    shared: Path, settings: dict[str, object]
) -> None:
    def misses() -> bool:
        missed = _store(shared, **settings).get(KEY)
        return isinstance(missed, Miss) and missed.reason == UNTRUSTED

    assert _as_user(MEMBERS[0], GROUP, misses)


def test_group_with_neither_owners_nor_a_secret_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^file_mode: what a group can write \(mode 0660\)"):
        _store(tmp_path, file_mode=0o660)


@AS_ROOT
def test_group_member_who_is_not_a_trusted_owner_is_untrusted(shared: Path) -> None:
    settings: dict[str, object] = {"file_mode": 0o660, "trusted_owners": MEMBERS[:1]}
    assert _as_user(MEMBERS[1], GROUP, lambda: _store(shared, **settings).put(KEY, RAW, {}) is None)

    def misses() -> bool:
        missed = _store(shared, **settings).get(KEY)
        return isinstance(missed, Miss) and missed.reason == UNTRUSTED

    assert _as_user(MEMBERS[0], GROUP, misses)


@AS_ROOT
def test_owner_who_is_trusted_is_believed_in_a_directory_of_his(shared: Path) -> None:
    os.chown(shared, MEMBERS[0], MEMBERS[0])
    shared.chmod(0o755)
    assert _as_user(
        MEMBERS[0], MEMBERS[0], lambda: _store(shared, file_mode=0o644).put(KEY, RAW, {}) is None
    )
    assert isinstance(_store(shared).get(KEY), Miss)
    assert isinstance(_store(shared, trusted_owners=MEMBERS).get(KEY), Entry)
