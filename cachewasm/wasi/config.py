"""What an application grants to a WASI program.

`WasiConfig` has the names and the behaviour of the PyPI package `wasmtime`: properties that can only
be set; arguments and variables that add up when they are set again; files and directories that are
opened at once, so that a mistake shows where it is made. `Store.set_wasi` consumes it.
"""

import os
import sys

from cachewasm.errors import WasmtimeError
from cachewasm.managed import ALREADY_CLOSED, Managed, Uncopied
from cachewasm.wasi.ctx import WasiCtx
from cachewasm.wasi.descriptor import READ, WRITE, Directory, File, Inherited, Output
from cachewasm.wasi.errno import WasiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cachewasm.wasi.descriptor import Sink
    from cachewasm.wasi.perms import DirPerms as DirPerms
    from cachewasm.wasi.perms import FilePerms as FilePerms

    Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_STDIN, _STDOUT, _STDERR = range(3)
_READ_WRITE = READ | WRITE


def __getattr__(name: str) -> object:
    if name in ("DirPerms", "FilePerms"):
        from cachewasm.wasi import perms

        return getattr(perms, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class WasiConfig(Managed, Uncopied):
    """The arguments, environment, streams and directories of a WASI program.

    A new one grants nothing: no arguments, an empty standard input, outputs that go nowhere.
    Raises ValueError once it has been consumed or closed.
    """

    __slots__ = ("_ctx",)

    def __init__(self) -> None:
        self._ctx: WasiCtx | None = WasiCtx()

    def _open(self) -> WasiCtx:
        if self._ctx is None:
            raise ValueError(ALREADY_CLOSED)
        return self._ctx

    def _consume(self) -> WasiCtx:
        """Hand over the context; this configuration is closed from now on."""
        ctx = self._open()
        self._ctx = None
        return ctx

    def close(self) -> None:
        """Release what was opened. May be called again."""
        if self._ctx is not None:
            self._consume().close()

    def _set_argv(self, argv: "Iterable[str]") -> None:
        args = [_c_string(arg, "argv") for arg in argv]
        self._open().args += args

    argv = property(None, _set_argv, doc="The program's arguments, its own name first (set only).")

    def inherit_argv(self) -> None:
        """Add the arguments of this process, the interpreter's among them."""
        self._open().args += [os.fsencode(arg) for arg in sys.orig_argv]

    def _set_env(self, pairs: "Iterable[Iterable[str]]") -> None:
        variables = []
        for name, value in pairs:
            variables.append(_c_string(f"{name}={value}", "environment"))
        self._open().environ += variables

    env = property(None, _set_env, doc="Pairs of name and value to add (set only).")

    def inherit_env(self) -> None:
        """Add the environment variables of this process."""
        self._open().environ += [name + b"=" + value for name, value in os.environb.items()]

    def _set_stdin_file(self, path: "Path") -> None:
        self._set_file(_STDIN, path, os.O_RDONLY, "stdin")

    def _set_stdout_file(self, path: "Path") -> None:
        self._set_file(_STDOUT, path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "stdout")

    def _set_stderr_file(self, path: "Path") -> None:
        self._set_file(_STDERR, path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "stderr")

    stdin_file = property(None, _set_stdin_file, doc="A file to read from (set only).")
    stdout_file = property(None, _set_stdout_file, doc="A file to write anew (set only).")
    stderr_file = property(None, _set_stderr_file, doc="A file to write anew (set only).")

    def _set_stdout_custom(self, callback: "Sink") -> None:
        self._open().replace(_STDOUT, Output(callback))

    def _set_stderr_custom(self, callback: "Sink") -> None:
        self._open().replace(_STDERR, Output(callback))

    stdout_custom = property(
        None,
        _set_stdout_custom,
        doc="A callable that takes bytes and returns how many it used; None means all (set only).",
    )
    stderr_custom = property(None, _set_stderr_custom, doc="As `stdout_custom` (set only).")

    def inherit_stdin(self) -> None:
        """Read this process's standard input. What Python has buffered of it is not seen."""
        self._open().replace(_STDIN, Inherited(_STDIN))

    def inherit_stdout(self) -> None:
        """Write to this process's standard output, after what Python has printed so far."""
        self._open().replace(_STDOUT, Inherited(_STDOUT))

    def inherit_stderr(self) -> None:
        """Write to this process's standard error, after what Python has printed so far."""
        self._open().replace(_STDERR, Inherited(_STDERR))

    def preopen_dir(
        self,
        path: "str | os.PathLike[str]",
        guest_path: str,
        dir_perms: "DirPerms | int" = _READ_WRITE,
        file_perms: "FilePerms | int" = _READ_WRITE,
    ) -> None:
        """Let the guest use the directory `path` under the name `guest_path`.

        Raises WasmtimeError if it is no directory or cannot be opened.
        """
        ctx = self._open()
        name = _c_string(guest_path, "preopen dir")
        permissions, file_permissions = _permissions(dir_perms), _permissions(file_perms)
        try:
            ctx.reserve()
            fd = os.open(path, os.O_PATH | os.O_DIRECTORY)
        except (OSError, ValueError, WasiError) as e:
            raise WasmtimeError(f"failed to add preopen dir: {e}") from e
        ctx.insert(
            Directory(fd, permissions=permissions, file_permissions=file_permissions, name=name)
        )

    def _set_file(self, fd: int, path: "Path", flags: int, stream: str) -> None:
        ctx = self._open()
        try:
            host = os.open(path, flags, 0o666)
        except (OSError, ValueError) as e:
            raise WasmtimeError(f"failed to set {stream} file: {e}") from e
        ctx.replace(fd, File(host, read=fd == _STDIN, write=fd != _STDIN))


def _c_string(text: str, what: str) -> bytes:
    """`text` as the guest gets it, without its final NUL."""
    data = text.encode("utf-8", "surrogateescape")
    if b"\0" in data:
        raise WasmtimeError(f"failed to configure {what}: it contains a NUL byte")
    return data


def _permissions(perms: "DirPerms | FilePerms | int") -> int:
    return perms if isinstance(perms, int) else perms.value
