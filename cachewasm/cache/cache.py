"""`Cache`: a store of compiled code under one configuration, with the counts of what it did.

Engines with equal settings share a store, and so its counters, unless they are given a `Cache` of
their own. On the warm path of a user who has configured something.
"""

import os

from cachewasm.cache.config import names_a_file
from cachewasm.cache.local import LocalStore
from cachewasm.cache.settings import CacheConfig
from cachewasm.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from cachewasm.cache.alias import AliasKey
    from cachewasm.cache.history.statistics import Statistics
    from cachewasm.cache.keys import ArtifactKey
    from cachewasm.cache.setting import Value
    from cachewasm.cache.store import ArtifactStore

    # Called with the name of an event, the key and a reason or "".
    OnEvent: TypeAlias = Callable[[str, ArtifactKey | AliasKey, str], object]

# Of a cache in memory: the code of dozens of large modules, compressed.
DEFAULT_MAX_BYTES = 256 << 20


class Cache:
    """Compiled code in one directory, for any number of engines: `Config.cache` takes it.

    The settings are read once, by default those of the user's file and the environment. Thread-safe;
    nothing on the disk is touched before an engine uses it. What it counts is added to the statistics
    when the process ends. Raises ConfigError if the settings are not acceptable or this user has no
    place for a cache.
    """

    __slots__ = ("_store",)

    # Config.cache, which cannot import this module, knows its values by this.
    chooses_cache = True

    def __init__(self, config: CacheConfig | None = None) -> None:
        if config is None:
            config = CacheConfig.from_file()
        elif not isinstance(config, CacheConfig):
            raise TypeError("expected CacheConfig")
        if config.directory is None:
            raise ConfigError("there is no place for a cache: set its directory")
        self._store: ArtifactStore = _made_store(config, config.directory)

    @classmethod
    def in_memory(cls, max_bytes: int = DEFAULT_MAX_BYTES) -> "Cache":
        """Compiled code in at most `max_bytes` of memory, least recently used first to go.

        Nothing is on the disk, and nothing is left when the process ends. Raises ConfigError unless
        `max_bytes` is positive.
        """
        if not isinstance(max_bytes, int):
            raise TypeError("expected a number of bytes")
        from cachewasm.cache.memory import MemoryStore

        return cls.of_store(MemoryStore(max_bytes))

    @classmethod
    def of_store(cls, store: "ArtifactStore") -> "Cache":
        """The cache that `store` belongs to."""
        cache = cls.__new__(cls)
        cache._store = store
        return cache

    @property
    def config(self) -> CacheConfig:
        """The settings, for reading only."""
        return self._store.config

    @property
    def directory(self) -> str | None:
        """The absolute path of the directory, which need not exist; None in memory."""
        return self._store.directory

    @property
    def store(self) -> "ArtifactStore":
        """What finds and keeps artifacts by key."""
        return self._store

    @property
    def on_event(self) -> "OnEvent | None":
        """What is called with each event as it is counted; None, as at first, for nothing.

        With the name of the event, the key, and the reason or "". The names are "hit", "subset-hit" of code
        that was made for less than was asked for, "miss", "store", "store-failure", and of the texts of
        modules "alias-hit", "alias-miss", "alias-store", "alias-store-failure"; the reasons those of
        docs/format/cache.md. It is called in the thread that looks up or stores, so it should be quick, and
        what it raises comes out of there: of `Module()`, for instance. Who waits for another's compile has
        a "miss" here. All that share the store have one hook.
        """
        return self._store.on_event

    @on_event.setter
    def on_event(self, hook: "OnEvent | None") -> None:
        if hook is not None and not callable(hook):
            raise TypeError("expected a function or None")
        self._store.on_event = hook

    @property
    def hits(self) -> int:
        """How many artifacts this process has found, also those made for less than was asked for, and
        those that another thread or process was just compiling.
        """
        from cachewasm.cache.outcomes import hits_in

        return hits_in(self.counts())

    @property
    def misses(self) -> int:
        """How many lookups of artifacts have been in vain in this process, for whatever reason.

        Who waits for another's compile has missed so far: if the wait gives the artifact, it is a hit.
        """
        from cachewasm.cache.outcomes import misses_in

        return misses_in(self.counts())

    def counts(self) -> dict[str, int]:
        """What happened in this process so far, by the names of counters.py."""
        return self._store.counters.snapshot()

    def statistics(self) -> "Statistics":
        """What happened in all processes that have ended, as `cachewasm cache stats` tells it.

        Of a cache in memory there is nothing to tell.
        """
        from cachewasm.cache.history.statistics import Statistics, read

        store = self._store
        return (
            read(store.place, store.rules)
            if isinstance(store, LocalStore)
            else Statistics({}, None)
        )


# Stores by all their settings.
_stores: "dict[tuple[tuple[str, Value], ...], LocalStore]" = {}


def chosen_store(choice: "bool | str | CacheConfig | Cache") -> "ArtifactStore | None":
    """The store for a `Config.cache` that is not False; None if this user has no place for one.

    A path is that of a configuration file or of a cache directory (config.names_a_file). Raises
    ConfigError.
    """
    if isinstance(choice, Cache):
        return choice.store
    config = choice if isinstance(choice, CacheConfig) else _config_of(choice)
    if config.directory is None:
        if config.mode == "must-hit":
            raise ConfigError("mode: there is no place for a cache, and nothing could ever hit")
        return None
    identity = config.identity()
    store = _stores.get(identity)
    if store is None:
        store = _stores.setdefault(identity, _made_store(config, config.directory))
    return store


def _made_store(config: CacheConfig, directory: str) -> LocalStore:
    store = LocalStore(directory, config=config.in_use())
    if store.writes or store.config.stats_log is not None:
        store.record_at_exit()
    return store


def _config_of(choice: bool | str) -> CacheConfig:
    if not isinstance(choice, str):
        return CacheConfig.from_file()
    if names_a_file(choice):
        return CacheConfig.from_file(os.path.abspath(choice))
    config = CacheConfig.from_file()
    config.directory = choice
    return config
