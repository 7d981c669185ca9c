"""Map an artifact's bytes: read-only, its code executable, never writable and executable at once.

Of a small artifact only code and constants are mapped, in a slice of memory that its process keeps for
that (arena.py); what the runtime reads lies as well in Python's own memory. A large one has huge pages,
if the system has them: making many small ones takes most of a large artifact's loading. Both are
anonymous memory, which is filled first and made executable then.

All else is put into a memfd, which is sealed and mapped: nobody can change the bytes afterwards, and a
hardened process that forbids making writable memory executable allows it. Every way works where no file
system allows execution. Where memfd_create is missing or refused, anonymous memory has to do.

What is loaded here must have been checked before (cache/ or the caller for integrity, engine/ for
compatibility). On the warm path.
"""

import fcntl
import os

from cachewasm.artifact.reader import Artifact
from cachewasm.errors import HostError
from cachewasm.loader import arena, native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from typing_extensions import Buffer

    Copy: TypeAlias = "SealedCopy | AnonymousCopy"

# The files that stay open, and how many may: a process may have a thousand open by default.
_kept_files: set[int] = set()
_MAX_FILES = 128
_PAGE = os.sysconf("SC_PAGE_SIZE")
_FETCHES_APART = os.uname().machine == "aarch64"
_NAME = "cachewasm"
_FLAGS = 0x1 | 0x2  # MFD_CLOEXEC, MFD_ALLOW_SEALING: not every C library names them
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL

# Up to here only the code is mapped.
_SMALL = 1 << 19

# Where a page is 4 KiB. It takes as long to make as a quarter of it in small pages.
_HUGE_PAGE = 2 << 20
_SWITCH = "/sys/kernel/mm/transparent_hugepage/enabled"


def _round_up(size: int, unit: int = _PAGE) -> int:
    return (size + unit - 1) & -unit


class SealedCopy:
    """The bytes of one artifact in a memfd: written, then sealed and mapped, then made executable.

    `fd` is the memfd until the code is executable. Methods raise OSError.
    """

    __slots__ = ("_mapping", "_room", "_size", "fd")

    def __init__(self, size: int, room: int = 0) -> None:
        """For `size` bytes, in at least `room` bytes of address space."""
        self.fd: int | None = None
        self.fd = os.memfd_create(_NAME, _FLAGS)
        self._size, self._room = size, _round_up(max(size, room))
        self._mapping: native.Mapping | None = None

    def write(self, offset: int, data: "Buffer") -> None:
        """Put `data` at `offset`; thread-safe for disjoint pieces."""
        assert self.fd is not None
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self.fd, rest, offset)
            rest, offset = rest[written:], offset + written

    def writable(self) -> None:
        """None: a memfd that has been mapped writable takes long to seal."""

    def seal(self) -> None:
        """From now on nobody can change the bytes."""
        assert self.fd is not None
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, _SEALS)

    def sealed(self) -> memoryview:
        """All bytes, which nobody can change from now on; mapped while this object lives."""
        mapping = self._mapping
        if mapping is None:
            assert self.fd is not None
            self.seal()
            whole = _round_up(self._size)
            if self._room == whole:
                mapping = native.Mapping.of_file(self.fd, whole, native.PROT_READ)
            else:
                mapping = native.Mapping.make(self._room, native.PROT_NONE, native.MAP_NORESERVE)
                self._map(mapping, 0, whole, native.PROT_READ)
            self._mapping = mapping
        # SAFETY: so many bytes are mapped readable there.
        return native.view(int(mapping), self._size).toreadonly()

    def made_executable(
        self, offset: int, size: int, guard: int = 0, *, keep_file: bool = False
    ) -> native.Mapping:
        """The mapping of the sealed bytes, the code in this part of them executable.

        `guard` adds to the protection of that part.
        """
        if self.fd is not None:
            protection = native.PROT_READ | native.PROT_EXEC | guard
            size = min(size, _round_up(self._size) - offset)
            self.sealed()
            self._map(self._mapped(), offset, size, protection)
            if not keep_file:
                self._close()
        return self._mapped()

    def _mapped(self) -> native.Mapping:
        assert self._mapping is not None
        return self._mapping

    def map_over(self, address: int, position: int, size: int) -> None:
        """Put a private, writable copy of a part of the kept file in the place of a mapping of the
        caller's. The pages are shared until somebody writes to them.
        """
        assert self.fd is not None
        # SAFETY: the caller owns the range, and uses it as ordinary memory. The file cannot shrink.
        native.mmap(
            size,
            native.PROT_READ | native.PROT_WRITE,
            native.MAP_PRIVATE | native.MAP_FIXED | native.MAP_NORESERVE,
            fd=self.fd,
            address=address,
            offset=position,
        )

    def _map(self, mapping: native.Mapping, offset: int, size: int, protection: int) -> None:
        assert self.fd is not None
        fixed = native.MAP_PRIVATE | native.MAP_FIXED
        # SAFETY: inside the mapping, where nothing is but these bytes.
        native.mmap(
            size, protection, fixed, fd=self.fd, address=int(mapping) + offset, offset=offset
        )

    # Modules may be dropped while the interpreter ends, when globals are gone.
    def _close(
        self, _close: "Callable[[int], None]" = os.close, _kept: "set[int]" = _kept_files
    ) -> None:
        fd, self.fd = self.fd, None
        if fd is not None:
            _kept.discard(fd)
            _close(fd)

    def __del__(self) -> None:
        self._close()


