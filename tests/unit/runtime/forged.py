"""Artifacts that are whole, and say something else of their parts."""

import struct

from cachewasm.artifact import digest
from cachewasm.artifact.format import (
    ELF_HEADER,
    ENGINE_SECTION,
    PROGRAM_HEADER,
    SECTION_HEADER,
    SEGMENTS,
)
from cachewasm.artifact.reader import Artifact

# Where a header has the offset, the address and the size of what it tells of.
SECTION_FIELDS = {"offset": 24, "address": 16, "size": 32}
SEGMENT_FIELDS = {"offset": 8, "address": 16, "size": 32}
# More than any section, and a whole number of pages.
_ROOM = 1 << 16


def segment_header(number: int) -> int:
    """Where the program header of this number is."""
    return ELF_HEADER.size + number * PROGRAM_HEADER.size


def section_header(encoded: bytes, name: str) -> int:
    """Where the header of a section is."""
    table = int.from_bytes(encoded[40:48], "little")
    return table + (1 + list(Artifact(encoded).sections).index(name)) * SECTION_HEADER.size


def with_header(encoded: bytes, name: str, field: str, value: int) -> bytes:
    """The artifact with another number in the header of a section, and in the program header of the same
    part; its digest is what it was.
    """
    data = bytearray(encoded)
    place = Artifact(encoded).sections[name]
    struct.pack_into("<Q", data, section_header(encoded, name) + SECTION_FIELDS[field], value)
    for at in map(segment_header, range(len(SEGMENTS))):
        _, _, offset, _, _, size, _, _ = PROGRAM_HEADER.unpack_from(data, at)
        if (offset, size) == place:
            struct.pack_into("<Q", data, at + SEGMENT_FIELDS[field], value)
    return bytes(data)


def with_engine_section(encoded: bytes, section: bytes) -> bytes:
    """The artifact made for another engine, by its section; its digest is right."""
    start, size = Artifact(encoded).sections[ENGINE_SECTION]
    end = start + size
    assert len(section) <= size + _ROOM
    # All else moves by whole pages, so that code and constants stay what they are.
    filled = section + bytes(size + _ROOM - len(section))
    data = bytearray(encoded[:start] + filled + encoded[end:])
    rows = [(section_header(encoded, name), SECTION_FIELDS) for name in Artifact(encoded).sections]
    rows += [(segment_header(number), SEGMENT_FIELDS) for number in range(len(SEGMENTS))]
    for at, fields in rows:
        (offset,) = struct.unpack_from("<Q", data, at + fields["offset"])
        (address,) = struct.unpack_from("<Q", data, at + fields["address"])
        if offset >= end:
            struct.pack_into("<Q", data, at + fields["offset"], offset + _ROOM)
        if address:
            struct.pack_into("<Q", data, at + fields["address"], address + _ROOM)
        if offset == start:
            struct.pack_into("<Q", data, at + fields["size"], len(section))
    return digest.seal(bytes(data))
