"""The compile server of this process: started when it is needed, kept warm, ended for good.

It is our own child (`python -I -c`, with this process's sys.path) and not one of multiprocessing:
that would run the application's main module again, or fork a process that has threads. It is
spawned before anything else is imported, since it needs most of the time of a first compile; so
this module does without subprocess and threading, whose imports take as long.
"""

import _thread
import atexit
import os
import sys
from fcntl import F_DUPFD_CLOEXEC, fcntl

from cachewasm.compiler.processes import frames
from cachewasm.compiler.processes.scratch import scratch_file, tail
from cachewasm.errors import CompileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import BufferedReader, BufferedWriter

    Progress = Callable[[int, int], object]

# Nothing that a start makes is garbage.
_BOOTSTRAP = """\
import gc, sys
gc.disable()
sys.path[:] = {path!r}
from cachewasm.compiler.lean_llvm import import_llvmlite
import_llvmlite()
from cachewasm.compiler.processes.server import main
main()
"""
# What the server needs from outside the standard library.
_PACKAGES = ("cachewasm", "llvmlite", "blake3")
# Linux, every architecture. The child must not inherit that somebody ignores or blocks them.
_SIGINT, _SIGKILL, _SIGPIPE, _SIGXCPU, _SIGXFSZ = 2, 9, 13, 24, 25
# How long somebody else, who has inherited a pipe of the server's by accident, may keep us waiting.
_LAST_WORDS_MS = 5000
_READ = 1 << 16


def _options(path: list[str]) -> list[str]:
    """The interpreter's options: without `site`, which takes 4 ms, if it is not needed.

    It is where a package is found by a hook that `site` installs, as some editable installs have it.
    """
    on_path = (any(os.path.isdir(f"{each}/{name}") for each in path) for name in _PACKAGES)
    return ["-I", "-S"] if all(on_path) else ["-I"]


def _environment() -> dict[str, str]:
    """The server's variables: ours, and huge pages for what the C library allocates.

    A twentieth of all compile time. An application's own choice stays; other C libraries ignore it.
    """
    variables = dict(os.environ)
    tunables = variables.get("GLIBC_TUNABLES")
    if tunables is None or "glibc.malloc.hugetlb" not in tunables:
        variables["GLIBC_TUNABLES"] = ":".join(filter(None, (tunables, "glibc.malloc.hugetlb=1")))
    return variables


