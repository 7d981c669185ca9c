"""Images of memory in a module's artifact, which instances map copy-on-write.

Their bytes lie in a sealed file without a name (loader/image.py), so nobody can change what
instances share; each gets a page of its own when it first writes there. Images are the module's data
copies where they consist of whole pages of this host (compiler/memory_images.py makes such). On the
warm path.
"""

import os

from cachewasm.artifact.info import DATA_COPY_WORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.artifact.info import ModuleInfo

# Sections with less data have no images.
MIN_SECTION = 64 << 10
# Less is copied as quickly as it is mapped.
MIN_MAPPED = 32 << 10
_MAX_IMAGES = 8
_PAGE = os.sysconf("SC_PAGE_SIZE")


class MemoryImage:
    """`size` bytes for `memory` from `start` on: at `source` of the section with the data, and at
    `position` of the artifact.
    """

    __slots__ = ("memory", "position", "size", "source", "start")

    def __init__(self, memory: int, start: int, source: int, size: int, position: int) -> None:
        self.memory = memory
        self.start = start
        self.source = source
        self.size = size
        self.position = position


def images_of(info: "ModuleInfo", position: int, size: int) -> tuple[MemoryImage, ...]:
    """The images of a module whose section with the data is at `position` of the artifact; none if it
    has data that cannot be mapped.
    """
    copies = info.data_copies
    if not 0 < len(copies) <= _MAX_IMAGES * DATA_COPY_WORDS:
        return ()
    images = []
    for i in range(0, len(copies), DATA_COPY_WORDS):
        memory, start, source, length = copies[i : i + DATA_COPY_WORDS]
        if (start | (position + source) | length) % _PAGE or source + length > size:
            return ()
        if memory >= len(info.memories):
            return ()
        images.append(MemoryImage(memory, start, source, length, position + source))
    return tuple(images)
