"""A bar on the terminal: how much of a long work is done, and the time that is left.

Imported when there is something to draw, by which time nobody minds what rich takes to import.
"""

import os

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Bar:
    """The bar, on the terminal `fd`, from when it is made until it is closed, which erases it."""

    def __init__(self, text: str, fd: int, things: str) -> None:
        self._file = os.fdopen(fd, "w", errors="replace", closefd=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(f"{things},", markup=False),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(file=self._file, force_terminal=True),
            transient=True,
        )
        self._task = self._progress.add_task(text, total=None)
        self._progress.start()

    def update(self, done: int, total: int) -> None:
        """Show how many things are done."""
        self._progress.update(self._task, completed=done, total=total)

    def close(self) -> None:
        """Erase the bar."""
        self._progress.stop()
        self._file.close()