class ServerProcess:
    """One compile server. It serves one request at a time; other threads wait their turn."""

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._asking: int | None = None  # the thread whose request is being served
        self._pid = 0
        self._stderr = -1
        # The descriptors of a server or of one that is being started.
        self._opened: list[int] = []
        self._requests: BufferedWriter | None = None
        self._answers: BufferedReader | None = None

    def start(self) -> None:
        """See to it that the server is running or starting. Raises CompileError."""
        if not self._is_nested():
            with self._lock:
                self._start()

    def ask(self, request: "Sequence[bytes]", progress: "Progress | None" = None) -> list[bytes]:
        """The answer to a request; `progress` gets the number of functions done, and of all.

        Raises CompileError if the server dies, and what `progress` raises.
        """
        if self._is_nested():
            # `progress` compiles something: a server of its own serves that.
            another = ServerProcess()
            try:
                return another.ask(request, progress)
            finally:
                another.close()
        with self._lock:
            self._asking = _thread.get_ident()
            try:
                self._start()
                self._send(request)
                while (answer := self._receive())[0] == b"progress":
                    if progress is not None:
                        progress(int(answer[1]), int(answer[2]))
                return answer
            except _Died:
                raise CompileError(self._obituary()) from None
            except BaseException:
                # Ctrl-C, for one: the answer to this request must not meet the next one.
                self._end()
                raise
            finally:
                self._asking = None

    def close(self) -> None:
        """End the server, if this process started one."""
        if self._lock.acquire(blocking=False):
            self._end()
            self._lock.release()
        elif self._pid:
            # At the process's end a daemon thread may still be waiting for an answer: now it gets one.
            os.kill(self._pid, _SIGKILL)

    def forget(self) -> None:
        """In a forked child: the server is the parent's; leave it alone."""
        self._lock = _thread.allocate_lock()
        self._asking = None
        self._pid = 0
        self._let_go()

    def _is_nested(self) -> bool:
        return self._asking == _thread.get_ident()

    def _send(self, request: "Sequence[bytes]") -> None:
        assert self._requests is not None
        try:
            frames.write(self._requests, request)
        except OSError:
            raise _Died from None

    def _receive(self) -> list[bytes]:
        assert self._answers is not None
        try:
            answer = frames.read(self._answers)
        except (OSError, EOFError):
            answer = None
        if not answer:
            raise _Died
        return answer

    def _start(self) -> None:
        self._reap(os.WNOHANG)
        if self._pid:
            return
        self._end()
        try:
            self._spawn()
        except OSError as error:
            self._let_go()
            raise CompileError(f"cannot start the compile server: {error}") from error

    def _spawn(self) -> None:
        read_requests, write_requests = self._pipe()
        read_answers, write_answers = self._pipe()
        self._stderr = self._open(scratch_file())
        path = [entry or os.getcwd() for entry in sys.path]
        self._pid = os.posix_spawn(
            sys.executable,
            [sys.executable, *_options(path), "-c", _BOOTSTRAP.format(path=path)],
            _environment(),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, read_requests, 0),
                (os.POSIX_SPAWN_DUP2, write_answers, 1),
                (os.POSIX_SPAWN_DUP2, self._stderr, 2),
            ],
            # The terminal's Ctrl-C goes to the whole group; this process decides what becomes of a
            # compile. Whatever else it blocks or ignores must not keep the server or workers alive.
            setsigmask=(_SIGINT,),
            setsigdef=(_SIGPIPE, _SIGXCPU, _SIGXFSZ),
        )
        for fd in (read_requests, write_answers):
            os.close(fd)
            self._opened.remove(fd)
        self._requests = os.fdopen(write_requests, "wb", closefd=False)
        self._answers = os.fdopen(read_answers, "rb", closefd=False)

    def _pipe(self) -> tuple[int, int]:
        reader, writer = os.pipe()
        return self._open(reader), self._open(writer)

    def _open(self, fd: int) -> int:
        """Take a descriptor into possession, under a number that is none of a standard stream."""
        if fd <= 2:
            low, fd = fd, fcntl(fd, F_DUPFD_CLOEXEC, 3)
            os.close(low)
        self._opened.append(fd)
        return fd

    def _obituary(self) -> str:
        """Say why the server died, and clear it away."""
        said = tail(self._stderr)
        status = self._end()
        how = "is gone"
        if status is not None:
            code = os.waitstatus_to_exitcode(status)
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"the compile server {how}" + (f": {said}" if said else "")

    def _reap(self, options: int) -> int | None:
        """Take the server's wait status if it has ended: from then on `_pid` is 0."""
        if not self._pid:
            return None
        try:
            pid, status = os.waitpid(self._pid, options)
        except ChildProcessError:
            # Somebody else has taken it, or the system does where SIGCHLD is ignored.
            self._pid = 0
            return None
        if pid:
            self._pid = 0
        return status if pid else None

    def _end(self) -> int | None:
        """End the server and its workers; its wait status if there was one to have."""
        status = self._reap(os.WNOHANG)
        if self._pid:
            # It holds nothing that is worth an orderly end, which LLVM makes last.
            os.kill(self._pid, _SIGKILL)
            self._drain()
            status = self._reap(0)
        self._let_go()
        return status

    def _drain(self) -> None:
        """Wait until nobody is left who could answer: workers die with the server, just after it."""
        if self._answers is None:
            return
        from select import POLLIN, poll

        poller = poll()
        poller.register(self._answers, POLLIN)
        while poller.poll(_LAST_WORDS_MS) and os.read(self._answers.fileno(), _READ):
            pass

    def _let_go(self) -> None:
        for stream in (self._requests, self._answers):
            if stream is not None:
                # Not the buffer: what it may hold is nobody's any more.
                stream.raw.close()
        self._requests = self._answers = None
        while self._opened:
            os.close(self._opened.pop())
        self._stderr = -1


class _Died(Exception):
    """The server has closed its end, or answers nonsense."""


server = ServerProcess()
atexit.register(server.close)
os.register_at_fork(after_in_child=server.forget)
