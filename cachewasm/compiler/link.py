"""Link LLVM's objects into one position-independent image.

The image needs no relocation when it is loaded: every reference is resolved here, relative to the
start of the text. That is possible because objects are made so (hidden symbols, no constant holds a
code pointer), and whatever breaks it is refused: an unknown section or relocation, a symbol that
nobody defines.

    0               rodata_offset            bss_offset (a 64 KiB boundary)
    | .text of all objects | .rodata* of all objects |  zero-filled, writable: support image only

In memory the start lies on a 64 KiB boundary, so AArch64's page-relative relocations can be computed
here. Equal objects in equal order give equal images. Unwind tables are left out.
"""

import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cachewasm.artifact.addrmap import NO_OFFSET
from cachewasm.compiler.dwarf_line import LineRows, line_rows
from cachewasm.compiler.object import (
    MACHINE_AARCH64,
    MACHINE_X86_64,
    SECTION_UNDEFINED,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    SHT_NOBITS,
    SHT_PROGBITS,
    ObjectFile,
    Relocation,
    Section,
    parse_object,
)
from cachewasm.compiler.relocate import relocate_aarch64, relocate_x86_64
from cachewasm.errors import InternalError

_TEXT = ".text"
_RODATA = ".rodata"
_BSS = ".bss"

_TEXT_ALIGN = 16
_RODATA_ALIGN = 64
_BSS_ALIGN = 1 << 16

_U64 = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class SymbolDef:
    """Where a global symbol lies, counted from the start of the text."""

    offset: int
    size: int
    is_func: bool


@dataclass(frozen=True, slots=True)
class LinkedImage:
    """Code and constants with every reference resolved; offsets count from the start of the text.

    `code_offsets` and `wasm_offsets` are the address map: parallel, sorted, 32 bits each; a row holds
    up to the next one, and NO_OFFSET says that the code belongs to no instruction.
    """

    machine: int
    text: bytes
    rodata: bytes
    rodata_offset: int
    bss_offset: int
    bss_size: int
    symbols: dict[str, SymbolDef]
    code_offsets: "array[int]"
    wasm_offsets: "array[int]"


