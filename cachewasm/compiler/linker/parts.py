"""Sort the sections of an object into the parts that an image has: text, constants, zeros.

Mergeable constants are a part of their own, one number per distinct value: LLVM puts those of all
functions of an object together, so the linker must be able to place each of them by itself. Of
everything else only the position in its part matters. Unwind tables, debug sections and
pc_sections.py's are left out.

A *target* is what a reference points at: TEXT, RODATA, BSS, then the constants, then the undefined
symbols.
"""

from array import array
from collections.abc import Iterator

from cachewasm.compiler.linker.object import (
    MACHINE_AARCH64,
    MACHINE_X86_64,
    SECTION_UNDEFINED,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_MERGE,
    SHF_STRINGS,
    SHF_WRITE,
    SHT_NOBITS,
    SHT_PROGBITS,
    ObjectFile,
    Section,
)
from cachewasm.compiler.linker.pc_sections import is_pc_section
from cachewasm.errors import InternalError
from cachewasm.record import dataclass

TEXT, RODATA, BSS = range(3)
PARTS = 3

# The sizes of mergeable constants, in the order of an image: so each is aligned to its size.
CONSTANT_SIZES = (32, 16, 8, 4)

# What stands between functions; the first traps on x86-64, the second is undefined on AArch64.
PADDING = {MACHINE_X86_64: b"\xcc", MACHINE_AARCH64: b"\0"}


@dataclass(frozen=True, slots=True)
class Definitions:
    """Global symbols: per symbol its name, part, offset in the part, and size."""

    names: list[str]
    parts: bytearray
    are_funcs: bytearray
    offsets: "array[int]"
    sizes: "array[int]"


# What refers to a personality function for .eh_frame, which unwind.py does without.
_INDIRECT = "DW.ref."
# Read by unwind.py, which makes the image's of them.
UNWIND_SECTIONS = (".eh_frame", ".gcc_except_table")
# Of no use where no system loader looks.
_LEFT_OUT = frozenset({*UNWIND_SECTIONS, ".note.gnu.property"})


class ObjectParts:
    """The parts of one object. `constants` has the distinct ones per size, one after the other;
    `targets` and `values` say per symbol where it lies, or -1 if it lies in no part.
    """

    def __init__(self, object_file: ObjectFile) -> None:
        self.object = object_file
        self.contents = [bytearray() for _ in range(PARTS)]
        self.aligns = [1] * PARTS
        self.bss_size = 0
        self.constants: list[bytes] = []
        self.undefined: list[str] = []
        # Section number -> part and position in it; section number -> targets of its constants.
        self._homes: dict[int, tuple[int, int]] = {}
        self._entries: dict[int, list[int]] = {}
        self._place_sections()
        self.targets: list[int] = []
        self.values: list[int] = []
        for symbol in object_file.symbols:
            target, base = self._homes.get(symbol.section, (-1, 0))
            self.targets.append(target)
            self.values.append(base + symbol.value)

    def _place_sections(self) -> None:
        mergeable: dict[int, list[int]] = {size: [] for size in CONSTANT_SIZES}
        for number, section in enumerate(self.object.sections):
            part = _part(section)
            if part is None:
                continue
            if _is_mergeable(section):
                if section.rela or section.size % section.entry_size:
                    raise InternalError(f"link: section {section.name} is not of plain constants")
                mergeable[section.entry_size].append(number)
                continue
            body = self.contents[part]
            at = align_up(self.bss_size if part == BSS else len(body), section.align)
            self._homes[number] = part, at
            self.aligns[part] = max(self.aligns[part], section.align)
            if part == BSS:
                self.bss_size = at + section.size
                continue
            padding = PADDING[self.object.machine] if part == TEXT else b"\0"
            body += padding * (at - len(body))
            body += section.body
        first = PARTS
        for size, numbers in mergeable.items():
            numbered: dict[bytes, int] = {}
            for number in numbers:
                constants = bytes(self.object.sections[number].body)
                self._entries[number] = [
                    numbered.setdefault(constants[at : at + size], first + len(numbered))
                    for at in range(0, len(constants), size)
                ]
            self.constants.append(b"".join(numbered))
            first += len(numbered)
        self._first_undefined = first

    def sections_of(self, part: int) -> Iterator[tuple[Section, int]]:
        """The sections of a part, each with its position."""
        for number, (home, base) in self._homes.items():
            if home == part:
                yield self.object.sections[number], base

    def late_target(self, number: int, addend: int) -> tuple[int, int]:
        """Target and offset there of a reference to symbol `number`, whose own target is -1."""
        symbol = self.object.symbols[number]
        if symbol.section in self._entries:
            return self._constant(number, addend)
        if symbol.section != SECTION_UNDEFINED:
            where = self.object.sections[symbol.section].name
            raise InternalError(f"link: a reference into {where}, which is not loaded")
        self.targets[number] = target = self._first_undefined + len(self.undefined)
        self.undefined.append(symbol.name)
        return target, addend

    def _constant(self, number: int, addend: int) -> tuple[int, int]:
        symbol = self.object.symbols[number]
        section = self.object.sections[symbol.section]
        at = symbol.value
        if self.object.machine == MACHINE_AARCH64:
            at, addend = at + addend, 0
        elif symbol.is_section:  # the addend holds the distance to the next instruction, too
            raise InternalError("link: a constant is referred to by its section")
        entry, inside = divmod(at, section.entry_size)
        entries = self._entries[symbol.section]
        if inside or not 0 <= entry < len(entries):
            raise InternalError(f"link: a reference between the constants of {section.name}")
        return entries[entry], addend

    def functions(self) -> list[tuple[int, int]]:
        """Start and size of the functions in the text, in order."""
        rows = zip(self.object.symbols, self.targets, self.values, strict=True)
        return sorted((at, s.size) for s, target, at in rows if s.is_func and target == TEXT)

    def definitions(self) -> Definitions:
        """The global symbols."""
        found = Definitions([], bytearray(), bytearray(), array("I"), array("I"))
        rows = zip(self.object.symbols, self.targets, self.values, strict=True)
        for symbol, target, at in rows:
            if (
                not symbol.is_global
                or symbol.section == SECTION_UNDEFINED
                or symbol.name.startswith(_INDIRECT)
            ):
                continue
            if target < 0:
                raise InternalError(f"link: symbol {symbol.name!r} lies in no part of an image")
            found.names.append(symbol.name)
            found.parts.append(target)
            found.are_funcs.append(symbol.is_func)
            found.offsets.append(at)
            found.sizes.append(symbol.size)
        return found


def align_up(value: int, align: int) -> int:
    """The first multiple of `align`, a power of two, that is not below `value`."""
    return (value + align - 1) & -align


def _part(section: Section) -> int | None:
    """The part that a section belongs to; None for what is not loaded."""
    if not section.flags & SHF_ALLOC or section.name in _LEFT_OUT or is_pc_section(section):
        return None
    if _INDIRECT in section.name:
        return None
    writable = section.flags & SHF_WRITE
    if section.type == SHT_NOBITS and writable:
        return BSS
    if section.type == SHT_PROGBITS and not writable:
        if section.flags & SHF_EXECINSTR:
            return TEXT
        if section.name.startswith(".rodata"):
            return RODATA
    raise InternalError(f"link: section {section.name} is not supported")


def _is_mergeable(section: Section) -> bool:
    kind = section.flags & (SHF_MERGE | SHF_STRINGS)
    return kind == SHF_MERGE and section.entry_size in CONSTANT_SIZES
