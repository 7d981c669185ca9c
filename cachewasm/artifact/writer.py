"""Write an artifact: an ELF64 file that readelf, objdump and gdb open.

    ELF header | program headers | section headers | sections in the given order | .symtab | .strtab
    | .shstrtab | .text | .rodata | .gcc_except_table | .eh_frame | .cachewasm.data

Everything that describes comes before the code, where the text's alignment leaves room anyway; so
behind the support image, which has no data, memory is free for its zero-filled area. Addresses
equal file positions, so the text needs no translation in a debugger. Equal arguments give equal
bytes. Format: docs/format/artifact.md.
"""

from collections.abc import Iterable, Sequence

from cachewasm.artifact import lines
from cachewasm.artifact.format import (
    ABI_VERSION,
    BSS_SECTION,
    CLASS_64,
    DATA_ALIGN,
    DATA_SECTION,
    ELF_HEADER,
    ELF_VERSION,
    LITTLE_ENDIAN,
    MAGIC,
    OS_ABI,
    PF_MARKED,
    PROGRAM_HEADER,
    PT_LOAD,
    RODATA_SECTION,
    SECTION_HEADER,
    SEGMENTS,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    SHT_NOBITS,
    SHT_PROGBITS,
    SHT_STRTAB,
    SHT_SYMTAB,
    SYMBOL,
    TEXT_ALIGN,
    TEXT_SECTION,
    TYPE_DYN,
)
from cachewasm.errors import InternalError
from cachewasm.record import dataclass

_STT_OBJECT = 1
_STT_FUNC = 2
_STB_GLOBAL = 1 << 4
# Where the section headers are.
_TABLE = ELF_HEADER.size + PROGRAM_HEADER.size * len(SEGMENTS)


@dataclass(frozen=True, slots=True)
class UnwindTable:
    """One of the sections that an unwinder reads, at an offset from the start of the text."""

    name: str
    offset: int
    body: bytes


@dataclass(frozen=True, slots=True)
class CodeImage:
    """Linked code; offsets count from the start of the text."""

    text: bytes
    rodata: bytes
    rodata_offset: int
    bss_offset: int = 0
    bss_size: int = 0
    unwind: tuple[UnwindTable, ...] = ()


@dataclass(frozen=True, slots=True)
class SectionBytes:
    """A section of metadata; `align` is a power of two.

    Those of debug information have addresses, which count from the start of the text.
    """

    name: str
    body: bytes
    align: int = 8


@dataclass(frozen=True, slots=True)
class SymbolEntry:
    """A symbol for debuggers and profilers; `offset` counts from the start of the text."""

    name: str
    offset: int
    size: int
    is_func: bool


def write_artifact(
    image: CodeImage,
    machine: int,
    flags: int,
    sections: Sequence[SectionBytes],
    symbols: Iterable[SymbolEntry],
    *,
    is_marked: bool = False,
) -> bytes:
    """Return the bytes of an artifact, whose code `is_marked` where indirect branches land.

    `machine` and `flags` are the ELF header's; `sections` come in the file's order, engine metadata
    first; data segments, if any, are placed behind the code at a page boundary. An image with a
    zero-filled area cannot have any: in memory the area follows the last byte of the file. Without
    `symbols` there is no symbol table.
    """
    symbols = list(symbols)
    strings = _StringTable()
    symbol_names = [strings.add(symbol.name) for symbol in symbols]
    metadata = [_Section(s.name, s.body, s.align) for s in sections if s.name != DATA_SECTION]
    symtab = _Section(".symtab", bytes(SYMBOL.size * (1 + len(symbols))), 8, SHT_SYMTAB)
    strtab = _Section(".strtab", strings.to_bytes(), 1, SHT_STRTAB)
    shstrtab = _Section(".shstrtab", b"", 1, SHT_STRTAB)
    text = _Section(TEXT_SECTION, image.text, TEXT_ALIGN[machine], flags=SHF_ALLOC | SHF_EXECINSTR)
    rodata = _Section(RODATA_SECTION, image.rodata, 1, flags=SHF_ALLOC)
    bss = _Section(BSS_SECTION, b"", 1, SHT_NOBITS, SHF_ALLOC | SHF_WRITE)
    data = [
        _Section(s.name, s.body, max(s.align, DATA_ALIGN))
        for s in sections
        if s.name == DATA_SECTION
    ]
    unwinding = {table.name: table for table in image.unwind}
    unwind = [_Section(table.name, table.body, 8, flags=SHF_ALLOC) for table in image.unwind]
    tables = [symtab, strtab] if symbols else []
    placed = [*metadata, *tables, shstrtab, text, rodata, *unwind, *data]
    if image.bss_size:
        placed.append(bss)

    section_names = _StringTable()
    for section in placed:
        section.name_at = section_names.add(section.name)
    shstrtab.body = section_names.to_bytes()
    end = _TABLE + SECTION_HEADER.size * (1 + len(placed))
    for section in placed:
        section.offset = (end + section.align - 1) & -section.align
        if section is rodata:
            section.offset = text.offset + image.rodata_offset
            if section.offset < end:
                raise InternalError("artifact: text and constants overlap")
        elif section.name in unwinding:
            section.offset = text.offset + unwinding[section.name].offset
            if section.offset < end:
                raise InternalError("artifact: constants and unwind tables overlap")
        section.address = section.offset if section.flags & SHF_ALLOC else 0
        section.size = len(section.body)
        end = section.offset + section.size
    bss.address = text.offset + image.bss_offset
    bss.size = image.bss_size
    if image.bss_size and bss.address < end:
        raise InternalError("artifact: the zero-filled area overlaps the file")

    for section in metadata:
        if section.name in lines.SECTIONS:
            body = bytearray(section.body)
            lines.move(section.name, body, text.offset)
            section.body = bytes(body)
    numbers = {section.name: number for number, section in enumerate(placed, 1)}
    symtab.link = numbers.get(strtab.name, 0)
    symtab.info = 1  # all symbols but the first, empty one are global
    symtab.entry_size = SYMBOL.size
    rows = [bytes(SYMBOL.size)]
    for name_at, symbol in zip(symbol_names, symbols, strict=True):
        home = text
        if image.bss_size and symbol.offset >= image.bss_offset:
            home = bss
        elif symbol.offset >= image.rodata_offset:
            home = rodata
        kind = _STT_FUNC if symbol.is_func else _STT_OBJECT
        number, address = numbers[home.name], text.offset + symbol.offset
        rows.append(SYMBOL.pack(name_at, _STB_GLOBAL | kind, 0, number, address, symbol.size))
    symtab.body = b"".join(rows)
    return _assemble(machine, flags, placed, numbers[shstrtab.name], is_marked=is_marked)


