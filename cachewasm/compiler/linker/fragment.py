"""Fragments: one object's share of an image, made ready for linking.

A module is compiled in shards by several processes. Each turns its object into a fragment, so that
what does not concern other shards is done in parallel: the line table is read, references inside the
text are resolved, and what is left are arrays that the linker handles as such.

An image must not show where one shard ends and the next begins. So functions are parted by the
padding that the linker puts between fragments, constants are kept apart, since LLVM puts those of
one object together, and rows of the address map begin with functions.

`encode` and `decode` carry a fragment through a pipe: a header of fixed size, then arrays. Every
size is checked against the bytes that are there, every position against what it points into.
"""

import struct
from array import array
from collections.abc import Sequence

from cachewasm.artifact.addrmap import NO_OFFSET
from cachewasm.compiler.linker import unwind
from cachewasm.compiler.linker.dwarf_line import line_rows
from cachewasm.compiler.linker.object import (
    MACHINE_AARCH64,
    MACHINE_X86_64,
    MAX_ALIGN,
    parse_object,
)
from cachewasm.compiler.linker.parts import (
    BSS,
    CONSTANT_SIZES,
    PADDING,
    PARTS,
    RODATA,
    TEXT,
    Definitions,
    ObjectParts,
)
from cachewasm.compiler.linker.pc_sections import is_pc_section, read
from cachewasm.compiler.linker.relocate import (
    DISTANCE_32,
    DISTANCES,
    R_X86_64_GOTPCRELX,
    R_X86_64_PC32,
    R_X86_64_PLT32,
    R_X86_64_REX_GOTPCRELX,
    Relocations,
    relax_got_access,
    relocate,
)
from cachewasm.errors import InternalError
from cachewasm.record import dataclass

_ABSOLUTE_64 = {MACHINE_X86_64: 1, MACHINE_AARCH64: 257}
_ABSOLUTE_32 = {MACHINE_X86_64: 10, MACHINE_AARCH64: 258}

_I32 = struct.Struct("<i")
_U64 = struct.Struct("<Q")

# Magic, machine, the parts' alignments, size of BSS; then the sizes of text, rodata, each size of
# constants and names, and the numbers of definitions, undefined symbols, distances, batches, rows.
_HEADER = struct.Struct("<4s18I")
_MAGIC = b"CWF2"
_MAX_SIZE = 0xFFFFFFFF
_BATCH = struct.Struct("<2I")  # kind and number of relocations


@dataclass(frozen=True, slots=True)
class Fragment:
    """See the module's docstring. Offsets count from the start of the part that they point into.

    `constants` are the distinct ones of each of CONSTANT_SIZES; `rodata` is all other read-only
    data, whose 32-bit words at `distances` lack the distance from the start of `rodata` to that of
    the text. `code_offsets` and `wasm_offsets` are rows of the address map, none for the end. `unwind` is as
    unwind.py has it.
    """

    machine: int
    text: memoryview
    text_align: int
    constants: tuple[bytes, ...]
    rodata: memoryview
    rodata_align: int
    distances: "array[int]"
    bss_size: int
    bss_align: int
    definitions: Definitions
    undefined: list[str]
    relocations: list[Relocations]
    code_offsets: "array[int]"
    wasm_offsets: "array[int]"
    unwind: bytes


def make_fragment(data: bytes) -> Fragment:
    """Make the fragment of an object.

    Raises InternalError if the object is not one that can be linked: an unknown section, symbol or
    relocation, data that must be initialised, a constant that holds an address.
    """
    parts = ObjectParts(parse_object(data))
    try:
        relocations = _relocate_text(parts)
        distances = _relocate_rodata(parts)
        _pad_functions(parts)
        code_offsets, wasm_offsets = _address_map(parts)
        fragment = Fragment(
            machine=parts.object.machine,
            text=memoryview(parts.contents[TEXT]),
            text_align=parts.aligns[TEXT],
            constants=tuple(parts.constants),
            rodata=memoryview(parts.contents[RODATA]),
            rodata_align=parts.aligns[RODATA],
            distances=distances,
            bss_size=parts.bss_size,
            bss_align=parts.aligns[BSS],
            definitions=parts.definitions(),
            undefined=parts.undefined,
            relocations=relocations,
            code_offsets=code_offsets,
            wasm_offsets=wasm_offsets,
            unwind=unwind.read(parts),
        )
    except (IndexError, OverflowError, struct.error) as error:
        raise InternalError(f"link: a damaged object: {error}") from None
    _check(fragment)
    return fragment


