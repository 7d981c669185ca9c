"""Reading and writing of the files that a command is given by name."""

import os
from io import BufferedWriter

from .failure import Failure, printable


def read(path: str) -> bytes:
    """A file's content. Raises OSError."""
    with open(path, "rb") as file:
        return file.read()


def refuse_replacing(path: str, output: str) -> None:
    """Raise Failure if writing `output` would replace the module at `path`."""
    if os.path.realpath(output) == os.path.realpath(path):
        raise Failure(
            f"{printable(path)}: the output would replace the module: name another with -o"
        )


class AtomicFile:
    """A context in which a file is written that is whole or as before, with the mode of any new file.

    It gets its name at the end, unless an error ends it. Raises OSError.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._temporary = f"{path}.{os.getpid()}.{os.urandom(8).hex()}.tmp"

    def __enter__(self) -> BufferedWriter:
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


def write_atomic(path: str, content: bytes | bytearray) -> None:
    """Write `path` so that it is whole or as before, with the mode that any new file has."""
    with AtomicFile(path) as file:
        file.write(content)
