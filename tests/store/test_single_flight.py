"""Compiling once, among the threads of a process and among processes, and whatever prevents it."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from cachewasm.cache import file_locks, layout
from cachewasm.cache.entry import Entry
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.single_flight import Patience, compile_once

from .conftest import KEY, OTHER, RAW

# What a child says is one word a line, at once; what it is told is a line.
WORKER = """
from cachewasm.cache.single_flight import Patience, compile_once
import os, time

def say(word):
    # In one write, since several processes may share the pipe.
    os.write(1, f"{word}\\n".encode())

def sleep(seconds):
    global is_waiting
    if not is_waiting:
        is_waiting = True
        say("waiting")
    time.sleep(seconds)

def work():
    say("compiling")
    sys.stdin.readline()
    assert store.put(KEY, b"artifact", {}) is None
    return b"artifact"

is_waiting = False
def lookup():
    raw = getattr(store.peek(KEY), "raw", None)
    return None if raw is None else bytes(raw)

say("ready")
sys.stdin.readline()
assert compile_once(store, [KEY], lookup, work, Patience(sleep=sleep)) == b"artifact"
counts = store.counters.snapshot()
say(" ".join(f"{name}={counts[name]}" for name in sorted(counts)))
"""


class Child:
    """A process that runs WORKER or a program like it."""

    def __init__(self, script: str, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, line: str = "") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


Start = Callable[..., Child]


@pytest.fixture
def start(child_script: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a child that uses the directory of `store`."""
    children = []

    def start_one(program: str = WORKER) -> Child:
        children.append(Child(child_script + program, tmp_path / "cache"))
        return children[-1]

    yield start_one
    for child in children:
        child.end()


