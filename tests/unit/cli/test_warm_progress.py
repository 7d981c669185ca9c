"""The bars of `warm` on the terminal, on a real one."""

from collections.abc import Iterator
from contextlib import contextmanager

from cachewasm_cli.cache.warm_progress import WarmProgress

from .conftest import Terminal, said_elsewhere


def test_progress_on_a_terminal_is_shown_and_erased(terminal: Terminal) -> None:
    with WarmProgress(7, fd=terminal.fd, delay=0) as progress:
        progress.of_job(1)(30, 40)
        progress.of_job(2)(6, 60)
        progress.of_job(1)(34, 40)
        progress.done()
    shown = terminal.all_shown()
    assert b"1/7" in shown
    assert b"40/100" in shown
    assert shown.endswith(b"\x1b[2K")


def test_progress_in_time_shows_nothing(terminal: Terminal) -> None:
    with WarmProgress(1, fd=terminal.fd, delay=3600) as progress:
        progress.done()
    assert terminal.all_shown() == b""


def test_progress_elsewhere_than_on_a_terminal_says_nothing() -> None:
    @contextmanager
    def use(fd: int) -> Iterator[None]:
        with WarmProgress(1, fd=fd, delay=0) as progress:
            progress.done()
            yield

    assert said_elsewhere(use) == b""
