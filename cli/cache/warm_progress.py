"""How far `warm` is, on a terminal: artifacts done, and functions of those that are being compiled."""

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from ..note import is_shown_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.progress import Progress


class WarmProgress:
    """A context with two bars after `delay` seconds, erased in the end; where `fd` is no terminal,
    nothing happens at all.

    May be told of progress in any thread.
    """

    def __init__(self, total: int, *, fd: int = 2, delay: float = 0.5) -> None:
        self._total = total
        self._fd = fd
        self._delay = delay
        self._finished = 0
        self._functions: dict[int, tuple[int, int]] = {}
        self._due: float | None = None
        self._progress: Progress | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> "WarmProgress":
        if is_shown_on(self._fd):
            self._due = time.monotonic() + self._delay
        return self

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._due = None
            if self._progress is not None:
                self._progress.stop()
                self._file.close()
                self._progress = None

    def done(self) -> None:
        """Another artifact is done."""
        with self._lock:
            self._finished += 1
            self._show()

    def of_job(self, number: int) -> Callable[[int, int], None]:
        """What a Config's `compile_progress` is called with for this job."""

        def tell(done: int, total: int) -> None:
            with self._lock:
                self._functions[number] = (done, total)
                self._show()

        return tell

    def _show(self) -> None:
        if self._due is None or time.monotonic() < self._due:
            return
        if self._progress is None:
            self._file = os.fdopen(self._fd, "w", errors="replace", closefd=False)
            self._progress = _bars(self._file)
            self._progress.add_task("artifacts", total=self._total)
            self._progress.add_task("functions", total=None)
            self._progress.start()
        artifacts, functions = self._progress.task_ids
        self._progress.update(artifacts, completed=self._finished)
        done = sum(done for done, _ in self._functions.values())
        total = sum(total for _, total in self._functions.values())
        self._progress.update(functions, completed=done, total=total or None)


def _bars(file: TextIO) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(file=file, force_terminal=True),
        transient=True,
        # Rows that are printed meanwhile go above the bars, if they go to the terminal at all.
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=False,
    )
