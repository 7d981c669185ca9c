"""A disk that fails, and what the cache does on it: for the tests, and as a program of its own.

`Disk` takes the place of `os` and `fcntl` in the modules of cachewasm/cache/ through which all calls go. It
passes each call on, counts it, and at one of them does what a `Fault` says. Nothing here lists the
calls: they are recorded, so a call that is added there is made to fail like all others.

A `Scenario` is one use of the cache: what lies in the directory before, and a run that itself checks
what it is given. `problems_after` says what is wrong with a directory in which one has run.

    python tests/store/faulty.py prepare|run|check SCENARIO DIRECTORY    for strace_faults.py
    python tests/store/faulty.py die SCENARIO                            dies at each call in turn
"""

import errno
import fcntl
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from cachewasm.cache import file_locks, files, layout, publish, scan
from cachewasm.cache.alias import AliasKey
from cachewasm.cache.entry import Entry
from cachewasm.cache.history import misses, statistics
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore, Miss
from cachewasm.cache.reasons import ABSENT, CORRUPT, MISS_REASONS, EntryError
from cachewasm.cache.secret import Secret
from cachewasm.cache.settings import CacheConfig
from cachewasm.cache.single_flight import Patience, compile_once
from cachewasm.cache.survey.inspect import entries, leftovers, listing
from cachewasm.cache.survey.verify import OK, verify
from cachewasm.cache.trust import Rules
from cachewasm.cache.upkeep import pins
from cachewasm.cache.upkeep.cleanup import clean_up_if_due
from cachewasm.cache.upkeep.clear import clear
from cachewasm.cache.upkeep.prune import prune
from cachewasm.cache.upkeep.recompress import recompress
from cachewasm.cache.upkeep.repair import REPAIR, repair

KEY = ArtifactKey(bytes(range(32)), bytes(range(32, 64)), "x86-64-v3:+avx,+avx2", "optimized")
OTHER = ArtifactKey(bytes(32), bytes(32), "x86-64-v1", "baseline")
SEALED = Rules(secret=Secret(bytes(range(32))))
ALIAS = AliasKey(bytes(range(32)), bytes(range(32, 64)))
RAW = b"artifact" * 100
# Two pieces for two threads, and as large when it is compressed.
LARGE = random.Random(1).randbytes(1_200_000)
DIGEST = KEY.wasm_digest
# Smaller, the more trouble is taken over it.
COMPRESSIBLE = " ".join(map(str, range(5000))).encode()

_AGE = 7200.0

# All that call the file system (test_one_module.py).
MODULES = (files, publish, file_locks, scan)

# What of `os` reaches no disk.
_HARMLESS = ("fspath", "geteuid", "getpid", "getuid", "strerror", "urandom")
_HARMLESS_PATHS = ("abspath", "basename", "dirname", "isabs", "join", "normpath", "split")

DIED = 77


