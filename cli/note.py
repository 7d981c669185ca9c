"""A note on the terminal while something takes long, and no trace of it afterwards.

On the warm path: a short wait costs one thread that never says anything, and only on a terminal.
"""

import _thread
import os

_ERASE_LINE = b"\r\x1b[K"


class Note:
    """A context: after `delay` seconds in it, `text` is shown on the terminal `fd` until it ends.

    Where `fd` is no terminal, nothing happens at all.
    """

    __slots__ = ("_delay", "_done", "_ended", "_fd", "_text")

    def __init__(self, text: str, *, fd: int = 2, delay: float = 0.5) -> None:
        self._text = text
        self._fd = fd
        self._delay = delay
        self._done = _thread.allocate_lock()
        self._ended = _thread.allocate_lock()

    def __enter__(self) -> "Note":
        if os.isatty(self._fd):
            self._done.acquire()
            self._ended.acquire()
            _thread.start_new_thread(self._wait, ())
        return self

    def __exit__(self, *exc: object) -> None:
        if self._done.locked():
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
