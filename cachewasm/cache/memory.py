"""A bounded store of artifacts in memory: for one process that keeps nothing, and for tests.

Entries are kept in the format of files, compressed, so that they are checked and counted as those
of a directory are. When there is no room, what was not used for longest goes. Every store is apart
from all others, and ends with its process.
"""

import os
import weakref
from _thread import allocate_lock
from itertools import count

from cachewasm.cache import alias, entry, outcomes
from cachewasm.cache.counters import Events
from cachewasm.cache.payload import Memory
from cachewasm.cache.reasons import ABSENT, TOO_LARGE, EntryError, Miss, StoreFailure
from cachewasm.cache.settings import CacheConfig
from cachewasm.cache.trust import DEFAULT_RULES
from cachewasm.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from cachewasm.cache.alias import AliasKey
    from cachewasm.cache.keys import ArtifactKey
    from cachewasm.cache.payload import MakePlace

# What a dictionary and its objects take for each entry, roughly: many small ones are bounded too.
_OVERHEAD = 512
_numbers = count(1)


class MemoryStore(Events):
    """Entries and aliases by key, at most `max_bytes` of them. Thread-safe.

    A forked child goes on with a copy of its own. Raises ConfigError unless `max_bytes` is positive.
    """

    __slots__ = ("__weakref__", "_files", "_lock", "_size", "config", "max_bytes")

    writes = True
    must_hit = False
    directory = None
    rules = DEFAULT_RULES

    def __init__(self, max_bytes: int) -> None:
        if max_bytes <= 0:
            raise ConfigError(f"a cache in memory of {max_bytes} bytes holds nothing")
        super().__init__(f"memory {next(_numbers)}")
        self.config = CacheConfig.defaults(None)
        self.max_bytes = max_bytes
        self._lock = allocate_lock()
        # By name, in the order of use; a lookup takes out and puts back in.
        self._files: dict[str, bytes] = {}
        self._size = 0
        _stores.add(self)

    def may_have(self, key: "ArtifactKey") -> bool:
        """As ArtifactStore.may_have."""
        return key.digest.hex() in self._files

    def get(
        self, key: "ArtifactKey", *, is_last: bool = True, make_place: "MakePlace" = Memory
    ) -> entry.Entry | Miss:
        """As ArtifactStore.get."""
        try:
            found = entry.unpack(self._read(key.digest.hex()), key, make_place=make_place)
        except EntryError as error:
            if error.reason == ABSENT and not is_last:
                return Miss(error.reason, error.detail)
            return outcomes.missed(self, key, error, is_last=is_last)
        self.hit(key, found)
        return found

    def peek(self, key: "ArtifactKey", *, make_place: "MakePlace" = Memory) -> entry.Entry | Miss:
        """As ArtifactStore.peek."""
        try:
            data = self._read(key.digest.hex(), is_use=False)
            return entry.unpack(data, key, make_place=make_place)
        except EntryError as error:
            return Miss(error.reason, error.detail)

    def put(
        self, key: "ArtifactKey", raw: "bytes | memoryview", manifest: "Mapping[str, str | int]"
    ) -> StoreFailure | None:
        """As ArtifactStore.put; what has no room at all is too large."""
        try:
            if len(raw) > entry.MAX_RAW_SIZE:
                raise EntryError(TOO_LARGE, f"{len(raw)} bytes, at most {entry.MAX_RAW_SIZE}")
            self._write(key.digest.hex(), entry.pack(key, raw, manifest))
        except EntryError as error:
            return outcomes.failed(self, "store-failure", key, error)
        outcomes.stored(self, key, raw, manifest)
        return None

    def get_alias(self, key: "AliasKey") -> bytes | Miss:
        """As ArtifactStore.get_alias."""
        try:
            digest = alias.unpack(self._read(key.alias_name), key).wasm_digest
        except EntryError as error:
            return outcomes.missed_alias(self, key, error)
        self.happened("alias-hit", key)
        return digest

    def peek_alias(self, key: "AliasKey") -> bytes | Miss:
        """As ArtifactStore.peek_alias."""
        try:
            return alias.unpack(self._read(key.alias_name, is_use=False), key).wasm_digest
        except EntryError as error:
            return Miss(error.reason, error.detail)

    def put_alias(self, key: "AliasKey", wasm_digest: bytes) -> StoreFailure | None:
        """As ArtifactStore.put_alias."""
        try:
            self._write(key.alias_name, alias.Alias(key, wasm_digest).to_bytes())
        except EntryError as error:
            return outcomes.failed(self, "alias-store-failure", key, error)
        self.happened("alias-store", key)
        return None

    def open_lock_file(self) -> None:
        """There is no other process to keep from compiling."""
        return

    def _read(self, name: str, *, is_use: bool = True) -> bytes:
        with self._lock:
            data = self._files.get(name)
            if data is None:
                raise EntryError(ABSENT, "no entry")
            if is_use:
                self._files[name] = self._files.pop(name)
            return data

    def _write(self, name: str, data: bytes) -> None:
        cost = len(data) + _OVERHEAD
        if cost > self.max_bytes:
            raise EntryError(TOO_LARGE, f"{cost} bytes, at most {self.max_bytes} are kept")
        evicted = []
        with self._lock:
            replaced = self._files.pop(name, None)
            if replaced is not None:
                self._size -= len(replaced) + _OVERHEAD
            while self._size + cost > self.max_bytes:
                oldest = self._files.pop(next(iter(self._files)))
                self._size -= len(oldest) + _OVERHEAD
                evicted.append(len(oldest))
            self._files[name] = data
            self._size += cost
        if evicted:
            self.counters.add("evicted", len(evicted))
            self.amounts.add("evicted-bytes", sum(evicted))

    def _after_fork_in_child(self) -> None:
        """Start anew where another thread of the parent may have been at work."""
        self._lock = allocate_lock()
        self._size = sum(len(data) + _OVERHEAD for data in self._files.values())
        self.counters.forget()
        self.amounts.forget()


_stores: "weakref.WeakSet[MemoryStore]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for store in tuple(_stores):
        store._after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)
