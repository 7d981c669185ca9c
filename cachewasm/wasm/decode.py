"""Decode a module: magic, version, section order and sizes (specification, section 5.5).

Every section but bodies is decoded; of bodies and data only the ranges are kept. The result is
well-formed, not yet valid. Errors begin with the words of the reference interpreter and carry the
offset at fault; nothing is allocated from a count that the bytes left do not allow.
"""

from collections.abc import Callable

from cachewasm.errors import MalformedModule, ModuleError, UnsupportedModule
from cachewasm.generics import TypeVar
from cachewasm.wasm import features as feature
from cachewasm.wasm import limits, sections
from cachewasm.wasm.body import instructions, read_locals
from cachewasm.wasm.leb128 import UNEXPECTED_END
from cachewasm.wasm.module import (
    ByteRange,
    CustomSection,
    DataSegment,
    ElementSegment,
    Export,
    Global,
    Import,
    Module,
    Names,
    Tag,
)
from cachewasm.wasm.names import SECTION_NAME, add_names
from cachewasm.wasm.reader import Reader
from cachewasm.wasm.types import FuncType, MemoryType, TableType

_Item = TypeVar("_Item")

MAGIC = b"\0asm"
VERSION = b"\1\0\0\0"
_COMPONENT_VERSION = b"\x0d\0\1\0"

(
    CUSTOM_SECTION,
    TYPE_SECTION,
    IMPORT_SECTION,
    FUNCTION_SECTION,
    TABLE_SECTION,
    MEMORY_SECTION,
    GLOBAL_SECTION,
    EXPORT_SECTION,
    START_SECTION,
    ELEMENT_SECTION,
    CODE_SECTION,
    DATA_SECTION,
    DATA_COUNT_SECTION,
    TAG_SECTION,
) = range(14)

# Each at most once and in this order, custom sections anywhere.
SECTION_ORDER = (
    TYPE_SECTION,
    IMPORT_SECTION,
    FUNCTION_SECTION,
    TABLE_SECTION,
    MEMORY_SECTION,
    TAG_SECTION,
    GLOBAL_SECTION,
    EXPORT_SECTION,
    START_SECTION,
    ELEMENT_SECTION,
    DATA_COUNT_SECTION,
    CODE_SECTION,
    DATA_SECTION,
)
_RANK = {section: rank for rank, section in enumerate(SECTION_ORDER)}


def decode(data: bytes, features: int) -> Module:
    """Decode the binary `data` under the `features` that are enabled.

    Raises `MalformedModule`; `UnsupportedModule` for a proposal outside `features` or a limit; and
    `InvalidModule` for an initial value that is no constant expression, which could not be kept.
    """
    if len(data) > limits.MODULE_SIZE:
        raise UnsupportedModule(
            f"module too large: {len(data)} bytes exceed the implementation limit of "
            f"{limits.MODULE_SIZE}"
        )
    _check_header(data)
    module = _Decoder(data, features).decode()
    _check_index_spaces(module)
    return module


def _check_header(data: bytes) -> None:
    magic, version = data[:4], data[4:8]
    if len(magic) == len(MAGIC) and magic != MAGIC:
        raise MalformedModule("magic header not detected", offset=0)
    if len(version) < len(VERSION):
        raise MalformedModule(UNEXPECTED_END, offset=len(data))
    if version == _COMPONENT_VERSION:
        raise UnsupportedModule(
            "the bytes are a component, which needs the WebAssembly feature `component_model`, "
            "which is not implemented",
            offset=4,
        )
    if version != VERSION:
        raise MalformedModule(f"unknown binary version {version.hex()}", offset=4)


def _check_index_spaces(module: Module) -> None:
    """Hold imports and definitions together to the limits that each section was held to alone."""
    for size, limit, what in (
        (len(module.func_typeidxs), limits.FUNCTIONS, "functions"),
        (len(module.table_types), limits.TABLES, "tables"),
        (len(module.memory_types), limits.MEMORIES, "memories"),
        (len(module.global_types), limits.GLOBALS, "globals"),
        (len(module.tag_typeidxs), limits.TAGS, "tags"),
    ):
        if size > limit:
            raise UnsupportedModule(
                f"too many {what}: {size} exceed the implementation limit of {limit}"
            )


