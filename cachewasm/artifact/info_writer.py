"""Write the module info section; info.py reads it and says what it is for.

Apart from info.py because only compiling needs it, and the types of a decoded module cost more to
import than a warm run may spend.
"""

import struct
from array import array
from collections.abc import Sequence
from itertools import chain

from cachewasm.artifact import info
from cachewasm.errors import InternalError
from cachewasm.record import dataclass
from cachewasm.wasm import constexpr
from cachewasm.wasm.module import DataSegment, ElementSegment, Import, Module, SegmentMode, Tag
from cachewasm.wasm.types import FuncType, GlobalType, Limits, MemoryType, TableType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from cachewasm.wasm.constexpr import ConstExpr

    class DataCopy(Protocol):
        """`size` bytes at `source` in the section with the data, for `memory` from `start` on."""

        @property
        def memory(self) -> int: ...
        @property
        def start(self) -> int: ...
        @property
        def source(self) -> int: ...
        @property
        def size(self) -> int: ...


_U32 = struct.Struct("<I")
_MODES = {
    SegmentMode.ACTIVE: info.ACTIVE,
    SegmentMode.PASSIVE: info.PASSIVE,
    SegmentMode.DECLARATIVE: info.DECLARATIVE,
}
_PART_ALIGN = 4
# A data segment, the size of its offset's expression, and that: one constant.
_DATA_AT_CONSTANT = struct.Struct(info.DATA.format + "I" + constexpr.ROW.format.lstrip("<"))


@dataclass(frozen=True, slots=True)
class CodeRange:
    """The code of a function; `offset` counts from the start of the text."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Trampolines:
    """Where the array-call thunk and the host-call stub of a type lie in the text."""

    thunk: int
    host_stub: int


@dataclass(frozen=True, slots=True)
class CodeLayout:
    """What compiling found out about a module.

    `functions` and `func_flags` have an entry per defined function, `trampolines` one per type,
    `data` one per data segment: where its bytes begin in the section that holds them all. `images`,
    if there are any, are what to put into memories in place of the active segments. `escapes`
    are the functions that may be referenced from elsewhere than a direct call: exported, in element
    segments, global initialisers or `ref.func`, or started.
    """

    functions: Sequence[CodeRange]
    func_flags: bytes
    trampolines: Sequence[Trampolines]
    escapes: frozenset[int]
    data: Sequence[int]
    images: "Sequence[DataCopy]" = ()


def encode_info(module: Module, code: CodeLayout) -> bytes:
    """Return the section's bytes for a valid module and the layout of its code."""
    if len(code.functions) != len(module.funcs) or len(code.func_flags) != len(module.funcs):
        raise InternalError("artifact: the code layout is not that of the module's functions")
    if len(code.trampolines) != len(module.types) or len(code.data) != len(module.data_segments):
        raise InternalError("artifact: the code layout is not that of the module")
    parts = [b""] * info.PART_COUNT
    parts[info.PART_SCALARS] = info.SCALARS.pack(
        module.imported_funcs,
        module.imported_tables,
        module.imported_memories,
        module.imported_globals,
        info.NONE if module.start is None else module.start,
        info.NONE if module.data_count is None else module.data_count,
        len(module.data_segments),
        sum(segment.mode is SegmentMode.PASSIVE for segment in module.data_segments),
        module.imported_tags,
    )
    parts[info.PART_TYPES] = b"".join(map(_func_type, module.types))
    parts[info.PART_IMPORTS] = b"".join(map(_import, module.imports))
    parts[info.PART_EXPORTS] = b"".join(
        _text(export.name) + bytes([export.kind]) + _U32.pack(export.index)
        for export in module.exports
    )
    parts[info.PART_TABLES] = b"".join(map(_table_type, module.tables))
    parts[info.PART_MEMORIES] = b"".join(map(_memory_type, module.memories))
    parts[info.PART_GLOBALS] = b"".join(
        _global_type(each.type) + _expression(each.init) for each in module.globals
    )
    escapes = sorted(code.escapes)
    rows = {funcidx: row for row, funcidx in enumerate(escapes)}
    parts[info.PART_ELEMENTS] = b"".join(_element(segment, rows) for segment in module.elements)
    parts[info.PART_DATA], copies = _data(module.data_segments, code.data)
    if code.images:
        images = ((each.memory, each.start, each.source, each.size) for each in code.images)
        copies = array("I", chain.from_iterable(images))
    parts[info.PART_NAME] = b"" if module.names.module is None else _text(module.names.module)
    parts[info.PART_FUNC_TYPEIDX] = array("I", module.func_typeidxs).tobytes()
    ranges = (number for each in code.functions for number in (each.offset, each.size))
    parts[info.PART_CODE_RANGES] = array("I", ranges).tobytes()
    parts[info.PART_FUNC_FLAGS] = code.func_flags
    offsets = (number for each in code.trampolines for number in (each.thunk, each.host_stub))
    parts[info.PART_TRAMPOLINES] = array("I", offsets).tobytes()
    parts[info.PART_ESCAPES] = array("I", escapes).tobytes()
    parts[info.PART_BODY_STARTS] = array("I", (body.start for body in module.code)).tobytes()
    parts[info.PART_DATA_COPIES] = copies.tobytes()
    parts[info.PART_TAG_TYPEIDX] = array("I", module.tag_typeidxs).tobytes()
    return _join(parts)


