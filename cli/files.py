"""Reading and writing of the files that a command is given by name."""

import os

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


def write_atomic(path: str, content: bytes | bytearray) -> None:
    """Write `path` so that it is whole or as before, with the mode that any new file has."""
    temporary = f"{path}.{os.getpid()}.{os.urandom(8).hex()}.tmp"
    file = open(temporary, "xb")  # noqa: SIM115 - closed below, where its name is removed, too
    try:
        with file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
