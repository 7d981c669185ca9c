"""Run tasks in forked workers: balanced, bounded, and with an answer whatever becomes of a worker.

The heaviest tasks go first, one at a time. A worker that is lost (forked.py) costs its task a second
try in parts, in workers forked for that; what fails again is a CompileError that names it. An error
of the module counts only if no task before it has one: the error of a run is the first in order, and
tasks behind it are not run.
"""

import gc
import heapq
import select
import time
from collections.abc import Callable, Sequence

from cachewasm.compiler.processes import failures, frames
from cachewasm.compiler.processes.confine import Budget, budget_for
from cachewasm.compiler.processes.forked import Lost, Worker
from cachewasm.compiler.processes.worker import DONE, Task
from cachewasm.errors import CompileError, InternalError, WasmtimeError
from cachewasm.generics import Generic, TypeVar
from cachewasm.record import dataclass

# Between two looks at the clock. A tick counts no more than twice this: time in which the whole
# group of processes is stopped is nobody's fault.
TICK_MS = 1000

_Result = TypeVar("_Result")


class ClientGone(Exception):
    """Whoever asked for this is gone."""


class Clock:
    """Tells how much time has passed for a worker since it was asked before."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def tick(self) -> float:
        """Seconds, at most two ticks of them."""
        now = time.monotonic()
        elapsed, self._last = now - self._last, now
        return min(elapsed, 2e-3 * TICK_MS)


@dataclass(frozen=True, slots=True)
class _Attempt(Generic[_Result]):
    """A task of the run, `key` being its place in the order; or a part of one that failed."""

    key: tuple[int, int]
    task: Task[_Result]
    is_second: bool = False


def run(
    tasks: Sequence[Task[_Result]],
    processes: int,
    done: Callable[[int], object] | None = None,
    *,
    client: int | None = None,
    early: Worker | None = None,
    budget: Callable[[int], Budget] = budget_for,
) -> list[_Result]:
    """The results of tasks, in order; of one that was run in parts, the results of its parts.

    `client` is a descriptor that ends when nobody waits any more: ClientGone is raised then. `early`
    is a worker that is at the first task already, and from now on this run's. `done`
    is called with the number of functions of each task (or part) that ends well. Raises the first
    task's error, CompileError for one that no worker survives. No worker is left when this returns
    or raises.
    """
    pool = _Pool(tasks, processes, client, done, budget)
    try:
        if early is not None:
            pool.adopt(early)
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
        self._workers: dict[int, Worker] = {}  # by the descriptor of their answers
        self._error: tuple[tuple[int, int], WasmtimeError] | None = None
        self._poll = select.poll()
        if client is not None:
            self._poll.register(client, select.POLLIN)
        for i, task in enumerate(tasks):
            self._add(_Attempt((i, 0), task))

    def run(self) -> list[_Result]:
        # Collections in workers would touch, and so copy, every page of what they share.
        gc.freeze()
        clock = Clock()
        while self._employ():
            ready = self._poll.poll(TICK_MS)
            elapsed = clock.tick()
            for fd, _ in ready:
                if fd == self._client:
                    raise ClientGone
                if fd in self._workers:
                    self._receive(self._workers[fd])
            for each in list(self._workers.values()):
                if each.number >= 0:
                    self._watch(each, elapsed)
        if self._error is not None:
            raise self._error[1]
        return [self._results[key] for key in sorted(self._results)]

    def adopt(self, early: Worker) -> None:
        """Take a worker over that is at the first task."""
        self._pending.remove((-self._attempts[0].task.weight, 0))
        heapq.heapify(self._pending)
        self._employed(early)

    def close(self) -> None:
        for each in list(self._workers.values()):
            self._forget(each)
            each.end()

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
            if each.number >= 0 and self._matters(each.number):
                continue
            number = self._next()
            if each.number >= 0 or number is None or number >= each.known:
                self._forget(each)
                each.end()
            else:
                self._start(each, number)
        while len(self._workers) < self._processes and (number := self._next()) is not None:
            try:
                each = Worker([attempt.task for attempt in self._attempts], self._budget)
            except OSError as error:
                if not self._workers:
                    raise CompileError(f"cannot start a compile worker: {error}") from error
                break
            self._employed(each)
            self._start(each, number)
        return bool(self._workers)

    def _employed(self, each: Worker) -> None:
        self._workers[each.answers] = each
        self._poll.register(each.answers, select.POLLIN)

    def _forget(self, each: Worker) -> None:
        del self._workers[each.answers]
        self._poll.unregister(each.answers)

    def _start(self, each: Worker, number: int) -> None:
        heapq.heappop(self._pending)
        try:
            each.start(number)
        except Lost as lost:
            self._accident(each, number, lost)

    def _watch(self, each: Worker, elapsed: float) -> None:
        number = each.number
        try:
            each.wait(elapsed)
        except Lost as lost:
            self._accident(each, number, lost)

    def _receive(self, each: Worker) -> None:
        number = each.number
        attempt = self._attempts[number]
        try:
            answer = each.receive()
        except Lost as lost:
            self._accident(each, number, lost)
            return
        if answer is None:
            return
        kind, payload = answer
        try:
            if kind != DONE:
                self._fail(attempt, failures.from_fields(frames.decode(payload)))
                return
            self._results[attempt.key] = attempt.task.read(payload)
        except (InternalError, EOFError, ValueError) as error:
            each.end()
            self._accident(each, number, Lost(str(error)))
            return
        if self._done is not None:
            self._done(attempt.task.functions)

    def _accident(self, each: Worker, number: int, lost: Lost) -> None:
        """A worker is gone: what it was at is tried in parts, or has failed."""
        self._forget(each)
        attempt = self._attempts[number]
        task = attempt.task
        if attempt.is_second:
            self._fail(attempt, CompileError(f"{task.name} cannot be compiled: {lost.reason}"))
            return
        for i, part in enumerate([task] if task.parts is None else task.parts()):
            self._add(_Attempt((attempt.key[0], i), part, is_second=True))

    def _fail(self, attempt: _Attempt[_Result], error: WasmtimeError) -> None:
        if self._error is None or attempt.key < self._error[0]:
            self._error = (attempt.key, error)
