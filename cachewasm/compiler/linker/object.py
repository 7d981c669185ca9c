"""Read the ELF64 relocatable objects that LLVM emits.

Ours instead of a library, because an object of a few MB holds 10^5 relocations and is read in every
compile. It reads what LLVM writes for our two targets and nothing else: whatever is unknown or lies
outside the bytes is an InternalError that names it, never a guess. Relocations stay as they are
until somebody asks for those of a section: most objects have many that nobody needs.

Source: System V ABI, chapters 4 and 5; the AMD64 and AArch64 supplements.
"""

import struct
from collections.abc import Iterator

from cachewasm.errors import InternalError
from cachewasm.record import dataclass

MACHINE_X86_64 = 62
MACHINE_AARCH64 = 183

SHF_WRITE = 1
SHF_ALLOC = 2
SHF_EXECINSTR = 4
SHF_MERGE = 16
SHF_STRINGS = 32

SHT_PROGBITS = 1
SHT_NOBITS = 8
_SHT_NULL = 0
_SHT_SYMTAB = 2
_SHT_STRTAB = 3
_SHT_RELA = 4
_SHT_NOTE = 7
_SHT_GROUP = 17
_SHT_LLVM_ADDRSIG = 0x6FFF4C03
_SHT_X86_64_UNWIND = 0x70000001
_SECTION_TYPES = frozenset(
    {
        _SHT_NULL,
        SHT_PROGBITS,
        _SHT_SYMTAB,
        _SHT_STRTAB,
        _SHT_RELA,
        SHT_NOBITS,
        _SHT_NOTE,
        _SHT_GROUP,
        _SHT_LLVM_ADDRSIG,
        _SHT_X86_64_UNWIND,
    }
)

SECTION_UNDEFINED = 0
_SECTION_ABSOLUTE = 0xFFF1
_SYMBOL_FUNC = 2
_SYMBOL_SECTION = 3
_SYMBOL_FILE = 4
_BIND_LOCAL = 0
MAX_ALIGN = 1 << 16

_IDENT = b"\x7fELF\x02\x01\x01"  # 64 bit, little-endian, version 1
_ELF_REL = 1
_HEADER = struct.Struct("<16xHHIQQQIHHHHHH")
_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELA = struct.Struct("<QIIq")  # r_info is split: its low word is the kind


@dataclass(slots=True)  # not frozen, which takes three times as long to make; there are many
class Symbol:
    """A symbol; `value` counts from the start of section number `section`."""

    name: str
    section: int
    value: int
    size: int
    is_func: bool
    is_global: bool
    is_section: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A section; `body` is empty for NOBITS, `entry_size` is that of a mergeable one."""

    name: str
    type: int
    flags: int
    align: int
    entry_size: int
    size: int
    body: memoryview
    rela: memoryview

    def relocations(self) -> Iterator[tuple[int, int, int, int]]:
        """The places to patch: offset in the section, kind, index of the symbol, addend."""
        return _RELA.iter_unpack(self.rela)


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """A relocatable object; sections and symbols stand at the indices that the file uses."""

    machine: int
    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]


@dataclass(slots=True)
class _Header:
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry_size: int


def parse_object(data: bytes) -> ObjectFile:
    """Read one relocatable object. Raises InternalError if it is not one that LLVM makes for us."""
    view = memoryview(data)
    if len(data) < 64 or data[:7] != _IDENT:
        raise InternalError("object: not a little-endian ELF64 file")
    kind, machine, _, _, _, table, _, _, _, _, entry_size, count, names = _HEADER.unpack_from(data)
    if kind != _ELF_REL:
        raise InternalError(f"object: ELF type {kind} is not relocatable")
    if machine not in (MACHINE_X86_64, MACHINE_AARCH64):
        raise InternalError(f"object: unknown machine {machine}")
    if entry_size != _SECTION_HEADER.size or names >= count:
        raise InternalError("object: bad section table")
    rows = _slice(view, table, count * entry_size, "section table")
    headers = [_Header(*row) for row in _SECTION_HEADER.iter_unpack(rows)]
    section_names = _strings(_body(view, headers[names]))

    symbols: tuple[Symbol, ...] = ()
    relocations: dict[int, memoryview] = {}
    for header in headers:
        if header.type == _SHT_SYMTAB:
            if symbols:
                raise InternalError("object: two symbol tables")
            symbols = _symbols(view, header, headers)
    for header in headers:
        if header.type == _SHT_RELA:
            if header.info in relocations:
                raise InternalError(f"object: two relocation tables for section {header.info}")
            relocations[header.info] = _rows(view, header, _RELA)
    sections = tuple(
        _section(
            view, header, _name_at(section_names, header.name), relocations.get(number, view[:0])
        )
        for number, header in enumerate(headers)
    )
    return ObjectFile(machine, sections, symbols)


def _slice(view: memoryview, offset: int, size: int, what: str) -> memoryview:
    if offset + size > len(view):
        raise InternalError(f"object: {what} lies outside the file")
    return view[offset : offset + size]


def _body(view: memoryview, header: _Header) -> memoryview:
    if header.type in (_SHT_NULL, SHT_NOBITS):
        return view[:0]
    return _slice(view, header.offset, header.size, "a section")


def _strings(body: memoryview) -> str:
    """A string table as text with the positions of its bytes; the names of our symbols are ASCII."""
    return str(body, "latin-1")


def _name_at(strings: str, offset: int) -> str:
    end = strings.find("\0", offset)
    if end < 0:
        raise InternalError("object: a name lies outside its string table")
    return strings[offset:end]


def _rows(view: memoryview, header: _Header, row: struct.Struct) -> memoryview:
    if header.entry_size != row.size or header.size % row.size:
        raise InternalError(f"object: bad entry size in a section of type {header.type:#x}")
    return _body(view, header)


def _symbols(view: memoryview, header: _Header, headers: list[_Header]) -> tuple[Symbol, ...]:
    if header.link >= len(headers):
        raise InternalError("object: the symbol table has no string table")
    strings = _strings(_body(view, headers[header.link]))
    count = len(headers)
    symbols = []
    for name_at, bits, _, section, value, size in _SYMBOL.iter_unpack(_rows(view, header, _SYMBOL)):
        name = _name_at(strings, name_at) if name_at else ""
        kind = bits & 15
        if section >= count and not (section == _SECTION_ABSOLUTE and kind == _SYMBOL_FILE):
            raise InternalError(f"object: symbol {name!r} in unsupported section {section:#x}")
        is_func, is_global = kind == _SYMBOL_FUNC, bits >> 4 != _BIND_LOCAL
        is_section = kind == _SYMBOL_SECTION
        symbols.append(Symbol(name, section, value, size, is_func, is_global, is_section))
    return tuple(symbols)


def _section(view: memoryview, header: _Header, name: str, rela: memoryview) -> Section:
    if header.type not in _SECTION_TYPES:
        raise InternalError(f"object: section {name} has unknown type {header.type:#x}")
    align = max(header.align, 1)
    if align & (align - 1) or align > MAX_ALIGN:
        raise InternalError(f"object: section {name} has alignment {align}")
    body = _body(view, header)
    return Section(
        name, header.type, header.flags, align, header.entry_size, header.size, body, rela
    )
