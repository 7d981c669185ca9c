"""Find the sections of an artifact, without copying and without trusting a byte.

The file may be anything: every position is checked against the length before it is used, and each
lie is an IncompatibleArtifact with the wording of the drop-in API. Whether the code was compiled for
this engine is not decided here (engine/compat.py), nor whether the bytes are authentic (cache/).

On the warm path: a dozen section headers, read in one pass.
"""

from cachewasm.artifact.format import (
    BSS_ALIGN,
    BSS_SECTION,
    COMPONENT,
    DATA_ALIGN,
    DATA_SECTION,
    ELF_FIELDS,
    ELF_HEADER,
    ELF_VERSION,
    IDENT,
    LITTLE_ENDIAN,
    MAX_BSS_SIZE,
    MODULE,
    RODATA_SECTION,
    SECTION_HEADER,
    SECTION_PLACE,
    SHT_NOBITS,
    SUPPORT,
    TEXT_ALIGN,
    TEXT_SECTION,
    TYPE_DYN,
)
from cachewasm.errors import IncompatibleArtifact, InternalError

# e_type, e_version, e_ehsize.
_FIXED = TYPE_DYN, ELF_VERSION, ELF_HEADER.size
_KINDS = MODULE, COMPONENT, SUPPORT

_NOT_ELF = "failed to parse precompiled artifact as an ELF"
_FOREIGN = "incompatible object file format"
_BAD_HEADERS = "failed to parse section headers"
_BAD_STRINGS = "failed to parse strings table"
_BAD_SECTIONS = "failed to parse sections table"
_BAD_CODE = "failed to parse code sections"


class Artifact:
    """The parts of an artifact, as views of the bytes it was made from, or of copies of them.

    `kind` is MODULE, COMPONENT or SUPPORT. `text_range` and `image_range` are (offset, size) in the
    file: of the code, and of code and constants, which have to be mapped together. `bss_offset` and
    `bss_size` say where zeros are needed, counted from the start of the text; usually there are none.
    `owner` is what keeps the bytes, where a view does not.
    """

    __slots__ = (
        "_pieces",
        "_ranges",
        "bss_offset",
        "bss_size",
        "image_range",
        "kind",
        "machine",
        "owner",
        "text_range",
    )

    def __init__(self, data: "memoryview | bytes", owner: object = None) -> None:
        view = memoryview(data)
        # Where each begins in the file, the last one first.
        self._pieces: tuple[tuple[int, memoryview], ...] = ((0, view),)
        self.owner = owner
        self.kind, self.machine, table, count, names = _header(view)
        self._ranges: dict[str, tuple[int, int]] = {}
        self.bss_offset = self.bss_size = 0
        self._read_sections(view, table, count, names)

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

    def moved_to(self, *pieces: "tuple[int, memoryview]") -> "Artifact":
        """The same artifact over a copy of its bytes, in one or several pieces, the last one first, each
        with its start: every section lies in one. They are not parsed again and have no owner.
        """
        moved = Artifact.__new__(Artifact)
        moved.kind, moved.machine, moved._ranges = self.kind, self.machine, self._ranges
        moved.text_range, moved.image_range = self.text_range, self.image_range
        moved.bss_offset, moved.bss_size = self.bss_offset, self.bss_size
        moved._pieces = pieces
        moved.owner = None
        return moved

    def section(self, name: str) -> memoryview:
        """The bytes of a section, not copied. Raises IncompatibleArtifact if there is none."""
        found = self._ranges.get(name)
        if found is None:
            raise _missing(name)
        offset, size = found
        for start, piece in self._pieces:
            if start <= offset:
                offset -= start
                return piece[offset : offset + size]
        raise InternalError(f"no piece of the artifact has section `{name}`")

    def has_section(self, name: str) -> bool:
        """Whether there is a section `name`."""
        return name in self._ranges

    def size_of(self, name: str) -> int:
        """The size of a section in bytes; 0 if there is none."""
        return self._ranges.get(name, (0, 0))[1]

    @property
    def sections(self) -> "dict[str, tuple[int, int]]":
        """Every section's (offset, size) in the file, by name, in the order of the table."""
        return dict(self._ranges)

    def _read_sections(self, data: memoryview, table: int, count: int, names: int) -> None:
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
        named = _known.get(strings)
        if named is None:
            named = _names_in(strings)

        # Sections lie behind the table, in its order, and none in another.
        stop = table + len(headers)
        ranges = self._ranges
        addresses: dict[str, int] = {}
        for name_at, kind, address, offset, size in SECTION_PLACE.iter_unpack(headers[row:]):
            name = named[name_at]
            if kind == SHT_NOBITS:
                if name != BSS_SECTION or name in addresses or size > MAX_BSS_SIZE:
                    raise IncompatibleArtifact(_BAD_SECTIONS)
                self.bss_size = size
                addresses[name] = address
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
        self._check_code(addresses)

    def _check_code(self, addresses: "dict[str, int]") -> None:
        """Mapping relies on this: text and constants lie in the file as they will in memory."""
        ranges, page = self._ranges, TEXT_ALIGN[self.machine]
        text = ranges.get(TEXT_SECTION)
        if text is None:
            raise _missing(TEXT_SECTION)
        self.text_range = offset, size = text
        end = offset + size
        if offset % page or addresses.get(TEXT_SECTION) != offset:
            raise IncompatibleArtifact(_BAD_CODE)
        if RODATA_SECTION in ranges:
            start, size = ranges[RODATA_SECTION]
            if start < end or addresses.get(RODATA_SECTION) != start:
                raise IncompatibleArtifact(_BAD_CODE)
            end = start + size
        self.image_range = offset, end - offset
        if self.bss_size:
            address = addresses[BSS_SECTION]
            if address < self.size or address % page or address - end >= 2 * BSS_ALIGN:
                raise IncompatibleArtifact(_BAD_CODE)
            self.bss_offset = address - offset
        if DATA_SECTION in ranges and ranges[DATA_SECTION][0] % DATA_ALIGN:
            raise IncompatibleArtifact(_BAD_SECTIONS)


