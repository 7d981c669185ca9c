"""What a guest's file descriptor can stand for.

A `File` or `Directory` owns a descriptor of the host, an `Output` feeds a Python callable, `EMPTY`
is a standard input without content. What a kind cannot do fails with `badf`, which is the default
of every operation here. Rights are computed for the guest to read (wasi-libc looks at them before
it opens a file); what is enforced is the access mode of the host's descriptor and the permissions
of the preopened directory.
"""

import os
import sys

from cachewasm.wasi import witx
from cachewasm.wasi.errno import BADF, IO, WasiError, from_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Sink = Callable[[bytes], int | None]

# Permissions, of the directory's entries or of the files below it.
READ, WRITE = 1, 2

_FILE_RIGHTS = (
    witx.RIGHT_FD_DATASYNC
    | witx.RIGHT_FD_FDSTAT_SET_FLAGS
    | witx.RIGHT_FD_SYNC
    | witx.RIGHT_FD_ADVISE
    | witx.RIGHT_FD_FILESTAT_GET
    | witx.RIGHT_FD_FILESTAT_SET_TIMES
    | witx.RIGHT_POLL_FD_READWRITE
)
_FILE_SEEK_RIGHTS = witx.RIGHT_FD_SEEK | witx.RIGHT_FD_TELL
_FILE_WRITE_RIGHTS = witx.RIGHT_FD_WRITE | witx.RIGHT_FD_ALLOCATE | witx.RIGHT_FD_FILESTAT_SET_SIZE
_DIRECTORY_READ_RIGHTS = (
    witx.RIGHT_PATH_OPEN
    | witx.RIGHT_FD_READDIR
    | witx.RIGHT_PATH_READLINK
    | witx.RIGHT_PATH_FILESTAT_GET
)
_DIRECTORY_WRITE_RIGHTS = (
    witx.RIGHT_PATH_CREATE_DIRECTORY
    | witx.RIGHT_PATH_CREATE_FILE
    | witx.RIGHT_PATH_LINK_SOURCE
    | witx.RIGHT_PATH_LINK_TARGET
    | witx.RIGHT_PATH_RENAME_SOURCE
    | witx.RIGHT_PATH_RENAME_TARGET
    | witx.RIGHT_PATH_FILESTAT_SET_SIZE
    | witx.RIGHT_PATH_FILESTAT_SET_TIMES
    | witx.RIGHT_PATH_SYMLINK
    | witx.RIGHT_PATH_REMOVE_DIRECTORY
    | witx.RIGHT_PATH_UNLINK_FILE
)


class Descriptor:
    """A guest's file descriptor; every operation fails with `badf` unless a kind overrides it."""

    __slots__ = ()

    filetype = witx.UNKNOWN
    flags = 0
    rights = 0
    # The rights of what is opened through this one.
    inheriting = 0

    def read(self, buffers: "Sequence[memoryview]") -> int:
        raise WasiError(BADF)

    def write(self, buffers: "Sequence[memoryview]") -> int:
        raise WasiError(BADF)

    def stat(self) -> os.stat_result | None:
        """The host's attributes; None where there is no file behind."""
        return None

    def close(self) -> None:
        pass


class _Empty(Descriptor):
    __slots__ = ()

    rights = witx.RIGHT_FD_READ

    def read(self, buffers: "Sequence[memoryview]") -> int:
        return 0


EMPTY = _Empty()


class Output(Descriptor):
    """An output stream that goes to `sink`, or nowhere.

    `sink(data)` returns how many bytes it took (None: all), or a negated errno of the host.
    """

    __slots__ = ("_sink",)

    rights = witx.RIGHT_FD_WRITE

    def __init__(self, sink: "Sink | None") -> None:
        self._sink = sink

    def write(self, buffers: "Sequence[memoryview]") -> int:
        size = sum(map(len, buffers))
        if self._sink is None or not size:
            return size
        try:
            taken = self._sink(b"".join(buffers))
        except Exception:
            # The drop-in API shows the guest an I/O error and lets it run on.
            import logging

            logging.getLogger("cachewasm.wasi").exception("the callable for an output raised")
            raise WasiError(IO) from None
        if taken is None:
            return size
        if taken < 0:
            raise WasiError(from_host(-taken))
        if not 0 < taken <= size:
            raise WasiError(IO)
        return taken