@dataclass(frozen=True)
class Fault:
    """What happens at a call: an error, before or after it is done; less than was asked for; the end.

    A lasting fault happens at all calls that follow, too.
    """

    kind: str  # "error", "late", "short", "nothing", "die", "die-after"
    number: int = 0
    is_lasting: bool = False

    def __str__(self) -> str:
        name = errno.errorcode.get(self.number, "")
        return "-".join(filter(None, (self.kind, name, "lasting" if self.is_lasting else "")))

    def happen(
        self, name: str, call: Callable[..., Any], args: tuple[Any, ...], **more: Any
    ) -> Any:
        """Make the call, or not, and fail."""
        if self.kind == "die":
            os._exit(DIED)
        if self.kind == "die-after":
            with suppress(OSError):
                call(*args, **more)
            os._exit(DIED)
        if self.kind in ("short", "nothing"):
            if name in _WRITES:
                return call(args[0], bytes(args[1])[: max(1, len(args[1]) // 2)])
            if name == "preadv":
                (view,) = args[1]
                return call(
                    args[0], [view[: len(view) // 2 if self.kind == "short" else 0]], *args[2:]
                )
            if name not in _READS:
                return call(*args, **more)
            return b"" if self.kind == "nothing" else call(args[0], max(1, args[1] // 2), *args[2:])
        if name in _NEVER_FAIL:
            return call(*args, **more)
        if name == "access":
            return False
        # A close that reports an error has closed all the same.
        if self.kind != "error" or name == "close":
            call(*args, **more)
        path = args[0] if args and isinstance(args[0], str) else None
        raise OSError(self.number, os.strerror(self.number), path)


class Disk:
    """The modules `os` and `fcntl` as MODULES see them, with `fault` at the call number `at`."""

    def __init__(self, fault: Fault | None = None, at: int = -1) -> None:
        self.calls: list[str] = []
        self._fault = fault
        self._at = at
        self.path = _Names(self, os.path, _HARMLESS_PATHS, "path.")
        self.fcntl = _Names(self, fcntl, (), "")

    def __getattr__(self, name: str) -> object:
        return self.passed_on(os, name, _HARMLESS, "")

    def passed_on(
        self, module: ModuleType, name: str, harmless: tuple[str, ...], prefix: str
    ) -> object:
        """An attribute of `module`; a function that reaches a disk comes wrapped."""
        found = getattr(module, name)
        if not callable(found) or isinstance(found, type) or name in harmless:
            return found
        return partial(self._call, prefix + name, found)

    def _call(self, name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        number = len(self.calls)
        self.calls.append(name)
        fault = self._fault
        if fault is None or not (number == self._at or (fault.is_lasting and number > self._at)):
            return call(*args, **more)
        return fault.happen(name, call, args, **more)

    @contextmanager
    def in_use(self) -> Iterator["Disk"]:
        """Puts this in the place of the real modules."""
        for module in MODULES:
            module.os = self  # type: ignore[attr-defined]
        sys.modules["fcntl"] = self.fcntl  # type: ignore[assignment]
        try:
            yield self
        finally:
            for module in MODULES:
                module.os = os  # type: ignore[attr-defined]
            sys.modules["fcntl"] = fcntl


class _Names:
    def __init__(
        self, disk: Disk, module: ModuleType, harmless: tuple[str, ...], prefix: str
    ) -> None:
        self._look = (disk, module, harmless, prefix)

    def __getattr__(self, name: str) -> object:
        disk, module, harmless, prefix = self._look
        return disk.passed_on(module, name, harmless, prefix)


_ANY = (errno.EIO, errno.EACCES)
# The errors of a call beside those two.
_MORE = {
    "open": (errno.ENOSPC, errno.EINTR, errno.EMFILE),
    "mkdir": (errno.ENOSPC, errno.EROFS),
    "write": (errno.ENOSPC, errno.EINTR),
    "fsync": (errno.ENOSPC,),
    "rename": (errno.ENOSPC, errno.EXDEV),
    "pread": (errno.EINTR, errno.ESTALE),
    "preadv": (errno.EINTR, errno.ESTALE),
    "read": (errno.EINTR,),
    "fcntl": (errno.ENOLCK, errno.EINTR),
}
_READS, _WRITES = ("pread", "preadv", "read"), ("write",)
# Whatever the system says to these, they make something of it.
_NEVER_FAIL = ("path.realpath", "path.isfile", "path.isdir")
# What changes the disk may have done so and yet report an error, as over a network.
_CHANGES = ("mkdir", "rename", "unlink", "utime", "write")


def faults_of(name: str) -> Iterator[Fault]:
    """All ways in which the call of this name can fail."""
    if name in _NEVER_FAIL:
        return
    for number in (*_ANY, *_MORE.get(name, ())):
        yield Fault("error", number)
    for number in (errno.EIO, errno.ENOSPC):
        yield Fault("error", number, is_lasting=True)
    if name in _CHANGES:
        yield Fault("late", errno.EIO)
    if name in (*_READS, *_WRITES):
        yield Fault("short")
        yield Fault("short", is_lasting=True)
    if name in _READS:
        yield Fault("nothing")
        yield Fault("nothing", is_lasting=True)


@dataclass(frozen=True)
class Scenario:
    """One use of a cache directory; `run` raises if it is given anything wrong."""

    prepare: Callable[[str], object]
    run: Callable[[str], object]
    # Verdicts that may be left: what was damaged before may still be.
    verdicts: tuple[str, ...] = (OK,)


def _put(directory: str) -> None:
    store = LocalStore(directory)
    assert store.put(KEY, RAW, {"compile_ms": 5}) is None
    assert store.put_alias(ALIAS, DIGEST) is None


def _put_long_ago(directory: str) -> None:
    _put(directory)
    for path in _all_files(directory):
        _age(path)


def _recorded(directory: str) -> None:
    _put(directory)
    store = LocalStore(directory)
    store.get(KEY)
    store.record()
    assert statistics.fold(directory)
    LocalStore(directory)
    store.get(KEY)
    store.record()


def _with_leftovers(directory: str) -> None:
    _put(directory)
    for number in range(2):
        path = layout.temporary_path(directory, KEY.entry_name, number + 1, bytes(8))
        with open(path, "wb") as file:
            file.write(b"half an en")
        _age(path)


def _get(directory: str) -> None:
    _check_found(LocalStore(directory).get(KEY))


def _put_large(directory: str, *, payload: str) -> None:
    config = CacheConfig(environ={"CACHEWASM_DIR": directory, "CACHEWASM_PAYLOAD": payload})
    store = LocalStore(directory, config=config.in_use())
    assert store.put(OTHER, LARGE, {"compile_ms": 5}) is None


def _get_large(directory: str) -> None:
    _check_found(LocalStore(directory).get(OTHER), LARGE)


def _check_found(found: Entry | Miss, raw: bytes = RAW) -> None:
    if isinstance(found, Entry):
        assert (bytes(found.raw), found.compile_ms) == (raw, 5)
    else:
        assert found.reason in MISS_REASONS and found.detail


def _get_alias(directory: str) -> None:
    found = LocalStore(directory).get_alias(ALIAS)
    if isinstance(found, Miss):
        assert found.reason in MISS_REASONS and found.detail
    else:
        assert found == DIGEST


def _put_one(directory: str, *, sync: bool = False) -> None:
    store = LocalStore(directory, sync=sync)
    failure = store.put(KEY, RAW, {"compile_ms": 5})
    counted = store.counters.snapshot()
    # Said once by a process.
    counted.pop("degraded", None)
    assert counted == {"store" if failure is None else f"store-failure.{failure.reason}": 1}


def _put_alias(directory: str) -> None:
    LocalStore(directory).put_alias(ALIAS, DIGEST)


class _Clock:
    """A clock that moves with every look, so that waiting for it ends."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        self.now += 1.0
        return self.now


def _compile(directory: str) -> None:
    store = LocalStore(directory)

    def lookup() -> bytes | None:
        found = store.peek(KEY)
        return bytes(found.raw) if isinstance(found, Entry) else None

    def compile() -> bytes:
        store.put(KEY, RAW, {"compile_ms": 5})
        return RAW

    patience = Patience(timeout=5.0, clock=_Clock().time, sleep=lambda seconds: None)
    assert compile_once(store, [KEY, OTHER], lookup, compile, patience) == RAW


def _record(directory: str) -> None:
    store = LocalStore(directory)
    store.counters.add("hit")
    store.record()


def _check_statistics(directory: str) -> None:
    # Two were recorded; what cannot be read is not counted, but nothing is counted twice.
    assert statistics.read(directory).count("hit") <= 2


def _prune_all(directory: str) -> None:
    prune(directory, max_size=0, older_than=None, dry_run=False)


def _prune_stale(directory: str) -> None:
    prune(directory, max_size=None, older_than=None, dry_run=False)


def _nothing(directory: str) -> None:
    pass


def _sealing(directory: str) -> LocalStore:
    store = LocalStore(directory)
    store.rules = SEALED
    return store


def _put_sealed(directory: str) -> None:
    _sealing(directory).put(KEY, RAW, {"compile_ms": 5})


def _get_sealed(directory: str) -> None:
    _check_found(_sealing(directory).get(KEY))


def _damage(directory: str) -> None:
    _put(directory)
    with open(layout.entry_path(directory, KEY), "r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))


def _replace_damaged(directory: str) -> None:
    store = LocalStore(directory)
    assert isinstance(store.get(KEY), Miss)
    store.put(KEY, RAW, {"compile_ms": 5})


def _repair(directory: str) -> None:
    repair(directory, verify(directory).findings, REPAIR, now=time.time(), dry_run=False)


def _put_compressible(directory: str) -> None:
    _put_long_ago(directory)
    assert LocalStore(directory).put(OTHER, COMPRESSIBLE, {"compile_ms": 5}) is None


def _recompress(directory: str) -> None:
    list(recompress(directory, list(listing(directory)), 19))
    found = LocalStore(directory).peek(OTHER)
    if isinstance(found, Entry):
        assert bytes(found.raw) == COMPRESSIBLE
    else:
        assert found.reason in MISS_REASONS


def _record_build(directory: str) -> None:
    environ = {"CACHEWASM_STATS_LOG": os.path.join(directory, "build")}
    store = LocalStore(directory, config=CacheConfig(environ=environ).in_use())
    store.counters.add("hit")
    store.record()


def _pin(directory: str) -> None:
    with suppress(EntryError, OSError):
        pins.pin(directory, KEY.entry_name)


def _pinned(directory: str) -> None:
    _recorded(directory)
    assert pins.pin(directory, KEY.entry_name)


def _unpin(directory: str) -> None:
    if pins.pinned(directory):
        pins.unpin(directory, KEY.entry_name)


def _long_uncleaned(directory: str) -> None:
    _recorded(directory)
    _age(os.path.join(directory, layout.CLEANED))


def _clean_up(directory: str) -> None:
    clean_up_if_due(directory, CacheConfig.defaults(directory), now=time.time())


def _record_misses(directory: str) -> None:
    store = LocalStore(directory)
    store.get(OTHER)
    store.record()


SCENARIOS = {
    "get": Scenario(_put, _get),
    "get_long_unused": Scenario(_put_long_ago, _get),
    "get_large": Scenario(partial(_put_large, payload="zstd"), _get_large),
    "get_large_raw": Scenario(partial(_put_large, payload="raw"), _get_large),
    "get_nothing": Scenario(_nothing, _get),
    "get_alias": Scenario(_put_long_ago, _get_alias),
    "put_first": Scenario(_nothing, _put_one),
    "put_again": Scenario(_put, _put_one),
    "put_synced": Scenario(_nothing, partial(_put_one, sync=True)),
    "put_alias": Scenario(_nothing, _put_alias),
    "compile_first": Scenario(_nothing, _compile),
    "compile_found": Scenario(_put, _compile),
    "record_first": Scenario(_put, _record),
    "record": Scenario(_recorded, _record),
    "statistics": Scenario(_recorded, _check_statistics),
    "fold": Scenario(_recorded, statistics.fold),
    "prune_all": Scenario(_recorded, _prune_all),
    "prune_stale": Scenario(_with_leftovers, _prune_stale),
    "put_sealed": Scenario(_nothing, _put_sealed),
    "get_sealed": Scenario(_put_sealed, _get_sealed),
    "replace_damaged": Scenario(_damage, _replace_damaged, verdicts=(OK, CORRUPT)),
    "repair": Scenario(_damage, _repair, verdicts=(OK, CORRUPT)),
    "recompress": Scenario(_put_compressible, _recompress),
    "record_build": Scenario(_recorded, _record_build),
    "pin": Scenario(_put, _pin),
    "unpin": Scenario(_pinned, _unpin),
    "cleanup": Scenario(_long_uncleaned, _clean_up),
    "clear": Scenario(_pinned, lambda directory: clear(directory, dry_run=False)),
    "record_misses": Scenario(_recorded, _record_misses),
    "last_misses": Scenario(_record_misses, lambda directory: misses.last(directory, 5)),
    "verify": Scenario(_with_leftovers, verify),
    "list": Scenario(_with_leftovers, lambda directory: list(entries(directory))),
}


def problems_after(
    directory: str, *, verdicts: tuple[str, ...] = (OK,), is_strict: bool = False
) -> list[str]:
    """What is wrong with a directory in which a scenario was cut short, now that the disk is well.

    Other verdicts than `verdicts` are wrong. `is_strict` if no call has failed: then no statistics may be lost either.
    """
    if not os.path.exists(directory):
        return []
    found = []
    report = verify(directory)
    found += [
        f"{each.file.name}: {each}" for each in report.findings if each.verdict not in verdicts
    ]
    if report.directory_problem:
        found.append(report.directory_problem)
    temporary = os.path.join(directory, layout.TEMPORARY)
    left = set(scan.names_in(temporary))
    if left != {file.name for file in leftovers(directory)}:
        found.append(f"unknown files in tmp: {left}")
    for name in left:
        _age(os.path.join(temporary, name))
    _prune_stale(directory)
    if scan.names_in(temporary):
        found.append(f"prune has left {scan.names_in(temporary)}")
    found += _locks_held(directory)
    hits = statistics.read(directory)
    # A record may be cut short, which spoils no other.
    if hits.count("hit") > 3 or hits.count(statistics.DAMAGED) > (not is_strict):
        found.append(f"wrong statistics: {hits}")
    is_recorded = os.path.exists(layout.statistics_path(directory, layout.TOTALS))
    # Two of the preparation, one of the scenario or none.
    if is_strict and is_recorded and not 2 <= hits.count("hit") <= 3:
        found.append(f"lost statistics: {hits}")
    store = LocalStore(directory)
    missed = store.get(KEY)
    if isinstance(missed, Miss) and missed.reason not in (ABSENT, *verdicts):
        found.append(repr(missed))
    _check_found(missed)
    if store.put(KEY, RAW, {"compile_ms": 5}) is not None or not isinstance(store.get(KEY), Entry):
        found.append("it cannot be stored in any more")
    return found


def _locks_held(directory: str) -> list[str]:
    if not os.path.exists(layout.lock_path(directory)):
        return []
    descriptor = file_locks.open_lock_file(layout.lock_path(directory))
    try:
        offsets = [layout.lock_offset(key.entry_name) for key in (KEY, OTHER)]
        offsets.append(layout.FOLD_OFFSET)
        return [f"{at} is locked" for at in offsets if not file_locks.try_lock(descriptor, at)]
    finally:
        os.close(descriptor)


def _all_files(directory: str) -> Iterator[str]:
    for path, _, names in os.walk(directory):
        for name in names:
            yield os.path.join(path, name)


def _age(path: str) -> None:
    status = os.stat(path)
    os.utime(path, (status.st_mtime - _AGE, status.st_mtime - _AGE))


@contextmanager
def prepared(scenario: Scenario) -> Iterator[str]:
    """A directory in which the scenario can run."""
    parent = tempfile.mkdtemp(prefix="faulty-")
    directory = os.path.join(os.path.realpath(parent), "cache")
    try:
        scenario.prepare(directory)
        yield directory
    finally:
        shutil.rmtree(parent)


def calls_of(scenario: Scenario) -> list[str]:
    """The calls that a run makes on a disk that does not fail."""
    with prepared(scenario) as directory:
        with Disk().in_use() as disk:
            scenario.run(directory)
        return disk.calls


def deaths(scenario: Scenario) -> Iterator[tuple[str, list[str]]]:
    """Let a process die before and after each call; when, and what was wrong afterwards."""
    for at, name in enumerate(calls_of(scenario)):
        for kind in ("die", "die-after"):
            with prepared(scenario) as directory:
                child = os.fork()
                if child == 0:
                    with Disk(Fault(kind), at).in_use():
                        scenario.run(directory)
                    os._exit(0)
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                problems = problems_after(directory, verdicts=scenario.verdicts, is_strict=True)
                if code != DIED:
                    problems.append(f"it ended with {code}")
                yield f"{kind} at call {at}, {name}", problems


def _main(action: str, name: str, directory: str = "") -> int:
    scenario = SCENARIOS[name]
    if action == "prepare":
        scenario.prepare(directory)
        return 0
    if action == "run":
        # Marks in the trace what is the scenario's own.
        os.getpgid(0)
        scenario.run(directory)
        os.getpgid(0)
        return 0
    if action == "check":
        found = problems_after(directory, verdicts=scenario.verdicts)
    else:
        results = list(deaths(scenario))
        print(f"{len(results)} deaths")
        found = [f"{when}: {problems}" for when, problems in results if problems]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