class _StringTable:
    """NUL-terminated names; the empty one comes first."""

    def __init__(self) -> None:
        self._parts = [b"\0"]
        self._size = 1

    def add(self, name: str) -> int:
        part = name.encode("utf-8", "surrogateescape").replace(b"\0", b"?") + b"\0"
        position = self._size
        self._parts.append(part)
        self._size += len(part)
        return position

    def to_bytes(self) -> bytes:
        return b"".join(self._parts)


@dataclass(slots=True, eq=False)
class _Section:
    """A section in the making, with the fields of its header."""

    name: str
    body: bytes
    align: int
    type: int = SHT_PROGBITS
    flags: int = 0
    name_at: int = 0
    address: int = 0
    offset: int = 0
    size: int = 0
    link: int = 0
    info: int = 0
    entry_size: int = 0

    def header(self) -> bytes:
        return SECTION_HEADER.pack(
            self.name_at,
            self.type,
            self.flags,
            self.address,
            self.offset,
            self.size,
            self.link,
            self.info,
            self.align,
            self.entry_size,
        )


def _program_headers(placed: Sequence[_Section], *, is_marked: bool) -> list[bytes]:
    """All of them; those of what is not there are empty, in its place."""
    sections = {section.name: section for section in placed}
    rows = []
    end = address = 0
    for kind, flags, name in SEGMENTS:
        section = sections.get(name)
        offset = end if section is None else section.offset
        size = 0 if section is None else len(section.body)
        memory_size = 0 if section is None else section.size
        end = offset + size
        if kind == PT_LOAD:
            address = address if section is None else section.address
        if name == TEXT_SECTION and is_marked:
            flags |= PF_MARKED
        align = 1 if section is None else section.align
        loaded = address if kind == PT_LOAD else 0
        rows.append(
            PROGRAM_HEADER.pack(kind, flags, offset, loaded, loaded, size, memory_size, align)
        )
    return rows


def _assemble(
    machine: int, flags: int, placed: Sequence[_Section], names: int, *, is_marked: bool
) -> bytes:
    """Join headers and bodies; `names` is the number of the section of names."""
    header = ELF_HEADER.pack(
        MAGIC,
        CLASS_64,
        LITTLE_ENDIAN,
        ELF_VERSION,
        OS_ABI,
        ABI_VERSION,
        TYPE_DYN,
        machine,
        ELF_VERSION,
        0,
        ELF_HEADER.size,
        _TABLE,
        flags,
        ELF_HEADER.size,
        PROGRAM_HEADER.size,
        len(SEGMENTS),
        SECTION_HEADER.size,
        1 + len(placed),
        names,
    )
    parts = [header, *_program_headers(placed, is_marked=is_marked)]
    parts += [bytes(SECTION_HEADER.size), *(section.header() for section in placed)]
    end = _TABLE + SECTION_HEADER.size * (1 + len(placed))
    for section in placed:
        parts += (bytes(section.offset - end), section.body)
        end = section.offset + len(section.body)
    return b"".join(parts)
