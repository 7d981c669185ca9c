"""The artifact store in a directory on local disk.

Looking up and storing never fail a run: whatever is wrong with the disk, the directory or an entry
is a miss or a store failure with its reason, counted and logged, and the caller compiles. A file is
published whole or not at all (publish.py), checked in every byte when it is read (entry.py, alias.py)
and believed only if nobody else could have written it (trust.py). Layout and order of writes:
docs/format/cache.md.

On the warm path; listing, verifying and pruning are elsewhere.
"""

import os
import time

from cachewasm.cache import files, layout
from cachewasm.cache.counters import Events, record_of, this_process
from cachewasm.cache.entry import (
    CODEC_RAW,
    CODEC_ZSTD,
    MAX_ENTRY_SIZE,
    MAX_RAW_SIZE,
    Entry,
    pack,
    read,
)
from cachewasm.cache.payload import Memory
from cachewasm.cache.reasons import (
    ABSENT,
    READ_ONLY,
    TOO_LARGE,
    UNTRUSTED,
    DirectoryError,
    EntryError,
)
from cachewasm.cache.reasons import Miss as Miss
from cachewasm.cache.reasons import StoreFailure as StoreFailure
from cachewasm.cache.trust import DEFAULT_RULES, Rules
from cachewasm.errors import ConfigError
from cachewasm.log import DEBUG, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from cachewasm.cache.alias import AliasKey
    from cachewasm.cache.keys import ArtifactKey
    from cachewasm.cache.payload import MakePlace
    from cachewasm.cache.settings import CacheConfig

# A log of statistics longer than this is folded; one longer than that takes no more records, which
# happens only where folding fails.
FOLD_SIZE = 1 << 18
MAX_LOG_SIZE = 1 << 20
# How often an entry is written at most. Prune removes what nobody holds in tmp/, and a writer holds its
# file from the moment after it has made it.
_ATTEMPTS = 4
# How many misses a process tells of, the first ones, besides counting them all.
MAX_MISSES = 64
# The pair of a manifest that says for whom it was stored, if the settings do.
NAMESPACE = "namespace"


