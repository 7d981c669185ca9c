"""The artifact store in a directory on local disk.

Looking up and storing never fail a run: whatever is wrong with the disk, the directory or an entry
is a miss or a store failure with its reason, counted and logged, and the caller compiles. A file is
published whole or not at all (files.py), checked in every byte when it is read (entry.py, alias.py)
and believed only if nobody else could have written it (trust.py). Layout and order of writes:
docs/format/cache.md.

On the warm path; listing, verifying and pruning are elsewhere.
"""

import errno
import os
import time

from cachewasm.cache import files, layout
from cachewasm.cache.counters import Counters, record_of
from cachewasm.cache.entry import (
    CODEC_RAW,
    CODEC_ZSTD,
    HEADER_SIZE,
    MAX_ENTRY_SIZE,
    MAX_RAW_SIZE,
    Entry,
    Header,
    pack,
    unpack,
)
from cachewasm.cache.reasons import (
    ABSENT,
    CORRUPT,
    FULL,
    TOO_LARGE,
    UNTRUSTED,
    UNWRITABLE,
    WRONG_KEY,
    EntryError,
)
from cachewasm.errors import ConfigError
from cachewasm.log import DEBUG, WARNING, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cachewasm.cache.alias import AliasKey
    from cachewasm.cache.keys import ArtifactKey
    from cachewasm.cache.settings import CacheConfig

    Key = ArtifactKey | AliasKey

# A log of statistics longer than this is folded; one longer than that takes no more records, which
# happens only where folding fails.
FOLD_SIZE = 1 << 18
MAX_LOG_SIZE = 1 << 20

_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Miss:
    """A lookup without a usable entry: `reason` is one of MISS_REASONS, `detail` a clause."""

    __slots__ = ("detail", "reason")

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail

    def __repr__(self) -> str:
        return f"Miss({self.reason}: {self.detail})"


class StoreFailure:
    """An entry that was not stored: `reason` is one of STORE_FAILURE_REASONS, `detail` a clause."""

    __slots__ = ("detail", "reason")

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail

    def __repr__(self) -> str:
        return f"StoreFailure({self.reason}: {self.detail})"


