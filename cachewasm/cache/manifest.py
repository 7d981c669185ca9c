"""The manifest of an entry: named facts about it, for people and commands, never for a hit.

One value has one encoding: pairs sorted by name, each name once, lengths before bytes, nothing
left over. Every length is checked against what is left before anything is taken. Format:
docs/format/cache.md.

On the warm path; `decode` runs only for whoever asks.
"""

import struct
from struct import Struct

from cachewasm.cache.reasons import CORRUPT, EntryError
from cachewasm.errors import InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PAIRS = 256
MAX_SIZE = 1 << 16

_COUNT = Struct("<H")
_PAIR = Struct("<BBH")  # size of the name, kind of the value, size of the value
_INTEGER_SIZE = 8
_TEXT_KIND, _INTEGER_KIND = 0, 1


def encode(manifest: "Mapping[str, str | int]") -> bytes:
    """The manifest's bytes. Raises InternalError for what does not fit: callers know the bounds."""
    if len(manifest) > MAX_PAIRS:
        raise InternalError(f"a manifest of {len(manifest)} pairs, at most {MAX_PAIRS} fit")
    pieces = [_COUNT.pack(len(manifest))]
    for name, value in sorted(manifest.items(), key=lambda pair: pair[0].encode()):
        encoded = name.encode()
        if isinstance(value, int):
            if not -(1 << 63) <= value < 1 << 63:
                raise InternalError(f"manifest value {name!r} does not fit in 64 bits")
            kind, content = _INTEGER_KIND, value.to_bytes(_INTEGER_SIZE, "little", signed=True)
        else:
            kind, content = _TEXT_KIND, value.encode()
        if not 0 < len(encoded) < 1 << 8 or len(content) >= 1 << 16:
            raise InternalError(f"manifest pair {name!r} is too long")
        pieces += (_PAIR.pack(len(encoded), kind, len(content)), encoded, content)
    encoded = b"".join(pieces)
    if len(encoded) > MAX_SIZE:
        raise InternalError(f"a manifest of {len(encoded)} bytes, at most {MAX_SIZE} fit")
    return encoded


def decode(encoded: bytes) -> dict[str, str | int]:
    """The pairs, in the order of their names. Raises EntryError(CORRUPT)."""
    if not _COUNT.size <= len(encoded) <= MAX_SIZE:
        raise EntryError(CORRUPT, f"a manifest of {len(encoded)} bytes")
    (count,) = _COUNT.unpack_from(encoded)
    if count > MAX_PAIRS:
        raise EntryError(CORRUPT, f"a manifest of {count} pairs, at most {MAX_PAIRS} fit")
    position, end, unpack = _COUNT.size, len(encoded), _PAIR.unpack_from
    manifest: dict[str, str | int] = {}
    previous = b""
    try:
        for _ in range(count):
            name_size, kind, size = unpack(encoded, position)
            name_at = position + _PAIR.size
            value_at = name_at + name_size
            position = value_at + size
            name, content = encoded[name_at:value_at], encoded[value_at:position]
            if name <= previous:
                raise EntryError(CORRUPT, "the names of the manifest are not in order")
            previous = name
            if kind == _TEXT_KIND:
                manifest[name.decode()] = content.decode()
            elif kind == _INTEGER_KIND and size == _INTEGER_SIZE:
                manifest[name.decode()] = int.from_bytes(content, "little", signed=True)
            else:
                detail = f"the manifest has a value of kind {kind}, size {size}"
                raise EntryError(CORRUPT, detail)
    except UnicodeDecodeError:
        raise EntryError(CORRUPT, "the manifest is not UTF-8") from None
    except struct.error:
        position = end + 1
    # What is taken from beyond the end is too short, and nothing is allocated for it.
    if position > end:
        raise EntryError(CORRUPT, "the manifest is cut short")
    if position != end:
        raise EntryError(CORRUPT, "the manifest has bytes left over")
    return manifest


def mark_of_integer(name: str) -> bytes:
    """What stands before the integer of this name, for find_integer."""
    field = name.encode()
    return _PAIR.pack(len(field), _INTEGER_KIND, _INTEGER_SIZE) + field


def find_integer(encoded: bytes, mark: bytes) -> int:
    """The integer behind this mark, or 0: found in a fraction of the time that `decode` takes.

    For statistics only: a text before it could hold the same bytes.
    """
    at = encoded.find(mark)
    if at < 0:
        return 0
    start = at + len(mark)
    return int.from_bytes(encoded[start : start + _INTEGER_SIZE], "little", signed=True)
