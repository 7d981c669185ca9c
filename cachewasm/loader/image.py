"""Map an artifact's bytes: read-only, its code executable, never writable and executable at once.

The bytes are copied into a sealed memfd and mapped from there: nobody can change them afterwards,
it works where no file system allows execution, and a hardened process that forbids making writable
memory executable allows it. Where memfd_create is missing or refused, anonymous memory is filled
first and made executable then.

What is mapped here must have been checked before (cache/ or the caller for integrity, engine/ for
compatibility). On the warm path.
"""

import fcntl
import os

from cachewasm.artifact.reader import Artifact
from cachewasm.errors import HostError
from cachewasm.loader import native

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def _round_up(size: int) -> int:
    return (size + _PAGE - 1) & -_PAGE


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
    """Map a checked artifact. Raises HostError if the system refuses."""
    elf = plan.data
    size = len(elf)
    end = size
    if plan.bss_size:
        end = max(end, plan.text_range[0] + plan.bss_offset + plan.bss_size)
    try:
        address = native.Mapping.make(_round_up(end), native.PROT_NONE, native.MAP_NORESERVE)
        try:
            _map_sealed(int(address), elf, plan)
        except (OSError, AttributeError):  # not every C library has memfd_create
            _map_anonymous(int(address), elf, plan)
        if plan.bss_size:
            _map_zeroed(int(address), plan)
    except OSError as error:
        raise HostError(f"cannot map compiled code: {error.strerror or error}") from error
    # SAFETY: `size` bytes at `address` are mapped readable for as long as the Image lives.
    return Image(address, plan.moved_to(native.view(int(address), size)))


def _executable_range(plan: Artifact) -> tuple[int, int]:
    """Offset and size, in whole pages, of the part of the file that holds code."""
    offset, size = plan.text_range
    return offset, _round_up(size)


def _map_sealed(address: int, elf: memoryview, plan: Artifact) -> None:
    fd = os.memfd_create("cachewasm", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        rest = memoryview(elf)
        while rest:
            rest = rest[os.write(fd, rest) :]
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
        fixed = native.MAP_PRIVATE | native.MAP_FIXED
        # SAFETY: both ranges lie inside the reservation made by load(), which nobody else uses yet.
        native.mmap(_round_up(len(elf)), native.PROT_READ, fixed, fd=fd, address=address)
        start, size = _executable_range(plan)
        native.mmap(
            min(size, _round_up(len(elf)) - start),
            native.PROT_READ | native.PROT_EXEC,
            fixed,
            fd=fd,
            address=address + start,
            offset=start,
        )
    finally:
        os.close(fd)


def _map_anonymous(address: int, elf: memoryview, plan: Artifact) -> None:
    whole = _round_up(len(elf))
    fixed = native.MAP_PRIVATE | native.MAP_FIXED | native.MAP_ANONYMOUS
    # SAFETY: as above; no code runs from the range before it has lost the right to be written.
    native.mmap(whole, native.PROT_READ | native.PROT_WRITE, fixed, address=address)
    native.view(address, len(elf))[:] = elf
    native.mprotect(address, whole, native.PROT_READ)
    start, size = _executable_range(plan)
    native.mprotect(address + start, min(size, whole - start), native.PROT_READ | native.PROT_EXEC)


def _map_zeroed(address: int, plan: Artifact) -> None:
    start = address + plan.text_range[0] + plan.bss_offset
    fixed = native.MAP_PRIVATE | native.MAP_FIXED | native.MAP_ANONYMOUS
    # SAFETY: load() reserved this range, and it begins on a page of its own (BSS_ALIGN).
    native.mmap(
        _round_up(plan.bss_size), native.PROT_READ | native.PROT_WRITE, fixed, address=start
    )
