"""A worker that stays: small modules are compiled whole in one process that is warm.

Forking workers takes longer than compiling a small module, and so does what LLVM does for the first
time in a process. Whatever goes wrong here is tried again in the usual way, which also tells why.
"""

import gc
import select
from collections.abc import Callable

from cachewasm.compiler.processes import failures, frames
from cachewasm.compiler.processes.confine import Budget, budget_for
from cachewasm.compiler.processes.forked import Lost, Worker
from cachewasm.compiler.processes.pool import TICK_MS, ClientGone, Clock
from cachewasm.compiler.processes.worker import DONE, Task

# LLVM keeps types and constants of every module that a process has seen.
_MOST_REQUESTS = 500


class Standing:
    """The worker, forked when it is first needed, and its one task, which is told what to do."""

    def __init__(
        self,
        task: Task[bytes],
        client: int | None = None,
        *,
        budget: Callable[[int], Budget] = budget_for,
    ) -> None:
        self._task = task
        self._client = client
        self._budget = budget
        self._worker: Worker | None = None
        self._requests = 0

    def run(self, data: bytes) -> bytes | None:
        """The result of the task for `data`; None if the worker was lost, or cannot be had.

        Raises the task's error, and ClientGone.
        """
        try:
            if self._worker is None or self._requests == _MOST_REQUESTS:
                self._fork()
            kind, payload = self._wait(data)
        except (Lost, OSError):
            self._worker = None
            return None
        if kind != DONE:
            raise failures.from_fields(frames.decode(payload))
        return self._task.read(payload)

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None

    def _fork(self) -> None:
        self.close()
        self._requests = 0
        gc.freeze()
        self._worker = Worker([self._task], self._budget)

    def _wait(self, data: bytes) -> tuple[int, bytes]:
        assert self._worker is not None
        self._requests += 1
        poll = select.poll()
        poll.register(self._worker.answers, select.POLLIN)
        if self._client is not None:
            poll.register(self._client, select.POLLIN)
        clock = Clock()
        self._worker.start(0, data)
        while True:
            for fd, _ in poll.poll(TICK_MS):
                if fd == self._client:
                    raise ClientGone
                answer = self._worker.receive()
                if answer is not None:
                    return answer
            self._worker.wait(clock.tick())