class Compiler:
    """Compiles for KEY: counts how often, and can be made to run something meanwhile."""

    def __init__(self, store: LocalStore, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.store = store
        self.meanwhile = meanwhile
        self.count = 0

    def compile(self) -> bytes:
        self.count += 1
        self.meanwhile()
        assert self.store.put(KEY, RAW, {}) is None
        return RAW

    def lookup(self) -> bytes | None:
        entry = self.store.peek(KEY)
        return bytes(entry.raw) if isinstance(entry, Entry) else None

    def once(self, patience: Patience | None = None, *keys: ArtifactKey) -> bytes:
        return compile_once(self.store, keys or (KEY,), self.lookup, self.compile, patience)


def never(seconds: float) -> None:
    raise AssertionError("there is nobody to wait for")


NO_WAIT = Patience(sleep=never)


class Clock:
    """A clock that only `sleep` moves, and by ten seconds at least."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def patience(self, timeout: float) -> Patience:
        return Patience(timeout=timeout, clock=self.time, sleep=self.sleep)


@pytest.fixture
def compiler(store: LocalStore) -> Compiler:
    """A compiler that stores in `store`."""
    return Compiler(store)


@pytest.fixture
def lock_path(tmp_path: Path) -> Path:
    """Where the lock file of `store` is to be; the directories above it exist."""
    path = tmp_path / "cache" / "locks" / "keys"
    path.parent.mkdir(parents=True, mode=0o700)
    path.parent.parent.chmod(0o700)
    return path


@pytest.fixture
def hold(lock_path: Path) -> Iterator[Callable[[ArtifactKey], None]]:
    """Locks the byte of a key as another process would, for the duration of the test."""
    descriptor = file_locks.open_lock_file(str(lock_path))

    def hold_one(key: ArtifactKey) -> None:
        assert file_locks.try_lock(descriptor, layout.lock_offset(key.entry_name))

    yield hold_one
    os.close(descriptor)


def counts_of(store: LocalStore) -> dict[str, int]:
    counts = store.counters.snapshot()
    return {name: counts[name] for name in counts if name not in ("hit", "store")}


def test_compile_once_without_anybody_else_compiles_and_stores(
    compiler: Compiler, store: LocalStore, lock_path: Path
) -> None:
    assert compiler.once(NO_WAIT) == RAW
    assert compiler.count == 1
    assert counts_of(store) == {}
    assert isinstance(store.get(KEY), Entry)
    assert lock_path.stat().st_mode & 0o7777 == 0o600
    assert lock_path.stat().st_size == 0


def test_compile_once_entry_there_by_now_is_shared(compiler: Compiler, store: LocalStore) -> None:
    store.put(KEY, RAW, {})
    assert compiler.once(NO_WAIT) == RAW
    assert compiler.count == 0
    assert counts_of(store) == {"shared": 1}


def test_compile_once_failing_compile_gives_the_turn_to_the_next(
    compiler: Compiler, store: LocalStore
) -> None:
    def fail() -> None:
        raise ValueError("no module")

    compiler.meanwhile = fail
    with pytest.raises(ValueError, match="no module"):
        compiler.once(NO_WAIT)
    compiler.meanwhile = lambda: None
    assert compiler.once(NO_WAIT) == RAW
    assert compiler.count == 2


def test_compile_once_in_threads_compiles_once(store: LocalStore) -> None:
    everybody = threading.Barrier(8)
    results = []

    def run() -> None:
        everybody.wait()
        results.append(compiler.once())

    # Whoever compiles does so until the others have been seen waiting.
    def until_all_wait() -> None:
        while store.counters.snapshot().get("wait", 0) < 7:
            pass_on.wait(0.001)

    pass_on = threading.Event()
    compiler = Compiler(store, until_all_wait)
    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [RAW] * 8
    assert compiler.count == 1
    assert counts_of(store) == {"wait": 7, "shared": 7}


def test_compile_once_in_threads_for_different_keys_does_not_wait(store: LocalStore) -> None:
    def other() -> None:
        result.append(compile_once(store, [OTHER], lambda: None, lambda: b"other", NO_WAIT))

    def meanwhile() -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    result: list[bytes] = []
    assert Compiler(store, meanwhile).once(NO_WAIT) == RAW
    assert result == [b"other"]
    assert counts_of(store) == {}


def test_compile_once_in_threads_one_common_key_is_enough_to_wait(store: LocalStore) -> None:
    def both() -> None:
        waiting = compile_once(store, [OTHER, KEY], lambda: None, lambda: b"both", patience)
        result.append(waiting)

    # Out of patience as soon as it waits.
    patience = Patience(timeout=0.0)

    def meanwhile() -> None:
        thread = threading.Thread(target=both)
        thread.start()
        thread.join()

    result: list[bytes] = []
    assert Compiler(store, meanwhile).once() == RAW
    assert result == [b"both"]
    assert counts_of(store) == {"wait": 1, "give-up": 1}


def test_compile_once_within_a_compile_of_the_thread_compiles_alone(
    compiler: Compiler, store: LocalStore
) -> None:
    inner = Compiler(store)
    compiler.meanwhile = lambda: inner.once(NO_WAIT)
    assert compiler.once(NO_WAIT) == RAW
    assert (compiler.count, inner.count) == (1, 1)
    assert counts_of(store) == {"nested": 1}


def test_compile_once_in_processes_compiles_once(start: Start) -> None:
    children = [start() for _ in range(5)]
    assert [child.said() for child in children] == ["ready"] * 5
    for child in children:
        child.tell()
    first = {child.said(): child for child in children}
    assert sorted(first) == ["compiling", "waiting"]
    first["compiling"].tell()
    said = sorted(child.said() for child in children)
    assert said == ["shared=1 wait=1"] * 4 + ["store=1"]
    assert [child.process.wait() for child in children] == [0] * 5


def test_compile_once_holder_killed_hands_over_to_one_waiter(start: Start) -> None:
    children = [start() for _ in range(3)]
    assert [child.said() for child in children] == ["ready"] * 3
    for child in children:
        child.tell()
    said = [child.said() for child in children]
    holder = children.pop(said.index("compiling"))
    holder.end()
    # One of them says so; the other says nothing until the entry is there.
    for child in children:
        child.tell()
    assert sorted(child.said() for child in children) == ["compiling", "shared=1 wait=1"]
    assert sorted(child.process.wait() for child in children) == [0, 0]


FORKING = WORKER.replace(
    'say("compiling")',
    """
    if os.fork() == 0:
        say(f"forked {os.getpid()}")
        time.sleep(3600)
    say("compiling")""",
)


def test_compile_once_fork_while_compiling_does_not_keep_the_lock(
    start: Start, compiler: Compiler
) -> None:
    parent = start(FORKING)
    assert parent.said() == "ready"
    parent.tell()
    said = sorted((parent.said(), parent.said()))
    assert said[0] == "compiling"
    child = int(said[1].partition(" ")[2])
    try:
        assert compiler.once(Patience(timeout=0.0)) == RAW
        assert compiler.store.counters.snapshot()["give-up"] == 1
        parent.process.kill()
        parent.process.wait()
        Path(compiler.store.directory, "entries", "v1", KEY.entry_name).unlink()
        os.kill(child, 0)
        assert compiler.once(NO_WAIT) == RAW
    finally:
        os.kill(child, 9)


# The child leaves compile_once() as the parent does, then whatever the parent had locked must still be.
RETURNING = WORKER.replace(
    'say("compiling")',
    """
    global child
    child = os.fork()
    if child == 0:
        return b"artifact"
    assert os.waitpid(child, 0)[1] == 0
    say("compiling")""",
).replace("counts = ", "if child == 0: os._exit(0)\ncounts = ")


def test_compile_once_forked_child_that_returns_leaves_the_parent_its_lock(
    start: Start, compiler: Compiler, store: LocalStore
) -> None:
    parent = start(RETURNING)
    assert parent.said() == "ready"
    parent.tell()
    assert parent.said() == "compiling"
    assert compiler.once(Patience(timeout=0.0)) == RAW
    assert counts_of(store) == {"wait": 1, "give-up": 1}
    parent.tell()
    assert parent.said() == "store=1"
    assert parent.process.wait() == 0


def test_compile_once_waiter_gives_up_and_compiles_alone(
    compiler: Compiler, hold: Callable[[ArtifactKey], None], store: LocalStore
) -> None:
    hold(KEY)
    clock = Clock()
    assert compiler.once(clock.patience(timeout=2.0)) == RAW
    assert compiler.count == 1
    assert counts_of(store) == {"wait": 1, "give-up": 1}
    assert sum(clock.slept) == pytest.approx(2.0)
    assert clock.slept[0] <= 0.005
    assert max(clock.slept) <= 0.1
    assert len(clock.slept) < 60


def test_compile_once_waiter_finds_the_entry_before_the_lock_is_free(
    compiler: Compiler, hold: Callable[[ArtifactKey], None], store: LocalStore
) -> None:
    hold(KEY)
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if len(clock.slept) == 3:
            store.put(KEY, RAW, {})

    assert compiler.once(Patience(timeout=10.0, clock=clock.time, sleep=sleep)) == RAW
    assert compiler.count == 0
    assert len(clock.slept) == 3
    assert counts_of(store) == {"wait": 1, "shared": 1}


def test_compile_once_keys_of_which_one_is_locked_locks_none(
    compiler: Compiler, hold: Callable[[ArtifactKey], None], store: LocalStore
) -> None:
    hold(KEY)
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        descriptor = store.open_lock_file()
        assert file_locks.try_lock(descriptor, layout.lock_offset(OTHER.entry_name))
        os.close(descriptor)

    patience = Patience(timeout=0.1, clock=clock.time, sleep=sleep)
    assert compiler.once(patience, KEY, OTHER) == RAW
    assert clock.slept
    assert counts_of(store) == {"wait": 1, "give-up": 1}


class UnlockableStore(LocalStore):
    """A store whose lock file cannot be opened, or not be locked."""

    def __init__(self, directory: str, error: int | None) -> None:
        super().__init__(directory)
        self.error = error

    def open_lock_file(self) -> int:
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        # Not open for writing: the kernel refuses a lock for writing, as it would without locks.
        return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EROFS, errno.EMFILE, None])
def test_compile_once_without_locks_compiles_alone(tmp_path: Path, error: int | None) -> None:
    store = UnlockableStore(str(tmp_path / "cache"), error)
    compiler = Compiler(store)
    assert compiler.once(NO_WAIT) == RAW
    assert compiler.count == 1
    assert counts_of(store) == {"lock-failure.unlockable": 1}


def test_compile_once_without_locks_is_once_among_threads(tmp_path: Path) -> None:
    store = UnlockableStore(str(tmp_path / "cache"), errno.ENOLCK)
    waiter = Compiler(store)

    def wait() -> None:
        result.append(waiter.once())

    def meanwhile() -> None:
        threads.append(threading.Thread(target=wait))
        threads[0].start()
        while not store.counters.snapshot().get("wait"):
            pass_on.wait(0.001)

    pass_on = threading.Event()
    threads: list[threading.Thread] = []
    result: list[bytes] = []
    assert Compiler(store, meanwhile).once() == RAW
    threads[0].join()
    assert result == [RAW]
    assert waiter.count == 0


def _fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def _symbolic_link(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")


def _directory(path: Path) -> None:
    path.mkdir(mode=0o700)


def _writable_by_others(path: Path) -> None:
    path.touch()
    path.chmod(0o666)


def _of_another_user(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    path.touch(0o600)
    os.chown(path, 65534, 65534)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_fifo, "untrusted"),
        (_symbolic_link, "unlockable"),
        (_directory, "unlockable"),
        (_writable_by_others, "untrusted"),
        (_of_another_user, "untrusted"),
    ],
)
def test_compile_once_odd_lock_file_compiles_alone(
    compiler: Compiler,
    store: LocalStore,
    lock_path: Path,
    make: Callable[[Path], None],
    reason: str,
) -> None:
    make(lock_path)
    before = lock_path.lstat()
    assert compiler.once(NO_WAIT) == RAW
    assert compiler.count == 1
    assert counts_of(store) == {f"lock-failure.{reason}": 1}
    after = lock_path.lstat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert not (lock_path.parent / "elsewhere").exists()


def test_compile_once_untrusted_directory_gets_no_lock_file(tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    directory.mkdir()
    directory.chmod(0o777)
    store = LocalStore(str(directory))
    assert compile_once(store, [KEY], lambda: None, lambda: RAW, NO_WAIT) == RAW
    assert list(directory.iterdir()) == []
    assert counts_of(store) == {"lock-failure.untrusted": 1}


def test_compile_once_leaves_no_descriptor_open(compiler: Compiler) -> None:
    before = os.listdir("/proc/self/fd")
    compiler.once(NO_WAIT)
    assert os.listdir("/proc/self/fd") == before


def test_lock_offset_is_62_bits_of_a_digest_of_the_name() -> None:
    digest = blake3(KEY.entry_name.encode()).digest()
    assert layout.lock_offset(KEY.entry_name) == 3279811674568887803
    assert layout.lock_offset(KEY.entry_name) == int.from_bytes(digest[:8], "little") // 4
