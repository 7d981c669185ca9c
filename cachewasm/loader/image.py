"""Map an artifact's bytes: read-only, its code executable, never writable and executable at once.

The bytes are put into a memfd, which is sealed and mapped: nobody can change them afterwards, it
works where no file system allows execution, and a hardened process that forbids making writable
memory executable allows it. Where memfd_create is missing or refused, anonymous memory is filled
first and made executable then.

What is loaded here must have been checked before (cache/ or the caller for integrity, engine/ for
compatibility). On the warm path.
"""

import fcntl
import os

from cachewasm.artifact.reader import Artifact
from cachewasm.errors import HostError
from cachewasm.loader import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Buffer

_PAGE = os.sysconf("SC_PAGE_SIZE")
_FETCHES_APART = os.uname().machine == "aarch64"
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def _round_up(size: int) -> int:
    return (size + _PAGE - 1) & -_PAGE


class SealedCopy:
    """The bytes of one artifact in a memfd: written, then sealed and mapped, then made executable.

    `fd` is the memfd until the code is executable. Methods raise OSError.
    """

    __slots__ = ("_mapping", "_room", "_size", "fd")

    def __init__(self, size: int, room: int = 0) -> None:
        """For `size` bytes, in at least `room` bytes of address space."""
        self.fd: int | None = None
        self.fd = os.memfd_create("cachewasm", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._size, self._room = size, _round_up(max(size, room))
        self._mapping: native.Mapping | None = None

    def write(self, offset: int, data: "Buffer") -> None:
        """Put `data` at `offset`; thread-safe for disjoint pieces."""
        assert self.fd is not None
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self.fd, rest, offset)
            rest, offset = rest[written:], offset + written

    def sealed(self) -> memoryview:
        """All bytes, which nobody can change from now on; mapped while this object lives."""
        mapping = self._mapping
        if mapping is None:
            assert self.fd is not None
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, _SEALS)
            whole = _round_up(self._size)
            if self._room == whole:
                mapping = native.Mapping.of_file(self.fd, whole)
            else:
                mapping = native.Mapping.make(self._room, native.PROT_NONE, native.MAP_NORESERVE)
                self._map(mapping, 0, whole, native.PROT_READ)
            self._mapping = mapping
        # SAFETY: so many bytes are mapped readable there.
        return native.view(int(mapping), self._size).toreadonly()

    def made_executable(self, offset: int, size: int) -> native.Mapping:
        """The mapping of the sealed bytes, the code in this part of them executable."""
        assert self._mapping is not None
        if self.fd is not None:
            size = min(size, _round_up(self._size) - offset)
            self._map(self._mapping, offset, size, native.PROT_READ | native.PROT_EXEC)
            self._close()
        return self._mapping

    def _map(self, mapping: native.Mapping, offset: int, size: int, protection: int) -> None:
        assert self.fd is not None
        fixed = native.MAP_PRIVATE | native.MAP_FIXED
        # SAFETY: inside the mapping, where nothing is but these bytes.
        native.mmap(
            size, protection, fixed, fd=self.fd, address=int(mapping) + offset, offset=offset
        )

    def _close(self) -> None:
        fd, self.fd = self.fd, None
        if fd is not None:
            os.close(fd)

    def __del__(self) -> None:
        self._close()


class AnonymousCopy:
    """The same in anonymous memory, which others of this process could make writable again."""

    __slots__ = ("_mapping", "_size")

    fd = None

    def __init__(self, size: int, room: int = 0) -> None:
        self._size = size
        room = _round_up(max(size, room))
        self._mapping = native.Mapping.make(room, native.PROT_NONE, native.MAP_NORESERVE)
        self._protect(0, size, native.PROT_READ | native.PROT_WRITE)

    def write(self, offset: int, data: "Buffer") -> None:
        """Put `data` at `offset`; thread-safe for disjoint pieces."""
        view = memoryview(data)
        # SAFETY: mapped writable until it is sealed.
        native.view(int(self._mapping), self._size)[offset : offset + len(view)] = view

    def sealed(self) -> memoryview:
        """All bytes, no longer writable; mapped while this object lives."""
        self._protect(0, self._size, native.PROT_READ)
        # SAFETY: so many bytes are mapped readable there.
        return native.view(int(self._mapping), self._size).toreadonly()

    def made_executable(self, offset: int, size: int) -> native.Mapping:
        """The mapping of the sealed bytes, the code in this part of them executable."""
        size = min(size, _round_up(self._size) - offset)
        self._protect(offset, size, native.PROT_READ | native.PROT_EXEC)
        return self._mapping

    def _protect(self, offset: int, size: int, protection: int) -> None:
        native.mprotect(int(self._mapping) + offset, _round_up(size), protection)


def new_copy(size: int, room: int = 0) -> SealedCopy | AnonymousCopy:
    """Private memory for an artifact of `size` bytes, in at least `room` bytes of address space.

    Raises OSError.
    """
    try:
        return SealedCopy(size, room)
    except (OSError, AttributeError):  # not every C library has memfd_create
        return AnonymousCopy(size, room)


class Image:
    """A mapped artifact. `text` is the address of its code; valid while the object lives.

    `artifact` views the mapped bytes, so whoever keeps a view keeps the Image.
    """

    __slots__ = ("address", "artifact", "published", "text", "text_size")

    def __init__(self, address: native.Mapping, artifact: Artifact) -> None:
        offset, size = artifact.text_range
        self.address = address
        self.artifact = artifact
        self.text = int(address) + offset
        self.text_size = size
        # Whether the signal handler knows of it (runtime/support.py).
        self.published = False


def load(plan: Artifact) -> Image:
    """Map a checked artifact, where it is if it lies in a copy of its own already.

    Raises HostError if the system refuses.
    """
    size = len(plan.data)
    offset, text_size = plan.text_range
    try:
        copy = plan.owner
        if plan.bss_size or not isinstance(copy, (SealedCopy, AnonymousCopy)):
            copy = new_copy(size, offset + plan.bss_offset + plan.bss_size)
            copy.write(0, plan.data)
            copy.sealed()
        address = copy.made_executable(offset, _round_up(text_size))
        if plan.bss_size:
            _map_zeroed(int(address), plan)
    except OSError as error:
        raise HostError(f"cannot map compiled code: {error.strerror or error}") from error
    if _FETCHES_APART:
        from cachewasm.loader.fetch import show_code

        show_code(int(address) + offset, text_size)
    # SAFETY: `size` bytes at `address` are mapped readable for as long as the Image lives.
    return Image(address, plan.moved_to(native.view(int(address), size)))


def _map_zeroed(address: int, plan: Artifact) -> None:
    start = address + plan.text_range[0] + plan.bss_offset
    fixed = native.MAP_PRIVATE | native.MAP_FIXED | native.MAP_ANONYMOUS
    # SAFETY: load() reserved this range, and it begins on a page of its own.
    native.mmap(
        _round_up(plan.bss_size), native.PROT_READ | native.PROT_WRITE, fixed, address=start
    )
