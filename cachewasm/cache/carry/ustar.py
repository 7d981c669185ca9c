"""The one form of a ustar archive that bundles have: plain files, and nothing about them but names.

Any tar program lists and unpacks such an archive. Reading takes no other form: a header has a name and
a size, and must be, byte for byte, the header that is written for these. So links, devices, owners,
extensions and absolute names need no rule each; there is no way to write them. Format:
docs/format/bundle.md.

Streams need `read` and `write` only. Off the warm path.
"""

from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO

from cachewasm.errors import CachewasmError

BLOCK = 512
END = bytes(2 * BLOCK)
MAX_NAME = 100
MAX_PREFIX = 155
# What the eleven octal digits of a size hold.
MAX_SIZE = 8**11 - 1

# name, mode, uid, gid, size, mtime, checksum, type, link's name, magic and version, user, group,
# device numbers, prefix of the name
_HEADER = Struct("100s8s8s8s12s12s8s1s100s8s32s32s8s8s155s12x")
_SIZE_AT = slice(124, 135)
_NAME_AT, _PREFIX_AT = slice(0, 100), slice(345, 500)
_NUMBER = b"0000000\0"
_MODE = b"0000644\0"
_TIME = b"00000000000\0"
_REGULAR = b"0"
_MAGIC = b"ustar\x0000"
_CHUNK = 1 << 20


class ArchiveError(CachewasmError):
    """The bytes are no archive of this form; `offset` is where that shows."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} (at offset {offset})")
        self.offset = offset


def header(name: str, size: int) -> bytes:
    """The header of a file. `name` is ASCII, with or without directories.

    Raises ValueError for what no header can hold.
    """
    prefix, _, base = name.encode("ascii").rpartition(b"/")
    if not base or len(base) > MAX_NAME or len(prefix) > MAX_PREFIX or not 0 <= size <= MAX_SIZE:
        raise ValueError(f"no header can hold {name!r} with {size} bytes")
    fields = (_MODE, _NUMBER, _NUMBER, b"%011o\0" % size, _TIME, b" " * 8, _REGULAR, b"", _MAGIC)
    packed = _HEADER.pack(base, *fields, b"", b"", b"", b"", prefix)
    return b"%b%06o\0 %b" % (packed[:148], sum(packed), packed[156:])


def padding(size: int) -> bytes:
    """What follows so many bytes of a file."""
    return bytes(-size % BLOCK)


class Reader:
    """The files of an archive in their order; each is to be read or skipped before the next."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = 0  # of the file at hand
        self._padding = 0
        self.offset = 0

    def files(self) -> Iterator[tuple[str, int]]:
        """Name and size of each file. Raises ArchiveError, OSError."""
        while True:
            self.skip()
            start = self.offset
            block = self._take(BLOCK)
            if block == END[:BLOCK]:
                if self._take(BLOCK) != block or self._stream.read(1):
                    raise ArchiveError("something follows the end of the bundle", start + BLOCK)
                return
            name, size = _parse(block, start)
            self._left, self._padding = size, len(padding(size))
            yield name, size

    def read(self, size: int) -> bytes:
        """The next `size` bytes of the file at hand. Raises ArchiveError, OSError."""
        if size > self._left:
            raise ArchiveError("the file has fewer bytes than it should", self.offset)
        self._left -= size
        return self._take(size)

    def skip(self) -> None:
        """Go past what is left of the file at hand. Raises ArchiveError, OSError."""
        while self._left:
            self.read(min(self._left, _CHUNK))
        start, count = self.offset, self._padding
        self._padding = 0
        if self._take(count) != bytes(count):
            raise ArchiveError("the bundle has bytes between its files", start)

    def _take(self, size: int) -> bytes:
        """Exactly `size` bytes: no more memory than there are bytes, whatever size is claimed."""
        pieces = []
        while size:
            piece = self._stream.read(min(size, _CHUNK))
            if not piece:
                raise ArchiveError(f"the bundle ends {size} bytes too early", self.offset)
            pieces.append(piece)
            self.offset += len(piece)
            size -= len(piece)
        return b"".join(pieces)


def _parse(block: bytes, offset: int) -> tuple[str, int]:
    base, prefix = block[_NAME_AT].rstrip(b"\0"), block[_PREFIX_AT].rstrip(b"\0")
    digits = block[_SIZE_AT]
    try:
        # What int() takes beyond octal digits is not what header() writes.
        name, size = (prefix + b"/" * bool(prefix) + base).decode("ascii"), int(digits, 8)
        expected = header(name, size)
    except ValueError:
        expected = b""
    if block != expected:
        raise ArchiveError("this is no header of a bundle", offset)
    return name, size
