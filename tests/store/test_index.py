"""The index of what entries say of themselves: it never changes what a listing says."""

import os
import pickle
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import diskcache
import pytest

from cachewasm.cache import layout
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.secret import Secret
from cachewasm.cache.survey import facts, index, mounts
from cachewasm.cache.survey.facts import Facts, with_facts
from cachewasm.cache.survey.index import ERRORS, Index, RawDisk
from cachewasm.cache.survey.inspect import listing
from cachewasm.cache.survey.mounts import Mount
from cachewasm.cache.trust import DEFAULT_RULES, Rules

from .damage import flips, splices, truncations

COUNT = 6
# Of each way to damage the database; a thousand of each have been tried.
SAMPLES = 40
EXPECTED = [Facts(f"module {number}", number, 100) for number in range(COUNT)]


def _key(number: int) -> ArtifactKey:
    digest = bytes([number // 3]) + bytes([number]) * 31
    return ArtifactKey(digest, digest, "x86-64-v1", "baseline")


class Opened:
    """Counts the entries that are opened to be read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._read = facts.read_facts
        monkeypatch.setattr(facts, "read_facts", self._counted)

    def _counted(self, *arguments: object) -> Facts:
        self.count += 1
        return self._read(*arguments)  # type: ignore[arg-type]


@pytest.fixture
def cache(store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six entries in two shards, for which the index is used, and which are in it."""
    monkeypatch.setattr(facts, "MIN_ENTRIES", 1)
    for number in range(COUNT):
        manifest = {"module_name": f"module {number}", "compile_ms": number}
        assert store.put(_key(number), b"x" * 100, manifest) is None
    assert _facts(tmp_path / "cache") == EXPECTED
    return tmp_path / "cache"


@pytest.fixture
def opened(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    return Opened(monkeypatch)


@pytest.fixture
def database(cache: Path) -> Path:
    path = cache / layout.INDEX / "cache.db"
    assert path.is_file()
    return path


def _facts(cache: Path) -> list[Facts]:
    return [each for _, each in with_facts(str(cache), list(listing(str(cache))))]


def _change(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_index_known_entries_are_not_opened(cache: Path, opened: Opened) -> None:
    assert _facts(cache) == EXPECTED
    assert opened.count == 0


def test_index_is_private(database: Path) -> None:
    assert database.stat().st_mode & 0o077 == 0
    assert database.parent.stat().st_mode & 0o077 == 0
    assert os.listdir(database.parent) == ["cache.db"]


def test_index_entry_used_or_replaced_is_opened_once(
    cache: Path, store: LocalStore, opened: Opened
) -> None:
    os.utime(cache / "entries" / "v1" / _key(1).entry_name, (5, 5))
    store.put(_key(4), b"y", {"module_name": "new"})
    expected = [*EXPECTED[:4], Facts("new", 0, 1), EXPECTED[5]]
    assert [_facts(cache), opened.count] == [expected, 2]
    assert [_facts(cache), opened.count] == [expected, 2]


def test_index_forgets_entries_that_are_gone(cache: Path, opened: Opened) -> None:
    (cache / "entries" / "v1" / _key(0).entry_name).unlink()
    assert _facts(cache) == EXPECTED[1:]
    with closing(Index(str(cache))) as opened_index:
        assert list(opened_index.read("00")) == [_key(1).entry_name, _key(2).entry_name]


def test_index_entries_that_cannot_be_read_are_always_opened(cache: Path, opened: Opened) -> None:
    path = cache / "entries" / "v1" / _key(0).entry_name
    path.write_bytes(b"damaged")
    assert _facts(cache)[0] == Facts(reason="torn")
    path.chmod(0o666)
    assert _facts(cache)[0] == Facts(reason="untrusted")
    assert opened.count == 2


def test_index_deleted_is_made_anew(cache: Path, database: Path, opened: Opened) -> None:
    shutil.rmtree(cache / "index")
    assert _facts(cache) == EXPECTED
    assert opened.count == COUNT
    assert database.exists()


def test_index_of_few_entries_is_not_made(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(cache / "index")
    monkeypatch.setattr(facts, "MIN_ENTRIES", COUNT + 1)
    assert _facts(cache) == EXPECTED
    assert not (cache / "index").exists()


class Planted:
    """What runs if it is unpickled."""

    def __init__(self, victim: Path) -> None:
        self._victim = victim

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.unlink, (str(self._victim),)


@pytest.mark.parametrize("mode", [1, 2, 3, 4, 5, "'x'"])
@pytest.mark.parametrize("name", ["NULL", "'../../../victim'", "'/{path}'"])
def test_index_planted_row_reads_and_removes_no_file(
    cache: Path, database: Path, tmp_path: Path, mode: object, name: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    name = name.format(path=victim)
    value = pickle.dumps(Planted(victim)).hex()
    _change(database, f"UPDATE Cache SET mode = {mode}, filename = {name}, value = x'{value}'")
    for _ in range(2):
        assert _facts(cache) == EXPECTED
    # A shard that is written anew would have the old row's file removed.
    _change(database, f"UPDATE Cache SET filename = {name}")
    (cache / "entries" / "v1" / _key(0).entry_name).unlink()
    assert _facts(cache) == EXPECTED[1:]
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize(
    "value",
    [
        *("NULL", "7", "1.5", "x'00'", "''", "'null'", "'[]'", "'{'", "'[1,2,3]'"),
        *("""'{"a": 1}'""", """'{"a": [1,2,3,4,5]}'""", """'{"a": [1,2,"m",4,5.5]}'"""),
        f"'{'[' * 100_000}'",
        f"""'{{"a": [1,2,"m",4,{"9" * 10_000}]}}'""",
    ],
    ids=lambda value: value[:20],
)
def test_index_planted_value_is_made_anew(
    cache: Path, database: Path, opened: Opened, value: str
) -> None:
    _change(database, f"UPDATE Cache SET value = {value}")
    if value[:1] == "'":
        check = index._check_of(value[1:-1])
        _change(database, f"UPDATE Cache SET value = '{check}' || value")
    assert _facts(cache) == EXPECTED
    assert 0 < opened.count <= COUNT
    while opened.count:
        opened.count = 0
        assert _facts(cache) == EXPECTED


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW planted AS SELECT 1",
        "CREATE TABLE planted (x)",
        "CREATE TRIGGER planted AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END",
        "DROP TRIGGER Settings_count_insert",
        "DROP TABLE Settings",
        "INSERT INTO Settings VALUES ('sqlite_secure_delete', 1)",
        "INSERT INTO Settings VALUES (x'00', 1)",
        "UPDATE Settings SET value = 'x' WHERE key = 'count'",
        "UPDATE Settings SET value = 0 WHERE key = 'disk_min_file_size'",
        "DELETE FROM Settings",
        "PRAGMA user_version = 7",
    ],
)
def test_index_planted_schema_or_setting_changes_nothing(
    cache: Path, database: Path, statement: str
) -> None:
    _change(database, statement)
    assert _facts(cache) == EXPECTED
    with closing(sqlite3.connect(database)) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert "planted" not in names and "Settings" in names


def test_index_endless_view_in_place_of_the_settings_ends(cache: Path, database: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
    _change(
        database,
        "DROP TABLE Settings",
        f"CREATE VIEW Settings AS {endless} SELECT x AS key, x AS value FROM n",
    )
    assert _facts(cache) == EXPECTED


def _sampled(damaged: Iterator[bytes], seed: int) -> list[bytes]:
    """Some of many, as reading a database takes milliseconds."""
    found: list[bytes] = []
    randomness = random.Random(seed)
    for number, data in enumerate(damaged):
        at = number if number < SAMPLES else randomness.randrange(number + 1)
        if at < SAMPLES:
            found[at : at + 1] = [data]
    return found


@pytest.mark.parametrize(
    "damage",
    [
        flips,
        truncations,
        # SQLite believes the first page, so half of the bytes that are altered are there.
        lambda data: (head + data[4096:] for head in flips(data[:4096])),
        lambda data: splices(data, [data[4096:8192], pickle.dumps(data)], SAMPLES),
    ],
    ids=["flips", "truncations", "flips-of-the-first-page", "splices"],
)
def test_index_damaged_file_changes_nothing(
    cache: Path, database: Path, damage: Callable[[bytes], Iterator[bytes]]
) -> None:
    whole = database.read_bytes()
    samples = _sampled(damage(whole), seed=5)
    assert len(samples) == SAMPLES and whole not in samples
    for data in samples:
        database.write_bytes(data)
        assert _facts(cache) == EXPECTED


def test_index_leftover_of_another_mode_is_removed(cache: Path, database: Path) -> None:
    database.with_name("cache.db-wal").write_bytes(b"planted")
    assert _facts(cache) == EXPECTED
    assert os.listdir(database.parent) == ["cache.db"]


@pytest.mark.parametrize("kind", ["fifo", "link", "folder", "others"])
def test_index_odd_file_is_done_without(
    cache: Path, database: Path, opened: Opened, tmp_path: Path, kind: str
) -> None:
    if kind == "others":
        database.chmod(0o666)
    else:
        moved = database.rename(tmp_path / "moved")
        if kind == "fifo":
            os.mkfifo(database)
        elif kind == "link":
            database.symlink_to(moved)
        else:
            database.mkdir()
    before = database.lstat()
    assert _facts(cache) == EXPECTED
    assert opened.count == COUNT
    assert database.lstat() == before


def test_index_folder_that_is_a_link_is_done_without(
    cache: Path, opened: Opened, tmp_path: Path
) -> None:
    (cache / "index").rename(tmp_path / "moved")
    (cache / "index").symlink_to(tmp_path / "moved")
    assert _facts(cache) == EXPECTED
    assert opened.count == COUNT


def test_index_in_use_is_done_without(cache: Path, opened: Opened) -> None:
    with closing(Index(str(cache))):
        assert _facts(cache) == EXPECTED
    assert opened.count == COUNT
    with pytest.raises(ERRORS), closing(Index(str(cache))):
        Index(str(cache))


@pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs", None])
def test_index_on_a_shared_file_system_is_done_without(
    cache: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, kind: str | None
) -> None:
    mount = kind and Mount("/", kind, frozenset())
    monkeypatch.setattr(mounts, "mount_of", lambda path: mount)
    assert _facts(cache) == EXPECTED
    assert opened.count == COUNT


@pytest.mark.parametrize("rules", [DEFAULT_RULES, Rules(secret=Secret(bytes(32)))])
def test_index_in_a_directory_that_others_can_write_is_done_without(
    cache: Path, opened: Opened, rules: Rules
) -> None:
    cache.chmod(0o777)
    assert len(_facts(cache)) == COUNT
    assert opened.count == COUNT
    # It cannot be sealed.
    with pytest.raises(OSError, match="can write"), closing(Index(str(cache), rules)):
        pass


def test_index_below_a_name_like_a_variable_is_done_without(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    monkeypatch.setenv("PLANTED", str(tmp_path / "elsewhere"))
    odd = tmp_path / "$PLANTED"
    cache.rename(odd)
    shutil.rmtree(odd / "index")
    assert _facts(odd) == EXPECTED
    assert not (tmp_path / "elsewhere").exists()


def test_index_of_a_missing_directory_is_empty(tmp_path: Path) -> None:
    assert list(with_facts(str(tmp_path / "missing"), [])) == []
    with pytest.raises(OSError):
        Index(str(tmp_path / "missing"))


def test_disk_takes_texts_of_shards_only(tmp_path: Path) -> None:
    with closing(diskcache.Cache(str(tmp_path / "d"), disk=RawDisk, disk_min_file_size=9)) as cache:
        cache.set("0a", "a text longer than nine characters")
        assert cache.get("0a") == "a text longer than nine characters"
        assert list(cache) == ["0a"]
        for key, value in (("0a", b"x"), ("0a", [1]), ("0A", "x"), (7, "x"), ("../x", "x")):
            with pytest.raises(ValueError):
                cache.set(key, value)
        with pytest.raises(ValueError):
            cache.get(("a", "tuple"))
    assert sorted(os.listdir(tmp_path / "d"))[0] == "cache.db"
    assert not any(path.is_dir() for path in (tmp_path / "d").iterdir())
