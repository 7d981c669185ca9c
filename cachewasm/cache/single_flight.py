"""Compile once: of all threads and processes that miss a key together, one compiles, the others wait.

Whoever misses takes a turn: first among the threads of the process, then, by a lock on one byte per
key of the one file locks/keys, among processes. Who has the turn looks for the entry again, compiles
and stores; who waits looks again and again, until the entry is there, the turn comes or patience
ends. The locks belong to open files, so the kernel frees them however their process ends, and
nothing is ever left to clean up. A forked child closes its copies at once.

All of this only saves work. Whoever cannot lock or has waited long enough compiles alone, which is
counted, and right in any case, since entries are replaced whole. A thread that is compiling never
waits: a compile inside another one (from a callback) is done alone, so nobody waits in a circle.

Imported by a miss only. Protocol: docs/format/cache.md.
"""

import os
import time
from _thread import LockType, RLock, allocate_lock

from cachewasm.cache import file_locks, files, layout
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.reasons import LOCK_FAILURE_REASONS, UNLOCKABLE, EntryError
from cachewasm.log import DEBUG, WARNING, log
from cachewasm.record import dataclass

# Imports that take long would delay every first compile; `threading` is one of them.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from threading import local
    from typing import TypeVar

    from cachewasm.cache.store import ArtifactStore

    T = TypeVar("T")
else:
    from _thread import _local as local

# Longer than the largest modules in use take to compile: what is not there by then is with a
# process that was stopped, or hangs.
DEFAULT_TIMEOUT = 300.0
_FIRST_DELAY = 0.005
_LAST_DELAY = 0.1


@dataclass(frozen=True, slots=True)
class Patience:
    """How to wait: for at most `timeout` seconds in all, by `clock`, and `sleep` in between."""

    timeout: float = DEFAULT_TIMEOUT
    clock: "Callable[[], float]" = time.monotonic
    sleep: "Callable[[float], None]" = time.sleep

    def delays(self) -> "Iterator[float]":
        """How long to wait each time: not at all, then twice as long each time up to a bound.

        Shortened at random, so that many who began together do not look together.
        """
        end = self.clock() + self.timeout
        yield 0.0
        import random  # who never waits never needs it

        delay = _FIRST_DELAY
        while (left := end - self.clock()) > 0:
            yield min(left, delay * random.uniform(0.5, 1.0))
            delay = min(2 * delay, _LAST_DELAY)


def compile_once(
    store: "ArtifactStore",
    keys: "Sequence[ArtifactKey]",
    lookup: "Callable[[], T | None]",
    compile: "Callable[[], T]",
    patience: Patience | None = None,
) -> "T":
    """What `lookup` finds, or else what `compile` makes, taking turns with all who miss one of `keys`.

    `keys` are all under which `compile` might store its result: a strategy may choose the tier, and
    so the key, only while it compiles. Thus nobody else compiles for any of them, whatever their own
    strategy. `lookup` may be called many times and must not count; `compile` also stores, and is
    called at most once. Raises what they raise.
    """
    if _this_thread.compiles:
        store.counters.add("nested")
        return compile()
    _this_thread.compiles = True
    try:
        with _Turn(store, keys, patience or Patience()) as turn:
            found = turn.take(lookup)
            return compile() if found is None else found
    finally:
        _this_thread.compiles = False


class _Turn:
    """The turn of one compile, or its waiting for it. Owns what it has taken; use `with`."""

    def __init__(
        self, store: "ArtifactStore", keys: "Sequence[ArtifactKey]", patience: Patience
    ) -> None:
        self._store = store
        self._keys = frozenset(keys)
        self.names = {(store.place, key.digest) for key in self._keys}
        self._patience = patience
        self._has_process = False
        self._lock_file: _LockFile | None = None

    def take(self, lookup: "Callable[[], T | None]") -> "T | None":
        """Wait for the turn, the entry or the end of patience; the entry if it is there by then."""
        count = self._store.counters.add
        for delay in self._patience.delays():
            is_taken = self._is_taken(delay)
            found = lookup()
            if found is not None:
                count("shared")
                return found
            if is_taken:
                return None
            if not delay:
                count("wait")
        level = WARNING if count("give-up") == 1 else DEBUG
        log(level, "gave up waiting for who compiles %s", self._keys)
        return None

    def _is_taken(self, delay: float) -> bool:
        """Whether the turn has come; returns at once if it has, else after `delay` seconds."""
        if not self._has_process:
            self._has_process = _here.take(self, delay)
            if not self._has_process:
                return False
        try:
            if self._lock_file is None:
                self._lock_file = _LockFile(self._store)
            is_locked = self._lock_file.try_lock(self._keys)
        except (EntryError, OSError) as error:
            # Nobody can be kept from compiling, so there is nothing to wait for.
            reason = error.reason if isinstance(error, EntryError) else ""
            reason = reason if reason in LOCK_FAILURE_REASONS else UNLOCKABLE
            self._store.counters.add(f"lock-failure.{reason}")
            log(DEBUG, "no turn can be taken for %s: %s", self._keys, error)
            return True
        if not is_locked and delay:
            self._patience.sleep(delay)
        return is_locked

    def __enter__(self) -> "_Turn":
        return self

    def __exit__(self, *error: object) -> None:
        if self._lock_file is not None:
            self._lock_file.close()
        _here.give_back(self)