class LocalStore(Events):
    """Entries and aliases by key in `directory`, which need not exist: the first put makes it.

    With `sync`, put returns only when the entry is on the disk. `config` has this and all other
    settings; without it they have their defaults. Holds no descriptor between calls; any number of
    processes and threads may use one directory and one store at a time.

    If it does not write (`writes`), nothing in the directory is touched, whatever is called. A module
    that `must_hit` is an error of its caller's where it does not. Raises ConfigError if the directory
    is not absolute or the settings name a secret that cannot be had.
    """

    __slots__ = (
        "_codec",
        "_config",
        "_level",
        "_misses",
        "_namespace",
        "_recorded",
        "_statistics_log",
        "_suspects",
        "_sync",
        "_trusted_path",
        "must_hit",
        "rules",
        "writes",
    )

    def __init__(
        self, directory: str, *, sync: bool = False, config: "CacheConfig | None" = None
    ) -> None:
        if not os.path.isabs(directory):
            raise ConfigError(f"the cache directory must be an absolute path, not {directory!r}")
        super().__init__(directory)
        self._config = config
        self._sync, self._codec = sync, CODEC_ZSTD
        self._level: int | None = None
        self._namespace: str | None = None
        self._statistics_log: str | None = None
        self.rules: Rules = DEFAULT_RULES
        self.writes, self.must_hit = True, False
        if config is not None:
            self._sync = sync or config.sync
            self._codec = CODEC_RAW if config.payload == "raw" else CODEC_ZSTD
            self._level = config.baseline_compression_level
            self._namespace = config.namespace
            self._statistics_log = config.stats_log
            self.rules = config.rules()
            self.writes = config.mode == "read-write"
            self.must_hit = config.mode == "must-hit"
        self._trusted_path = ""
        self._recorded: dict[str, int] = {}
        self._misses: list[tuple[int, str, ArtifactKey]] = []
        # Keys of entries that were found damaged: they are looked at again before they are replaced.
        self._suspects: set[bytes] = set()

    @property
    def directory(self) -> str:
        """The absolute path that was given."""
        return self.place

    @property
    def config(self) -> "CacheConfig":
        """The settings, for those that work on the directory; a hit needs none of them."""
        if self._config is None:
            from cachewasm.cache.settings import CacheConfig

            self._config = CacheConfig.defaults(self.place)
        return self._config

    def may_have(self, key: "ArtifactKey") -> bool:
        """As ArtifactStore.may_have: one call of the system, where opening in vain is several steps."""
        try:
            return files.is_there(self._path_of(key))
        except EntryError:  # which `get` has to tell of
            return True

    def get(
        self, key: "ArtifactKey", *, is_last: bool = True, make_place: "MakePlace" = Memory
    ) -> Entry | Miss:
        """The entry of `key`, checked, or why there is none. Notes the use at most once an hour.

        The artifact is put where `make_place` says, given its size. If it is not the last key to be
        tried, a miss is no event yet: who has tried them all counts one (outcomes.count_miss).
        """
        try:
            entry = self._read(key, make_place, is_use=True)
        except EntryError as error:
            if error.reason == ABSENT and not is_last:
                return Miss(error.reason, error.detail)
            from cachewasm.cache.outcomes import missed

            return missed(self, key, error, is_last=is_last)
        self.hit(key, entry)
        return entry

    def peek(self, key: "ArtifactKey", *, make_place: "MakePlace" = Memory) -> Entry | Miss:
        """`get` that is no event and no use: neither counted nor logged, nor noted at the entry."""
        try:
            return self._read(key, make_place)
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
        if not self.writes:
            return _NOT_WRITTEN
        from cachewasm.cache import outcomes

        try:
            if len(raw) > MAX_RAW_SIZE:
                detail = f"{len(raw)} bytes, at most {MAX_RAW_SIZE} can be stored"
                raise EntryError(TOO_LARGE, detail)
            # Before anything is compressed.
            path = self._path_of(key)
            secret = self.rules.secret
            if self._namespace is not None:
                manifest = {**manifest, NAMESPACE: self._namespace}
            data = pack(key, raw, manifest, codec=self._codec, level=self._level, secret=secret)
            self._quarantine(key)
            self._publish(path, data)
        except (EntryError, OSError) as error:
            return outcomes.failed(self, "store-failure", key, error)
        outcomes.stored(self, key, raw, manifest)
        # Where the directory could not be seen, it is left alone.
        if self._trusted_path:
            from cachewasm.cache.upkeep.cleanup import clean_up_if_due

            clean_up_if_due(self._trusted_path, self.config, self.rules, now=time.time())
        return None

    def get_alias(self, key: "AliasKey") -> bytes | Miss:
        """The wasm digest of a text, checked, or why it is not known. Notes the use as `get` does."""
        try:
            digest = self._read_alias(key, is_use=True)
        except EntryError as error:
            from cachewasm.cache.outcomes import missed_alias

            return missed_alias(self, key, error)
        self.happened("alias-hit", key)
        log(DEBUG, "cache hit for %s", key)
        return digest

    def peek_alias(self, key: "AliasKey") -> bytes | Miss:
        """`get_alias` that is no event and no use, as `peek` is of `get`."""
        try:
            return self._read_alias(key)
        except EntryError as error:
            return Miss(error.reason, error.detail)

    def put_alias(self, key: "AliasKey", wasm_digest: bytes) -> StoreFailure | None:
        """Publish the wasm digest of a text, replacing what is there; None if that worked."""
        if not self.writes:
            return _NOT_WRITTEN
        from cachewasm.cache import outcomes
        from cachewasm.cache.alias import Alias

        try:
            path = layout.alias_path(self._trusted_directory(), key)
            self._publish(path, Alias(key, wasm_digest).to_bytes(self.rules.secret))
        except (EntryError, OSError) as error:
            return outcomes.failed(self, "alias-store-failure", key, error)
        self.happened("alias-store", key)
        log(DEBUG, "stored %s", key)
        return None

    def record_at_exit(self) -> None:
        """Have record() called when the process ends; a forked child tells of itself only."""
        import atexit

        atexit.register(self.record)
        os.register_at_fork(after_in_child=self._forget)

    def record(self) -> None:
        """Append what was counted since the last time to the statistics of the directory.

        Only if the directory is there, ours, trusted and writable; else nothing happens there. And to the
        log that the settings name, whatever the directory is.
        """
        counts = {**self.counters.snapshot(), **self.amounts.snapshot()}
        recorded, self._recorded = self._recorded, counts
        news = {
            name: count - recorded.get(name, 0)
            for name, count in counts.items()
            if count > recorded.get(name, 0)
        }
        if not news or not (self.writes or self._statistics_log):
            return
        record = record_of(news, int(time.time()), this_process())
        if self._statistics_log is not None:
            from cachewasm.cache.history.build_log import append as append_to

            append_to(self._statistics_log, record, self.rules)
        if not self.writes:
            return
        try:
            directory = self._trusted_directory()
            path = layout.statistics_path(directory, layout.LOG)
            size = files.append(
                path,
                record,
                max_size=MAX_LOG_SIZE,
                rules=self.rules,
                before_folder=self._check_ours,
            )
        except (EntryError, OSError) as error:
            log(DEBUG, "no statistics are recorded: %s", error)
            return
        if size > FOLD_SIZE:
            from cachewasm.cache.history.statistics import fold

            fold(directory, self.rules)
        misses, self._misses = self._misses, []
        if misses:
            from cachewasm.cache.history.misses import append

            append(directory, misses, self.rules)

    def note_miss(self, key: "ArtifactKey", reason: str) -> None:
        """Remember it for record(), if it is one of the first."""
        if len(self._misses) < MAX_MISSES:
            self._misses.append((int(time.time()), reason, key))

    def note_damage(self, key: "ArtifactKey") -> None:
        """Remember it for put()."""
        self._suspects.add(key.digest)

    def _forget(self) -> None:
        self._misses = []
        self.counters.forget()
        self.amounts.forget()
        self._recorded = {}

    def open_lock_file(self) -> int:
        """A new descriptor of the file whose bytes are locked; the caller closes it.

        The directory is made if it is missing. Raises EntryError as a put does, OSError.
        """
        from cachewasm.cache import file_locks, publish

        directory = self._made_directory()
        path = layout.lock_path(directory)
        publish.make_directory_inside(os.path.dirname(path), self.rules)
        return file_locks.open_lock_file(path, self.rules)

    def _read(self, key: "ArtifactKey", make_place: "MakePlace", *, is_use: bool = False) -> Entry:
        path, rules = self._path_of(key), self.rules
        file = files.EntryFile(path, MAX_ENTRY_SIZE, rules)
        try:
            entry = read(file, key, make_place=make_place, secret=rules.secret)
        finally:
            file.close()
        if is_use and self.writes:
            files.touch_if_old(path, file.mtime)
        return entry

    def _path_of(self, key: "ArtifactKey") -> str:
        return layout.entry_path(self._trusted_directory(), key)

    def _read_alias(self, key: "AliasKey", *, is_use: bool = False) -> bytes:
        from cachewasm.cache.alias import MAX_ALIAS_SIZE, unpack

        path = layout.alias_path(self._trusted_directory(), key)
        with files.EntryFile(path, MAX_ALIAS_SIZE, self.rules) as file:
            data = file.read(0, file.size)
        alias = unpack(data, key, self.rules.secret)
        if is_use and self.writes:
            files.touch_if_old(path, file.mtime)
        return alias.wasm_digest

    def _quarantine(self, key: "ArtifactKey") -> None:
        """Move what was found damaged under `key` out of the way of the new entry, if it still is."""
        if key.digest not in self._suspects:
            return
        from cachewasm.cache.upkeep.quarantine import move_if_damaged

        self._suspects.discard(key.digest)
        directory, name = self._trusted_directory(), key.entry_name
        if move_if_damaged(
            directory, name, lambda: self._read(key, Memory), self.rules, now=time.time()
        ).is_done:
            self.counters.add("quarantined")

    def _publish(self, path: str, data: bytes) -> None:
        """Write the file at `path`, which lies in the directory. Raises EntryError, OSError."""
        from cachewasm.cache import publish

        for attempts_left in reversed(range(_ATTEMPTS)):
            directory = self._made_directory()
            publish.make_directory_inside(os.path.join(directory, layout.TEMPORARY), self.rules)
            publish.make_directory_inside(os.path.dirname(path), self.rules)
            temporary = layout.temporary_path(directory, path, os.getpid(), os.urandom(8))
            try:
                publish.write_atomic(
                    temporary, path, data, sync=self._sync, mode=self.rules.file_mode
                )
                return
            except FileNotFoundError:
                # A prune has taken the file for one that a killed writer has left.
                if not attempts_left:
                    raise

    def _made_directory(self) -> str:
        """The trusted directory, made if it was missing. Raises OSError, and EntryError: UNTRUSTED, or
        UNWRITABLE if it holds what is not ours.
        """
        from cachewasm.cache import publish

        publish.make_cache_directory(self._trusted_directory(), self.rules)
        # Made by now, perhaps by somebody else: nothing is written before that is ruled out.
        return self._trusted_directory()

    def _check_ours(self) -> None:
        """Raises EntryError unless the directory has nothing but what is ours, or our tag; OSError."""
        from cachewasm.cache import publish

        publish.check_ours(self._trusted_directory())

    def _trusted_directory(self) -> str:
        """The directory without symbolic links. Raises EntryError(UNTRUSTED).

        Judged once it exists: whoever may change it afterwards is its owner or root.
        """
        if self._trusted_path:
            return self._trusted_path
        state = files.DirectoryState(self.place, self.rules)
        if state.problem is not None:
            raise DirectoryError(UNTRUSTED, f"the cache directory is not trusted: {state.problem}")
        if state.exists:
            self._trusted_path = state.path
        return state.path


_NOT_WRITTEN = StoreFailure(READ_ONLY, "the cache is not written to in this mode")