class UndefinedSymbols(InternalError):
    """Symbols that some object refers to and none defines; `names` is sorted."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"undefined symbols: {', '.join(names)}")
        self.names = tuple(names)


@dataclass(frozen=True, slots=True)
class _Target:
    """What linking needs to know about a machine."""

    padding: bytes
    relocate: Callable[[bytearray, int, Iterable[Relocation], Sequence[int]], None]
    absolute64: int
    absolute32: int


_TARGETS = {
    MACHINE_X86_64: _Target(b"\xcc", relocate_x86_64, absolute64=1, absolute32=10),
    MACHINE_AARCH64: _Target(b"\0", relocate_aarch64, absolute64=257, absolute32=258),
}


class _Placement:
    """One object with the position of each linked section, by section number."""

    __slots__ = ("bases", "object")

    def __init__(self, object_file: ObjectFile) -> None:
        self.object = object_file
        self.bases: dict[int, int] = {}


def link(objects: Sequence[bytes], *, provided: Mapping[str, int] | None = None) -> LinkedImage:
    """Link relocatable objects of one machine, in the order given.

    `provided` defines further symbols by their position relative to the start of the text. Raises
    UndefinedSymbols with every name that is missing (compile those and link again), InternalError
    for objects that break the rules above, CompileError if a reference does not reach.
    """
    placements = [_Placement(parse_object(each)) for each in objects]
    machines = {placement.object.machine for placement in placements}
    if len(machines) != 1:
        raise InternalError(f"link: objects of {len(machines)} machines")
    machine = machines.pop()
    target = _TARGETS[machine]

    text_end = _place(placements, _TEXT, 0, _TEXT_ALIGN)
    rodata_offset = _align_up(text_end, _strictest(placements, _RODATA, _RODATA_ALIGN))
    rodata_end = _place(placements, _RODATA, rodata_offset, 1)
    bss_offset = _align_up(rodata_end, _BSS_ALIGN)
    bss_end = _place(placements, _BSS, bss_offset, 1)

    symbols = _globals(placements)
    addresses = _resolve(placements, symbols, provided or {})
    text = _patched(placements, _TEXT, 0, text_end, target, addresses)
    rodata = _patched(placements, _RODATA, rodata_offset, rodata_end, target, addresses)
    code_offsets, wasm_offsets = _address_map(placements, target, addresses)
    has_bss = bss_end > bss_offset
    return LinkedImage(
        machine=machine,
        text=text,
        rodata=rodata,
        rodata_offset=rodata_offset,
        bss_offset=bss_offset if has_bss else 0,
        bss_size=bss_end - bss_offset,
        symbols=symbols,
        code_offsets=code_offsets,
        wasm_offsets=wasm_offsets,
    )


def _align_up(value: int, align: int) -> int:
    return (value + align - 1) & -align


def _role(section: Section) -> str | None:
    """Which part of the image a section belongs to; None for what is not loaded."""
    if not section.flags & SHF_ALLOC or section.name == ".eh_frame":
        return None
    writable = section.flags & SHF_WRITE
    if section.type == SHT_NOBITS and writable:
        return _BSS
    if section.type == SHT_PROGBITS and not writable:
        if section.flags & SHF_EXECINSTR:
            return _TEXT
        if section.name.startswith(_RODATA):
            return _RODATA
    raise InternalError(f"link: section {section.name} is not supported")


def _sections(placement: _Placement, role: str) -> Iterator[tuple[int, Section]]:
    return (
        (number, section)
        for number, section in enumerate(placement.object.sections)
        if _role(section) == role
    )


def _strictest(placements: list[_Placement], role: str, least: int) -> int:
    aligns = [s.align for placement in placements for _, s in _sections(placement, role)]
    return max([least, *aligns])


def _place(placements: list[_Placement], role: str, start: int, least_align: int) -> int:
    """Give every section of `role` its position from `start` on; return the end."""
    end = start
    for placement in placements:
        for number, section in _sections(placement, role):
            base = _align_up(end, max(section.align, least_align))
            placement.bases[number] = base
            end = base + section.size
    return end


def _globals(placements: list[_Placement]) -> dict[str, SymbolDef]:
    symbols: dict[str, SymbolDef] = {}
    for placement in placements:
        for symbol in placement.object.symbols:
            base = placement.bases.get(symbol.section)
            if base is None or not symbol.is_global:
                continue
            if symbol.name in symbols:
                raise InternalError(f"link: symbol {symbol.name!r} is defined twice")
            symbols[symbol.name] = SymbolDef(base + symbol.value, symbol.size, symbol.is_func)
    return symbols


def _resolve(
    placements: list[_Placement], symbols: dict[str, SymbolDef], provided: Mapping[str, int]
) -> list[list[int]]:
    """Return, per object, the address of each symbol (-1 for those that no linked section uses)."""
    missing: set[str] = set()
    resolved = []
    for placement in placements:
        addresses = []
        for symbol in placement.object.symbols:
            if symbol.section != SECTION_UNDEFINED:
                base = placement.bases.get(symbol.section)
                addresses.append(-1 if base is None else base + symbol.value)
            elif symbol.name in symbols:
                addresses.append(symbols[symbol.name].offset)
            else:
                addresses.append(provided.get(symbol.name, -1))
        for number in placement.bases:
            for index in {r.symbol for r in placement.object.sections[number].relocations}:
                symbol = placement.object.symbols[index]
                if addresses[index] >= 0:
                    continue
                if symbol.section != SECTION_UNDEFINED:
                    where = placement.object.sections[symbol.section].name
                    raise InternalError(f"link: a reference into {where}, which is not loaded")
                missing.add(symbol.name)
        resolved.append(addresses)
    if missing:
        raise UndefinedSymbols(sorted(missing))
    return resolved


def _patched(
    placements: list[_Placement],
    role: str,
    start: int,
    end: int,
    target: _Target,
    addresses: list[list[int]],
) -> bytes:
    """Return the bytes of a part of the image, with its references resolved."""
    padding = target.padding if role == _TEXT else b"\0"
    image = bytearray(padding) * (end - start)
    for placement, symbol_addresses in zip(placements, addresses, strict=True):
        for number, section in _sections(placement, role):
            base = placement.bases[number]
            code = bytearray(section.body)
            target.relocate(code, base, section.relocations, symbol_addresses)
            image[base - start : base - start + len(code)] = code
    return bytes(image)


def _address_map(
    placements: list[_Placement], target: _Target, addresses: list[list[int]]
) -> "tuple[array[int], array[int]]":
    """Read the line tables. The translator stores wasm offset + 1 as the line: 0 is "no line"."""
    code_offsets: array[int] = array("I")
    wasm_offsets: array[int] = array("I")
    for placement, symbol_addresses in zip(placements, addresses, strict=True):
        for section in placement.object.sections:
            if section.name == ".debug_line":
                rows = _line_rows(placement, section, target, symbol_addresses)
                if code_offsets and rows.addresses and rows.addresses[0] == code_offsets[-1]:
                    code_offsets.pop()
                    wasm_offsets.pop()
                code_offsets.extend(rows.addresses)
                wasm_offsets.extend(line - 1 if line else NO_OFFSET for line in rows.lines)
    return code_offsets, wasm_offsets


def _line_rows(
    placement: _Placement, section: Section, target: _Target, addresses: list[int]
) -> LineRows:
    program = bytearray(section.body)
    for offset, kind, symbol, addend in section.relocations:
        if kind == target.absolute64:
            if offset + 8 > len(program) or addresses[symbol] < 0:
                raise InternalError("link: .debug_line refers to nothing that is loaded")
            _U64.pack_into(program, offset, addresses[symbol] + addend)
        elif kind != target.absolute32:  # those name files, which nobody reads
            raise InternalError(f"link: .debug_line has relocation kind {kind}")
    functions = {
        address
        for address, symbol in zip(addresses, placement.object.symbols, strict=True)
        if symbol.is_func
    }
    return line_rows(bytes(program), functions)
