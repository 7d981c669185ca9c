"""Encode a module into its binary: the inverse of decode.py.

A `ModuleSource` is what the text format parses to: a module that has no binary yet, with bodies and
data spelled out where `Module` has ranges. Integers are encoded minimally and segments in the
smallest form that can hold them, so encoding what was decoded may change bytes, never meaning.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from cachewasm.wasm import constexpr, opcodes, sections
from cachewasm.wasm.constexpr import ConstExpr
from cachewasm.wasm.decode import (
    CODE_SECTION,
    CUSTOM_SECTION,
    DATA_COUNT_SECTION,
    DATA_SECTION,
    ELEMENT_SECTION,
    EXPORT_SECTION,
    FUNCTION_SECTION,
    GLOBAL_SECTION,
    IMPORT_SECTION,
    MAGIC,
    MEMORY_SECTION,
    START_SECTION,
    TABLE_SECTION,
    TAG_SECTION,
    TYPE_SECTION,
    VERSION,
)
from cachewasm.wasm.encode_body import (
    FunctionBody,
    decode_body,
    encode_body,
    encode_instruction,
)
from cachewasm.wasm.leb128 import unsigned
from cachewasm.wasm.module import (
    ElementSegment,
    Export,
    Global,
    Import,
    Module,
    Names,
    SegmentMode,
    Tag,
)
from cachewasm.wasm.names import SECTION_NAME, encode_name, encode_names
from cachewasm.wasm.types import (
    FUNCREF,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    ValType,
)


@dataclass(frozen=True, slots=True)
class DataSource:
    """A data segment with its bytes."""

    mode: SegmentMode
    memory: int
    offset: ConstExpr | None
    content: bytes


@dataclass(frozen=True, slots=True)
class CustomSource:
    """A custom section with its bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """A module to be encoded; fields as in `Module`. `funcs` and `bodies` are in step.

    `has_data_count` asks for the section that memory.init and data.drop demand. Custom sections are
    written last, the `name` section (from `names`) before the others.
    """

    types: tuple[FuncType, ...] = ()
    imports: tuple[Import, ...] = ()
    funcs: tuple[int, ...] = ()
    bodies: tuple[FunctionBody, ...] = ()
    tables: tuple[TableType, ...] = ()
    memories: tuple[MemoryType, ...] = ()
    tags: tuple[Tag, ...] = ()
    globals: tuple[Global, ...] = ()
    exports: tuple[Export, ...] = ()
    start: int | None = None
    elements: tuple[ElementSegment, ...] = ()
    data_segments: tuple[DataSource, ...] = ()
    has_data_count: bool = False
    names: Names = field(default_factory=Names)
    customs: tuple[CustomSource, ...] = ()

    @classmethod
    def from_module(cls, module: Module) -> "ModuleSource":
        """Spell out a decoded module; raises as body.py does if a body is malformed."""
        data = module.data
        return cls(
            types=module.types,
            imports=module.imports,
            funcs=module.funcs,
            bodies=tuple(decode_body(module, body) for body in module.code),
            tables=module.tables,
            memories=module.memories,
            tags=module.tags,
            globals=module.globals,
            exports=module.exports,
            start=module.start,
            elements=module.elements,
            data_segments=tuple(
                DataSource(
                    segment.mode,
                    segment.memory,
                    segment.offset,
                    data[segment.start : segment.start + segment.size],
                )
                for segment in module.data_segments
            ),
            has_data_count=module.data_count is not None,
            names=module.names,
            customs=tuple(
                CustomSource(custom.name, data[custom.start : custom.start + custom.size])
                for custom in module.customs
                if custom.name != SECTION_NAME
            ),
        )


