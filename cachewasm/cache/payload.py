"""The compressed payload of an entry: a table of sizes, then zstd frames of FRAME_SIZE raw bytes each.

Frames of their own let two threads decompress a large artifact, each frame straight into the
*place* where the artifact will stay, so that no second copy of it is made. What one frame holds is
an object of Python instead: only its code will be copied from there. Format: docs/format/cache.md.

On the warm path.
"""

from struct import Struct

from cachewasm.cache import zstd
from cachewasm.parallel import on_two_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from typing_extensions import Buffer

    class Place(Protocol):
        """Memory of a fixed size for one artifact: written in disjoint pieces, by any thread, then
        sealed. `fd` is a file that what is written to it is the memory, if there is one;
        `writable()` is the memory, if it can be written to.
        """

        @property
        def fd(self) -> int | None: ...

        def writable(self) -> memoryview | None: ...

        def write(self, offset: int, data: Buffer) -> None: ...

        def sealed(self) -> memoryview: ...

    MakePlace = Callable[[int], Place]

FRAME_SIZE = 1 << 19

# Where decompressing takes half of a hit, a quarter more bytes are a fair price for half of that.
_QUICK, _USUAL = -1, 3

_SIZE = Struct("<I")


class Memory:
    """A place in the memory of Python, for whoever wants the bytes and not the code."""

    __slots__ = ("_bytes",)

    fd = None

    def __init__(self, size: int) -> None:
        self._bytes = memoryview(bytearray(size))

    def writable(self) -> memoryview:
        """All of it."""
        return self._bytes

    def write(self, offset: int, data: "Buffer") -> None:
        """Put `data` at `offset`."""
        view = memoryview(data)
        self._bytes[offset : offset + len(view)] = view

    def sealed(self) -> memoryview:
        """All of it, read-only."""
        return self._bytes.toreadonly()


def encode(raw: "bytes | memoryview", level: int | None = None) -> bytes:
    """The payload of `raw`, which is not empty, at a zstd level, by default one for its size."""
    view = memoryview(raw)
    by_size = _QUICK if len(view) <= FRAME_SIZE else _USUAL
    chosen = by_size if level is None else level
    starts = range(0, len(view), FRAME_SIZE)
    frames = [b""] * len(starts)
    todo = iter(starts)

    def compress() -> None:
        for start in todo:
            frames[start // FRAME_SIZE] = zstd.compress(view[start : start + FRAME_SIZE], chosen)

    _run(compress, len(starts))
    return b"".join([*(_SIZE.pack(len(frame)) for frame in frames), *frames])


def decode(
    payload: memoryview, raw_size: int, make_place: "MakePlace"
) -> "tuple[memoryview, Place | None]":
    """Decompress a payload of `raw_size` bytes, which the caller bounds: the bytes, read-only, and
    the new place that has them, if they are more than FRAME_SIZE.

    Raises ZstdError if it is not exactly what encode() makes of so many bytes.
    """
    frames = _frames(payload, raw_size)
    if len(frames) == 1:
        return memoryview(zstd.decompress(frames[0][1], raw_size)), None
    place = make_place(raw_size)
    todo = iter(frames)

    def decompress() -> None:
        for start, frame in todo:
            size = min(FRAME_SIZE, raw_size - start)
            place.write(start, zstd.decompress(frame, size))

    on_two_threads(decompress)
    return place.sealed(), place


def _frames(payload: memoryview, raw_size: int) -> list[tuple[int, memoryview]]:
    """Where the content of each frame starts, and the frame."""
    at = -(-raw_size // FRAME_SIZE) * _SIZE.size
    if at > len(payload):
        raise zstd.ZstdError("the table of frames is cut short")
    frames = []
    for number, (size,) in enumerate(_SIZE.iter_unpack(payload[:at])):
        frames.append((number * FRAME_SIZE, payload[at : at + size]))
        at += size
    if at != len(payload):
        raise zstd.ZstdError(f"the frames have {at} bytes, the payload {len(payload)}")
    return frames


def _run(work: "Callable[[], None]", count: int) -> None:
    if count == 1:
        work()
    else:
        on_two_threads(work)
