"""The note on the terminal, on a real one."""

import os
import pty

from cachewasm_cli.note import Note


def test_note_on_a_terminal_is_shown_and_erased() -> None:
    controller, terminal = pty.openpty()
    try:
        with Note("busy ...", fd=terminal, delay=0):
            assert os.read(controller, 100) == b"busy ..."
        assert os.read(controller, 100) == b"\r\x1b[K"
    finally:
        os.close(controller)
        os.close(terminal)


def test_note_in_time_shows_nothing() -> None:
    controller, terminal = pty.openpty()
    try:
        with Note("busy ...", fd=terminal, delay=3600):
            pass
        os.write(terminal, b"next")
        assert os.read(controller, 100) == b"next"
    finally:
        os.close(controller)
        os.close(terminal)


def test_note_elsewhere_than_on_a_terminal_says_nothing() -> None:
    reader, writer = os.pipe()
    with Note("busy ...", fd=writer, delay=0):
        pass
    os.close(writer)
    with open(reader, "rb") as file:
        assert file.read() == b""


def test_note_of_progress_is_a_bar_that_is_erased() -> None:
    controller, terminal = pty.openpty()
    try:
        with Note("busy ...", fd=terminal, delay=0) as note:
            shown = os.read(controller, 100)
            assert shown == b"busy ..."
            note.progress(12, 120)
            note.progress(60, 120)
        os.write(terminal, b"the end")
        while not shown.endswith(b"the end"):
            shown += os.read(controller, 1000)
    finally:
        os.close(controller)
        os.close(terminal)
    assert b"60/120" in shown
    assert shown.endswith(b"\x1b[2Kthe end")


def test_note_of_progress_in_time_shows_nothing() -> None:
    controller, terminal = pty.openpty()
    try:
        with Note("busy ...", fd=terminal, delay=3600) as note:
            note.progress(12, 120)
        os.write(terminal, b"next")
        assert os.read(controller, 100) == b"next"
    finally:
        os.close(controller)
        os.close(terminal)


def test_note_of_progress_elsewhere_than_on_a_terminal_says_nothing() -> None:
    reader, writer = os.pipe()
    with Note("busy ...", fd=writer, delay=0) as note:
        note.progress(12, 120)
    os.close(writer)
    with open(reader, "rb") as file:
        assert file.read() == b""
