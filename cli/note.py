"""A note on the terminal while something long is done, and no trace of it afterwards.

After a while it is a text; as soon as it is known how far the work is, a bar. On the warm path: a
short wait costs one thread that never says anything, and only on a terminal.
"""

import _thread
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .bar import Bar

_ERASE_LINE = b"\r\x1b[K"


class Silence:
    """A context in which no progress is shown, by whomever."""

    depth = 0

    def __enter__(self) -> None:
        Silence.depth += 1

    def __exit__(self, *exc: object) -> None:
        Silence.depth -= 1


def is_shown_on(fd: int) -> bool:
    """Whether progress is shown on `fd`: on a terminal, if nobody wants silence."""
    return not Silence.depth and os.isatty(fd)


class Note:
    """A context: after `delay` seconds in it, `text` is shown on the terminal `fd` until it ends.

    Where `fd` is no terminal, nothing happens at all. `things` are what `progress` counts.
    """

    __slots__ = (
        "_bar",
        "_delay",
        "_done",
        "_due",
        "_ended",
        "_fd",
        "_is_waiting",
        "_text",
        "_things",
    )

    def __init__(
        self, text: str, *, fd: int = 2, delay: float = 0.5, things: str = "functions"
    ) -> None:
        self._text = text
        self._things = things
        self._fd = fd
        self._delay = delay
        self._due: float | None = None
        self._bar: Bar | None = None
        self._is_waiting = False
        self._done = _thread.allocate_lock()
        self._ended = _thread.allocate_lock()

    def __enter__(self) -> "Note":
        if is_shown_on(self._fd):
            self._due = time.monotonic() + self._delay
            self._done.acquire()
            self._ended.acquire()
            self._is_waiting = True
            _thread.start_new_thread(self._wait, ())
        return self

    def __exit__(self, *exc: object) -> None:
        self._due = None
        self._erase()
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def progress(self, done: int, total: int) -> None:
        """What a Config's `compile_progress` is called with. From then on there is a bar."""
        if self._bar is None:
            if self._due is None or time.monotonic() < self._due:
                return
            from .bar import Bar

            self._erase()
            self._bar = Bar(self._text, self._fd, self._things)
        self._bar.update(done, total)

    def _erase(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            self._done.release()
            # The line is free again before anybody else writes to the terminal.
            self._ended.acquire()

    def _wait(self) -> None:
        try:
            if not self._done.acquire(timeout=self._delay):
                os.write(self._fd, self._text.encode("utf-8", "backslashreplace"))
                self._done.acquire()
                os.write(self._fd, _ERASE_LINE)
        except OSError:
            return
        finally:
            self._ended.release()
