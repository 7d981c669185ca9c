"""The command line is importable only where the project is installed; elsewhere these tests rest.

In continuous integration it must be installed, so there the import is left to fail.
"""

import importlib.util
import os
import pty
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

if importlib.util.find_spec("cachewasm_cli") is None and os.environ.get("CI") != "true":
    collect_ignore_glob = ["test_*.py"]


class Terminal:
    """A real terminal: what is written to `fd` is shown to whoever reads it."""

    def __init__(self) -> None:
        self._controller, self.fd = pty.openpty()

    def shown(self) -> bytes:
        """What is shown next; waits for it."""
        return os.read(self._controller, 1000)

    def all_shown(self) -> bytes:
        """What is shown from here on."""
        os.write(self.fd, b"the end")
        shown = b""
        while not shown.endswith(b"the end"):
            shown += self.shown()
        return shown.removesuffix(b"the end")

    def close(self) -> None:
        """Take it away."""
        os.close(self._controller)
        os.close(self.fd)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal."""
    terminal = Terminal()
    yield terminal
    terminal.close()


def said_elsewhere(use: Callable[[int], AbstractContextManager[object]]) -> bytes:
    """What the context that `use` makes for a descriptor writes where that is no terminal."""
    reader, writer = os.pipe()
    with use(writer):
        pass
    os.close(writer)
    with open(reader, "rb") as file:
        return file.read()
