"""Tell from a file's first bytes whether it is an artifact.

Nothing but the ELF header is looked at, so a file of any size is classified by one small read, and
no bytes can make it fail: what is not certainly ours is None.

On the warm path.
"""

from cachewasm.artifact.format import (
    ABI_VERSION,
    CLASS_64,
    COMPONENT,
    ELF_HEADER,
    LITTLE_ENDIAN,
    MAGIC,
    MODULE,
    OS_ABI,
)

HEADER_SIZE = ELF_HEADER.size


def detect(header: bytes) -> str | None:
    """Return "module", "component" or None, from the first HEADER_SIZE bytes of a file.

    The support image is None: it is an artifact, but nothing that can be loaded as a module.
    """
    if len(header) < HEADER_SIZE:
        return None
    magic, elf_class, order, _, os_abi, abi_version, *rest = ELF_HEADER.unpack_from(header)
    if magic != MAGIC or elf_class != CLASS_64 or order != LITTLE_ENDIAN:
        return None
    if os_abi != OS_ABI or abi_version != ABI_VERSION:
        return None
    flags = rest[6]
    if flags & MODULE:
        return "module"
    return "component" if flags & COMPONENT else None
