"""The note on the terminal, on a real one."""

from collections.abc import Iterator
from contextlib import contextmanager

from cachewasm_cli.note import Note, Silence

from .conftest import Terminal, said_elsewhere

ERASED = b"\r\x1b[K"


def test_note_on_a_terminal_is_shown_and_erased(terminal: Terminal) -> None:
    with Note("busy ...", fd=terminal.fd, delay=0):
        assert terminal.shown() == b"busy ..."
    assert terminal.shown() == ERASED


def test_note_in_time_shows_nothing(terminal: Terminal) -> None:
    with Note("busy ...", fd=terminal.fd, delay=3600):
        pass
    assert terminal.all_shown() == b""


def test_note_in_silence_shows_nothing(terminal: Terminal) -> None:
    with Silence(), Note("busy ...", fd=terminal.fd, delay=0) as note:
        note.progress(12, 120)
    assert terminal.all_shown() == b""
    with Note("busy ...", fd=terminal.fd, delay=0):
        assert terminal.shown() == b"busy ..."


def test_note_of_progress_is_a_bar_that_is_erased(terminal: Terminal) -> None:
    with Note("busy ...", fd=terminal.fd, delay=0) as note:
        assert terminal.shown() == b"busy ..."
        note.progress(12, 120)
        note.progress(60, 120)
    shown = terminal.all_shown()
    assert b"60/120" in shown
    assert shown.endswith(b"\x1b[2K")


def test_note_of_progress_in_time_shows_nothing(terminal: Terminal) -> None:
    with Note("busy ...", fd=terminal.fd, delay=3600) as note:
        note.progress(12, 120)
    assert terminal.all_shown() == b""


def test_note_elsewhere_than_on_a_terminal_says_nothing() -> None:
    @contextmanager
    def use(fd: int) -> Iterator[None]:
        with Note("busy ...", fd=fd, delay=0) as note:
            note.progress(12, 120)
            yield

    assert said_elsewhere(use) == b""
