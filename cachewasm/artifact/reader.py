"""Find the parts of an artifact, without copying and without trusting a byte.

The file may be anything: every position is checked against the length before it is used, and each
lie is an IncompatibleArtifact with the wording of the drop-in API. Whether the code was compiled for
this engine is not decided here (engine/compat.py), nor whether the bytes are authentic (cache/).

What loading needs is said twice: by program headers, which are always the same few, and by sections,
which have names. A hit reads the first alone; the sections of an artifact from elsewhere are read at once
and have to say the same. On the warm path.
"""

# The module of Python code that has them too would be one more to import.
from _operator import add, le

from cachewasm.artifact.format import (
    BSS_ALIGN,
    BSS_SECTION,
    COMPONENT,
    DATA_ALIGN,
    ELF_FIELDS,
    ELF_HEADER,
    ELF_VERSION,
    IDENT,
    LITTLE_ENDIAN,
    MAX_BSS_SIZE,
    MODULE,
    PF_MARKED,
    PROGRAM_HEADER,
    RODATA_SECTION,
    SECTION_HEADER,
    SECTION_PLACE,
    SEGMENT_PLACES,
    SEGMENTS,
    SHT_NOBITS,
    SUPPORT,
    TEXT_ALIGN,
    TEXT_SECTION,
    TYPE_DYN,
)
from cachewasm.errors import IncompatibleArtifact, InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Range: TypeAlias = tuple[int, int]

# e_type, e_version, e_ehsize.
_FIXED = TYPE_DYN, ELF_VERSION, ELF_HEADER.size
# e_phoff, e_phentsize, e_phnum.
_SEGMENTS_FIXED = ELF_HEADER.size, PROGRAM_HEADER.size, len(SEGMENTS)
_KINDS = MODULE, COMPONENT, SUPPORT
# As SEGMENT_PLACES has them: of code without marks, and of code with them.
_PLAIN = tuple(kind | flags << 32 for kind, flags, _ in SEGMENTS)
_MARKED = tuple(
    kind | PF_MARKED << 32 if name == TEXT_SECTION else kind
    for kind, (_, _, name) in zip(_PLAIN, SEGMENTS, strict=True)
)
_NOTHING = 0, 0

_NOT_ELF = "failed to parse precompiled artifact as an ELF"
_FOREIGN = "incompatible object file format"
_BAD_SEGMENTS = "failed to parse program headers"
_BAD_HEADERS = "failed to parse section headers"
_BAD_STRINGS = "failed to parse strings table"
_BAD_SECTIONS = "failed to parse sections table"
_BAD_CODE = "failed to parse code sections"


