"""Run tasks in forked workers: balanced, bounded, and with an answer whatever becomes of a worker.

The server is one thread, so it may fork: a worker sees all that was read and imported, and nothing
is copied or sent to it but the numbers of its tasks. The heaviest tasks go first, one at a time.

A worker that dies, stands still, exceeds a limit or answers nonsense costs its task a second try in
parts, in workers forked for that; what fails again is a CompileError that names it. An error of the
module counts only if no task before it has one: the error of a run is the first in order, and tasks
behind it are not run.
"""

import gc
import heapq
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cachewasm.compiler import failures, frames, worker
from cachewasm.compiler.confine import Budget, budget_for
from cachewasm.compiler.scratch import scratch_file, tail
from cachewasm.compiler.worker import ACCIDENT, ANSWER, DONE, ERROR, REQUEST, Task
from cachewasm.errors import CompileError, InternalError, WasmtimeError

_READ = 1 << 16
# Between two looks at the clock. A tick counts no more than twice this: time in which the whole
# group of processes is stopped is nobody's fault.
_TICK_MS = 1000
# What a worker may send beyond a hundred bytes for each byte of a body.
_ANSWER_SIZE = 64 << 20

_Result = TypeVar("_Result")


class ClientGone(Exception):
    """Whoever asked for this is gone."""


@dataclass(frozen=True, slots=True)
class _Attempt(Generic[_Result]):
    """A task of the run, `key` being its place in the order; or a part of one that failed."""

    key: tuple[int, int]
    task: Task[_Result]
    is_second: bool = False


@dataclass(slots=True, eq=False)
class _Worker:
    """A forked worker. It knows the attempts that existed when it was forked: `known` of them."""

    pid: int
    requests: int
    answers: int
    stderr: int
    known: int
    number: int = -1
    waited: float = 0.0
    received: bytearray = field(default_factory=bytearray)


def run(
    tasks: Sequence[Task[_Result]],
    processes: int,
    done: Callable[[int], object] | None = None,
    *,
    client: int | None = None,
    budget: Callable[[int], Budget] = budget_for,
) -> list[_Result]:
    """The results of tasks, in order; of one that was run in parts, the results of its parts.

    `client` is a descriptor that ends when nobody waits any more: ClientGone is raised then. `done`
    is called with the number of functions of each task (or part) that ends well. Raises the first task's error, CompileError for one that no
    worker survives. No worker is left when this returns or raises.
    """
    pool = _Pool(tasks, processes, client, done, budget)
    try:
        return pool.run()
    finally:
        pool.close()


