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
    from cachewasm.cache.setting import Value
    from cachewasm.cache.statistics import Statistics


class Cache:
    """Compiled code in one directory, for any number of engines: `Config.cache` takes it.

    The settings are read once, by default those of the user's file and the environment. Thread-safe;
    nothing on the disk is touched before an engine uses it. Raises ConfigError if the settings are
    not acceptable or this user has no place for a cache.
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
        self._store = LocalStore(config.directory, config=config.in_use())

    @classmethod
    def of_store(cls, store: LocalStore) -> "Cache":
        """The cache that `store` belongs to."""
        cache = cls.__new__(cls)
        cache._store = store
        return cache

    @property
    def config(self) -> CacheConfig:
        """The settings, for reading only."""
        return self._store.config

    @property
    def directory(self) -> str:
        """The absolute path of the directory, which need not exist."""
        return self._store.directory

    @property
    def store(self) -> LocalStore:
        """What finds and keeps artifacts by key."""
        return self._store

    @property
    def hits(self) -> int:
        """How many artifacts this process has found."""
        return self.counts().get("hit", 0)

    @property
    def misses(self) -> int:
        """How many lookups of artifacts have been in vain in this process, for whatever reason."""
        return sum(count for name, count in self.counts().items() if name.startswith("miss."))

    def counts(self) -> dict[str, int]:
        """What happened in this process so far, by the names of counters.py."""
        return self._store.counters.snapshot()

    def statistics(self) -> "Statistics":
        """What happened in all processes that have ended, as `cachewasm cache stats` tells it."""
        from cachewasm.cache.statistics import read

        return read(self.directory)


# Stores by all their settings.
_stores: "dict[tuple[tuple[str, Value], ...], LocalStore]" = {}


def chosen_store(choice: "bool | str | CacheConfig | Cache") -> LocalStore | None:
    """The store for a `Config.cache` that is not False; None if this user has no place for one.

    A path is that of a configuration file or of a cache directory (config.names_a_file). Raises
    ConfigError.
    """
    if isinstance(choice, Cache):
        return choice.store
    config = choice if isinstance(choice, CacheConfig) else _config_of(choice)
    if config.directory is None:
        return None
    identity = config.identity()
    store = _stores.get(identity)
    if store is None:
        store = LocalStore(config.directory, config=config.in_use())
        store = _stores.setdefault(identity, store)
    return store


def _config_of(choice: bool | str) -> CacheConfig:
    if not isinstance(choice, str):
        return CacheConfig.from_file()
    if names_a_file(choice):
        return CacheConfig.from_file(os.path.abspath(choice))
    config = CacheConfig.from_file()
    config.directory = choice
    return config