_Row = tuple[int, int, int]  # place, target, addend


def _relocate_text(parts: ObjectParts) -> list[Relocations]:
    """Resolve what stays inside the text; return what is left."""
    inner: dict[int, list[_Row]] = {}
    outer: dict[int, list[_Row]] = {}
    text, targets, values = parts.contents[TEXT], parts.targets, parts.values
    machine = parts.object.machine
    by_distance = DISTANCES[machine]
    for section, base in parts.sections_of(TEXT):
        for offset, kind, symbol, addend in section.relocations():
            place = base + offset
            if machine == MACHINE_X86_64 and kind != R_X86_64_PC32:
                if kind in (R_X86_64_GOTPCRELX, R_X86_64_REX_GOTPCRELX):
                    place = relax_got_access(text, place)
                elif kind != R_X86_64_PLT32:
                    raise InternalError(f"link: x86-64 relocation kind {kind} is not supported")
                kind = R_X86_64_PC32
            target = targets[symbol]
            if target < 0:
                target, at = parts.late_target(symbol, addend)
            else:
                at = values[symbol] + addend
            batches = inner if target == TEXT and kind in by_distance else outer
            if kind in batches:
                batches[kind].append((place, target, at))
            else:
                batches[kind] = [(place, target, at)]
    with memoryview(text) as view:
        for batch in _batches(inner):
            relocate(machine, view, 0, batch, [0])
    return _batches(outer)


def _batches(rows_by_kind: dict[int, list[_Row]]) -> list[Relocations]:
    batches = []
    for kind, rows in sorted(rows_by_kind.items()):
        places, targets, addends = zip(*rows, strict=True)
        batches.append(
            Relocations(kind, array("I", places), array("I", targets), array("i", addends))
        )
    return batches


def _relocate_rodata(parts: ObjectParts) -> "array[int]":
    """Resolve references to the text as if both began at 0; return their places."""
    places: array[int] = array("I")
    rodata = parts.contents[RODATA]
    for section, base in parts.sections_of(RODATA):
        for offset, kind, symbol, addend in section.relocations():
            if kind != DISTANCE_32[parts.object.machine] or parts.targets[symbol] != TEXT:
                raise InternalError(f"link: {section.name} has relocation kind {kind}")
            place = base + offset
            _I32.pack_into(rodata, place, parts.values[symbol] + addend - place)
            places.append(place)
    return places


def _pad_functions(parts: ObjectParts) -> None:
    """Put our padding between the functions: LLVM's depends on the function that follows."""
    text = parts.contents[TEXT]
    padding = PADDING[parts.object.machine]
    end = 0
    for start, size in [*parts.functions(), (len(text), 0)]:
        if start > end:
            if start - end >= parts.aligns[TEXT]:
                raise InternalError("link: there is code outside of functions")
            text[end:start] = padding * (start - end)
        end = max(end, start + size)


def _address_map(parts: ObjectParts) -> "tuple[array[int], array[int]]":
    """Rows of the address map: a function has them from one source or the other."""
    lines = _line_table(parts)
    sections = _pc_sections(parts)
    if sections is None or not lines[0]:
        return sections or lines
    rows = sorted([*zip(*lines, strict=True), *zip(*sections, strict=True)])
    return array("I", [row[0] for row in rows]), array("I", [row[1] for row in rows])


