"""Reading and writing of the files that a command is given by name."""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO

from .failure import Failure, Unheard, printable

# As the name of an output, standard output.
STDOUT = "-"


def read(path: str) -> bytes:
    """The content of a file, or of a pipe without a name, as a shell's `<(...)` is. Raises OSError.

    A FIFO may wait for ever and a device may never end, so they are refused.
    """
    with open(path, "rb", opener=_open_readable) as file:
        return file.read()


def _open_readable(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    is_nameless = stat.S_ISFIFO(mode) and not os.path.lexists(os.path.realpath(path))
    # open() itself refuses a directory.
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or is_nameless):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", path)
    os.set_blocking(descriptor, True)
    return descriptor


def refuse_replacing(path: str, output: str) -> None:
    """Raise Failure if writing `output` would replace the module at `path`."""
    if output != STDOUT and os.path.realpath(output) == os.path.realpath(path):
        raise Failure(
            f"{printable(path)}: the output would replace the module: name another with -o"
        )


def writing(path: str) -> AbstractContextManager[BinaryIO]:
    """A context in which an output is written: standard output for `-`; else what is there for a
    device or a FIFO, which is written to and never replaced; else an AtomicFile, which a symbolic link
    goes on leading to. Raises OSError.
    """
    if path == STDOUT:
        return _standard_output()
    place = os.path.realpath(path)
    # A pipe without a name is there, too, but not under the name that it seems to have.
    if os.path.exists(path) and not os.path.isfile(place):
        return open(path, "wb")
    return AtomicFile(place)


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    try:
        yield sys.stdout.buffer
        # Before anything is said of success.
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise Unheard from None


class AtomicFile:
    """A context in which a file is written that is whole or as before, with the mode of any new file.

    It gets its name at the end, unless an error ends it. Raises OSError.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._temporary = f"{path}.{os.getpid()}.{os.urandom(8).hex()}.tmp"

    def __enter__(self) -> BinaryIO:
        self._file = open(self._temporary, "xb")
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        try:
            self._file.close()
            if kind is None:
                os.replace(self._temporary, self._path)
                return
        except BaseException:
            os.unlink(self._temporary)
            raise
        os.unlink(self._temporary)


def write(path: str, content: bytes | bytearray) -> None:
    """Write an output; a regular file is whole or as before, with the mode that any new file has."""
    with writing(path) as file:
        file.write(content)