class _HostDescriptor(Descriptor):
    """Owns the host's descriptor `fd`.

    Whoever drops the last reference closes it, as with Python's own unbuffered files: close(2) has
    nothing left to write here, and a Store that is only dropped must not leak.
    """

    __slots__ = ("_owned", "fd")

    def __init__(self, fd: int, *, owned: bool) -> None:
        self._owned = owned
        self.fd = fd

    def stat(self) -> os.stat_result | None:
        return os.fstat(self.fd)

    def close(self) -> None:
        if self._owned:
            self._owned = False
            os.close(self.fd)

    def __del__(self, _close: "Callable[[int], None]" = os.close) -> None:
        # Bound early: at the interpreter's end the module's names may be gone already.
        if self._owned:
            self._owned = False
            _close(self.fd)


class File(_HostDescriptor):
    """Anything but a directory that the host can read, write or wait for.

    `may_touch` says whether the permissions allow to change its attributes.
    """

    __slots__ = ("filetype", "flags", "may_touch", "rights")

    def __init__(
        self, fd: int, *, read: bool, write: bool, flags: int = 0, may_touch: bool = True
    ) -> None:
        super().__init__(fd, owned=True)
        self._describe(read=read, write=write)
        self.flags = flags
        self.may_touch = may_touch

    def _describe(self, *, read: bool, write: bool) -> None:
        self.filetype = witx.filetype(os.fstat(self.fd).st_mode)
        self.rights = _FILE_RIGHTS
        if read:
            self.rights |= witx.RIGHT_FD_READ
        if write:
            self.rights |= _FILE_WRITE_RIGHTS
        try:
            os.lseek(self.fd, 0, os.SEEK_CUR)
        except OSError:
            return
        # wasi-libc takes a character device without these rights for a terminal.
        self.rights |= _FILE_SEEK_RIGHTS

    @property
    def is_owned(self) -> bool:
        """Whether nobody else uses the open file, so that its flags are the guest's to change."""
        return self._owned

    def read(self, buffers: "Sequence[memoryview]") -> int:
        return os.readv(self.fd, buffers) if buffers else 0

    def write(self, buffers: "Sequence[memoryview]") -> int:
        return os.writev(self.fd, buffers) if buffers else 0


class Inherited(File):
    """A standard stream of this process: 0, 1 or 2. Never closed here."""

    __slots__ = ()

    def __init__(self, fd: int) -> None:
        _HostDescriptor.__init__(self, fd, owned=False)
        self.filetype = witx.UNKNOWN
        self.flags = 0
        self.may_touch = False
        self.rights = 0
        try:
            self._describe(read=fd == 0, write=fd != 0)
        except OSError:
            # The process has no such stream: every use of it fails with the host's own error.
            return

    def read(self, buffers: "Sequence[memoryview]") -> int:
        if self.fd != 0:
            raise WasiError(BADF)
        return super().read(buffers)

    def write(self, buffers: "Sequence[memoryview]") -> int:
        # A terminal can be written through its standard input: hold the guest to the direction.
        if self.fd == 0:
            raise WasiError(BADF)
        # What Python printed before and still buffers comes first, as in a program of one language.
        stream = sys.__stdout__ if self.fd == 1 else sys.__stderr__
        if stream is not None and not stream.closed:
            stream.flush()
        return super().write(buffers)


class Directory(_HostDescriptor):
    """A directory. `name` is the guest's name for it if it was preopened.

    `permissions` bounds what may be done with its entries, `file_permissions` with the files below.
    """

    __slots__ = (
        "entries",
        "file_permissions",
        "inheriting",
        "may_write_files",
        "name",
        "permissions",
        "rights",
    )

    filetype = witx.DIRECTORY

    def __init__(
        self, fd: int, *, permissions: int, file_permissions: int, name: bytes | None = None
    ) -> None:
        super().__init__(fd, owned=True)
        self.permissions = permissions
        self.file_permissions = file_permissions
        self.name = name
        # The listing that the cookies of fd_readdir count in.
        self.entries: list[tuple[bytes, int, int]] = []
        # Whether files below may be opened for writing or changed: both permissions must say so.
        self.may_write_files = bool(permissions & file_permissions & WRITE)
        self.rights = witx.RIGHT_FD_FILESTAT_GET
        if permissions & READ:
            self.rights |= _DIRECTORY_READ_RIGHTS
        if permissions & WRITE:
            self.rights |= _DIRECTORY_WRITE_RIGHTS
        self.inheriting = self.rights | _FILE_RIGHTS | _FILE_SEEK_RIGHTS
        if file_permissions & READ:
            self.inheriting |= witx.RIGHT_FD_READ
        if self.may_write_files:
            self.inheriting |= _FILE_WRITE_RIGHTS
