"""Compile many modules at the same time, with no more processes at work than were asked for.

A large module has shards enough for all of them, so it is compiled alone. Small ones are not worth
cutting: each goes to a *lane*, a thread with a compile server of its own that uses one process. Which
is which, the sizes decide; what is compiled does not depend on it.
"""

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from cachewasm.compiler.processes import local
from cachewasm.compiler.processes.server_process import ServerProcess

# In bytes of a module: so large a one keeps several processes busy to its end, and a server per lane
# that has read it would cost memory.
_LARGE = 512 << 10
# How long to wait for a lane whose server has been ended.
_PATIENCE = 0.05
_LAST_PATIENCE = 40


class Sized(Protocol):
    """Something to compile."""

    @property
    def size(self) -> int:
        """In bytes, about: what takes longer is larger."""


_Job = TypeVar("_Job", bound=Sized)
_Result = TypeVar("_Result")


def run(
    jobs: Sequence[_Job], processes: int, perform: Callable[[_Job, int], _Result]
) -> Generator[_Result, None, None]:
    """What `perform(job, processes it may use)` returns for each job, in the order in which they end.

    `perform` is called in threads; what it raises is raised here, and ends all others. Whoever stops
    before the end, as Ctrl-C does, ends what is under way: nothing is left running.
    """
    large, small = divide(jobs, processes)
    if large:
        yield from _together(large, 1, processes, perform)
    if small:
        lanes = min(processes, len(small)) if local.can_spawn() else 1
        yield from _together(small, lanes, 1, perform)


def divide(jobs: Sequence[_Job], processes: int) -> tuple[list[_Job], list[_Job]]:
    """The jobs to be done alone and those to be done in lanes, both the largest first.

    Alone is also what is more than a lane's share of all that is left: nobody would wait for it.
    """
    ordered = sorted(jobs, key=lambda job: -job.size)
    rest = sum(job.size for job in ordered)
    count = 0
    for job in ordered:
        if job.size < _LARGE and job.size * processes <= rest:
            break
        rest -= job.size
        count += 1
    return ordered[:count], ordered[count:]


@dataclass(frozen=True, slots=True)
class _Raised:
    """What a lane ends with when a job raises."""

    error: BaseException


def _together(
    jobs: Sequence[_Job], lanes: int, processes: int, perform: Callable[[_Job, int], _Result]
) -> Generator[_Result, None, None]:
    """The results of jobs done in so many lanes, each of which may use so many processes."""
    waiting: queue.SimpleQueue[_Job] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    results: queue.SimpleQueue[_Result | _Raised] = queue.SimpleQueue()
    running = [_Lane(waiting, results, processes, perform) for _ in range(lanes)]
    try:
        for lane in running:
            lane.start()
        for _ in jobs:
            result = results.get()
            if isinstance(result, _Raised):
                raise result.error
            yield result
    finally:
        for lane in running:
            lane.stopped = True
        for lane in running:
            lane.end()


class _Lane(threading.Thread, Generic[_Job, _Result]):
    """A thread that takes jobs until there are none."""

    def __init__(
        self,
        waiting: "queue.SimpleQueue[_Job]",
        results: "queue.SimpleQueue[_Result | _Raised]",
        processes: int,
        perform: Callable[[_Job, int], _Result],
    ) -> None:
        # Whoever waits for another process's compile hears of nothing else: the end of this one must
        # not wait for that.
        super().__init__(daemon=True)
        self.stopped = False
        self._server = ServerProcess()
        self._waiting = waiting
        self._results = results
        self._processes = processes
        self._perform = perform

    def run(self) -> None:
        """Do jobs."""
        local.use(self._server)
        while not self.stopped:
            try:
                job = self._waiting.get_nowait()
            except queue.Empty:
                break
            try:
                self._results.put(self._perform(job, self._processes))
            except BaseException as error:
                self._results.put(_Raised(error))
                break
        self._server.close()

    def end(self) -> None:
        """Have the lane end: its server is ended under way, since nobody wants the answer."""
        for _ in range(_LAST_PATIENCE):
            if not self.is_alive():
                break
            self.join(_PATIENCE)
            # Again each time: it may just have been starting one.
            self._server.close()
        self._server.close()