def _join(parts: Sequence[bytes]) -> bytes:
    """Put the table of parts in front of the parts."""
    table: list[int] = []
    bodies: list[bytes] = []
    end = info.PARTS.size
    for part in parts:
        table += (end, len(part))
        padded = part + bytes(-len(part) % _PART_ALIGN)
        bodies.append(padded)
        end += len(padded)
    return info.PARTS.pack(*table) + b"".join(bodies)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8")
    return _U32.pack(len(encoded)) + encoded


def _func_type(func_type: FuncType) -> bytes:
    params, results = func_type.param_types, func_type.result_types
    codes = bytes(valtype.code for valtype in (*params, *results))
    return info.U16_PAIR.pack(len(params), len(results)) + codes


def _limits(limits: Limits) -> bytes:
    flags = 0 if limits.max is None else info.LIMITS_HAS_MAX
    return info.LIMITS.pack(flags, limits.min, limits.max or 0)


def _table_type(table: TableType) -> bytes:
    return bytes([table.element.code]) + _limits(table.limits)


def _memory_type(memory: MemoryType) -> bytes:
    flags = info.MEMORY_IS_64 if memory.is_64 else 0
    flags |= info.MEMORY_IS_SHARED if memory.is_shared else 0
    return _limits(memory.limits) + bytes([flags, memory.page_size_log2])


def _global_type(global_type: GlobalType) -> bytes:
    return bytes([global_type.content.code, global_type.mutable])


def _expression(expr: "ConstExpr") -> bytes:
    stored = constexpr.to_bytes(expr)
    return _U32.pack(len(stored)) + stored


def _import(item: Import) -> bytes:
    match item.type:
        case int():
            described = _U32.pack(item.type)
        case TableType():
            described = _table_type(item.type)
        case MemoryType():
            described = _memory_type(item.type)
        case GlobalType():
            described = _global_type(item.type)
        case Tag():
            described = _U32.pack(item.type.typeidx)
    return _text(item.module) + _text(item.name) + bytes([item.kind]) + described


def _element(segment: ElementSegment, rows: "Mapping[int, int]") -> bytes:
    flags = 0 if segment.offset is None else info.SEGMENT_HAS_OFFSET
    offset = b"" if segment.offset is None else _expression(segment.offset)
    funcs = [init for init in segment.inits if isinstance(init, int)]
    if len(funcs) == len(segment.inits):
        inits = array("I", map(rows.__getitem__, funcs)).tobytes()
    else:
        flags |= info.ELEMENT_HAS_EXPRESSIONS
        inits = b"".join(map(_init, segment.inits))
    mode, code = _MODES[segment.mode], segment.type.code
    return info.ELEMENT.pack(mode, flags, code, segment.table, len(segment.inits)) + offset + inits


def _init(init: "int | ConstExpr") -> bytes:
    return _expression(((constexpr.REF_FUNC, init),) if isinstance(init, int) else init)


def _data(segments: Sequence[DataSegment], starts: Sequence[int]) -> "tuple[bytes, array[int]]":
    """The rows of the data segments; and what to copy where for the active ones.

    Of copies there are none if an offset is not a constant. A segment that goes on where the one
    before ends is part of its copy. There may be 100,000 segments.
    """
    rows: list[bytes] = []
    copies = array("I")
    are_constant = True
    expected = None
    for segment, start in zip(segments, starts, strict=True):
        offset, size, memory = segment.offset, segment.size, segment.memory
        mode = _MODES[segment.mode]
        match offset:
            case None:
                rows.append(info.DATA.pack(mode, 0, memory, start, size))
                continue
            case ((constexpr.I32_CONST, int() as value),):
                flags, stored = info.SEGMENT_HAS_OFFSET, constexpr.ROW.size
                row = mode, flags, memory, start, size, stored, constexpr.I32_CONST
                rows.append(_DATA_AT_CONSTANT.pack(*row, value & 0xFFFF_FFFF_FFFF_FFFF))
                target = value & 0xFFFF_FFFF
            case _:
                row_bytes = info.DATA.pack(mode, info.SEGMENT_HAS_OFFSET, memory, start, size)
                rows.append(row_bytes + _expression(offset))
                are_constant = False
                continue
        if (memory, target, start) == expected:
            copies[-1] += size
        else:
            copies.extend((memory, target, start, size))
        expected = memory, target + size, start + size
    return b"".join(rows), copies if are_constant else array("I")