class _Pool(Generic[_Result]):
    def __init__(
        self,
        tasks: Sequence[Task[_Result]],
        processes: int,
        client: int | None,
        done: Callable[[int], object] | None,
        budget: Callable[[int], Budget],
    ) -> None:
        self._processes = processes
        self._client = client
        self._done = done
        self._budget = budget
        self._attempts: list[_Attempt[_Result]] = []
        self._pending: list[tuple[int, int]] = []  # a heap of (-weight, number of the attempt)
        self._results: dict[tuple[int, int], _Result] = {}
        self._workers: dict[int, _Worker] = {}  # by the descriptor of their answers
        self._error: tuple[tuple[int, int], WasmtimeError] | None = None
        self._poll = select.poll()
        if client is not None:
            self._poll.register(client, select.POLLIN)
        for i, task in enumerate(tasks):
            self._add(_Attempt((i, 0), task))

    def run(self) -> list[_Result]:
        # Collections in workers would touch, and so copy, every page of what they share.
        gc.freeze()
        clock = time.monotonic()
        while self._employ():
            ready = self._poll.poll(_TICK_MS)
            now = time.monotonic()
            elapsed, clock = min(now - clock, 2e-3 * _TICK_MS), now
            for fd, _ in ready:
                if fd == self._client:
                    raise ClientGone
                if fd in self._workers:
                    self._receive(self._workers[fd])
            for each in list(self._workers.values()):
                self._watch(each, elapsed)
        if self._error is not None:
            raise self._error[1]
        return [self._results[key] for key in sorted(self._results)]

    def close(self) -> None:
        for each in list(self._workers.values()):
            self._dismiss(each)
        gc.unfreeze()

    def _add(self, attempt: _Attempt[_Result]) -> None:
        heapq.heappush(self._pending, (-attempt.task.weight, len(self._attempts)))
        self._attempts.append(attempt)

    def _matters(self, number: int) -> bool:
        """Whether an attempt may still change what the run comes to."""
        return self._error is None or self._attempts[number].key < self._error[0]

    def _next(self) -> int | None:
        """The heaviest attempt that is still to be made."""
        while self._pending:
            number = self._pending[0][1]
            if self._matters(number):
                return number
            heapq.heappop(self._pending)
        return None

    def _employ(self) -> bool:
        """Give every worker something to do, and start more of them; False if nothing is left."""
        for each in list(self._workers.values()):
            if each.number >= 0:
                if not self._matters(each.number):
                    self._dismiss(each)
                continue
            number = self._next()
            if number is None or number >= each.known:
                self._dismiss(each)
            else:
                self._assign(each, number)
        while len(self._workers) < self._processes and (number := self._next()) is not None:
            try:
                started = self._fork()
            except OSError as error:
                if not self._workers:
                    raise CompileError(f"cannot start a compile worker: {error}") from error
                break
            self._assign(started, number)
        return bool(self._workers)

    def _assign(self, each: _Worker, number: int) -> None:
        heapq.heappop(self._pending)
        each.number = number
        each.waited = 0.0
        try:
            os.write(each.requests, REQUEST.pack(number))
        except OSError:
            self._accident(each, "")

    def _fork(self) -> _Worker:
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
        requests, to_requests, answers, to_answers, stderr = opened
        if pid == 0:
            self._serve(server, requests, to_answers, stderr, (to_requests, answers))
        os.close(requests)
        os.close(to_answers)
        started = _Worker(pid, to_requests, answers, stderr, len(self._attempts))
        self._workers[answers] = started
        self._poll.register(answers, select.POLLIN)
        return started

    def _serve(
        self, server: int, requests: int, answers: int, stderr: int, unused: Sequence[int]
    ) -> None:
        """What the forked child does until it ends; nothing of the server's may go on in it."""
        try:
            for fd in unused:
                os.close(fd)
            for each in self._workers.values():
                os.close(each.requests)
                os.close(each.answers)
                os.close(each.stderr)
            nowhere = os.open(os.devnull, os.O_RDONLY)
            for fd, standard in ((nowhere, 0), (stderr, 1), (stderr, 2)):
                os.dup2(fd, standard)
            tasks = [attempt.task for attempt in self._attempts]
            worker.serve(tasks, requests, answers, server=server, budget=self._budget)
        finally:
            os._exit(0)

    def _receive(self, each: _Worker) -> None:
        data = os.read(each.answers, _READ)
        if not data:
            self._accident(each, "")
            return
        received = each.received
        received += data
        if len(received) < ANSWER.size:
            return
        kind, number, size = ANSWER.unpack_from(received)
        missing = ANSWER.size + size - len(received)
        allowed = _ANSWER_SIZE
        if number == each.number:
            allowed += 100 * self._attempts[number].task.weight
        if number != each.number or kind > ACCIDENT or size > allowed or missing < 0:
            self._accident(each, "it sent what is no answer")
        elif missing == 0:
            payload = bytes(memoryview(received)[ANSWER.size :])
            each.received = bytearray()
            self._accept(each, kind, payload)

    def _accept(self, each: _Worker, kind: int, payload: bytes) -> None:
        attempt = self._attempts[each.number]
        if kind == DONE:
            try:
                self._results[attempt.key] = attempt.task.read(payload)
            except InternalError as nonsense:
                self._accident(each, str(nonsense))
                return
            each.number = -1
            if self._done is not None:
                self._done(attempt.task.functions)
        elif kind == ERROR:
            try:
                error = failures.from_fields(frames.decode(payload))
            except (EOFError, ValueError):
                self._accident(each, "it sent what is no answer")
                return
            each.number = -1
            self._fail(attempt, error)
        else:
            self._accident(each, payload.decode("utf-8", "replace"))

    def _watch(self, each: _Worker, elapsed: float) -> None:
        each.waited += elapsed
        wall = self._budget(self._attempts[each.number].task.weight).wall if each.number >= 0 else 0
        if each.number >= 0 and each.waited > wall:
            self._accident(each, f"it did not answer within {wall} seconds")

    def _accident(self, each: _Worker, reason: str) -> None:
        """A worker is dead, or might as well be: its task is tried in parts, or has failed."""
        attempt = self._attempts[each.number]
        said = tail(each.stderr)
        status = self._dismiss(each)
        if not reason:
            reason = self._cause_of_death(status, attempt.task)
        if attempt.is_second:
            message = f"{attempt.task.name} cannot be compiled: {reason}"
            self._fail(attempt, CompileError(f"{message}: {said}" if said else message))
            return
        parts = [attempt.task] if attempt.task.parts is None else attempt.task.parts()
        for i, part in enumerate(parts):
            self._add(_Attempt((attempt.key[0], i), part, is_second=True))

    def _cause_of_death(self, status: int, task: Task[object]) -> str:
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGXCPU:
            seconds = self._budget(task.weight).processor
            return f"it took more than {seconds} seconds of processor time"
        if code < 0:
            return f"its compile worker was killed by signal {-code}"
        return f"its compile worker ended with exit code {code}"

    def _fail(self, attempt: _Attempt[_Result], error: WasmtimeError) -> None:
        if self._error is None or attempt.key < self._error[0]:
            self._error = (attempt.key, error)

    def _dismiss(self, each: _Worker) -> int:
        """End a worker, which has nothing worth an orderly end; return its wait status."""
        del self._workers[each.answers]
        self._poll.unregister(each.answers)
        os.kill(each.pid, signal.SIGKILL)
        for fd in (each.requests, each.answers, each.stderr):
            os.close(fd)
        return os.waitpid(each.pid, 0)[1]
