"""`Engine`: a configuration made concrete, and the identity of the code that it makes and loads.

Cheap to make and to share between threads; it holds no code. On the warm path.
"""

import os

from cachewasm.cache.config import cache_directory, cache_enabled, is_default, names_a_file
from cachewasm.cache.local import LocalStore
from cachewasm.engine import compat, host
from cachewasm.engine.config import Config
from cachewasm.engine.environment import CompileEnvironment, from_config
from cachewasm.errors import HostError
from cachewasm.managed import ALREADY_CLOSED, Closable, Uncopied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor
    from os import PathLike
    from typing import TypeVar

    from cachewasm.cache.cache import Cache
    from cachewasm.cache.settings import CacheConfig
    from cachewasm.cache.store import ArtifactStore
    from cachewasm.engine.options import Progress
    from cachewasm.engine.target import Target
    from cachewasm.runtime.engine_weak import EngineWeak
    from cachewasm.runtime.epoch import Epoch

    Input = TypeVar("Input")
    Result = TypeVar("Result")
    Other = TypeVar("Other")

# Stores with the default settings by directory, so that engines share their counters.
_stores: dict[str, LocalStore] = {}


class Engine(Closable, Uncopied):
    """What modules are compiled by and stores belong to. A Config may serve several engines.

    The object is a handle: sharing it with other threads, modules and stores copies nothing, and
    `copy.copy` of it is the engine itself. It never changes; `config` gives what it was made from.
    Raises HostError, in one sentence, on a machine that cannot run compiled code at all.
    """

    __slots__ = (
        "__weakref__",
        "_cache",
        "_config",
        "_environment",
        "_epoch",
        "_executor",
        "_jobs",
        "_max_frames",
        "_max_wasm_stack",
        "_progress",
        "_strategy",
        "_verify",
    )

    def __init__(self, config: Config | None = None) -> None:
        reason = host.unsupported_reason()
        if reason is not None:
            raise HostError(reason)
        if config is None:
            config = Config()
        elif not isinstance(config, Config):
            raise TypeError("expected Config")
        # Whoever made it may go on changing it.
        self._config = config = config.copy()
        self._environment: CompileEnvironment = from_config(config)
        self._epoch = _epoch(wanted=self._environment.tunables.epoch_interruption)
        self._strategy: str = config.strategy
        # Workers at a time, 0 for one per processor.
        self._jobs: int = config.compile_jobs if config.parallel_compilation else 1
        self._executor: Executor | None = config.compile_executor
        self._progress: Progress | None = config.compile_progress
        self._verify: bool = config.debug_verifier
        self._max_wasm_stack: int = config.max_wasm_stack
        # 0: no backtraces.
        self._max_frames: int = (config.wasm_backtrace and config.wasm_backtrace_max_frames) or 0
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

    @property
    def config(self) -> Config:
        """A copy of the options that the engine was made from."""
        return self._config.copy()

    @property
    def target(self) -> "Target":
        """What code is made for: triple, architecture, level, features and the CPU it is tuned for."""
        return self._environment.target

    @staticmethod
    def same(a: "Engine", b: "Engine") -> bool:
        """Whether two handles are of one engine. Two engines with equal options are not the same."""
        if not isinstance(a, Engine) or not isinstance(b, Engine):
            raise TypeError("expected an Engine")
        return a is b

    def weak(self) -> "EngineWeak":
        """A handle that does not keep the engine: see `EngineWeak`."""
        from cachewasm.runtime.engine_weak import EngineWeak

        return EngineWeak(self)

    def __copy__(self) -> "Engine":
        return self

    def __deepcopy__(self, memo: object) -> "Engine":
        return self

    def check_compatible_with_native_host(self) -> None:
        """Raise IncompatibleArtifact, with the reason, unless this host runs the engine's code.

        Code can be compiled for any target; only loading it asks. What was found is remembered.
        """
        compat.check_host(self._environment)

    def tls_eager_initialize(self) -> None:
        """Do for this thread now what its first call of wasm code would do.

        That is its record and its alternate signal stack, and for the first thread of the process
        the support image, too. Again for the same thread it does nothing. Raises HostError.
        """
        from cachewasm.runtime import threads
        from cachewasm.runtime.process import support_image

        support, _ = support_image(self._cache)
        threads.set_up(support.thread_key)

    def run_maybe_parallel(
        self, inputs: "Iterable[Input]", fn: "Callable[[Input], Result]"
    ) -> "list[Result]":
        """`fn` of each of the `inputs`, in their order: on several threads if the engine compiles in
        parallel, else on this one.

        As many threads as `compile_jobs` says. Raises what `fn` raised for the first of the inputs
        for which it did; once it has raised, no further input is begun.
        """
        from cachewasm.runtime.in_parallel import run

        return run(list(inputs), fn, self._jobs)

    def join_maybe_parallel(
        self, a: "Callable[[], Result]", b: "Callable[[], Other]"
    ) -> "tuple[Result, Other]":
        """What both functions return, called at the same time if the engine compiles in parallel,
        else one after the other. Raises what `a` raised, else what `b` did.
        """
        from cachewasm.runtime.in_parallel import join

        return join(a, b, self._jobs)

    def precompile_compatibility_hash(self) -> bytes:
        """32 bytes: engines with equal ones load each other's artifacts."""
        return self._environment.precompile_compatibility_hash(self._strategy)

    def precompile_module(self, wasm: "str | bytes | bytearray") -> bytes:
        """Compile a module, binary or text, to an artifact for `Module.deserialize`.

        Nothing is loaded, so the engine's target may be another machine's.
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

    def _agrees_with(self, other: "Engine") -> bool:
        """Whether code of one may run in stores of the other."""
        return self._environment == other._environment


def require_open(engine: Engine) -> None:
    """Raises TypeError for what is no engine, ValueError for a closed one."""
    if not isinstance(engine, Engine):
        raise TypeError("expected an Engine")
    if engine._closed:
        raise ValueError(ALREADY_CLOSED)


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