class AnonymousCopy:
    """The same in anonymous memory, which others of this process could make writable again."""

    __slots__ = ("_is_sealed", "_mapping", "_size")

    fd = None

    def __init__(self, size: int, room: int = 0, *, huge: bool = False) -> None:
        """If `huge`, on huge pages as far as the system has them to spare."""
        self._size, self._is_sealed = size, False
        # The kernel aligns a mapping to huge pages if its size is so many of them.
        room = _round_up(max(size, room), _HUGE_PAGE if huge else _PAGE)
        self._mapping = native.Mapping.make(room, native.PROT_NONE, native.MAP_NORESERVE)
        self._protect(0, room if huge else size, native.PROT_READ | native.PROT_WRITE)
        if huge:
            full = _round_up(size - _HUGE_PAGE // 4, _HUGE_PAGE)
            native.advise_huge_pages(int(self._mapping), full)

    def writable(self) -> memoryview:
        """All bytes, to be written until they are sealed."""
        # SAFETY: mapped writable until it is sealed.
        return native.view(int(self._mapping), self._size)

    def write(self, offset: int, data: "Buffer") -> None:
        """Put `data` at `offset`; thread-safe for disjoint pieces."""
        view = memoryview(data)
        self.writable()[offset : offset + len(view)] = view

    def sealed(self) -> memoryview:
        """All bytes, no longer writable; mapped while this object lives."""
        if not self._is_sealed:
            self._protect(0, self._mapping.size, native.PROT_READ)
            self._is_sealed = True
        # SAFETY: so many bytes are mapped readable there.
        return native.view(int(self._mapping), self._size).toreadonly()

    def made_executable(
        self, offset: int, size: int, guard: int = 0, *, keep_file: bool = False
    ) -> native.Mapping:
        """As of a SealedCopy; there is no file to be kept."""
        self.sealed()
        size = min(size, _round_up(self._size) - offset)
        self._protect(offset, size, native.PROT_READ | native.PROT_EXEC | guard)
        return self._mapping

    def _protect(self, offset: int, size: int, protection: int) -> None:
        native.mprotect(int(self._mapping) + offset, _round_up(size), protection)


def new_copy(size: int, room: int = 0) -> "Copy":
    """Private memory for an artifact of `size` bytes, in at least `room` bytes of address space.

    Raises OSError.
    """
    if size > _SMALL and not room and _has_huge_pages():
        return AnonymousCopy(size, huge=True)
    try:
        return SealedCopy(size, room)
    except (OSError, AttributeError):  # not every C library has memfd_create
        return AnonymousCopy(size, room)


def _has_huge_pages() -> bool:
    if _PAGE != 4096:
        return False
    try:
        fd = os.open(_SWITCH, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return b"[never]" not in os.read(fd, 64)
        finally:
            os.close(fd)
    except OSError:
        return False


class Image:
    """A mapped artifact. `text` is the address of its code; valid while the object lives.

    `artifact` views the bytes where they are, so whoever keeps a view keeps the Image. `file` has the fd of
    the same bytes from `file_start` on, if they were to be kept and could be.
    """

    __slots__ = (
        "_keep_file",
        "address",
        "artifact",
        "file",
        "file_start",
        "published",
        "text",
        "text_size",
    )

    def __init__(
        self,
        address: native.Mapping,
        artifact: Artifact,
        start: int = 0,
        *,
        keep_file: bool = False,
    ) -> None:
        """Of an artifact that is mapped at `address` from `start` on."""
        self._keep_file = keep_file
        self.file: SealedCopy | None = None
        self.file_start = 0
        offset, size = artifact.text_range
        self.address = address
        self.artifact = artifact
        self.text = int(address) + offset - start
        self.text_size = size
        # Whether the signal handler knows of it (runtime/support.py).
        self.published = False

    def keep(self, file: SealedCopy, start: int) -> None:
        """Have `file`, whose fd may be closed already, as that of the bytes from `start` on."""
        if file.fd is not None:
            _kept_files.add(file.fd)
            self.file, self.file_start = file, start

    def keep_part(self, start: int, size: int) -> None:
        """Make a file of a part of the bytes if one is to be kept and they lie in none.

        Without effect where that cannot be: whoever wants to map the part has to copy it.
        """
        if self.file is None and self._keep_file and len(_kept_files) < _MAX_FILES:
            try:
                file = SealedCopy(size)
                file.write(0, self.artifact.part((start, size)))
                file.seal()
            except (OSError, AttributeError):
                return
            self.keep(file, start)


def load(plan: Artifact, *, keep_file: bool = False) -> Image:
    """Map a checked artifact, where it is if it lies in a copy of its own already.

    The artifact goes over to the mapped bytes. With `keep_file` the file of the bytes stays open, for
    mapping parts of it elsewhere, unless too many are open already. Raises HostError if the system refuses.
    """
    guard = 0
    if plan.is_marked:
        from cachewasm.loader.protection import page_protection

        guard = page_protection(plan)
    is_small = plan.size <= _SMALL and plan.owner is None and not plan.bss_size
    try:
        if is_small:
            image = _load_code(plan, guard, keep_file=keep_file)
        else:
            image = _load_all(plan, guard, keep_file=keep_file)
    except OSError as error:
        raise HostError(f"cannot map compiled code: {error.strerror or error}") from error
    if _FETCHES_APART:
        from cachewasm.loader.fetch import show_code

        show_code(image.text, _round_up(image.text_size))
    return image


def _load_code(plan: Artifact, guard: int, *, keep_file: bool) -> Image:
    """Map code and constants of an artifact; the rest is copied to where Python has its objects."""
    start, size = plan.image_range
    if plan.frames_range[1]:
        # Unwind tables tell of the code by its distance.
        size = sum(plan.frames_range) - start
    end = start + size
    data = plan.data
    text_size = _round_up(plan.text_range[1])
    address: native.Mapping | None = arena.slice_with(data[start:end], text_size, guard)
    if address is None:
        try:
            address = _in_sealed_file(data[start:end], text_size, guard)
        except (OSError, AttributeError):
            copy = AnonymousCopy(size)
            copy.write(0, data[start:end])
            address = copy.made_executable(0, text_size, guard)
    # SAFETY: `size` bytes at `address` are mapped readable for as long as the Image lives.
    code = native.view(int(address), size)
    before, behind = memoryview(bytearray(data[:start])), memoryview(bytearray(data[end:]))
    plan.move_to(address, (end, behind), (start, code), (0, before))
    return Image(address, plan, start, keep_file=keep_file)


def _in_sealed_file(data: memoryview, text_size: int, guard: int) -> native.Mapping:
    """Map `data`, its first pages of `text_size` bytes executable: what a SealedCopy does, in the fewest
    steps. Raises OSError, and AttributeError where there is no memfd_create.
    """
    fd = os.memfd_create(_NAME, _FLAGS)
    try:
        if os.pwrite(fd, data, 0) != len(data):
            raise OSError("not all is written")
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
        size = _round_up(len(data))
        mapping = native.Mapping.of_file(fd, size, native.PROT_READ | native.PROT_EXEC | guard)
    finally:
        os.close(fd)
    if text_size < size:
        native.mprotect(int(mapping) + text_size, size - text_size, native.PROT_READ)
    return mapping


def _load_all(plan: Artifact, guard: int, *, keep_file: bool) -> Image:
    size = plan.size
    offset, text_size = plan.text_range
    room = offset + plan.bss_offset + plan.bss_size if plan.bss_size else 0
    text_size = _round_up(text_size)
    copy = plan.owner
    if room or not isinstance(copy, (SealedCopy, AnonymousCopy)):
        copy = _filled(new_copy(size, room), plan)
    keep = keep_file and len(_kept_files) < _MAX_FILES
    try:
        address = copy.made_executable(offset, text_size, guard, keep_file=keep)
    except PermissionError:
        # Memory that was writable may not become executable in a hardened process.
        if isinstance(copy, SealedCopy):
            raise
        copy = _filled(SealedCopy(size, room), plan)
        address = copy.made_executable(offset, text_size, guard, keep_file=keep)
    if room:
        _map_zeroed(int(address), plan)
    # SAFETY: `size` bytes at `address` are mapped readable for as long as the Image lives.
    plan.move_to(address, (0, native.view(int(address), size)))
    image = Image(address, plan, keep_file=keep_file)
    if isinstance(copy, SealedCopy):
        image.keep(copy, 0)
    return image


def _filled(copy: "Copy", plan: Artifact) -> "Copy":
    copy.write(0, plan.data)
    copy.sealed()
    return copy


def _map_zeroed(address: int, plan: Artifact) -> None:
    start = address + plan.text_range[0] + plan.bss_offset
    fixed = native.MAP_PRIVATE | native.MAP_FIXED | native.MAP_ANONYMOUS
    # SAFETY: load() reserved this range, and it begins on a page of its own.
    native.mmap(
        _round_up(plan.bss_size), native.PROT_READ | native.PROT_WRITE, fixed, address=start
    )
