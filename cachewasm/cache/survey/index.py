"""The index: what entries say of themselves, kept so that a listing need not open every file.

It is a copy of facts in headers and manifests, for commands that list; neither a hit nor a miss opens
it, and nothing is decided by it. A fact counts only as long as the file has the size and the time that
stand beside it. So deleting the index loses nothing, and whoever cannot use it reads the files.

It is kept by diskcache, an SQLite database, with one row per directory of entries: a check and a JSON
text. What SQLite and diskcache would do with a planted file is ruled out before diskcache opens it:

- it is trusted as an entry is, of bounded size, on a local file system, and this process alone uses
  it, by a lock for which nobody waits;
- its schema and settings are those of a new index, so no view or trigger runs; each of its pages is
  used once, so no walk goes in circles;
- the `Disk` takes texts in the row itself and nothing else: no pickle, no file beside the database.

Whatever is wrong with it, it is made anew or done without.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from json import dumps, loads

import diskcache
from blake3 import blake3
from diskcache.core import MODE_RAW

from cachewasm.cache import files, layout, publish, trust
from cachewasm.cache.byte_lock import ByteLock
from cachewasm.cache.reasons import CORRUPT, EntryError
from cachewasm.cache.survey import mounts
from cachewasm.cache.survey.facts import Facts, Maker
from cachewasm.cache.survey.inspect import ListedFile
from cachewasm.cache.trust import DEFAULT_RULES, Rules

# 100,000 entries take 16 MB.
MAX_SIZE = 128 << 20

# What a damaged or planted database makes SQLite, diskcache and this module raise.
ERRORS = (
    *(sqlite3.Error, diskcache.Timeout, OSError, EntryError),
    *(ValueError, TypeError, AttributeError, LookupError, AssertionError, RecursionError),
)

# In the mode of _SETTINGS, SQLite makes no other file beside the database.
_MADE = layout.DATABASE_FILES[:2]
_CHECK_DIGITS = 16
_SHARD = frozenset("0123456789abcdef")
_SETTINGS = {
    "statistics": 0,
    "tag_index": 0,
    "eviction_policy": "none",
    "size_limit": 1 << 62,
    "cull_limit": 0,
    "disk_min_file_size": 1 << 62,
    # One process at a time: no log and no shared memory beside the file; all of it can be made again.
    "sqlite_journal_mode": "delete",
    "sqlite_mmap_size": 0,
    "sqlite_synchronous": 0,
}
# Settings whose values count what is in the database.
_COUNTS = ("count", "size", "hits", "misses")
# Thousands of steps of SQLite's machine that looking at a database may take: no sound one needs a
# hundredth of it.
_MAX_STEPS = 10_000


class RawDisk(diskcache.Disk):  # type: ignore[misc]
    """Keys are the names of shards, values are texts in the row. All else raises ValueError."""

    def put(self, key: object) -> tuple[str, bool]:
        """The key as it is."""
        if type(key) is not str or len(key) != 2 or not _SHARD.issuperset(key):
            raise ValueError("not a shard")
        return key, True

    def get(self, key: object, raw: object) -> str:
        """The same."""
        if not raw:
            raise ValueError("not a raw key")
        return self.put(key)[0]

    def store(self, value: object, read: object, key: object = None) -> tuple[int, int, None, str]:
        """The text as it is."""
        if type(value) is not str or read:
            raise ValueError("not a text")
        return 0, MODE_RAW, None, value

    def fetch(self, mode: object, filename: object, value: object, read: object) -> str:
        """The text, if it was stored here."""
        if mode != MODE_RAW or filename is not None or type(value) is not str or read:
            raise ValueError("not a text in the row")
        return value

    def filename(self, key: object = None, value: object = None) -> tuple[str, str]:
        """Never."""
        raise ValueError("values have no files")

    def remove(self, file_path: object) -> None:
        """Nothing: what a row names is not ours."""


class Index:
    """The open index of a directory, of which there is one at a time. close() it, or use `with`.

    The constructor raises any of ERRORS; then, and when a method does, the index is no good.
    """

    def __init__(self, directory: str, rules: Rules = DEFAULT_RULES) -> None:
        # A database cannot be sealed, so with a secret, too, owners and modes decide.
        rules = Rules(rules.owners, None, rules.file_mode)
        directory = _trusted(directory, rules)
        root = os.path.join(directory, layout.INDEX)
        files.check_leads_nowhere_else(layout.lock_path(directory))
        self._lock = ByteLock(directory, layout.INDEX_OFFSET, rules)
        try:
            if not self._lock.is_held:
                raise OSError("another process has it")
            _make(root, rules)
            if not _is_sound(root, rules):
                _remove(root)
                publish.create_empty(os.path.join(root, layout.DATABASE), rules)
            self._cache = _open(root)
        except BaseException:
            self._lock.close()
            raise
        self._root = root

    def read(self, shard: str) -> dict[str, tuple[int, int, Facts]]:
        """Of each known entry, by its name: the time and size that it had, and its facts."""
        text = self._cache.get(shard)
        return {} if text is None else _decode(text)

    def write(self, shard: str, facts: Iterable[tuple[ListedFile, Facts]]) -> None:
        """Replace what is known of a shard."""
        self._cache.set(shard, _encode(facts))

    def discard(self) -> None:
        """Close, and have it made anew the next time."""
        _remove(self._root)
        self.close()

    def close(self) -> None:
        """Give the index back."""
        self._cache.close()
        self._lock.close()


def _trusted(directory: str, rules: Rules) -> str:
    """The directory without symbolic links, if there can be an index in it. Raises OSError."""
    state = files.DirectoryState(directory, rules)
    if state.problem is not None or not state.exists:
        raise OSError(state.problem or "there is no directory")
    # diskcache replaces what looks like a variable.
    if os.path.expandvars(os.path.expanduser(state.path)) != state.path:
        raise OSError("its path is not one for diskcache")
    mount = mounts.mount_of(state.path)
    if mount is None or not mount.is_local:
        raise OSError(f"its file system is {'unknown' if mount is None else mount.type}")
    return state.path


def _make(root: str, rules: Rules) -> None:
    """Make the folder of the index. Raises OSError if others could change it."""
    files.check_leads_nowhere_else(root)
    publish.make_directory_inside(root, rules)
    for path in (os.path.dirname(root), root):
        status = files.status_of(path)
        problem = "it is gone" if status is None else trust.directory_problem(status, rules)
        if problem is not None:
            raise OSError(f"{path}: {problem}")


def _remove(root: str) -> None:
    for name in layout.DATABASE_FILES:
        publish.remove(os.path.join(root, name))


def _open(root: str) -> diskcache.Cache:
    return diskcache.Cache(root, timeout=1, disk=RawDisk, **_SETTINGS)


def _is_sound(root: str, rules: Rules) -> bool:
    """Whether the database may be opened by diskcache. Raises OSError if others could change it."""
    for name in layout.DATABASE_FILES:
        path = os.path.join(root, name)
        if files.status_of(path) is None:
            continue
        try:
            with files.EntryFile(path, MAX_SIZE, rules):
                pass
        except EntryError as error:
            if error.reason == CORRUPT:
                return False
            raise
        if name not in _MADE:
            return False
    if files.status_of(os.path.join(root, layout.DATABASE)) is None:
        return False
    try:
        found = _outline(os.path.join(root, layout.DATABASE))
    except ERRORS:
        return False
    with tempfile.TemporaryDirectory() as new:
        _open(new).close()
        return found == _outline(os.path.join(new, layout.DATABASE))


def _outline(path: str) -> tuple[set[object], set[object]]:
    """The schema and the settings of a database whose pages are in order. Raises any of ERRORS."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        budget = iter(range(_MAX_STEPS))
        connection.set_progress_handler(lambda: next(budget, None) is None, 1000)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("BEGIN EXCLUSIVE")
        columns = "type, name, tbl_name, sql"
        schema = set(connection.execute(f"SELECT {columns} FROM sqlite_master"))
        if any(kind == "view" or "VIRTUAL" in str(sql).upper() for kind, _, _, sql in schema):
            raise ValueError("not our tables")
        if connection.execute("PRAGMA quick_check(1)").fetchall() != [("ok",)]:
            raise ValueError("its pages are not in order")
        settings: set[object] = set()
        for key, value in connection.execute("SELECT key, value FROM Settings"):
            settings.add((key, type(value) if key in _COUNTS else value))
        connection.execute("ROLLBACK")
        return schema, settings