def _pc_sections(parts: ObjectParts) -> "tuple[array[int], array[int]] | None":
    """Rows of the address map from the sections of pc_sections.py; None if there are none."""
    sections = [section for section in parts.object.sections if is_pc_section(section)]
    if not sections:
        return None
    distance, targets, values = DISTANCE_32[parts.object.machine], parts.targets, parts.values
    found: list[tuple[int, int]] = []
    for section in sections:
        numbered = read(section)
        if numbered.kind != distance or targets[numbered.symbol] != TEXT:
            raise InternalError(f"link: section {section.name} refers to nothing that is loaded")
        start = values[numbered.symbol]
        found += zip([start + offset for offset in numbered.offsets], numbered.numbers, strict=True)
    found.sort()
    code_offsets: array[int] = array("I")
    wasm_offsets: array[int] = array("I")
    last = -1
    # Of several places at one address, all but the last are of instructions that became nothing.
    for address, place in dict(found).items():
        if place != last:
            code_offsets.append(address)
            wasm_offsets.append(place - 1)
            last = place
    return code_offsets, wasm_offsets


def _line_table(parts: ObjectParts) -> "tuple[array[int], array[int]]":
    """Rows of the address map from the line table. Line 0 is "no line", the others are places."""
    starts = {start for start, _ in parts.functions()}
    code_offsets: array[int] = array("I")
    wasm_offsets: array[int] = array("I")
    for section in parts.object.sections:
        if section.name != ".debug_line":
            continue
        program = bytearray(section.body)
        for offset, kind, symbol, addend in section.relocations():
            if kind == _ABSOLUTE_64[parts.object.machine]:
                if parts.targets[symbol] != TEXT:
                    raise InternalError("link: .debug_line refers to nothing that is loaded")
                _U64.pack_into(program, offset, parts.values[symbol] + addend)
            elif kind != _ABSOLUTE_32[parts.object.machine]:  # those name files, which nobody reads
                raise InternalError(f"link: .debug_line has relocation kind {kind}")
        rows = line_rows(bytes(program), starts)
        code_offsets.extend(rows.addresses)
        wasm_offsets.extend([line - 1 if line else NO_OFFSET for line in rows.lines])
    return code_offsets, wasm_offsets


def encode(fragment: Fragment) -> bytes:
    """The bytes of a fragment."""
    definitions = fragment.definitions
    names = "\0".join([*definitions.names, *fragment.undefined]).encode("latin-1")
    header = _HEADER.pack(
        _MAGIC,
        fragment.machine,
        fragment.text_align,
        fragment.rodata_align,
        fragment.bss_align,
        fragment.bss_size,
        len(fragment.text),
        len(fragment.rodata),
        *map(len, fragment.constants),
        len(names),
        len(definitions.names),
        len(fragment.undefined),
        len(fragment.distances),
        len(fragment.relocations),
        len(fragment.code_offsets),
        len(fragment.unwind),
    )
    batches = b"".join(_BATCH.pack(b.kind, len(b.places)) for b in fragment.relocations)
    arrays: list[bytearray | array[int]] = [
        definitions.parts,
        definitions.are_funcs,
        definitions.offsets,
        definitions.sizes,
        fragment.distances,
        *(column for b in fragment.relocations for column in (b.places, b.targets, b.addends)),
        fragment.code_offsets,
        fragment.wasm_offsets,
    ]
    return b"".join(
        (
            header,
            batches,
            fragment.text,
            fragment.rodata,
            *fragment.constants,
            names,
            *arrays,
            fragment.unwind,
        )
    )


class _Reader:
    """Takes parts off the bytes of a fragment."""

    __slots__ = ("_position", "_view")

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._position = 0

    def take(self, size: int) -> memoryview:
        start = self._position
        if size > len(self._view) - start:
            raise InternalError("a fragment is truncated")
        self._position = start + size
        return self._view[start : start + size]

    def numbers(self, count: int, typecode: str = "I") -> "array[int]":
        found: array[int] = array(typecode)
        found.frombytes(self.take(count * found.itemsize))
        return found

    def at_end(self) -> bool:
        return self._position == len(self._view)