class _Names(dict[int, str]):
    """The names in a table of strings, by position: each is read when it is first asked for.

    Raises IncompatibleArtifact where there is none.
    """

    __slots__ = ("_strings",)

    def __init__(self, strings: bytes) -> None:
        self._strings = strings

    def __missing__(self, position: int) -> str:
        end = self._strings.find(b"\0", position)
        if end < 0:
            raise IncompatibleArtifact(_BAD_STRINGS)
        name = self[position] = str(self._strings[position:end], "latin-1")
        return name


# The artifacts of one compiler have few tables.
_known: dict[bytes, _Names] = {}
_MAX_TABLES = 16
_MAX_TABLE = 1 << 10


def _names_in(strings: bytes) -> _Names:
    names = _Names(strings)
    if len(strings) <= _MAX_TABLE:
        if len(_known) >= _MAX_TABLES:
            _known.clear()
        _known[strings] = names
    return names


def _missing(name: str) -> IncompatibleArtifact:
    return IncompatibleArtifact(f"failed to find section `{name}`")


def _header(data: memoryview) -> "tuple[int, int, int, int, int]":
    """Return kind, machine, and position, count and name section of the section headers."""
    if len(data) < ELF_HEADER.size:
        raise IncompatibleArtifact(_NOT_ELF)
    ident, elf_type, machine, version, table, flags, header_size, entry_size, count, names = (
        ELF_FIELDS.unpack_from(data)
    )
    if ident != IDENT:
        raise _refused(ident)
    if (elf_type, version, header_size) != _FIXED or flags not in _KINDS:
        raise IncompatibleArtifact(_FOREIGN)
    if machine not in TEXT_ALIGN:
        raise IncompatibleArtifact(_FOREIGN)
    if entry_size != SECTION_HEADER.size or count < 2:
        raise IncompatibleArtifact(_BAD_HEADERS)
    return flags, machine, table, count, names


def _refused(ident: bytes) -> IncompatibleArtifact:
    """The refusal of a file with another identification than an artifact's."""
    if ident[:5] != IDENT[:5] or ident[6] != ELF_VERSION:
        return IncompatibleArtifact(_NOT_ELF)
    if ident[5] != LITTLE_ENDIAN:
        return IncompatibleArtifact("failed to parse header endianness")
    return IncompatibleArtifact(_FOREIGN)
