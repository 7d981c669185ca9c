"""Unwind tables: of LLVM's for each object, one .eh_frame and .gcc_except_table for the image.

What an object says of a function is taken apart (`read`) and put together again with the others in
the module's order (`place`), so the tables do not show where one object ended. What LLVM makes needs
relocations that no image has: for the personality function it refers to a word that holds its
address. Here it is a function of the image. Landing pads are clean-ups, so nothing in their tables
refers to anything but their own function.

    rows: u32 offset of the function in the text, size, length of its instructions and of its table of
    landing pads (0: it has none); then those.

Source: Linux Standard Base Core, Exception Frames; DWARF 4, section 6.4.
"""

import struct
from collections.abc import Iterator, Sequence

from cachewasm.artifact.format import FRAMES_SECTION, PADS_SECTION
from cachewasm.artifact.writer import UnwindTable
from cachewasm.compiler.linker.object import MACHINE_AARCH64, MACHINE_X86_64, Section
from cachewasm.compiler.linker.parts import TEXT, ObjectParts, align_up
from cachewasm.errors import CompileError, InternalError
from cachewasm.record import dataclass

_ROW = struct.Struct("<4I")
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")

_PC_RELATIVE_4 = 0x1B  # DW_EH_PE_pcrel | DW_EH_PE_sdata4
_SIZES = {0x3: 4, 0x4: 8, 0xB: 4, 0xC: 8}  # of the low four bits of an encoding
_NOP = b"\0"

# What every entry of a machine has in common: alignment of code and data, the register of the return
# address, the rules that hold when a function begins.
_COMMON = {
    # 1, -8, 16; cfa is rsp + 8, the return address at cfa - 8
    MACHINE_X86_64: (b"\x01\x78\x10", b"\x0c\x07\x08\x90\x01"),
    # 1, -4, 30; cfa is sp
    MACHINE_AARCH64: (b"\x01\x7c\x1e", b"\x0c\x1f\x00"),
}


def read(parts: ObjectParts) -> bytes:
    """The rows of an object, by offset. Raises InternalError for what LLVM does not make for us."""
    sections = {section.name: section for section in parts.object.sections}
    frames = sections.get(FRAMES_SECTION)
    if frames is None:
        return b""
    pads = _Pads(parts, sections.get(PADS_SECTION))
    rows: list[bytes] = []
    try:
        for start, size, instructions, pad in sorted(_frames(parts, frames, pads), key=_start):
            table = b"" if pad is None else pads.table(pad)
            rows += (_ROW.pack(start, size, len(instructions), len(table)), instructions, table)
    except (LookupError, ValueError, struct.error) as error:
        raise InternalError(f"link: damaged unwind tables: {error}") from None
    return b"".join(rows)


