"""Link fragments into one position-independent image.

The image needs no relocation when it is loaded: every reference is resolved here, relative to the
start of the text. That is possible because objects are made so (hidden symbols, no constant holds a
code pointer); what nobody defines is refused.

    0                rodata_offset                        bss_offset (a 64 KiB boundary)
    | text of all fragments | constants | other rodata of all | unwind tables |  zero-filled: support
                                                                               image only

In memory the start lies on a 64 KiB boundary, so AArch64's page-relative relocations can be computed
here. Equal constants become one, in the order in which they are first needed. An image depends on the
functions and their order, and not on the fragments that they came in, as long as no function needs a
stricter alignment than the others.

Linking is the serial part of a parallel compile: nothing here is done per instruction, and what is
done per reference or row of the address map are array operations and the shortest loops.
"""

import struct
from array import array
from collections.abc import Callable, Sequence

from cachewasm.abi.symbols import PERSONALITY
from cachewasm.artifact.addrmap import NO_OFFSET
from cachewasm.artifact.writer import CodeImage, UnwindTable
from cachewasm.compiler.linker import unwind
from cachewasm.compiler.linker.fragment import Fragment
from cachewasm.compiler.linker.parts import CONSTANT_SIZES, PADDING, RODATA, TEXT, align_up
from cachewasm.compiler.linker.relocate import relocate
from cachewasm.errors import CompileError, InternalError
from cachewasm.record import dataclass

_RODATA_ALIGN = 64
_BSS_ALIGN = 1 << 16
_I32 = struct.Struct("<i")
_MAX_OFFSET = 0xFFFFFFFF  # of the address map and of what else counts in 32 bits


@dataclass(slots=True)  # not frozen, which takes three times as long to make; there are many
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
    unwind: tuple[UnwindTable, ...]

    @property
    def code(self) -> CodeImage:
        """What an artifact holds of it."""
        return CodeImage(
            self.text, self.rodata, self.rodata_offset, self.bss_offset, self.bss_size, self.unwind
        )


class UndefinedSymbols(InternalError):
    """Symbols that some fragment refers to and none defines; `names` is sorted."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"undefined symbols: {', '.join(names)}")
        self.names = tuple(names)


def link(
    fragments: Sequence[Fragment],
    library: Callable[[tuple[str, ...]], Fragment] | None = None,
) -> LinkedImage:
    """Link fragments of one machine, in the order given.

    Where symbols are missing, `library` is asked once for a fragment that defines them. Raises
    UndefinedSymbols with every name that is missing all the same, InternalError for a symbol that is
    defined twice, CompileError if a reference does not reach.
    """
    missing = _missing(fragments)
    if missing and library:
        fragments = [*fragments, library(missing)]
        missing = _missing(fragments)
    if missing:
        raise UndefinedSymbols(missing)
    machines = {fragment.machine for fragment in fragments}
    if len(machines) != 1:
        raise InternalError(f"link: fragments of {len(machines)} machines")
    machine = machines.pop()

    text_bases, text_end = _place([(f.text_align, len(f.text)) for f in fragments], 0)
    rodata_offset = align_up(text_end, max(_RODATA_ALIGN, *(f.rodata_align for f in fragments)))
    pools, pooled, rodata_end = _pool_constants(fragments, rodata_offset)
    rodata = [(f.rodata_align, len(f.rodata)) for f in fragments]
    rodata_bases, rodata_end = _place(rodata, rodata_end)
    tables = unwind.place([f.unwind for f in fragments], rodata_end)
    bss_offset = align_up(tables.end, _BSS_ALIGN)
    bss_bases, bss_end = _place([(f.bss_align, f.bss_size) for f in fragments], bss_offset)
    if bss_end > _MAX_OFFSET:
        raise CompileError("the module's code is too large: over 4 GiB")

    bases = list(zip(text_bases, rodata_bases, bss_bases, strict=True))
    symbols = _symbols(fragments, bases)
    text = bytearray(PADDING[machine]) * text_end
    with memoryview(text) as view:
        for fragment, base, constants in zip(fragments, bases, pooled, strict=True):
            code = view[base[TEXT] : base[TEXT] + len(fragment.text)]
            code[:] = fragment.text
            undefined = [symbols[name].offset for name in fragment.undefined]
            addresses = [*base, *constants, *undefined]
            for batch in fragment.relocations:
                relocate(machine, code, base[TEXT], batch, addresses)
    code_offsets, wasm_offsets = _address_map(fragments, text_bases, text_end)
    personality = symbols.get(PERSONALITY)
    has_bss = bss_end > bss_offset
    return LinkedImage(
        machine=machine,
        text=bytes(text),
        rodata=_rodata(fragments, bases, rodata_offset, pools, rodata_end),
        rodata_offset=rodata_offset,
        bss_offset=bss_offset if has_bss else 0,
        bss_size=bss_end - bss_offset,
        symbols=symbols,
        code_offsets=code_offsets,
        wasm_offsets=wasm_offsets,
        unwind=tables.make(machine, text_bases, personality.offset if personality else None),
    )


def _missing(fragments: Sequence[Fragment]) -> tuple[str, ...]:
    wanted: set[str] = set()
    wanted.update(*(fragment.undefined for fragment in fragments))
    wanted.difference_update(*(fragment.definitions.names for fragment in fragments))
    return tuple(sorted(wanted))


def _place(parts: Sequence[tuple[int, int]], start: int) -> tuple[list[int], int]:
    """Lay out parts of given alignment and size from `start` on; return their bases and the end."""
    bases = []
    end = start
    for align, size in parts:
        base = align_up(end, align) if size else end
        bases.append(base)
        end = base + size
    return bases, end


def _pool_constants(
    fragments: Sequence[Fragment], start: int
) -> tuple[bytes, list[list[int]], int]:
    """Return all distinct constants, the addresses of each fragment's, and where they end."""
    pools: list[bytes] = []
    addresses: list[list[int]] = [[] for _ in fragments]
    for number, size in enumerate(CONSTANT_SIZES):
        pool: dict[bytes, int] = {}
        for fragment, found in zip(fragments, addresses, strict=True):
            constants = fragment.constants[number]
            for at in range(0, len(constants), size):
                found.append(pool.setdefault(constants[at : at + size], start + size * len(pool)))
        pools.extend(pool)
        start += size * len(pool)
    return b"".join(pools), addresses, start


