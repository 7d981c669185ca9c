"""Module info: what a loaded module must know about itself, so that no wasm is decoded again.

The section starts with a table of parts (offset and size of each, by PART_* number), which is checked
as a whole when somebody first asks for anything; a part is decoded when somebody first asks for that.
What grows with the code (function types, code ranges, flags, trampolines, escapes) is read in place as
an array. Whatever is damaged is an IncompatibleArtifact.
The numbers in the arrays are not walked on load: the artifact's digest vouches for them.
Format: docs/format/artifact.md; written by info_writer.py.

On the warm path.
"""

import struct

# The module of Python code that has it too would be one more to import.
from _operator import add

from cachewasm.errors import IncompatibleArtifact
from cachewasm.wasm import constexpr
from cachewasm.wasm.types import (
    FUNC,
    GLOBAL,
    MEMORY,
    TABLE,
    TAG,
    VALTYPE_BY_CODE,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    ValType,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sized
    from typing import TypeAlias

    from cachewasm.wasm.constexpr import ConstExpr

    # The type of a function or tag is an index into `types`.
    ImportedType: TypeAlias = "int | TableType | MemoryType | GlobalType"
    ImportRow: TypeAlias = "tuple[str, str, int, ImportedType]"
    ExportRow: TypeAlias = "tuple[str, int, int]"

(
    PART_SCALARS,
    PART_TYPES,
    PART_IMPORTS,
    PART_EXPORTS,
    PART_TABLES,
    PART_MEMORIES,
    PART_GLOBALS,
    PART_ELEMENTS,
    PART_DATA,
    PART_NAME,
    PART_FUNC_TYPEIDX,
    PART_CODE_RANGES,
    PART_FUNC_FLAGS,
    PART_TRAMPOLINES,
    PART_ESCAPES,
    PART_BODY_STARTS,
    PART_DATA_COPIES,
    PART_TAG_TYPEIDX,
) = range(18)
PART_COUNT = 18
PARTS = struct.Struct(f"<{2 * PART_COUNT}I")
# How many functions, tables, memories and globals are imported; start function; data count; how
# many data segments there are, and how many of them are passive; how many tags are imported.
SCALARS = struct.Struct("<9I")
NONE = 0xFFFFFFFF

# When a segment is copied: at instantiation, by an instruction, never.
ACTIVE, PASSIVE, DECLARATIVE = range(3)

LIMITS_HAS_MAX = 1
LIMITS = struct.Struct("<BQQ")
MEMORY_IS_64 = 1
MEMORY_IS_SHARED = 2
SEGMENT_HAS_OFFSET = 1
ELEMENT_HAS_EXPRESSIONS = 2
ELEMENT = struct.Struct("<BBBII")  # mode, flags, type, table, number of inits
DATA = struct.Struct("<BBIII")  # mode, flags, memory, start, size
DATA_COPY_WORDS = 4  # u32 memory, start in it, start in the section with the bytes, size

U16_PAIR = struct.Struct("<HH")
_U32 = struct.Struct("<I")


class ElementDef:
    """An element segment: `rows` holds u32 places of functions in the list of escapes, or `inits`
    expressions if that is None. `count` is the number of elements.
    """

    __slots__ = ("count", "inits", "mode", "offset", "rows", "table", "type")

    def __init__(
        self,
        mode: int,
        type: ValType,
        table: int,
        offset: "ConstExpr | None",
        count: int,
        rows: "bytes | None",
        inits: "tuple[ConstExpr, ...]",
    ) -> None:
        self.mode = mode
        self.type = type
        self.table = table
        self.offset = offset
        self.count = count
        self.rows = rows
        self.inits = inits


class DataDef:
    """A data segment; `start` and `size` are a range of the section with the segments' bytes."""

    __slots__ = ("memory", "mode", "offset", "size", "start")

    def __init__(
        self, mode: int, memory: int, offset: "ConstExpr | None", start: int, size: int
    ) -> None:
        self.mode = mode
        self.memory = memory
        self.offset = offset
        self.start = start
        self.size = size


class ModuleInfo:
    """The module info of an artifact; each attribute is decoded on first use.

    Index spaces are whole: imports come first in `tables`, `memories`, `globals`,
    `func_typeidx` and `tag_typeidx`;
    `global_inits`, `code_ranges` and `func_flags` count what the module itself defines.
    `code_ranges` holds offset and size per function, `trampolines` the offsets of array-call thunk and
    host-call stub per type, all from the start of the text. `escapes` lists, ascending, the functions
    that may be referenced from elsewhere than a direct call; `body_starts` holds the offset in the
    wasm binary of each defined function's body. `data_copies` holds DATA_COPY_WORDS numbers per run
    of active data segments, if the offsets of all of them are constants; else nothing.
    """

    __slots__ = (
        "_parts",
        "_section",
        "body_starts",
        "code_ranges",
        "data_copies",
        "data_count",
        "data_segment_count",
        "data_segments",
        "elements",
        "escapes",
        "exports",
        "func_flags",
        "func_typeidx",
        "global_inits",
        "globals",
        "imported_funcs",
        "imported_globals",
        "imported_memories",
        "imported_tables",
        "imported_tags",
        "imports",
        "memories",
        "name",
        "passive_data_count",
        "start",
        "tables",
        "tag_typeidx",
        "trampolines",
        "types",
    )

    imported_funcs: int
    imported_tables: int
    imported_memories: int
    imported_globals: int
    imported_tags: int
    start: int | None
    data_count: int | None
    data_segment_count: int
    passive_data_count: int
    types: tuple[FuncType, ...]
    imports: "list[ImportRow]"
    exports: "list[ExportRow]"
    tables: tuple[TableType, ...]
    memories: tuple[MemoryType, ...]
    globals: tuple[GlobalType, ...]
    global_inits: "tuple[ConstExpr, ...]"
    elements: tuple[ElementDef, ...]
    data_segments: tuple[DataDef, ...]
    name: str | None
    func_typeidx: memoryview
    code_ranges: memoryview
    func_flags: memoryview
    trampolines: memoryview
    escapes: memoryview
    body_starts: memoryview
    data_copies: memoryview
    tag_typeidx: memoryview

    def __init__(self, section: memoryview) -> None:
        self._section = section

    def _read_head(self) -> None:
        """Check the table of parts, and decode the scalars."""
        section = self._section
        if len(section) < PARTS.size:
            raise _damaged()
        self._parts = parts = PARTS.unpack_from(section)
        sizes = parts[1::2]
        if max(map(add, parts[::2], sizes)) > len(section):
            raise _damaged()
        if sizes[PART_SCALARS] != SCALARS.size:
            raise _damaged()
        (
            self.imported_funcs,
            self.imported_tables,
            self.imported_memories,
            self.imported_globals,
            start,
            data_count,
            self.data_segment_count,
            self.passive_data_count,
            self.imported_tags,
        ) = SCALARS.unpack_from(section, parts[2 * PART_SCALARS])
        funcs = sizes[PART_FUNC_TYPEIDX] // _U32.size
        defined = funcs - self.imported_funcs
        if (
            sizes[PART_CODE_RANGES] != 2 * _U32.size * defined
            or sizes[PART_FUNC_FLAGS] != defined
            or sizes[PART_BODY_STARTS] != _U32.size * defined
            or sizes[PART_DATA_COPIES] % (DATA_COPY_WORDS * _U32.size)
            or (start != NONE and start >= funcs)
        ):
            raise _damaged()
        self.start = None if start == NONE else start
        self.data_count = None if data_count == NONE else data_count

    def __getattr__(self, name: str) -> object:
        # Called while the slot is empty only: afterwards the value is found without Python code.
        decode = _DECODERS.get(name)
        if decode is None:
            if name not in _IN_HEAD:
                raise AttributeError(f"'ModuleInfo' object has no attribute {name!r}")
            self._read_head()
            value: object = getattr(self, name)
            return value
        try:
            value = decode(self)
        except (LookupError, struct.error, UnicodeDecodeError) as error:
            raise _damaged() from error
        setattr(self, name, value)
        return value

    def _part(self, number: int) -> memoryview:
        offset, size = self._parts[2 * number : 2 * number + 2]
        return self._section[offset : offset + size]

    def _array(self, number: int) -> memoryview:
        part = self._part(number)
        if len(part) % 4:
            raise _damaged()
        return part.cast("I")

    def _rows(self, number: int) -> "_Rows":
        return _Rows(bytes(self._part(number)))


def _damaged() -> IncompatibleArtifact:
    return IncompatibleArtifact("module info is damaged")


class _Rows:
    """A part that is read from front to back; past its end there is a LookupError."""

    __slots__ = ("_bytes", "_position")

    def __init__(self, part: bytes) -> None:
        self._bytes = part
        self._position = 0

    def more(self) -> bool:
        return self._position < len(self._bytes)

    def take(self, size: int) -> bytes:
        start = self._position
        end = start + size
        if end > len(self._bytes):
            raise IndexError
        self._position = end
        return self._bytes[start:end]

    def byte(self) -> int:
        position = self._position
        self._position = position + 1
        return self._bytes[position]

    def u32(self) -> int:
        position = self._position
        self._position = position + 4
        value: int = _U32.unpack_from(self._bytes, position)[0]
        return value

    def text(self) -> str:
        return str(self.take(self.u32()), "utf-8")

    def valtypes(self, count: int) -> tuple[ValType, ...]:
        return tuple(map(VALTYPE_BY_CODE.__getitem__, self.take(count)))

    def limits(self) -> Limits:
        flags, least, most = LIMITS.unpack(self.take(LIMITS.size))
        return Limits(least, most if flags & LIMITS_HAS_MAX else None)

    def table_type(self) -> TableType:
        return TableType._of(VALTYPE_BY_CODE[self.byte()], self.limits())

    def memory_type(self) -> MemoryType:
        limits = self.limits()
        flags = self.byte()
        return MemoryType._of(
            limits, bool(flags & MEMORY_IS_64), bool(flags & MEMORY_IS_SHARED), self.byte()
        )

    def global_type(self) -> GlobalType:
        return GlobalType(VALTYPE_BY_CODE[self.byte()], bool(self.byte()))

    def expression(self) -> "ConstExpr":
        return constexpr.from_bytes(self.take(self.u32()))


def _types(info: ModuleInfo) -> tuple[FuncType, ...]:
    rows = info._rows(PART_TYPES)
    types = []
    while rows.more():
        params, results = U16_PAIR.unpack(rows.take(U16_PAIR.size))
        types.append(FuncType(rows.valtypes(params), rows.valtypes(results)))
    if len(info.trampolines) != 2 * len(types):
        raise _damaged()
    return tuple(types)


def _imports(info: ModuleInfo) -> "list[ImportRow]":
    rows = info._rows(PART_IMPORTS)
    imports: list[ImportRow] = []
    while rows.more():
        module, name, kind = rows.text(), rows.text(), rows.byte()
        imported = _IMPORTED_TYPES[kind](rows)
        if isinstance(imported, int) and imported >= len(info.types):
            raise _damaged()
        imports.append((module, name, kind, imported))
    kinds = [row[2] for row in imports]
    if (
        kinds.count(FUNC) != info.imported_funcs
        or kinds.count(TABLE) != info.imported_tables
        or kinds.count(MEMORY) != info.imported_memories
        or kinds.count(GLOBAL) != info.imported_globals
        or kinds.count(TAG) != info.imported_tags
    ):
        raise _damaged()
    return imports


_IMPORTED_TYPES: "dict[int, Callable[[_Rows], ImportedType]]" = {
    FUNC: _Rows.u32,
    TABLE: _Rows.table_type,
    MEMORY: _Rows.memory_type,
    GLOBAL: _Rows.global_type,
    TAG: _Rows.u32,
}


def _exports(info: ModuleInfo) -> "list[ExportRow]":
    rows = info._rows(PART_EXPORTS)
    exports = []
    while rows.more():
        name, kind, index = rows.text(), rows.byte(), rows.u32()
        if index >= len(_index_space(info, kind)):
            raise _damaged()
        exports.append((name, kind, index))
    return exports


def _index_space(info: ModuleInfo, kind: int) -> "Sized":
    if kind == FUNC:
        return info.func_typeidx
    if kind == TABLE:
        return info.tables
    if kind == MEMORY:
        return info.memories
    if kind == GLOBAL:
        return info.globals
    if kind == TAG:
        return info.tag_typeidx
    raise _damaged()


def _tables(info: ModuleInfo) -> tuple[TableType, ...]:
    types = [row[3] for row in info.imports if isinstance(row[3], TableType)]
    rows = info._rows(PART_TABLES)
    while rows.more():
        types.append(rows.table_type())
    return tuple(types)


def _memories(info: ModuleInfo) -> tuple[MemoryType, ...]:
    types = [row[3] for row in info.imports if isinstance(row[3], MemoryType)]
    rows = info._rows(PART_MEMORIES)
    while rows.more():
        types.append(rows.memory_type())
    return tuple(types)


def _globals(info: ModuleInfo) -> tuple[GlobalType, ...]:
    types = [row[3] for row in info.imports if isinstance(row[3], GlobalType)]
    rows = info._rows(PART_GLOBALS)
    inits = []
    while rows.more():
        types.append(rows.global_type())
        inits.append(rows.expression())
    info.global_inits = tuple(inits)
    return tuple(types)


def _global_inits(info: ModuleInfo) -> "tuple[ConstExpr, ...]":
    _ = info.globals  # decodes both
    return info.global_inits


def _elements(info: ModuleInfo) -> tuple[ElementDef, ...]:
    rows = info._rows(PART_ELEMENTS)
    segments = []
    while rows.more():
        mode, flags, type_code, table, count = ELEMENT.unpack(rows.take(ELEMENT.size))
        if mode > DECLARATIVE:
            raise _damaged()
        offset = rows.expression() if flags & SEGMENT_HAS_OFFSET else None
        places = None
        inits: tuple[ConstExpr, ...] = ()
        if flags & ELEMENT_HAS_EXPRESSIONS:
            inits = tuple([rows.expression() for _ in range(count)])
        else:
            places = rows.take(4 * count)
        element_type = VALTYPE_BY_CODE[type_code]
        segments.append(ElementDef(mode, element_type, table, offset, count, places, inits))
    return tuple(segments)


def _data_segments(info: ModuleInfo) -> tuple[DataDef, ...]:
    rows = info._rows(PART_DATA)
    segments = []
    while rows.more():
        mode, flags, memory, start, size = DATA.unpack(rows.take(DATA.size))
        if mode > PASSIVE:
            raise _damaged()
        offset = rows.expression() if flags & SEGMENT_HAS_OFFSET else None
        segments.append(DataDef(mode, memory, offset, start, size))
    if len(segments) != info.data_segment_count:
        raise _damaged()
    return tuple(segments)


def _name(info: ModuleInfo) -> str | None:
    rows = info._rows(PART_NAME)
    return rows.text() if rows.more() else None


def _escapes(info: ModuleInfo) -> memoryview:
    escapes = info._array(PART_ESCAPES)
    if len(escapes) and escapes[-1] >= len(info.func_typeidx):
        raise _damaged()
    return escapes


# What `_read_head` sets.
_IN_HEAD = frozenset(
    (
        *("_parts", "imported_funcs", "imported_tables", "imported_memories", "imported_globals"),
        *("start", "data_count", "data_segment_count", "passive_data_count", "imported_tags"),
    )
)

_DECODERS: "dict[str, Callable[[ModuleInfo], object]]" = {
    "types": _types,
    "imports": _imports,
    "exports": _exports,
    "tables": _tables,
    "memories": _memories,
    "globals": _globals,
    "global_inits": _global_inits,
    "elements": _elements,
    "data_segments": _data_segments,
    "name": _name,
    "func_typeidx": lambda info: info._array(PART_FUNC_TYPEIDX),
    "code_ranges": lambda info: info._array(PART_CODE_RANGES),
    "func_flags": lambda info: info._part(PART_FUNC_FLAGS),
    "trampolines": lambda info: info._array(PART_TRAMPOLINES),
    "escapes": _escapes,
    "body_starts": lambda info: info._array(PART_BODY_STARTS),
    "data_copies": lambda info: info._array(PART_DATA_COPIES),
    "tag_typeidx": lambda info: info._array(PART_TAG_TYPEIDX),
}