class _Pads:
    """The tables of landing pads of an object, which lie one after the other."""

    def __init__(self, parts: ObjectParts, section: Section | None) -> None:
        self._body = b"" if section is None else bytes(section.body)
        if section is not None and section.rela:
            raise InternalError("link: a landing pad is no clean-up")
        numbers = [i for i, each in enumerate(parts.object.sections) if each is section]
        self.number = numbers[0] if numbers else -1

    def table(self, start: int) -> bytes:
        """The table at `start`: a head of no type table, then call sites, whose length is given."""
        body = self._body
        if body[start : start + 3] != b"\xff\xff\x01":
            raise InternalError("link: a table of landing pads has an unknown form")
        length = shift = 0
        at = start + 3
        while True:
            byte = body[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        end = at + length
        if end > len(body):
            raise InternalError("link: a table of landing pads is cut off")
        # Its records name actions; the only one of a clean-up is none.
        return body[start:end]


_Frame = tuple[int, int, bytes, int | None]


def _start(frame: _Frame) -> int:
    return frame[0]


def _frames(parts: ObjectParts, section: Section, pads: _Pads) -> Iterator[_Frame]:
    """Start, size, instructions and place of the landing pads of each function."""
    body = bytes(section.body)
    machine = parts.object.machine
    references = {place: (symbol, addend) for place, _, symbol, addend in section.relocations()}
    encodings: dict[int, dict[str, int]] = {}
    at = 0
    while at < len(body):
        (length,) = _U32.unpack_from(body, at)
        end = at + 4 + length
        if not length or end > len(body):
            raise InternalError("link: .eh_frame is damaged")
        (cie,) = _U32.unpack_from(body, at + 4)
        if not cie:
            encodings[at] = _common(machine, body[at + 8 : end])
        else:
            known = encodings[at + 4 - cie]
            place = at + 8
            symbol, addend = references[place]
            if parts.targets[symbol] != TEXT:
                raise InternalError("link: .eh_frame refers to nothing that is loaded")
            start = parts.values[symbol] + addend
            width = _SIZES[known["R"] & 0xF]
            size = int.from_bytes(body[place + width : place + 2 * width], "little")
            after = place + 2 * width
            augmented = body[after]
            pad = None
            if "L" in known and after + 1 in references:
                symbol, addend = references[after + 1]
                if parts.object.symbols[symbol].section != pads.number:
                    raise InternalError("link: .eh_frame refers to no table of landing pads")
                pad = parts.object.symbols[symbol].value + addend
            yield start, size, body[after + 1 + augmented : end], pad
        at = end


def _common(machine: int, body: bytes) -> dict[str, int]:
    """The encodings that a common entry announces, by letter; the rest must be as in _COMMON."""
    end = body.index(0, 1)
    letters = body[1:end].decode("latin-1")
    numbers, rules = _COMMON[machine]
    at = end + 1 + len(numbers)
    size = body[at]
    encodings: dict[str, int] = {}
    place = at + 1
    for letter in letters[1:]:
        encoding = body[place]
        place += 1
        if letter == "P":
            place += _SIZES[encoding & 0xF]
        elif letter not in "LR":
            raise InternalError(f"link: .eh_frame has an augmentation {letters!r}")
        encodings[letter] = encoding
    found = body[at + 1 + size :]
    if body[0] != 1 or letters[:1] != "z" or body[end + 1 : at] != numbers:
        raise InternalError("link: .eh_frame has an unknown form")
    if not found.startswith(rules) or found[len(rules) :].strip(_NOP):
        raise InternalError("link: functions begin in an unknown way")
    return encodings


def check(rows: bytes, text_size: int) -> None:
    """Raises InternalError unless `rows` is what `read` makes of a text of this size."""
    at = 0
    while at < len(rows):
        if len(rows) - at < _ROW.size:
            raise InternalError("a fragment has broken unwind tables")
        start, size, instructions, pads = _ROW.unpack_from(rows, at)
        at += _ROW.size + instructions + pads
        if start + size > text_size or at > len(rows):
            raise InternalError("a fragment has broken unwind tables")


@dataclass(frozen=True, slots=True)
class _Placed:
    """The tables with their places; `end` is where the image goes on."""

    fragments: Sequence[bytes]
    pads_offset: int
    frames_offset: int
    end: int

    def make(
        self, machine: int, bases: Sequence[int], personality: int | None
    ) -> tuple[UnwindTable, ...]:
        """The sections. `bases` are where the text of each fragment begins."""
        pads, frames = bytearray(), bytearray()
        plain = with_pads = -1  # where the common entries lie
        for rows, base in zip(self.fragments, bases, strict=True):
            for start, size, instructions, table in _rows(rows):
                begin = base + start
                if table:
                    if personality is None:
                        raise InternalError("link: landing pads without a personality function")
                    if with_pads < 0:
                        with_pads = len(frames)
                        self._add_common(frames, machine, personality)
                    pad = self.pads_offset + len(pads)
                    pads += table + bytes(-len(table) % 4)
                    self._add(frames, with_pads, begin, size, instructions, pad)
                else:
                    if plain < 0:
                        plain = len(frames)
                        self._add_common(frames, machine, None)
                    self._add(frames, plain, begin, size, instructions, None)
        if not frames:
            return ()
        frames += bytes(4)  # the end, for who has no size
        found = [UnwindTable(FRAMES_SECTION, self.frames_offset, bytes(frames))]
        if pads:
            found.insert(0, UnwindTable(PADS_SECTION, self.pads_offset, bytes(pads)))
        return tuple(found)

    def _relative(self, frames: bytearray, inside: int, target: int) -> bytes:
        """The distance to `target` from a place `inside` bytes into the entry that is being added."""
        try:
            return _I32.pack(target - self.frames_offset - len(frames) - inside)
        except struct.error:
            message = "the module's code is too large: an unwind table spans over 2 GiB"
            raise CompileError(message) from None

    def _add_common(self, frames: bytearray, machine: int, personality: int | None) -> None:
        numbers, rules = _COMMON[machine]
        letters, augmentation = b"zR\0", bytes([1, _PC_RELATIVE_4])
        head = 8  # length and the mark of a common entry
        if personality is not None:
            letters = b"zPLR\0"
            inside = head + 1 + len(letters) + len(numbers) + 2
            distance = self._relative(frames, inside, personality)
            encoding = bytes([_PC_RELATIVE_4])
            augmentation = bytes([7]) + encoding + distance + 2 * encoding
        _append(frames, 0, b"\x01" + letters + numbers + augmentation + rules)

    def _add(
        self,
        frames: bytearray,
        common: int,
        start: int,
        size: int,
        instructions: bytes,
        pad: int | None,
    ) -> None:
        body = self._relative(frames, 8, start) + _U32.pack(size)
        if pad is None:
            body += b"\0"
        else:
            body += b"\x04" + self._relative(frames, 17, pad)
        _append(frames, len(frames) + 4 - common, body + instructions)


def _append(frames: bytearray, mark: int, body: bytes) -> None:
    body += _NOP * (-(4 + len(body)) % 8 + 4 & 7)
    frames += _U32.pack(4 + len(body)) + _U32.pack(mark) + body


def _rows(rows: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    at = 0
    while at < len(rows):
        start, size, instructions, pads = _ROW.unpack_from(rows, at)
        at += _ROW.size
        middle = at + instructions
        yield start, size, rows[at:middle], rows[middle : middle + pads]
        at = middle + pads


def place(fragments: Sequence[bytes], start: int) -> _Placed:
    """Lay the tables of some fragments out from `start` on."""
    pads_size = sum(align_up(len(table), 4) for rows in fragments for _, _, _, table in _rows(rows))
    pads_offset = align_up(start, 8)
    frames_offset = align_up(pads_offset + pads_size, 8)
    if not any(fragments):
        return _Placed(fragments, start, start, start)
    # Generous: an entry has 17 bytes besides its instructions, and padding.
    size = sum(
        align_up(len(instructions), 8) + 40
        for rows in fragments
        for _, _, instructions, _ in _rows(rows)
    )
    return _Placed(fragments, pads_offset, frames_offset, frames_offset + size + 128)
