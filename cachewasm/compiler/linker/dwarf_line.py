"""Run the DWARF line-number programs of a .debug_line section.

The compiler hides wasm offsets in the line numbers, so these rows are what backtraces are made of.
Only what that needs is kept: address and line. Files and columns mean nothing here, hence the
tables of the header are skipped; the program itself has the same form in versions 4 and 5.

What always holds for the result: addresses ascend strictly; a row covers everything up to the next;
line 0 says that nothing is known. Inside a function a row without a line belongs to the nearest
preceding one that has one, but never to the function before: a function without any line begins with
a row of line 0, unless such a row holds already. So the rows of a range of functions are the same
whatever else is in the section, and nothing marks the end of the last one.

Source: DWARF Debugging Information Format, versions 4 and 5, section 6.2.
"""

import struct
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator
from itertools import islice

from cachewasm.errors import InternalError
from cachewasm.record import dataclass

_COPY = 1
_ADVANCE_PC = 2
_ADVANCE_LINE = 3
_CONST_ADD_PC = 8
_FIXED_ADVANCE_PC = 9
_SET_ISA = 12
_END_SEQUENCE = 1
_SET_ADDRESS = 2

_LENGTH_AND_VERSION = struct.Struct("<IH")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_DWARF64 = 0xFFFFFFF0


@dataclass(frozen=True, slots=True)
class LineRows:
    """Parallel arrays of 32-bit numbers: from `addresses[i]` on, the line is `lines[i]`."""

    addresses: "array[int]"
    lines: "array[int]"


@dataclass(frozen=True, slots=True)
class _Sequence:
    """The rows of one sequence, none of which lies at or behind `end`."""

    addresses: list[int]
    lines: list[int]
    end: int


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

    `debug_line` is the section with its addresses already relocated; `function_starts` are the
    addresses where no line may be inherited from before. Raises InternalError if the section is
    damaged or of another version.
    """
    starts = frozenset(function_starts)
    sequences: list[_Sequence] = []
    position = 0
    try:
        while position < len(debug_line):
            program = _header(debug_line, position)
            _run(program, debug_line[program.start : program.end], starts, sequences)
            position = program.end
        return _join(sequences, sorted(starts))
    except (IndexError, OverflowError, StopIteration, ZeroDivisionError, struct.error) as error:
        raise InternalError(f".debug_line: damaged behind byte {position}: {error!r}") from None


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


def _run(program: _Program, code: bytes, starts: Collection[int], out: list[_Sequence]) -> None:
    """Append the sequences of a unit's program to `out`. One loop on purpose: once per opcode."""
    stream = iter(code)
    opcode_base = program.opcode_base
    address_steps, line_steps = program.address_steps, program.line_steps
    addresses: list[int] = []
    lines: list[int] = []
    address, line, last_address, last_line = 0, 1, -1, 0
    for opcode in stream:
        if opcode >= opcode_base:
            address += address_steps[opcode]
            line += line_steps[opcode]
        elif opcode == _ADVANCE_LINE:
            byte = next(stream)
            value, shift = byte & 0x7F, 7
            while byte & 0x80:
                byte = next(stream)
                value |= (byte & 0x7F) << shift
                shift += 7
            line += value - (1 << shift) if byte & 0x40 else value
            continue
        elif opcode == _CONST_ADD_PC:
            address += address_steps[255]
            continue
        elif opcode == _ADVANCE_PC:
            address += _uleb(stream) * program.min_instruction
            continue
        elif opcode == 0:
            operand = bytes(islice(stream, _uleb(stream)))
            if operand[0] == _SET_ADDRESS and len(operand) == 9:
                address = _U64.unpack_from(operand, 1)[0]
                if address < last_address:
                    raise InternalError(".debug_line: addresses descend")
            elif operand[0] == _END_SEQUENCE:
                if address == last_address:
                    del addresses[-1], lines[-1]
                out.append(_Sequence(addresses, lines, address))
                addresses, lines = [], []
                address, line, last_address, last_line = 0, 1, -1, 0
            continue
        elif opcode == _FIXED_ADVANCE_PC:
            address += next(stream) | next(stream) << 8
            continue
        elif opcode != _COPY:
            for _ in range(program.operand_counts[opcode]):
                _uleb(stream)
            continue

        if address == last_address:
            if line:
                lines[-1] = last_line = line
        elif line != last_line and (line or address in starts):
            addresses.append(address)
            lines.append(line)
            last_address, last_line = address, line
    if addresses:
        raise InternalError(".debug_line: a sequence has no end")


def _uleb(stream: Iterator[int]) -> int:
    byte = next(stream)
    value, shift = byte & 0x7F, 7
    while byte & 0x80:
        byte = next(stream)
        value |= (byte & 0x7F) << shift
        shift += 7
    return value


def _join(sequences: list[_Sequence], starts: list[int]) -> LineRows:
    """Concatenate sequences in the order of their addresses."""
    addresses: array[int] = array("I")
    lines: array[int] = array("I")
    end = last_line = 0
    for sequence in sorted(sequences, key=lambda each: each.end):
        if not sequence.addresses:
            continue
        first = sequence.addresses[0]
        if first < end:
            raise InternalError(".debug_line: sequences overlap")
        bare = bisect_left(starts, end)
        if last_line and bare < len(starts) and starts[bare] < first:
            addresses.append(starts[bare])
            lines.append(0)
            last_line = 0
        repeated = sequence.lines[0] == last_line
        addresses.extend(sequence.addresses[repeated:])
        lines.extend(sequence.lines[repeated:])
        end, last_line = sequence.end, sequence.lines[-1]
    bare = bisect_left(starts, end)
    if last_line and bare < len(starts):
        addresses.append(starts[bare])
        lines.append(0)
    return LineRows(addresses, lines)