def encode(source: ModuleSource) -> bytes:
    """The binary of `source`. Encodes whatever it is given, also what is not valid."""
    encoded = bytearray(MAGIC + VERSION)

    def section(code: int, content: bytes) -> None:
        encoded.append(code)
        encoded.extend(unsigned(len(content)) + content)

    def items(code: int, contents: Iterable[bytes]) -> None:
        listed = list(contents)
        if listed:
            section(code, unsigned(len(listed)) + b"".join(listed))

    items(TYPE_SECTION, (_functype(functype) for functype in source.types))
    items(IMPORT_SECTION, (_import(item) for item in source.imports))
    items(FUNCTION_SECTION, (unsigned(typeidx) for typeidx in source.funcs))
    items(TABLE_SECTION, (_table(tabletype) for tabletype in source.tables))
    items(MEMORY_SECTION, (_memory(memorytype) for memorytype in source.memories))
    items(TAG_SECTION, (_tag(tag) for tag in source.tags))
    items(GLOBAL_SECTION, (_global(item.type) + _expr(item.init) for item in source.globals))
    items(
        EXPORT_SECTION,
        (encode_name(e.name) + bytes([e.kind]) + unsigned(e.index) for e in source.exports),
    )
    if source.start is not None:
        section(START_SECTION, unsigned(source.start))
    items(ELEMENT_SECTION, (_element(segment) for segment in source.elements))
    if source.has_data_count:
        section(DATA_COUNT_SECTION, unsigned(len(source.data_segments)))
    items(CODE_SECTION, (_sized(encode_body(body)) for body in source.bodies))
    items(DATA_SECTION, (_data(segment) for segment in source.data_segments))
    names = encode_names(source.names)
    if names:
        section(CUSTOM_SECTION, encode_name(SECTION_NAME) + names)
    for custom in source.customs:
        section(CUSTOM_SECTION, encode_name(custom.name) + custom.content)
    return bytes(encoded)


def _sized(content: bytes) -> bytes:
    return unsigned(len(content)) + content


def _valtypes(types: tuple[ValType, ...]) -> bytes:
    return unsigned(len(types)) + bytes(valtype.code for valtype in types)


def _functype(functype: FuncType) -> bytes:
    return (
        bytes([sections.FUNCTYPE])
        + _valtypes(functype.param_types)
        + _valtypes(functype.result_types)
    )


def _import(item: Import) -> bytes:
    match item.type:
        case TableType():
            extern = _table(item.type)
        case MemoryType():
            extern = _memory(item.type)
        case GlobalType():
            extern = _global(item.type)
        case Tag():
            extern = _tag(item.type)
        case typeidx:
            extern = unsigned(typeidx)
    return encode_name(item.module) + encode_name(item.name) + bytes([item.kind]) + extern


def _table(tabletype: TableType) -> bytes:
    return bytes([tabletype.element.code]) + _limits(tabletype.limits)


def _memory(memorytype: MemoryType) -> bytes:
    return _limits(memorytype.limits)


def _limits(limits: Limits) -> bytes:
    if limits.max is None:
        return b"\0" + unsigned(limits.min)
    return bytes([sections.LIMITS_MAX]) + unsigned(limits.min) + unsigned(limits.max)


def _global(globaltype: GlobalType) -> bytes:
    return bytes([globaltype.content.code, globaltype.mutable])


def _tag(tag: Tag) -> bytes:
    return b"\0" + unsigned(tag.typeidx)


def _expr(expr: ConstExpr) -> bytes:
    encoded = b""
    for kind, operand in expr:
        op = sections.CONST_OPS[kind]
        encoded += encode_instruction(op, operand if op.imm else None)
    return encoded + encode_instruction(opcodes.END, None)


def _element(segment: ElementSegment) -> bytes:
    flags = 0
    if segment.mode is not SegmentMode.ACTIVE:
        flags |= sections.ELEM_NOT_ACTIVE
    if any(not isinstance(init, int) for init in segment.inits) or segment.type is not FUNCREF:
        flags |= sections.ELEM_EXPRS
    if (
        segment.mode is SegmentMode.DECLARATIVE
        or segment.table
        or (segment.mode is SegmentMode.ACTIVE and segment.type is not FUNCREF)
    ):
        flags |= sections.ELEM_EXPLICIT
    encoded = unsigned(flags)
    if segment.offset is not None:
        if flags & sections.ELEM_EXPLICIT:
            encoded += unsigned(segment.table)
        encoded += _expr(segment.offset)
    has_exprs = flags & sections.ELEM_EXPRS
    if flags & (sections.ELEM_NOT_ACTIVE | sections.ELEM_EXPLICIT):
        encoded += bytes([segment.type.code if has_exprs else sections.ELEMKIND_FUNC])
    encoded += unsigned(len(segment.inits))
    return encoded + b"".join(_init(init, as_expr=bool(has_exprs)) for init in segment.inits)


def _init(init: int | ConstExpr, *, as_expr: bool) -> bytes:
    if not isinstance(init, int):
        return _expr(init)
    return _expr(((constexpr.REF_FUNC, init),)) if as_expr else unsigned(init)


def _data(segment: DataSource) -> bytes:
    if segment.offset is None:
        return unsigned(sections.DATA_PASSIVE) + _sized(segment.content)
    if segment.memory:
        head = unsigned(sections.DATA_ACTIVE_MEMIDX) + unsigned(segment.memory)
    else:
        head = unsigned(sections.DATA_ACTIVE)
    return head + _expr(segment.offset) + _sized(segment.content)