class LocalStore:
    """Entries and aliases by key in `directory`, which need not exist: the first put makes it.

    With `sync`, put returns only when the entry is on the disk. `config` has this and all other
    settings; without it they have their defaults. Holds no descriptor between calls; any number of
    processes and threads may use one directory and one store at a time.

    `counters` are events of this process, `amounts` their bytes and milliseconds. `on_event`, if set,
    is called with each event as it is counted: its name ("hit", "miss", "store", "store-failure", or
    these of aliases), the key, and the reason or "". What it raises reaches who called the store.
    """

    __slots__ = (
        "_codec",
        "_config",
        "_directory",
        "_level",
        "_recorded",
        "_suspects",
        "_sync",
        "_trusted_path",
        "amounts",
        "counters",
        "on_event",
    )

    def __init__(
        self, directory: str, *, sync: bool = False, config: "CacheConfig | None" = None
    ) -> None:
        if not os.path.isabs(directory):
            raise ConfigError(f"the cache directory must be an absolute path, not {directory!r}")
        self._directory = directory
        self._config = config
        self._sync, self._codec, self._level = sync, CODEC_ZSTD, 3
        if config is not None:
            self._sync = sync or config.sync
            self._codec = CODEC_RAW if config.payload == "raw" else CODEC_ZSTD
            self._level = config.baseline_compression_level
        self._trusted_path = ""
        self.counters = Counters()
        self.amounts = Counters()
        self._recorded: dict[str, int] = {}
        # Keys of entries that were found damaged: they are looked at again before they are replaced.
        self._suspects: set[bytes] = set()
        self.on_event: Callable[[str, Key, str], object] | None = None

    @property
    def directory(self) -> str:
        """The absolute path that was given."""
        return self._directory

    @property
    def config(self) -> "CacheConfig":
        """The settings, for those that work on the directory; a hit needs none of them."""
        if self._config is None:
            from cachewasm.cache.settings import CacheConfig

            self._config = CacheConfig.defaults(self._directory)
        return self._config

    def get(self, key: "ArtifactKey", *, is_last: bool = True) -> Entry | Miss:
        """The entry of `key`, checked, or why there is none. Notes the use at most once an hour.

        If it is not the last key to be tried, its absence is no event.
        """
        try:
            entry = self._read(key)
        except EntryError as error:
            if error.reason == ABSENT and not is_last:
                return Miss(error.reason, error.detail)
            if error.reason in (CORRUPT, WRONG_KEY):
                self._suspects.add(key.digest)
            return self._missed("miss", key, error)
        self._happened("hit", key)
        self.amounts.add("hit-bytes", len(entry.raw))
        self.amounts.add("saved-ms", entry.compile_ms)
        log(DEBUG, "cache hit for %s", key)
        return entry

    def peek(self, key: "ArtifactKey") -> Entry | Miss:
        """`get` that is no event: neither counted nor logged."""
        try:
            return self._read(key)
        except EntryError as error:
            return Miss(error.reason, error.detail)

    def put(
        self,
        key: "ArtifactKey",
        raw: "bytes | memoryview",
        manifest: "Mapping[str, str | int]",
    ) -> StoreFailure | None:
        """Publish `raw` as the entry of `key`, replacing what is there; None if that worked.

        Raises InternalError for a manifest beyond its bounds or an empty `raw`.
        """
        try:
            if len(raw) > MAX_RAW_SIZE:
                detail = f"{len(raw)} bytes, at most {MAX_RAW_SIZE} can be stored"
                raise EntryError(TOO_LARGE, detail)
            # Before anything is compressed.
            path = layout.entry_path(self._trusted_directory(), key)
            data = pack(key, raw, manifest, codec=self._codec, level=self._level)
            self._quarantine(key)
            self._publish(path, data)
        except (EntryError, OSError) as error:
            return self._failed("store-failure", key, error)
        self._happened("store", key)
        self.amounts.add("store-bytes", len(raw))
        compile_ms = manifest.get("compile_ms", 0)
        if isinstance(compile_ms, int):
            self.amounts.add("compile-ms", max(0, compile_ms))
        log(DEBUG, "stored %s", key)
        from cachewasm.cache.cleanup import clean_up_if_due

        clean_up_if_due(self._trusted_path, self.config, now=time.time())
        return None

    def get_alias(self, key: "AliasKey") -> bytes | Miss:
        """The wasm digest of a text, checked, or why it is not known. Notes the use as `get` does."""
        from cachewasm.cache.alias import ALIAS_SIZE
        from cachewasm.cache.alias import unpack as unpack_alias

        try:
            path = layout.alias_path(self._trusted_directory(), key)
            with files.EntryFile(path, ALIAS_SIZE) as file:
                data = file.read(0, file.size)
            alias = unpack_alias(data, key)
        except EntryError as error:
            return self._missed("alias-miss", key, error)
        files.touch_if_old(path, file.mtime)
        self._happened("alias-hit", key)
        log(DEBUG, "cache hit for %s", key)
        return alias.wasm_digest

    def put_alias(self, key: "AliasKey", wasm_digest: bytes) -> StoreFailure | None:
        """Publish the wasm digest of a text, replacing what is there; None if that worked."""
        from cachewasm.cache.alias import Alias

        try:
            path = layout.alias_path(self._trusted_directory(), key)
            self._publish(path, Alias(key, wasm_digest).to_bytes())
        except (EntryError, OSError) as error:
            return self._failed("alias-store-failure", key, error)
        self._happened("alias-store", key)
        log(DEBUG, "stored %s", key)
        return None

    def record_at_exit(self) -> None:
        """Have record() called when the process ends; a forked child tells of itself only."""
        import atexit

        atexit.register(self.record)
        os.register_at_fork(after_in_child=self._forget)

    def record(self) -> None:
        """Append what was counted since the last time to the statistics of the directory.

        Only if the directory is there, trusted and writable; else nothing happens.
        """
        counts = {**self.counters.snapshot(), **self.amounts.snapshot()}
        recorded, self._recorded = self._recorded, counts
        news = {
            name: count - recorded.get(name, 0)
            for name, count in counts.items()
            if count > recorded.get(name, 0)
        }
        if not news:
            return
        try:
            directory = self._trusted_directory()
            path = layout.statistics_path(directory, layout.LOG)
            size = files.append(path, record_of(news, int(time.time())), max_size=MAX_LOG_SIZE)
        except (EntryError, OSError) as error:
            log(DEBUG, "no statistics are recorded: %s", error)
            return
        if size > FOLD_SIZE:
            from cachewasm.cache.statistics import fold

            fold(directory)

    def _forget(self) -> None:
        self.counters.forget()
        self.amounts.forget()
        self._recorded = {}

    def open_lock_file(self) -> int:
        """A new descriptor of the file whose bytes are locked; the caller closes it.

        The directory is made if it is missing. Raises EntryError(UNTRUSTED), OSError.
        """
        directory = self._made_directory()
        path = layout.lock_path(directory)
        files.make_directory(os.path.dirname(path))
        return files.open_lock_file(path)

    def _read(self, key: "ArtifactKey") -> Entry:
        path = layout.entry_path(self._trusted_directory(), key)
        with files.EntryFile(path, MAX_ENTRY_SIZE) as file:
            # Nothing of the file's size is allocated before its first bytes agree with it.
            Header.from_bytes(file.read(0, min(file.size, HEADER_SIZE)), file.size)
            data = file.read(0, file.size)
        entry = unpack(data, key)
        files.touch_if_old(path, file.mtime)
        return entry

    def _quarantine(self, key: "ArtifactKey") -> None:
        """Move what was found damaged under `key` out of the way of the new entry, if it still is."""
        if key.digest not in self._suspects:
            return
        from cachewasm.cache.quarantine import move_if_damaged

        self._suspects.discard(key.digest)
        directory, name = self._trusted_directory(), key.entry_name
        if move_if_damaged(directory, name, lambda: self._read(key), now=time.time()):
            self.counters.add("quarantined")

    def _publish(self, path: str, data: bytes) -> None:
        """Write the file at `path`, which lies in the directory. Raises EntryError, OSError."""
        directory = self._made_directory()
        files.make_directory(os.path.join(directory, layout.TEMPORARY))
        files.make_directory(os.path.dirname(path))
        temporary = layout.temporary_path(directory, path, os.getpid(), os.urandom(8))
        files.write_atomic(temporary, path, data, sync=self._sync)

    def _made_directory(self) -> str:
        """The trusted directory, made if it was missing. Raises EntryError(UNTRUSTED), OSError."""
        files.make_cache_directory(self._trusted_directory())
        # Made by now, perhaps by somebody else: nothing is written before that is ruled out.
        return self._trusted_directory()

    def _trusted_directory(self) -> str:
        """The directory without symbolic links. Raises EntryError(UNTRUSTED).

        Judged once it exists: whoever may change it afterwards is its owner or root.
        """
        if self._trusted_path:
            return self._trusted_path
        state = files.DirectoryState(self._directory)
        if state.problem is not None:
            raise EntryError(UNTRUSTED, f"the cache directory is not trusted: {state.problem}")
        if state.exists:
            self._trusted_path = state.path
        return state.path

    def _missed(self, counter: str, key: "Key", error: EntryError) -> Miss:
        count = self._happened(counter, key, error.reason)
        # An untrusted directory is said once: it makes every lookup a miss.
        is_news = error.reason != ABSENT and (error.reason != UNTRUSTED or count == 1)
        message = "cache miss for %s: %s (%s)"
        log(WARNING if is_news else DEBUG, message, key, error.reason, error.detail)
        return Miss(error.reason, error.detail)

    def _failed(self, counter: str, key: "Key", error: EntryError | OSError) -> StoreFailure:
        if isinstance(error, EntryError):
            reason, detail = error.reason, error.detail
        else:
            reason = FULL if error.errno in _FULL_ERRORS else UNWRITABLE
            detail = f"{error.filename or 'write'}: {error.strerror}"
        count = self._happened(counter, key, reason)
        # What stops one store usually stops them all.
        log(WARNING if count == 1 else DEBUG, "%s is not stored: %s (%s)", key, reason, detail)
        return StoreFailure(reason, detail)

    def _happened(self, event: str, key: "Key", reason: str = "") -> int:
        """Count an event and tell of it; how many of its kind there are now."""
        count = self.counters.add(f"{event}.{reason}" if reason else event)
        if self.on_event is not None:
            self.on_event(event, key, reason)
        return count
