"""What memories begin with, laid out page by page: an instance maps it and copies nothing.

An image is a range of whole pages of a memory as it is when all active segments are written, holes
and overlaps included. A module gets images, for all of its active data, only if that writing cannot
fail and concerns nobody else: each offset is a constant, each segment fits into the first size of a
memory that the module defines. Any other module's segments stay as they are and are copied in turn,
so that where one does not fit those before it are written (specification, section 4.5.4).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from cachewasm.record import dataclass
from cachewasm.wasm import constexpr
from cachewasm.wasm.module import DataSegment, Module, SegmentMode

# Less is copied sooner than mapped and then copied page by page on write. Counted in pages of 4 KiB
# everywhere: a byte of data is not worth more because images are aligned to larger ones.
MIN_SIZE = 64 << 10
_COUNTED_PAGE = 4 << 10
# Each is a mapping of its own in each instance.
MAX_IMAGES = 8
# A shorter hole is not worth another one.
_MIN_HOLE = 64 << 10


@dataclass(frozen=True, slots=True)
class MemoryImage:
    """`size` bytes of `memory` from `start` on, found at `source` in the section."""

    memory: int
    start: int
    source: int
    size: int


@dataclass(frozen=True, slots=True)
class PlacedData:
    """A section's bytes: the images, then the passive segments. `starts` has the place of each
    segment; that of an active one lies in an image, where a later one may have overwritten it.
    """

    section: bytes
    starts: Sequence[int]
    images: Sequence[MemoryImage]


def place_data(module: Module, page: int, dense_size: int) -> PlacedData | None:
    """The data of a module as images aligned to `page`, or None if it is to be copied.

    With holes an image may be as large as `dense_size`, or else twice the data in it.
    """
    targets = _targets(module)
    if targets is None:
        return None
    if sum(image.size for image in _images(_ranges(targets, _COUNTED_PAGE))) < MIN_SIZE:
        return None
    images = _images(_ranges(targets, page))
    total = sum(image.size for image in images)
    data = sum(segment.size for segment, _ in targets)
    if total > max(dense_size, 2 * data) or len(images) > MAX_IMAGES:
        return None
    binary = memoryview(module.data)
    section = bytearray(total)
    starts = []
    active = iter(targets)
    for segment in module.data_segments:
        source = binary[segment.start : segment.start + segment.size]
        if segment.mode is SegmentMode.ACTIVE:
            _, start = next(active)
            place = _place(images, segment.memory, start) if segment.size else 0
            section[place : place + segment.size] = source
        else:
            place = len(section)
            section += source
        starts.append(place)
    return PlacedData(bytes(section), starts, images)


def _targets(module: Module) -> list[tuple[DataSegment, int]] | None:
    """The active segments with their constant offsets; None if there is another kind of one."""
    targets = []
    for segment in module.data_segments:
        match segment.offset:
            case None:
                continue
            case ((constexpr.I32_CONST, int() as value),):
                start = value & 0xFFFF_FFFF
            case _:
                return None
        memory = module.memory_types[segment.memory]
        is_own = segment.memory >= module.imported_memories
        if not is_own or memory.is_64 or memory.is_shared or memory.page_size_log2 < 16:
            return None
        if start + segment.size > memory.limits.min << memory.page_size_log2:
            return None
        targets.append((segment, start))
    return targets


def _ranges(targets: list[tuple[DataSegment, int]], page: int) -> Iterator[tuple[int, int, int]]:
    """(memory, start, end) of what the segments touch, in whole pages, ascending and apart."""
    pages = sorted(
        (segment.memory, start & -page, (start + segment.size + page - 1) & -page)
        for segment, start in targets
        if segment.size
    )
    current: tuple[int, int, int] | None = None
    for memory, start, end in pages:
        if current and current[0] == memory and start <= current[2]:
            current = memory, current[1], max(end, current[2])
            continue
        if current:
            yield current
        current = memory, start, end
    if current:
        yield current


def _images(ranges: Iterator[tuple[int, int, int]]) -> list[MemoryImage]:
    """Images that cover the ranges, and the shortest of the holes between them if there are many."""
    rows = list(ranges)
    # Before the first row of a memory there is no hole.
    holes = {
        i: after[1] - before[2]
        for i, (before, after) in enumerate(pairwise(rows), 1)
        if before[0] == after[0]
    }
    borders = len(rows) - len(holes)
    longest = sorted(holes, key=lambda i: (-holes[i], i))[: max(MAX_IMAGES - borders, 0)]
    kept = {i for i in longest if holes[i] >= _MIN_HOLE}
    images: list[MemoryImage] = []
    source = 0
    for i, (memory, start, end) in enumerate(rows):
        if i in holes and i not in kept:
            last = images.pop()
            start, source = last.start, last.source
        images.append(MemoryImage(memory, start, source, end - start))
        source += end - start
    return images


def _place(images: list[MemoryImage], memory: int, start: int) -> int:
    """Where in the section a byte of a memory lies."""
    for image in images:
        if image.memory == memory and 0 <= start - image.start < image.size:
            return image.source + start - image.start
    raise AssertionError("the images cover every segment")