class Artifact:
    """The parts of an artifact, as views of the bytes it was made from, or of copies of them.

    `kind` is MODULE, COMPONENT or SUPPORT. Ranges are (offset, size) in the file, of size 0 for what is
    not there; `image_range` is that of code and constants, which have to be mapped together.
    `is_marked` if indirect branches land on marks only. `bss_offset` and `bss_size` say where zeros are
    needed, counted from the start of the text; usually there are none. `owner` is what keeps the bytes,
    where a view does not.
    """

    __slots__ = (
        "_pieces",
        "_sections",
        "_segments",
        "_table",
        "bss_offset",
        "bss_size",
        "data_range",
        "engine_range",
        "frames_range",
        "image_range",
        "info_range",
        "is_marked",
        "kind",
        "machine",
        "owner",
        "text_range",
    )

    engine_range: "Range"
    info_range: "Range"
    text_range: "Range"
    frames_range: "Range"
    data_range: "Range"
    bss_size: int

    def __init__(
        self, data: "memoryview | bytes", owner: object = None, *, is_own: bool = False
    ) -> None:
        """If it `is_own`, made by this version and kept where nobody else writes, its sections are read
        when the first is asked for.
        """
        view = memoryview(data)
        # Where each begins in the file, the last one first.
        self._pieces: tuple[tuple[int, memoryview], ...] = ((0, view),)
        self.owner = owner
        self._sections: dict[str, Range] | None = None
        if len(view) < ELF_HEADER.size:
            raise IncompatibleArtifact(_NOT_ELF)
        (
            ident,
            elf_type,
            machine,
            version,
            segments,
            table,
            self.kind,
            header_size,
            segment_size,
            segment_count,
            section_size,
            count,
            names,
        ) = ELF_FIELDS.unpack_from(view)
        if ident != IDENT:
            raise _refused(ident)
        if (elf_type, version, header_size) != _FIXED or self.kind not in _KINDS:
            raise IncompatibleArtifact(_FOREIGN)
        if machine not in TEXT_ALIGN:
            raise IncompatibleArtifact(_FOREIGN)
        if section_size != SECTION_HEADER.size or count < 2:
            raise IncompatibleArtifact(_BAD_HEADERS)
        self.machine = machine
        self._table = table, count, names
        sections = None if is_own else self._read_sections()
        if (segments, segment_size, segment_count) != _SEGMENTS_FIXED:
            raise IncompatibleArtifact(_BAD_SEGMENTS)
        self._read_segments(view)
        if sections is not None:
            self._sections = self._compared(*sections)

    @property
    def data(self) -> memoryview:
        """All bytes of the artifact; joined if they lie in pieces."""
        if len(self._pieces) == 1:
            return self._pieces[0][1]
        return memoryview(b"".join([piece for _, piece in reversed(self._pieces)]))

    @property
    def size(self) -> int:
        """How many bytes there are."""
        start, piece = self._pieces[0]
        return start + len(piece)

    def move_to(self, owner: object, *pieces: "tuple[int, memoryview]") -> None:
        """Go over to a copy of the bytes, in one or several pieces, the last one first, each with its
        start: every section lies in one. `owner` keeps them, as far as views do not.
        """
        self._pieces = pieces
        self.owner = owner

    def part(self, found: "Range") -> memoryview:
        """The bytes of a range or section, not copied."""
        offset, size = found
        for start, piece in self._pieces:
            if start <= offset:
                offset -= start
                return piece[offset : offset + size]
        raise InternalError(f"no piece of the artifact has byte {offset}")

    def section(self, name: str) -> memoryview:
        """The bytes of a section, not copied. Raises IncompatibleArtifact if there is none."""
        found = self.sections.get(name)
        if found is None:
            raise _missing(name)
        return self.part(found)

    def has_section(self, name: str) -> bool:
        """Whether there is a section `name`."""
        return name in self.sections

    @property
    def sections(self) -> "dict[str, Range]":
        """Every section's (offset, size) in the file, by name, in the order of the table; not to be
        changed. Raises IncompatibleArtifact.
        """
        if self._sections is None:
            self._sections = self._compared(*self._read_sections())
        return self._sections

    def _read_segments(self, data: memoryview) -> None:
        if len(data) < ELF_HEADER.size + SEGMENT_PLACES.size:
            raise IncompatibleArtifact(_BAD_SEGMENTS)
        fields = SEGMENT_PLACES.unpack_from(data, ELF_HEADER.size)
        kinds, starts, sizes = fields[::3], fields[1::3], fields[2::3]
        self.is_marked = kinds == _MARKED
        if kinds != _PLAIN and not self.is_marked:
            raise IncompatibleArtifact(_BAD_SEGMENTS)
        # One behind the other, but for the zero-filled area.
        end = len(data)
        if not all(map(le, map(add, starts, sizes), (*starts[1:-1], end))):
            raise IncompatibleArtifact(_BAD_SEGMENTS)
        self._segments = ranges = tuple(zip(starts, sizes, strict=True))
        (
            self.engine_range,
            self.info_range,
            self.text_range,
            constants,
            self.frames_range,
            self.data_range,
            (zeros, self.bss_size),
        ) = ranges
        # Mapping relies on this: text and constants lie in the file as they will in memory.
        start, stop = self.text_range[0], sum(constants)
        page = TEXT_ALIGN[self.machine]
        if start % page or (self.data_range[1] and self.data_range[0] % DATA_ALIGN):
            raise IncompatibleArtifact(_BAD_CODE)
        self.image_range = start, stop - start
        self.bss_offset = 0
        if self.bss_size:
            if (
                self.bss_size > MAX_BSS_SIZE
                or zeros < end
                or zeros % page
                or zeros - stop >= 2 * BSS_ALIGN
            ):
                raise IncompatibleArtifact(_BAD_CODE)
            self.bss_offset = zeros - start

    # --- Sections

    def _read_sections(self) -> "tuple[dict[str, Range], Range]":
        """All sections, consistent among themselves, and address and size of the zero-filled area."""
        data = self.data
        table, count, names = self._table
        end, row = len(data), SECTION_PLACE.size
        headers = data[table : table + count * row]
        if len(headers) != count * row:
            raise IncompatibleArtifact(_BAD_HEADERS)
        if names >= count:
            raise IncompatibleArtifact(_BAD_STRINGS)
        _, _, _, offset, size = SECTION_PLACE.unpack_from(headers, names * row)
        if offset + size > end:
            raise IncompatibleArtifact(_BAD_STRINGS)
        strings = bytes(data[offset : offset + size])

        # Sections lie behind the table, in its order, and none in another.
        stop = table + len(headers)
        ranges: dict[str, Range] = {}
        zeros = _NOTHING
        addresses: dict[str, int] = {}
        for name_at, kind, address, offset, size in SECTION_PLACE.iter_unpack(headers[row:]):
            name = _name_in(strings, name_at)
            if kind == SHT_NOBITS:
                if name != BSS_SECTION or name in addresses or size > MAX_BSS_SIZE:
                    raise IncompatibleArtifact(_BAD_SECTIONS)
                addresses[name] = address
                zeros = address, size
                count -= 1
                continue
            if offset < stop:
                raise IncompatibleArtifact(_BAD_SECTIONS)
            stop = offset + size
            ranges[name] = offset, size
            if address:
                addresses[name] = address
        if stop > end or len(ranges) != count - 1:
            # Cut short, or two of one name.
            raise IncompatibleArtifact(_BAD_SECTIONS)
        if TEXT_SECTION not in ranges:
            raise _missing(TEXT_SECTION)
        for name in (TEXT_SECTION, RODATA_SECTION):
            if name in ranges and addresses.get(name) != ranges[name][0]:
                raise IncompatibleArtifact(_BAD_CODE)
        return ranges, zeros

    def _compared(self, sections: "dict[str, Range]", zeros: "Range") -> "dict[str, Range]":
        """The sections, which have to be where the program headers are."""
        for (_, _, name), found in zip(SEGMENTS, self._segments, strict=True):
            told = zeros if name == BSS_SECTION else sections.get(name, _NOTHING)
            # What is empty may be anywhere.
            if found != told and (found[1] or told[1]):
                raise IncompatibleArtifact(_BAD_SEGMENTS)
        return sections


def _name_in(strings: bytes, position: int) -> str:
    end = strings.find(b"\0", position)
    if end < 0:
        raise IncompatibleArtifact(_BAD_STRINGS)
    return str(strings[position:end], "latin-1")


def _missing(name: str) -> IncompatibleArtifact:
    return IncompatibleArtifact(f"failed to find section `{name}`")


def _refused(ident: bytes) -> IncompatibleArtifact:
    """The refusal of a file with another identification than an artifact's."""
    if ident[:5] != IDENT[:5] or ident[6] != ELF_VERSION:
        return IncompatibleArtifact(_NOT_ELF)
    if ident[5] != LITTLE_ENDIAN:
        return IncompatibleArtifact("failed to parse header endianness")
    return IncompatibleArtifact(_FOREIGN)
