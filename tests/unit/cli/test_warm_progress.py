"""The bars of `warm` on the terminal, on a real one."""

import os
import pty

from cachewasm_cli.cache.warm_progress import WarmProgress


def test_progress_on_a_terminal_is_shown_and_erased() -> None:
    controller, terminal = pty.openpty()
    shown = b""
    try:
        with WarmProgress(7, fd=terminal, delay=0) as progress:
            progress.of_job(1)(30, 40)
            progress.of_job(2)(6, 60)
            progress.of_job(1)(34, 40)
            progress.done()
        os.write(terminal, b"the end")
        while not shown.endswith(b"the end"):
            shown += os.read(controller, 1000)
    finally:
        os.close(controller)
        os.close(terminal)
    assert b"1/7" in shown
    assert b"40/100" in shown
    assert shown.endswith(b"\x1b[2Kthe end")


def test_progress_in_time_shows_nothing() -> None:
    controller, terminal = pty.openpty()
    try:
        with WarmProgress(1, fd=terminal, delay=3600) as progress:
            progress.done()
        os.write(terminal, b"next")
        assert os.read(controller, 100) == b"next"
    finally:
        os.close(controller)
        os.close(terminal)


def test_progress_elsewhere_than_on_a_terminal_says_nothing() -> None:
    reader, writer = os.pipe()
    with WarmProgress(1, fd=writer, delay=0) as progress:
        progress.done()
    os.close(writer)
    with open(reader, "rb") as file:
        assert file.read() == b""