def _symbols(
    fragments: Sequence[Fragment], bases: Sequence[tuple[int, int, int]]
) -> dict[str, SymbolDef]:
    symbols: dict[str, SymbolDef] = {}
    for fragment, base in zip(fragments, bases, strict=True):
        d = fragment.definitions
        rows = zip(d.names, d.parts, d.offsets, d.sizes, d.are_funcs, strict=True)
        for name, part, offset, size, is_func in rows:
            if name in symbols:
                raise InternalError(f"link: symbol {name!r} is defined twice")
            symbols[name] = SymbolDef(base[part] + offset, size, is_func != 0)
    return symbols


def _rodata(
    fragments: Sequence[Fragment],
    bases: Sequence[tuple[int, int, int]],
    start: int,
    pools: bytes,
    end: int,
) -> bytes:
    """The read-only data, with its distances to the text put right."""
    rodata = bytearray(end - start)
    rodata[: len(pools)] = pools
    for fragment, base in zip(fragments, bases, strict=True):
        at = base[RODATA] - start
        rodata[at : at + len(fragment.rodata)] = fragment.rodata
        moved = base[TEXT] - base[RODATA]
        try:
            for place in fragment.distances:
                (distance,) = _I32.unpack_from(rodata, at + place)
                _I32.pack_into(rodata, at + place, distance + moved)
        except struct.error:
            raise CompileError("the module's code is too large: a table spans over 2 GiB") from None
    return bytes(rodata)


def _address_map(
    fragments: Sequence[Fragment], bases: Sequence[int], end: int
) -> "tuple[array[int], array[int]]":
    """Join the rows of the fragments; a row is left out where it says what holds already."""
    code_offsets: array[int] = array("I")
    wasm_offsets: array[int] = array("I")
    last = NO_OFFSET
    for fragment, base in zip(fragments, bases, strict=True):
        offsets, instructions = fragment.code_offsets, fragment.wasm_offsets
        if last != NO_OFFSET and fragment.text and not (offsets and offsets[0] == 0):
            code_offsets.append(base)
            wasm_offsets.append(NO_OFFSET)
            last = NO_OFFSET
        if offsets:
            repeated = int(instructions[0] == last)
            code_offsets.extend([base + offset for offset in offsets[repeated:]])
            wasm_offsets.extend(instructions[repeated:])
            last = instructions[-1]
    if last != NO_OFFSET:
        code_offsets.append(end)
        wasm_offsets.append(NO_OFFSET)
    return code_offsets, wasm_offsets