def decode(data: bytes | bytearray | memoryview) -> Fragment:
    """Read what `encode` made; the fragment refers to `data`.

    Raises InternalError for anything that `encode` does not make, so linking meets no surprise.
    """
    reader = _Reader(memoryview(data))
    magic, machine, *fields = _HEADER.unpack(reader.take(_HEADER.size))
    text_align, rodata_align, bss_align, bss_size, text_size, rodata_size, *fields = fields
    constant_sizes, fields = fields[: len(CONSTANT_SIZES)], fields[len(CONSTANT_SIZES) :]
    names_size, defined, undefined, distances, batches, rows, unwind_size = fields
    if magic != _MAGIC:
        raise InternalError("not a fragment")
    heads = list(_BATCH.iter_unpack(reader.take(batches * _BATCH.size)))
    text, rodata = reader.take(text_size), reader.take(rodata_size)
    constants = tuple(bytes(reader.take(size)) for size in constant_sizes)
    names = str(reader.take(names_size), "latin-1").split("\0")
    if len(names) != max(defined + undefined, 1):
        raise InternalError("a fragment has too many or too few names")
    fragment = Fragment(
        machine=machine,
        text=text,
        text_align=text_align,
        constants=constants,
        rodata=rodata,
        rodata_align=rodata_align,
        bss_size=bss_size,
        bss_align=bss_align,
        definitions=Definitions(
            names[:defined],
            bytearray(reader.take(defined)),
            bytearray(reader.take(defined)),
            reader.numbers(defined),
            reader.numbers(defined),
        ),
        undefined=names[defined : defined + undefined],
        distances=reader.numbers(distances),
        relocations=[
            Relocations(kind, reader.numbers(n), reader.numbers(n), reader.numbers(n, "i"))
            for kind, n in heads
        ],
        code_offsets=reader.numbers(rows),
        wasm_offsets=reader.numbers(rows),
        unwind=bytes(reader.take(unwind_size)),
    )
    if not reader.at_end():
        raise InternalError("a fragment is too long")
    _check(fragment)
    return fragment


def _check(fragment: Fragment) -> None:
    """Refuse a fragment in which anything points outside of what it points into."""
    aligns = fragment.text_align, fragment.rodata_align, fragment.bss_align
    if fragment.machine not in PADDING or not all(
        0 < align <= MAX_ALIGN and align & (align - 1) == 0 for align in aligns
    ):
        raise InternalError("a fragment has a bad header")
    text_size, rodata_size = len(fragment.text), len(fragment.rodata)
    if max(text_size, rodata_size, fragment.bss_size) > _MAX_SIZE:
        raise InternalError("a fragment is too large")
    unwind.check(fragment.unwind, text_size)
    targets = PARTS + len(fragment.undefined)
    for size, constants in zip(CONSTANT_SIZES, fragment.constants, strict=True):
        if len(constants) % size:
            raise InternalError("a fragment has a broken constant")
        targets += len(constants) // size
    part_sizes = text_size, rodata_size, fragment.bss_size
    d = fragment.definitions
    for part, offset, size in zip(d.parts, d.offsets, d.sizes, strict=True):
        if part >= PARTS or offset + size > part_sizes[part]:
            raise InternalError("a fragment defines a symbol outside of its bytes")
    positions: list[tuple[Sequence[int], int]] = [
        (fragment.distances, rodata_size - 3),
        (fragment.code_offsets, text_size),
        *((batch.places, text_size - 3) for batch in fragment.relocations),
        *((batch.targets, targets) for batch in fragment.relocations),
    ]
    for numbers, end in positions:
        if numbers and max(numbers) >= end:
            raise InternalError("a fragment points outside of its bytes")
