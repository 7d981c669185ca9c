"""How errors are said: one line on standard error that names the file, and an exit code.

Errors of this package, of the system and of the user become a `Failure` where the file is known;
`main` prints it. Messages may quote names out of untrusted files, so whatever could steer a terminal
is escaped. On the warm path.
"""

import os

from cachewasm.errors import CachewasmError, ExitTrap, InternalError, Trap

from . import exit_codes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

BUG = "this is a bug in cachewasm, please report it (CACHEWASM_TRACEBACK=1 shows where)"


class Failure(Exception):
    """The command ends with `message` and `code`."""

    def __init__(self, message: str, *, code: int = exit_codes.FAILURE) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class UsageError(Failure):
    """The command line is wrong; `command` is the one whose help tells more."""

    def __init__(self, command: str, message: str) -> None:
        super().__init__(f"{message} (see `{command} --help`)", code=exit_codes.USAGE)


class Unheard(Exception):
    """Whoever read standard output has gone: the command ends, and says nothing."""


class about:  # noqa: N801 - it reads as a phrase: `with about(path):`
    """A context in which errors are about the file `path`: they leave it as a Failure that says so."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = printable(path)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        traceback: "TracebackType | None",
    ) -> None:
        if isinstance(error, Trap):
            raise Failure(f"{self._path}: {error}", code=exit_codes.TRAP) from error
        if isinstance(error, ExitTrap) or not isinstance(error, (CachewasmError, OSError)):
            return
        raise Failure(f"{self._path}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """What an error of this package or of the system says, in one line and without its file."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    parts = [line.strip() for line in str(error).splitlines()]
    said = ": ".join(part.removesuffix(":") for part in parts if part not in ("", "Caused by:"))
    return f"{said}: {BUG}" if isinstance(error, InternalError) else said


def printable(text: str) -> str:
    """`text` with everything escaped that is not to be seen, line ends included."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def say(text: str) -> None:
    """Write lines to standard error; nobody may be listening."""
    lines = [printable(line) for line in text.rstrip().split("\n")]
    data = ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")
    try:
        while data:
            data = data[os.write(2, data) :]
    except OSError:
        return
