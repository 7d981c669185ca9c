"""Run the DWARF line-number programs of a .debug_line section.

The compiler hides wasm offsets in the line numbers, so these rows are what backtraces are made of.
Only what that needs is kept: address and line. Files and columns mean nothing here, hence the
tables of the header are skipped; the program itself has the same form in versions 4 and 5.

What always holds for the result: addresses ascend strictly; a row covers everything up to the next;
line 0 says that nothing is known. Inside a function a row without a line belongs to the nearest
preceding one that has one, but never to the function before.

Source: DWARF Debugging Information Format, versions 4 and 5, section 6.2.
"""

import struct
from array import array
from collections.abc import Collection
from dataclasses import dataclass

from cachewasm.errors import InternalError

_COPY = 1
_ADVANCE_PC = 2
_ADVANCE_LINE = 3
_SET_FILE = 4
_SET_COLUMN = 5
_CONST_ADD_PC = 8
_FIXED_ADVANCE_PC = 9
_SET_ISA = 12
_END_SEQUENCE = 1
_SET_ADDRESS = 2

_LENGTH_AND_VERSION = struct.Struct("<IH")
_U32 = struct.Struct("<I")
_U16 = struct.Struct("<H")
_U64 = struct.Struct("<Q")
_DWARF64 = 0xFFFFFFF0


@dataclass(frozen=True, slots=True)
class LineRows:
    """Parallel arrays of 32-bit numbers: from `addresses[i]` on, the line is `lines[i]`."""

    addresses: "array[int]"
    lines: "array[int]"


@dataclass(frozen=True, slots=True)
class _Program:
    """Where a unit's program lies, and how its special opcodes advance the registers."""

    start: int
    end: int
    opcode_base: int
    operand_counts: bytes
    min_instruction: int
    address_steps: list[int]
    line_steps: list[int]


def line_rows(debug_line: bytes, function_starts: Collection[int]) -> LineRows:
    """Return the rows of all units, sorted by address.

    `debug_line` is the section with its addresses already relocated; `function_starts` (a set, for
    speed) are the addresses where no line may be inherited from before. Raises InternalError if the
    section is damaged or of another version.
    """
    sequences: list[LineRows] = []
    position = 0
    try:
        while position < len(debug_line):
            program = _header(debug_line, position)
            _run(debug_line, program, function_starts, sequences)
            position = program.end
    except (IndexError, struct.error, OverflowError, ZeroDivisionError) as error:
        raise InternalError(f".debug_line: damaged near byte {position}: {error}") from None
    return _join(sequences)


def _header(section: bytes, position: int) -> _Program:
    length, version = _LENGTH_AND_VERSION.unpack_from(section, position)
    end = position + 4 + length
    if length >= _DWARF64 or version not in (4, 5):
        raise InternalError(f".debug_line: unsupported unit of version {version}")
    if end > len(section):
        raise InternalError(".debug_line: a unit lies outside the section")
    position += 6
    if version == 5:
        position += 2  # address and segment selector size
    start = position + 4 + _U32.unpack_from(section, position)[0]
    position += 4
    min_instruction = section[position]
    line_base = (section[position + 3] ^ 0x80) - 0x80
    line_range = section[position + 4]
    opcode_base = section[position + 5]
    operand_counts = section[position + 6 : position + 5 + opcode_base]
    if start > end or opcode_base <= _SET_ISA:
        raise InternalError(".debug_line: bad header")
    special = range(256 - opcode_base)
    skipped = [0] * opcode_base
    return _Program(
        start=start,
        end=end,
        opcode_base=opcode_base,
        operand_counts=b"\0" + operand_counts,
        min_instruction=min_instruction,
        address_steps=skipped + [n // line_range * min_instruction for n in special],
        line_steps=skipped + [line_base + n % line_range for n in special],
    )


def _run(
    section: bytes, program: _Program, function_starts: Collection[int], out: list[LineRows]
) -> None:
    """Append the unit's sequences to `out`. One loop on purpose: it runs once per byte."""
    position, end = program.start, program.end
    opcode_base = program.opcode_base
    address_steps, line_steps = program.address_steps, program.line_steps
    addresses: array[int] = array("I")
    lines: array[int] = array("I")
    address, line, last_address, last_line = 0, 1, -1, -1
    while position < end:
        opcode = section[position]
        position += 1
        if opcode >= opcode_base:
            address += address_steps[opcode]
            line += line_steps[opcode]
        elif opcode == _ADVANCE_LINE:
            byte = section[position]
            position += 1
            value, shift = byte & 0x7F, 7
            while byte & 0x80:
                byte = section[position]
                position += 1
                value |= (byte & 0x7F) << shift
                shift += 7
            line += value - (1 << shift) if byte & 0x40 else value
            continue
        elif opcode == _CONST_ADD_PC:
            address += address_steps[255]
            continue
        elif opcode == _ADVANCE_PC:
            value, position = _uleb(section, position)
            address += value * program.min_instruction
            continue
        elif opcode == _FIXED_ADVANCE_PC:
            address += _U16.unpack_from(section, position)[0]
            position += 2
            continue
        elif opcode == 0:
            size, position = _uleb(section, position)
            extended = section[position]
            if extended == _SET_ADDRESS and size == 9:
                address = _U64.unpack_from(section, position + 1)[0]
            elif extended == _END_SEQUENCE:
                if address < last_address:
                    raise InternalError(".debug_line: addresses descend")
                if address != last_address:
                    addresses.append(address)
                    lines.append(0)
                else:
                    lines[-1] = 0
                out.append(LineRows(addresses, lines))
                addresses, lines = array("I"), array("I")
                address, line, last_address, last_line = 0, 1, -1, -1
            position += size
            continue
        elif opcode != _COPY:
            for _ in range(program.operand_counts[opcode]):
                _, position = _uleb(section, position)
            continue

        if address == last_address:
            if line:
                lines[-1] = last_line = line
        elif line != last_line and (line or not addresses or address in function_starts):
            if address < last_address:
                raise InternalError(".debug_line: addresses descend")
            addresses.append(address)
            lines.append(line)
            last_address, last_line = address, line
    if addresses:
        raise InternalError(".debug_line: a sequence has no end")


def _uleb(section: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = section[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def _join(sequences: list[LineRows]) -> LineRows:
    """Concatenate sequences in the order of their addresses."""
    addresses: array[int] = array("I")
    lines: array[int] = array("I")
    for sequence in sorted(sequences, key=lambda rows: rows.addresses[0]):
        if addresses and sequence.addresses[0] <= addresses[-1]:
            if sequence.addresses[0] < addresses[-1]:
                raise InternalError(".debug_line: sequences overlap")
            addresses.pop()
            lines.pop()
        addresses.extend(sequence.addresses)
        lines.extend(sequence.lines)
    return LineRows(addresses, lines)
