"""Debug information: DWARF whose lines are offsets in the wasm binary.

One unit covers the whole text; it has the functions, by their names in the symbol table. Its file is
named after the module, and line N of it is what stands at byte N of the binary. The places that hold
an address can be found again, so that a copy may be made for where the code is mapped.

Source: DWARF Debugging Information Format, version 4, sections 6.2 and 7.5.
"""

import struct

from cachewasm.artifact.addrmap import NO_OFFSET
from cachewasm.errors import IncompatibleArtifact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cachewasm.artifact.writer import SymbolEntry

INFO, ABBREV, STRINGS, LINE = ".debug_info", ".debug_abbrev", ".debug_str", ".debug_line"
SECTIONS = frozenset({INFO, ABBREV, STRINGS, LINE})

_UNIT_TAG, _FUNCTION_TAG = 0x11, 0x2E
_NAME, _LINES, _LOW_PC, _HIGH_PC, _LANGUAGE, _PRODUCER = 0x03, 0x10, 0x11, 0x12, 0x13, 0x25
_ADDRESS, _DATA2, _DATA4, _DATA8, _STRING, _OFFSET = 0x01, 0x05, 0x06, 0x07, 0x0E, 0x17
_HAS_CHILDREN, _NO_CHILDREN = 1, 0
_ASSEMBLER = 0x8001
_ABBREVIATIONS = bytes(
    (
        *(1, _UNIT_TAG, _HAS_CHILDREN),
        *(_LOW_PC, _ADDRESS, _HIGH_PC, _DATA8, _LINES, _OFFSET, _LANGUAGE, _DATA2),
        *(_NAME, _STRING, _PRODUCER, _STRING, 0, 0),
        *(2, _FUNCTION_TAG, _NO_CHILDREN),
        *(_LOW_PC, _ADDRESS, _HIGH_PC, _DATA4, _NAME, _STRING, 0, 0),
        0,
    )
)
# Size, version, place of the abbreviations, size of an address; then the unit's entry: abbreviation,
# start of the text, its size, place of the lines, language, name, producer.
_UNIT = struct.Struct("<IHIB" + "BQQIHII")
# Abbreviation, start, size, name. A zero follows the last one.
_FUNCTION = struct.Struct("<BQII")
_LOW_PC_AT = 12

# Size, version, size of the rest; then minimum_instruction_length, maximum_operations, default_is_stmt,
# line_base, line_range, opcode_base, and the operands of the standard opcodes.
_LINE_HEADER = struct.Struct("<IHI")
_LINE_REGISTERS = bytes((1, 1, 1, 0xFB, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1))
_SET_ADDRESS = bytes((0, 9, 2))
_END_SEQUENCE = bytes((0, 1, 1))
_COPY, _ADVANCE_PC, _ADVANCE_LINE = b"\x01", b"\x02", b"\x03"
_U64 = struct.Struct("<Q")
_MAX_ADDRESS = (1 << 64) - 1


def encode(
    code_offsets: "Sequence[int]",
    wasm_offsets: "Sequence[int]",
    functions: "Sequence[SymbolEntry]",
    text_size: int,
    module: str,
) -> dict[str, bytes]:
    """The sections for rows of an address map, by name.

    An address in them counts from the start of the text, whose own is to be added.
    """
    strings = bytearray(b"cachewasm\0")

    def string(text: str) -> int:
        place = len(strings)
        strings.extend(text.encode("utf-8", "surrogateescape").replace(b"\0", b"?") + b"\0")
        return place

    name = string(f"{module}.wasm")
    file = bytes(strings[name:])
    entries = [_FUNCTION.pack(2, f.offset, f.size, string(f.name)) for f in functions]
    size = _UNIT.size + len(entries) * _FUNCTION.size + 1
    unit = _UNIT.pack(size - 4, 4, 0, 8, 1, 0, text_size, 0, _ASSEMBLER, name, 0)
    return {
        INFO: b"".join((unit, *entries, b"\0")),
        ABBREV: _ABBREVIATIONS,
        STRINGS: bytes(strings),
        LINE: _line_program(code_offsets, wasm_offsets, text_size, file),
    }


def _line_program(
    code_offsets: "Sequence[int]", wasm_offsets: "Sequence[int]", text_size: int, name: bytes
) -> bytes:
    # No folders; one file, without folder, time and size.
    tables = _LINE_REGISTERS + b"\0" + name + b"\0\0\0\0"
    parts = [_SET_ADDRESS, bytes(8)]
    address, line = 0, 1
    for code, wasm in zip(code_offsets, wasm_offsets, strict=True):
        number = 0 if wasm == NO_OFFSET else wasm
        parts += (_ADVANCE_PC, _unsigned(code - address), _ADVANCE_LINE, _signed(number - line))
        parts.append(_COPY)
        address, line = code, number
    parts += (_ADVANCE_PC, _unsigned(text_size - address), _END_SEQUENCE)
    program = b"".join(parts)
    size = _LINE_HEADER.size + len(tables) + len(program)
    return _LINE_HEADER.pack(size - 4, 4, len(tables)) + tables + program


def move(name: str, section: bytearray, distance: int) -> None:
    """Add `distance` to every address in a section. Raises IncompatibleArtifact."""
    for place in _address_places(name, section):
        address = _U64.unpack_from(section, place)[0] + distance
        _U64.pack_into(section, place, address & _MAX_ADDRESS)


def _address_places(name: str, section: bytearray) -> "Sequence[int]":
    if name == INFO:
        functions = len(section) - _UNIT.size - 1
        if functions < 0 or functions % _FUNCTION.size:
            raise _damaged()
        return (_LOW_PC_AT, *range(_UNIT.size + 1, len(section) - 1, _FUNCTION.size))
    if name == LINE:
        place = _LINE_HEADER.size + len(_SET_ADDRESS)
        if len(section) >= _LINE_HEADER.size:
            place += _LINE_HEADER.unpack_from(section)[2]
        if place + 8 > len(section):
            raise _damaged()
        return (place,)
    return ()


def _damaged() -> IncompatibleArtifact:
    return IncompatibleArtifact("the debug information is damaged")


def _unsigned(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _signed(value: int) -> bytes:
    found = bytearray()
    while not -0x40 <= value < 0x40:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value & 0x7F)
    return bytes(found)