def _encode(facts: Iterable[tuple[ListedFile, Facts]]) -> str:
    """Makers once, then of each entry its numbers and which maker is its own."""
    makers: dict[Maker, int] = {}
    rows = {}
    for file, each in facts:
        if not each.reason:
            maker = makers.setdefault(each.maker, len(makers))
            numbers = (each.compile_ms, each.raw_size, each.created, maker)
            rows[file.name] = (file.mtime_ns, file.size, each.module, *numbers)
    told = [(maker.version, maker.compiler, maker.namespace) for maker in makers]
    text = dumps((told, rows), separators=(",", ":"))
    return _check_of(text) + text


def _check_of(text: str) -> str:
    return blake3(text.encode()).hexdigest()[:_CHECK_DIGITS]


def _decode(text: str) -> dict[str, tuple[int, int, Facts]]:
    """Raises ValueError, TypeError, AttributeError, LookupError, RecursionError."""
    known = {}
    check, text = text[:_CHECK_DIGITS], text[_CHECK_DIGITS:]
    if check != _check_of(text):
        raise ValueError("not a whole row")
    told, rows = loads(text)
    makers = [Maker(version, compiler, namespace) for version, compiler, namespace in told]
    if any(type(part) is not str for row in told for part in row):
        raise ValueError("not a maker")
    for name, row in rows.items():
        mtime_ns, size, module, compile_ms, raw_size, created, maker = row
        is_whole = type(mtime_ns) is type(size) is type(compile_ms) is type(raw_size) is int
        if type(module) is not str or not is_whole or type(created) is not int:
            raise ValueError("not a row of an entry")
        known[name] = (mtime_ns, size, Facts(module, compile_ms, raw_size, created, makers[maker]))
    return known