class _Decoder:
    """The sections read so far."""

    def __init__(self, data: bytes, features: int) -> None:
        self.reader = Reader(data, len(MAGIC) + len(VERSION), features)
        self.types: list[FuncType] = []
        self.imports: list[Import] = []
        self.funcs: list[int] = []
        self.tables: list[TableType] = []
        self.memories: list[MemoryType] = []
        self.tags: list[Tag] = []
        self.globals: list[Global] = []
        self.exports: list[Export] = []
        self.start: int | None = None
        self.elements: list[ElementSegment] = []
        self.data_count: int | None = None
        self.code: list[ByteRange] = []
        self.data_segments: list[DataSegment] = []
        self.names = Names()
        self.customs: list[CustomSection] = []

    def decode(self) -> Module:
        """Read all sections. Of several errors the first in the binary is raised."""
        try:
            self._sections()
            self._check_counts()
        except ModuleError:
            # A body that lies about its size makes nonsense of what follows it.
            self._check_bodies()
            raise
        return self._module()

    def _sections(self) -> None:
        r = self.reader
        last_rank = -1
        while r.pos < len(r.data):
            offset = r.pos
            section = r.byte()
            if section > TAG_SECTION:
                raise MalformedModule(f"malformed section id {section}", offset=offset)
            size = r.length()
            end = r.pos + size
            if end > len(r.data):
                raise MalformedModule(UNEXPECTED_END, offset=len(r.data))
            if section == CUSTOM_SECTION:
                self._custom(end)
                continue
            rank = _RANK[section]
            if rank <= last_rank:
                raise MalformedModule(
                    f"unexpected content after last section: section id {section}", offset=offset
                )
            last_rank = rank
            self._section(section, end)
            if r.pos != end:
                raise MalformedModule("section size mismatch", offset=r.pos)

    def _module(self) -> Module:
        r = self.reader
        return Module(
            data=r.data,
            features=r.features,
            types=tuple(self.types),
            imports=tuple(self.imports),
            funcs=tuple(self.funcs),
            tables=tuple(self.tables),
            memories=tuple(self.memories),
            tags=tuple(self.tags),
            globals=tuple(self.globals),
            exports=tuple(self.exports),
            start=self.start,
            elements=tuple(self.elements),
            data_count=self.data_count,
            code=tuple(self.code),
            data_segments=tuple(self.data_segments),
            names=self.names,
            customs=tuple(self.customs),
        )

    def _section(self, section: int, end: int) -> None:
        """Read the content of a section that ends at `end`."""
        r = self.reader
        if section == TYPE_SECTION:
            self.types = self._vec(sections.functype, limits.TYPES, "types")
        elif section == IMPORT_SECTION:
            self.imports = self._vec(sections.import_, limits.IMPORTS, "imports")
        elif section == FUNCTION_SECTION:
            self.funcs = self._vec(sections.typeidx, limits.FUNCTIONS, "functions")
        elif section == TABLE_SECTION:
            self.tables = self._vec(sections.table, limits.TABLES, "tables")
        elif section == MEMORY_SECTION:
            self.memories = self._vec(sections.memory, limits.MEMORIES, "memories")
        elif section == TAG_SECTION:
            feature.require(r.features, feature.EXCEPTIONS, "a tag section", r.pos)
            self.tags = self._vec(sections.tag, limits.TAGS, "tags")
        elif section == GLOBAL_SECTION:
            self.globals = self._vec(lambda r: sections.global_(r, end), limits.GLOBALS, "globals")
        elif section == EXPORT_SECTION:
            self.exports = self._vec(sections.export, limits.EXPORTS, "exports")
        elif section == START_SECTION:
            self.start = r.u32()
        elif section == ELEMENT_SECTION:
            self.elements = self._vec(
                lambda r: sections.element(r, end), limits.ELEMENT_SEGMENTS, "element segments"
            )
        elif section == DATA_COUNT_SECTION:
            feature.require(r.features, feature.BULK_MEMORY, "a data count section", r.pos)
            self.data_count = r.u32()
        elif section == CODE_SECTION:
            # One by one: should a later one fail, the bodies before it are looked at first.
            for _ in range(r.count(limits.FUNCTIONS, "function bodies")):
                self.code.append(sections.code(r))
        else:
            self.data_segments = self._vec(
                lambda r: sections.data(r, end), limits.DATA_SEGMENTS, "data segments"
            )

    def _vec(self, item: Callable[[Reader], _Item], limit: int, what: str) -> list[_Item]:
        return [item(self.reader) for _ in range(self.reader.count(limit, what))]

    def _custom(self, end: int) -> None:
        r = self.reader
        name = r.name()
        if r.pos > end:
            raise MalformedModule(UNEXPECTED_END, offset=end)
        if name == SECTION_NAME:
            self.names = add_names(self.names, r.data, r.pos, end)
        self.customs.append(CustomSection(name, r.pos, end - r.pos))
        r.pos = end

    def _check_bodies(self) -> None:
        """Raise the first error in the bodies that have been passed over, if there is one."""
        r = self.reader
        for body in self.code:
            _, start = read_locals(r.data, body.start, body.end, r.features)
            for _ in instructions(r.data, start, body.end, r.features):
                pass

    def _check_counts(self) -> None:
        """The rules that join two sections."""
        if len(self.funcs) != len(self.code):
            raise MalformedModule(
                "function and code section have inconsistent lengths: "
                f"{len(self.funcs)} and {len(self.code)}",
                offset=self.reader.pos,
            )
        if self.data_count is not None and self.data_count != len(self.data_segments):
            raise MalformedModule(
                "data count and data section have inconsistent lengths: "
                f"{self.data_count} and {len(self.data_segments)}",
                offset=self.reader.pos,
            )
