"""Forked workers: one process each, its pipes, its last words, and how it is found to be lost.

The process that forks is one thread, so it may: a worker sees all that was read and imported, and
nothing is copied or sent to it but the number of a task and what only that run of it needs.
"""

import os
from collections.abc import Callable, Sequence

from cachewasm.compiler.processes import worker
from cachewasm.compiler.processes.confine import Budget
from cachewasm.compiler.processes.scratch import scratch_file, tail
from cachewasm.compiler.processes.worker import ACCIDENT, ANSWER, REQUEST, Task

_READ = 1 << 16
_SIGKILL, _SIGXCPU = 9, 24  # Linux, every architecture
# What a worker may send beyond a hundred bytes for each byte of a body.
_ANSWER_SIZE = 64 << 20

# Every worker of this process. A new one closes the descriptors of the others.
_alive: "set[Worker]" = set()


class Lost(Exception):
    """A worker is dead, or might as well be: `reason` says why, with its last words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Worker:
    """A forked process that runs the tasks it knows, `known` of them, one at a time.

    `answers` is readable when there is something to `receive`; `number` is the task that it is at,
    -1 if none. Raises OSError if it cannot be forked. Whoever makes it must `end` it.
    """

    __slots__ = (
        "_budget",
        "_pid",
        "_received",
        "_requests",
        "_stderr",
        "_tasks",
        "_waited",
        "answers",
        "number",
    )

    def __init__(self, tasks: Sequence[Task[object]], budget: Callable[[int], Budget]) -> None:
        self._tasks = tasks
        self._budget = budget
        self._received = bytearray()
        self._waited = 0.0
        self.number = -1
        opened: list[int] = []
        try:
            opened += os.pipe()
            opened += os.pipe()
            opened.append(scratch_file())
            server = os.getpid()
            pid = os.fork()
        except OSError:
            for fd in opened:
                os.close(fd)
            raise
        requests, self._requests, self.answers, answers, self._stderr = opened
        if pid == 0:
            self._serve(server, requests, answers)
        os.close(requests)
        os.close(answers)
        self._pid = pid
        _alive.add(self)

    @property
    def known(self) -> int:
        """How many tasks it knows."""
        return len(self._tasks)

    def _serve(self, server: int, requests: int, answers: int) -> None:
        """What the forked child does until it ends; nothing of the server's may go on in it."""
        try:
            for each in (self, *_alive):
                os.close(each._requests)
                os.close(each.answers)
            nowhere = os.open(os.devnull, os.O_RDONLY)
            for fd, standard in ((nowhere, 0), (self._stderr, 1), (self._stderr, 2)):
                os.dup2(fd, standard)
            worker.serve(self._tasks, requests, answers, server=server, budget=self._budget)
        finally:
            os._exit(0)

    def start(self, number: int, payload: bytes = b"") -> None:
        """Have it run a task. Raises Lost."""
        self.number = number
        self._waited = 0.0
        rest = memoryview(REQUEST.pack(number, len(payload)) + payload)
        try:
            while rest:
                rest = rest[os.write(self._requests, rest) :]
        except OSError:
            raise self._lost() from None

    def receive(self) -> tuple[int, bytes] | None:
        """Kind and payload of its answer, None while there is more to come. Raises Lost."""
        data = os.read(self.answers, _READ)
        if not data:
            raise self._lost()
        self._received += data
        if len(self._received) < ANSWER.size:
            return None
        kind, number, size = ANSWER.unpack_from(self._received)
        missing = ANSWER.size + size - len(self._received)
        allowed = _ANSWER_SIZE + 100 * self._task.weight
        if number != self.number or kind > ACCIDENT or size > allowed or missing < 0:
            raise self._lost("it sent what is no answer")
        if missing:
            return None
        payload = bytes(memoryview(self._received)[ANSWER.size :])
        if kind == ACCIDENT:
            raise self._lost(payload.decode("utf-8", "replace"))
        self._received = bytearray()
        self.number = -1
        return kind, payload

    def wait(self, seconds: float) -> None:
        """Some time has passed. Raises Lost if the worker must be thought to stand still."""
        self._waited += seconds
        wall = self._budget(self._task.weight).wall
        if self._waited > wall:
            raise self._lost(f"it did not answer within {wall} seconds")

    def end(self) -> int:
        """End it, which holds nothing worth an orderly end; return its wait status."""
        _alive.discard(self)
        os.kill(self._pid, _SIGKILL)
        for fd in (self._requests, self.answers, self._stderr):
            os.close(fd)
        return os.waitpid(self._pid, 0)[1]

    @property
    def _task(self) -> Task[object]:
        return self._tasks[self.number]

    def _lost(self, reason: str = "") -> Lost:
        said = tail(self._stderr)
        code = os.waitstatus_to_exitcode(self.end())
        if reason:
            pass
        elif code == -_SIGXCPU:
            seconds = self._budget(self._task.weight).processor
            reason = f"it took more than {seconds} seconds of processor time"
        elif code < 0:
            reason = f"its compile worker was killed by signal {-code}"
        else:
            reason = f"its compile worker ended with exit code {code}"
        return Lost(f"{reason}: {said}" if said else reason)
