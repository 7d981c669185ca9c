"""Find the sections of an artifact, without copying and without trusting a byte.

The file may be anything: every position is checked against the length before it is used, and each
lie is an IncompatibleArtifact with the wording of the drop-in API. Whether the code was compiled for
this engine is not decided here (engine/compat.py), nor whether the bytes are authentic (cache/).

On the warm path: a dozen section headers, read in one pass.
"""

from cachewasm.artifact.format import (
    ABI_VERSION,
    BSS_ALIGN,
    BSS_SECTION,
    CLASS_64,
    COMPONENT,
    DATA_ALIGN,
    DATA_SECTION,
    ELF_HEADER,
    ELF_VERSION,
    LITTLE_ENDIAN,
    MACHINE_AARCH64,
    MACHINE_X86_64,
    MAGIC,
    MAX_BSS_SIZE,
    MODULE,
    OS_ABI,
    RODATA_SECTION,
    SECTION_HEADER,
    SHT_NOBITS,
    SUPPORT,
    TEXT_ALIGN,
    TEXT_SECTION,
    TYPE_DYN,
)
from cachewasm.errors import IncompatibleArtifact

_NOT_ELF = "failed to parse precompiled artifact as an ELF"
_FOREIGN = "incompatible object file format"
_BAD_HEADERS = "failed to parse section headers"
_BAD_STRINGS = "failed to parse strings table"
_BAD_SECTIONS = "failed to parse sections table"
_BAD_CODE = "failed to parse code sections"


class Artifact:
    """The parts of an artifact, as views of the bytes it was made from.

    `kind` is MODULE, COMPONENT or SUPPORT. `text_range` and `image_range` are (offset, size) in the
    file: of the code, and of code and constants, which have to be mapped together. `bss_offset` and
    `bss_size` say where zeros are needed, counted from the start of the text; usually there are none.
    `owner` is what keeps the bytes, where a view does not.
    """

    __slots__ = (
        "_bytes",
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
        self._bytes = memoryview(data)
        self.owner = owner
        self.kind, self.machine, table, count, names = _header(self._bytes)
        self._ranges: dict[str, tuple[int, int]] = {}
        self.bss_offset = self.bss_size = 0
        self._read_sections(table, count, names)

    @property
    def data(self) -> memoryview:
        """All bytes of the artifact."""
        return self._bytes

    def moved_to(self, data: memoryview) -> "Artifact":
        """The same artifact over a copy of its bytes, which are not parsed again and have no owner."""
        moved = Artifact.__new__(Artifact)
        for name in Artifact.__slots__:
            setattr(moved, name, getattr(self, name))
        moved._bytes = data
        moved.owner = None
        return moved

    def section(self, name: str) -> memoryview:
        """The bytes of a section, not copied. Raises IncompatibleArtifact if there is none."""
        offset, size = self._range(name)
        return self._bytes[offset : offset + size]

    def has_section(self, name: str) -> bool:
        """Whether there is a section `name`."""
        return name in self._ranges

    @property
    def sections(self) -> "dict[str, tuple[int, int]]":
        """Every section's (offset, size) in the file, by name, in the order of the table."""
        return dict(self._ranges)

    def _range(self, name: str) -> "tuple[int, int]":
        found = self._ranges.get(name)
        if found is None:
            raise IncompatibleArtifact(f"failed to find section `{name}`")
        return found

    def _read_sections(self, table: int, count: int, names: int) -> None:
        size = SECTION_HEADER.size
        if table + count * size > len(self._bytes):
            raise IncompatibleArtifact(_BAD_HEADERS)
        headers = self._bytes[table : table + count * size]
        rows = list(SECTION_HEADER.iter_unpack(headers))
        if names >= count:
            raise IncompatibleArtifact(_BAD_STRINGS)
        strings_offset, strings_size = rows[names][4:6]
        if strings_offset + strings_size > len(self._bytes):
            raise IncompatibleArtifact(_BAD_STRINGS)
        strings = bytes(self._bytes[strings_offset : strings_offset + strings_size])

        addresses: dict[str, int] = {}
        ranges, end = self._ranges, len(self._bytes)
        for name_at, kind, _, address, offset, size, _, _, _, _ in rows[1:]:
            name_end = strings.find(b"\0", name_at)
            if name_end < 0:
                raise IncompatibleArtifact(_BAD_STRINGS)
            name = str(strings[name_at:name_end], "latin-1")
            if name in ranges:
                raise IncompatibleArtifact(_BAD_SECTIONS)
            if kind == SHT_NOBITS:
                if name != BSS_SECTION or size > MAX_BSS_SIZE:
                    raise IncompatibleArtifact(_BAD_SECTIONS)
                self.bss_size = size
            elif offset + size > end:
                raise IncompatibleArtifact(_BAD_SECTIONS)
            else:
                ranges[name] = (offset, size)
            addresses[name] = address
        self._check_code(addresses)

    def _check_code(self, addresses: "dict[str, int]") -> None:
        """Mapping relies on this: text and constants lie in the file as they will in memory."""
        self.text_range = offset, size = self._range(TEXT_SECTION)
        end = offset + size
        if offset % TEXT_ALIGN[self.machine] or addresses[TEXT_SECTION] != offset:
            raise IncompatibleArtifact(_BAD_CODE)
        rodata = self._ranges.get(RODATA_SECTION)
        if rodata is not None:
            if rodata[0] < end or addresses[RODATA_SECTION] != rodata[0]:
                raise IncompatibleArtifact(_BAD_CODE)
            end = rodata[0] + rodata[1]
        self.image_range = (offset, end - offset)
        if self.bss_size:
            address = addresses[BSS_SECTION]
            page = TEXT_ALIGN[self.machine]
            if address < len(self._bytes) or address % page or address - end >= 2 * BSS_ALIGN:
                raise IncompatibleArtifact(_BAD_CODE)
            self.bss_offset = address - offset
        if self._ranges.get(DATA_SECTION, (0, 0))[0] % DATA_ALIGN:
            raise IncompatibleArtifact(_BAD_SECTIONS)


def _header(data: memoryview) -> "tuple[int, int, int, int, int]":
    """Return kind, machine, and position, count and name section of the section headers."""
    if len(data) < ELF_HEADER.size:
        raise IncompatibleArtifact(_NOT_ELF)
    (
        magic,
        elf_class,
        order,
        ident_version,
        os_abi,
        abi_version,
        elf_type,
        machine,
        version,
        _,
        _,
        table,
        flags,
        header_size,
        _,
        _,
        entry_size,
        count,
        names,
    ) = ELF_HEADER.unpack_from(data)
    if magic != MAGIC or elf_class != CLASS_64 or ident_version != ELF_VERSION:
        raise IncompatibleArtifact(_NOT_ELF)
    if order != LITTLE_ENDIAN:
        raise IncompatibleArtifact("failed to parse header endianness")
    if os_abi != OS_ABI or abi_version != ABI_VERSION or flags not in (MODULE, COMPONENT, SUPPORT):
        raise IncompatibleArtifact(_FOREIGN)
    if (elf_type, version, header_size) != (TYPE_DYN, ELF_VERSION, ELF_HEADER.size):
        raise IncompatibleArtifact(_FOREIGN)
    if machine not in (MACHINE_X86_64, MACHINE_AARCH64):
        raise IncompatibleArtifact(_FOREIGN)
    if entry_size != SECTION_HEADER.size or count < 2:
        raise IncompatibleArtifact(_BAD_HEADERS)
    return flags, machine, table, count, names
