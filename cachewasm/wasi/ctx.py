"""The state of one WASI program: arguments, environment and file descriptors.

Descriptors 0, 1 and 2 are the standard streams, preopened directories follow from 3, and what the
guest opens takes the lowest free number. The context owns all of them. Not thread-safe: it belongs
to one store, and a store runs one thread.
"""

from cachewasm.wasi.descriptor import EMPTY, Directory, Output
from cachewasm.wasi.errno import BADF, MFILE, NOTDIR, PERM, WasiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasi.descriptor import Descriptor

# More than programs need, and few enough to leave the host's own limit to the guest's host.
MAX_DESCRIPTORS = 4096


class WasiCtx:
    """Made by `WasiConfig`, used by the functions of `preview1`; `close()` releases what it owns."""

    __slots__ = ("_table", "args", "environ")

    def __init__(self) -> None:
        self.args: list[bytes] = []
        self.environ: list[bytes] = []
        self._table: list[Descriptor | None] = [EMPTY, Output(None), Output(None)]

    def get(self, fd: int) -> "Descriptor":
        """What `fd` stands for, or `badf`."""
        descriptor = self._table[fd] if fd < len(self._table) else None
        if descriptor is None:
            raise WasiError(BADF)
        return descriptor

    def directory(self, fd: int, permissions: int = 0) -> Directory:
        """The directory `fd`, or `notdir`; or `perm` if it does not grant `permissions`."""
        descriptor = self.get(fd)
        if not isinstance(descriptor, Directory):
            raise WasiError(NOTDIR)
        if permissions & ~descriptor.permissions:
            raise WasiError(PERM)
        return descriptor

    def reserve(self) -> int:
        """The number that the next descriptor will have, or `mfile` if there are too many."""
        if None in self._table:
            return self._table.index(None)
        if len(self._table) >= MAX_DESCRIPTORS:
            raise WasiError(MFILE)
        return len(self._table)

    def insert(self, descriptor: "Descriptor") -> int:
        """Give `descriptor` the lowest free number."""
        fd = self.reserve()
        if fd == len(self._table):
            self._table.append(descriptor)
        else:
            self._table[fd] = descriptor
        return fd

    def replace(self, fd: int, descriptor: "Descriptor") -> None:
        """Put `descriptor` in the place of `fd`, which is closed."""
        old = self.get(fd)
        self._table[fd] = descriptor
        old.close()

    def renumber(self, fd: int, to: int) -> None:
        """Move `fd` to the number `to`, whose descriptor is closed. Both must exist."""
        descriptor = self.get(fd)
        self.get(to)
        if fd != to:
            self._table[fd] = None
            self.replace(to, descriptor)

    def close_fd(self, fd: int) -> None:
        descriptor = self.get(fd)
        self._table[fd] = None
        descriptor.close()

    def close(self) -> None:
        """Close every descriptor. May be called again; the standard streams of Python stay open."""
        table, self._table = self._table, []
        for descriptor in table:
            if descriptor is not None:
                descriptor.close()

    def __enter__(self) -> "WasiCtx":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
