"""`Engine`: a configuration made concrete, and the identity of the code that it makes and loads.

Cheap to make and to share between threads; it holds no code. On the warm path.
"""

import os

from cachewasm.cache.config import cache_directory, cache_enabled, is_default, names_a_file
from cachewasm.cache.local import LocalStore
from cachewasm.engine import host
from cachewasm.engine.config import Config
from cachewasm.engine.environment import CompileEnvironment, from_config
from cachewasm.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Executor
    from os import PathLike

    from cachewasm.cache.cache import Cache
    from cachewasm.cache.settings import CacheConfig
    from cachewasm.cache.store import ArtifactStore
    from cachewasm.engine.options import Progress
    from cachewasm.runtime.epoch import Epoch

_MAX_FRAMES = 20

# Stores with the default settings by directory, so that engines share their counters.
_stores: dict[str, LocalStore] = {}


class Engine:
    """What modules are compiled by and stores belong to. A Config may serve several engines.

    Raises HostError, in one sentence, on a machine that cannot run compiled code at all.
    """

    __slots__ = (
        "__weakref__",
        "_backtraces",
        "_cache",
        "_environment",
        "_epoch",
        "_executor",
        "_jobs",
        "_max_frames",
        "_max_wasm_stack",
        "_progress",
        "_strategy",
    )

    def __init__(self, config: Config | None = None) -> None:
        reason = host.unsupported_reason()
        if reason is not None:
            raise HostError(reason)
        if config is None:
            config = Config()
        elif not isinstance(config, Config):
            raise TypeError("expected Config")
        self._environment: CompileEnvironment = from_config(config)
        self._epoch = _epoch(wanted=self._environment.tunables.epoch_interruption)
        self._strategy: str = config.strategy
        # Workers at a time, 0 for one per processor.
        self._jobs: int = config.compile_jobs if config.parallel_compilation else 1
        self._executor: Executor | None = config.compile_executor
        self._progress: Progress | None = config.compile_progress
        self._max_wasm_stack: int = config.max_wasm_stack
        self._backtraces: bool = config.wasm_backtrace
        self._max_frames = _MAX_FRAMES
        self._cache: ArtifactStore | None = _store_of(config.cache, self._environment)

    @property
    def cache(self) -> "Cache | None":
        """The cache that modules of this engine are taken from and kept in; None if it has none."""
        from cachewasm.cache.cache import Cache

        return None if self._cache is None else Cache.of_store(self._cache)

    @property
    def cache_problem(self) -> str:
        """Why the cache is of no use and everything is compiled; empty if nothing has shown that."""
        return "" if self._cache is None else self._cache.trouble

    def precompile_compatibility_hash(self) -> bytes:
        """32 bytes: engines with equal ones load each other's artifacts."""
        return self._environment.precompile_compatibility_hash(self._strategy)

    def precompile_module(self, wasm: bytes) -> bytes:
        """Compile a module to an artifact for `Module.deserialize`. Nothing is loaded, so the
        engine's target may be another machine's.
        """
        from cachewasm.runtime.module import artifact_of

        return bytes(artifact_of(self, wasm).data)

    @staticmethod
    def detect_precompiled(data: bytes) -> str | None:
        """ "module" or "component" if `data` begins like an artifact, else None."""
        from cachewasm.artifact.detect import HEADER_SIZE, detect

        return detect(data[:HEADER_SIZE])

    @staticmethod
    def detect_precompiled_file(path: "str | PathLike[str]") -> str | None:
        """`detect_precompiled` for a file, of which only the header is read. Raises OSError."""
        from cachewasm.artifact.detect import HEADER_SIZE, detect

        with open(path, "rb") as file:
            return detect(file.read(HEADER_SIZE))

    def increment_epoch(self) -> None:
        """Add 1 to the epoch: code of a store whose deadline it reaches traps at its next check.

        Any thread may do so at any time, and a signal handler, too. Without `epoch_interruption` no
        code looks at the epoch, and this does nothing.
        """
        if self._epoch is not None:
            self._epoch.increment()

    def is_pulley(self) -> bool:
        """Whether code is interpreted: never."""
        return False

    def _same(self, other: "Engine") -> bool:
        """Whether code of one may run in stores of the other."""
        return self._environment == other._environment


def _epoch(*, wanted: bool) -> "Epoch | None":
    if not wanted:
        return None
    from cachewasm.runtime.epoch import Epoch

    return Epoch()


def _store_of(
    choice: "bool | str | CacheConfig | Cache", environment: CompileEnvironment
) -> "ArtifactStore | None":
    """The artifact store of a Config's `cache`; None if there is none.

    Raises CacheMiss where nothing may be compiled and the lock file is not satisfied; ConfigError.
    """
    if choice is False or not cache_enabled(os.environ):
        return None
    is_directory = isinstance(choice, str) and not names_a_file(choice)
    if not (choice is True or is_directory) or not is_default(os.environ):
        from cachewasm.cache.cache import chosen_store

        store = chosen_store(choice)
        if store is not None and store.must_hit and store.config.lock_file is not None:
            from cachewasm.runtime.locked import require_lock

            require_lock(store, environment, store.config.lock_file)
        return store
    directory = choice if isinstance(choice, str) else cache_directory(os.environ)
    if directory is None:
        return None
    store = _stores.get(directory)
    if store is None:
        made = LocalStore(directory)
        store = _stores.setdefault(directory, made)
        if store is made:
            store.record_at_exit()
    return store