class _Here:
    """Which keys of which stores have their turn in this process, and whose."""

    def __init__(self) -> None:
        self.forget()

    def take(self, turn: _Turn, delay: float) -> bool:
        """Take all names of `turn`; False if one of them is another's, and still is after `delay`
        seconds or when somebody has given something back.
        """
        bell = allocate_lock()
        with self._lock:
            if self._take(turn):
                return True
            if not delay:
                return False
            bell.acquire()
            self._bells.append(bell)
        bell.acquire(timeout=delay)
        with self._lock:
            if bell in self._bells:
                self._bells.remove(bell)
            return self._take(turn)

    def _take(self, turn: _Turn) -> bool:
        if not turn.names.isdisjoint(self._taken):
            return False
        self._taken.update(dict.fromkeys(turn.names, turn))
        return True

    def give_back(self, turn: _Turn) -> None:
        """Let the next one take what `turn` has taken, if anything."""
        with self._lock:
            for name in turn.names:
                if self._taken.get(name) is turn:
                    del self._taken[name]
            # Everybody looks anew: whom it concerns they know themselves.
            for bell in self._bells:
                bell.release()
            self._bells.clear()

    def forget(self) -> None:
        """Start anew: in a forked child the other threads are gone, with whatever they have locked."""
        self._lock = allocate_lock()
        # Locks that nobody but their waiters wants: releasing one wakes its waiter.
        self._bells: list[LockType] = []
        self._taken: dict[tuple[str, bytes], _Turn] = {}


class _LockFile:
    """A descriptor of the lock file, and the locks of its own that it holds; close() it.

    Of a store that no other process uses there is no file, and every lock is free.
    """

    def __init__(self, store: "ArtifactStore") -> None:
        """Raises EntryError(UNTRUSTED), OSError."""
        # No fork between opening and listing: the child would keep what it does not know of.
        with _fork_guard:
            self._descriptor = store.open_lock_file()
            if self._descriptor is not None:
                _lock_files.add(self)

    def try_lock(self, keys: frozenset[ArtifactKey]) -> bool:
        """Lock the bytes of all `keys`, or none. Raises OSError."""
        if self._descriptor is None:
            return True
        for offset in sorted({layout.lock_offset(key.entry_name) for key in keys}):
            if not file_locks.try_lock(self._descriptor, offset):
                # Who holds one while waiting for another may wait in a circle.
                file_locks.unlock_all(self._descriptor)
                return False
        return True

    def close(self) -> None:
        """Give back the locks; in a forked child, which has none of them, do nothing."""
        with _fork_guard:
            if self._descriptor is not None and self in _lock_files:
                # Other than closing, this also reaches copies that a fork in native code has made.
                try:
                    file_locks.unlock_all(self._descriptor)
                except OSError as error:
                    log(DEBUG, "cannot give back a turn by name: %s", error)
                self.forsake()

    def forsake(self) -> None:
        """Close the descriptor only: the locks stay with whoever has a copy of it."""
        _lock_files.discard(self)
        if self._descriptor is not None:
            files.close(self._descriptor)


class _ThisThread(local):
    """Whether the current thread is inside compile_once(): also in a child that it has forked."""

    compiles = False


_this_thread = _ThisThread()
_here = _Here()
_lock_files: set[_LockFile] = set()
# Held while a process forks; re-entrant, since the process that forks may be opening a lock file.
_fork_guard = RLock()


def _after_fork_in_child() -> None:
    for lock_file in tuple(_lock_files):
        lock_file.forsake()
    _here.forget()
    _fork_guard.release()


os.register_at_fork(
    before=_fork_guard.acquire,
    after_in_parent=_fork_guard.release,
    after_in_child=_after_fork_in_child,
)
