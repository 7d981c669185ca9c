"""The content of each section, read item by item (specification, section 5.5).

One function per section or item. They read forward and know nothing of section order and sizes,
which are decode.py's part. What is read here is well-formed, not valid: indices may dangle.
"""

from cachewasm.errors import InvalidModule, MalformedModule, ModuleError, UnsupportedModule
from cachewasm.wasm import constexpr, limits, opcodes
from cachewasm.wasm import features as feature
from cachewasm.wasm.body import instructions
from cachewasm.wasm.constexpr import ConstExpr, ConstOp
from cachewasm.wasm.leb128 import UNEXPECTED_END, read_signed
from cachewasm.wasm.module import (
    ByteRange,
    DataSegment,
    ElementSegment,
    Export,
    Global,
    Import,
    SegmentMode,
    Tag,
)
from cachewasm.wasm.reader import Reader
from cachewasm.wasm.types import (
    FUNC,
    FUNCREF,
    GLOBAL,
    MEMORY,
    TABLE,
    TAG,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    ValType,
)

FUNCTYPE = 0x60
# The forms of a type that the gc proposal adds: rec, sub, sub final, array, struct.
_GC_TYPES = (0x4E, 0x50, 0x4F, 0x5E, 0x5F)
_CONTTYPE = 0x5D
_TABLE_WITH_INIT = 0x40
ELEMKIND_FUNC = 0x00

LIMITS_MAX = 0x01
_LIMITS_SHARED = 0x02
_LIMITS_64 = 0x04

# Flags of an element segment. Bit 1 means: explicit table if active, declarative if passive.
ELEM_NOT_ACTIVE = 0x01
ELEM_EXPLICIT = 0x02
ELEM_EXPRS = 0x04

# Forms of a data segment.
DATA_ACTIVE = 0
DATA_PASSIVE = 1
DATA_ACTIVE_MEMIDX = 2

# The instruction of each kind of constant operator, in the order of the kinds.
CONST_OPS = (
    opcodes.I32_CONST,
    opcodes.I64_CONST,
    opcodes.F32_CONST,
    opcodes.F64_CONST,
    opcodes.GLOBAL_GET,
    opcodes.REF_NULL,
    opcodes.REF_FUNC,
    opcodes.I32_ADD,
    opcodes.I32_SUB,
    opcodes.I32_MUL,
    opcodes.I64_ADD,
    opcodes.I64_SUB,
    opcodes.I64_MUL,
    opcodes.V128_CONST,
)
_CONST_KINDS = {op: kind for kind, op in enumerate(CONST_OPS)}


def functype(r: Reader) -> FuncType:
    """An entry of the type section."""
    offset = r.pos
    form = r.byte()
    if form != FUNCTYPE:
        if form >= 0x80:  # a form is a signed LEB128 integer of 7 bits
            raise MalformedModule("integer representation too long", offset=offset)
        if form in _GC_TYPES:
            feature.require(r.features, feature.GC, f"type form 0x{form:02x}", offset)
        if form == _CONTTYPE:
            feature.require(r.features, feature.STACK_SWITCHING, "a continuation type", offset)
        raise MalformedModule(f"malformed type form 0x{form:02x}", offset=offset)
    params = [r.valtype() for _ in range(r.count(limits.PARAMS, "parameters"))]
    results = [r.valtype() for _ in range(r.count(limits.RESULTS, "results"))]
    if len(results) > 1:
        feature.require(r.features, feature.MULTI_VALUE, "a second result", offset)
    return FuncType(params, results)


def import_(r: Reader) -> Import:
    """An entry of the import section."""
    module, name = r.name(), r.name()
    offset = r.pos
    kind = r.byte()
    if kind == FUNC:
        return Import(module, name, kind, typeidx(r))
    if kind == TABLE:
        return Import(module, name, kind, table(r))
    if kind == MEMORY:
        return Import(module, name, kind, memory(r))
    if kind == GLOBAL:
        return Import(module, name, kind, globaltype(r))
    if kind == TAG:
        return Import(module, name, kind, tag(r))
    raise MalformedModule(f"malformed import kind 0x{kind:02x}", offset=offset)


def typeidx(r: Reader) -> int:
    """An entry of the function section."""
    return r.u32()


def table(r: Reader) -> TableType:
    """A table type, or an entry of the table section."""
    offset = r.pos
    if r.pos < len(r.data) and r.data[r.pos] == _TABLE_WITH_INIT:
        feature.require(
            r.features, feature.FUNCTION_REFERENCES, "a table with an initial value", offset
        )
    reftype = r.reftype()
    offset = r.pos
    flags = r.byte()
    if flags & ~LIMITS_MAX == _LIMITS_64:
        feature.require(r.features, feature.MEMORY64, "a 64-bit table", offset)
    return TableType._of(reftype, _limits(r, flags, offset))


def memory(r: Reader) -> MemoryType:
    """A memory type, or an entry of the memory section."""
    offset = r.pos
    flags = r.byte()
    if flags <= LIMITS_MAX | _LIMITS_SHARED | _LIMITS_64:
        if flags & _LIMITS_SHARED:
            feature.require(r.features, feature.THREADS, "a shared memory", offset)
        if flags & _LIMITS_64:
            feature.require(r.features, feature.MEMORY64, "a 64-bit memory", offset)
    return MemoryType._of(_limits(r, flags, offset))


def _limits(r: Reader, flags: int, offset: int) -> Limits:
    if flags & ~LIMITS_MAX:
        raise MalformedModule(f"malformed limits flags 0x{flags:02x}", offset=offset)
    minimum = r.u64()
    return Limits(minimum, r.u64() if flags & LIMITS_MAX else None)


def globaltype(r: Reader) -> GlobalType:
    """The type of a global."""
    valtype = r.valtype()
    offset = r.pos
    mutability = r.byte()
    if mutability > 1:
        raise MalformedModule(f"malformed mutability 0x{mutability:02x}", offset=offset)
    return GlobalType(valtype, mutability == 1)


def global_(r: Reader, end: int) -> Global:
    """An entry of the global section, which ends at `end`."""
    return Global(globaltype(r), const_expr(r, end))


def export(r: Reader) -> Export:
    """An entry of the export section."""
    name = r.name()
    offset = r.pos
    kind = r.byte()
    if kind == TAG:
        feature.require(r.features, feature.EXCEPTIONS, "a tag", offset)
    elif kind > GLOBAL:
        raise MalformedModule(f"malformed export kind 0x{kind:02x}", offset=offset)
    return Export(name, kind, r.u32())


def tag(r: Reader) -> Tag:
    """A tag type, or an entry of the tag section."""
    feature.require(r.features, feature.EXCEPTIONS, "a tag", r.pos)
    offset = r.pos
    attribute = r.byte()
    if attribute:
        raise MalformedModule(f"malformed tag attribute 0x{attribute:02x}", offset=offset)
    return Tag(r.u32())


def element(r: Reader, end: int) -> ElementSegment:
    """An entry of the element section, which ends at `end`."""
    start = r.pos
    flags = r.u32()
    if flags > ELEM_NOT_ACTIVE | ELEM_EXPLICIT | ELEM_EXPRS:
        raise MalformedModule(f"malformed elements segment kind {flags}", offset=start)
    if flags:
        feature.require(r.features, feature.BULK_MEMORY, "this form of element segment", start)
    mode, tableidx, offset = SegmentMode.PASSIVE, 0, None
    if not flags & ELEM_NOT_ACTIVE:
        mode = SegmentMode.ACTIVE
        tableidx = r.u32() if flags & ELEM_EXPLICIT else 0
        offset = const_expr(r, end)
    elif flags & ELEM_EXPLICIT:
        mode = SegmentMode.DECLARATIVE
    reftype = FUNCREF
    if flags & (ELEM_NOT_ACTIVE | ELEM_EXPLICIT):
        reftype = r.reftype() if flags & ELEM_EXPRS else _elemkind(r)
    count = r.count(limits.SEGMENT_ENTRIES, "entries in an element segment")
    inits: tuple[int | ConstExpr, ...]
    if flags & ELEM_EXPRS:
        inits = tuple(const_expr(r, end) for _ in range(count))
    else:
        inits = tuple(r.u32() for _ in range(count))
    return ElementSegment(mode, tableidx, offset, reftype, inits)


def _elemkind(r: Reader) -> ValType:
    offset = r.pos
    if r.byte() != ELEMKIND_FUNC:
        raise MalformedModule("malformed element kind", offset=offset)
    return FUNCREF


def code(r: Reader) -> ByteRange:
    """An entry of the code section: the range of a body, which is passed over."""
    offset = r.pos
    size = r.length()
    if size > limits.FUNCTION_SIZE:
        raise UnsupportedModule(
            f"function body too large: {size} bytes exceed the implementation limit of "
            f"{limits.FUNCTION_SIZE}",
            offset=offset,
        )
    return ByteRange(r.skip(size), size)


def data(r: Reader, end: int) -> DataSegment:
    """An entry of the data section, which ends at `end`; the bytes are passed over."""
    start = r.pos
    form = r.u32()
    mode, memidx, offset = SegmentMode.ACTIVE, 0, None
    if form > DATA_ACTIVE_MEMIDX:
        raise MalformedModule(f"malformed data segment kind {form}", offset=start)
    if form == DATA_PASSIVE:
        feature.require(r.features, feature.BULK_MEMORY, "a passive data segment", start)
        mode = SegmentMode.PASSIVE
    else:
        memidx = r.u32() if form == DATA_ACTIVE_MEMIDX else 0
        offset = const_expr(r, end)
    size = r.length()
    return DataSegment(mode, memidx, offset, r.skip(size), size)


def const_expr(r: Reader, section_end: int) -> ConstExpr:
    """A constant expression, which must end before `section_end`.

    An instruction that is none makes the module invalid, not malformed; that is said at once, since
    a `ConstExpr` cannot hold it.
    """
    if r.pos < section_end and r.data[r.pos] == opcodes.I32_CONST.code:
        # By far most are one constant: a module may have 100,000 data segments.
        try:
            value, pos = read_signed(r.data, r.pos + 1, 32)
        except MalformedModule:
            pos = section_end  # the error is found once more below, in its order
        if pos < section_end and r.data[pos] == opcodes.END.code:
            r.pos = pos + 1
            return ((constexpr.I32_CONST, value),)
    ops: list[ConstOp] = []
    try:
        for offset, op, imm in instructions(r.data, r.pos, None, r.features):
            if offset >= section_end:
                raise MalformedModule(UNEXPECTED_END, offset=section_end)
            if op is opcodes.END:
                r.pos = offset + 1
                break
            kind = _CONST_KINDS.get(op)
            if kind is None:
                raise InvalidModule(f"constant expression required, found {op}", offset=offset)
            if constexpr.is_arithmetic(kind):
                feature.require(
                    r.features, feature.EXTENDED_CONST, f"{op} in a constant expression", offset
                )
            ops.append((kind, imm if isinstance(imm, int | ValType) else 0))
    except ModuleError as error:
        if error.offset is None or error.offset < section_end:
            raise
        # Whatever is wrong beyond the section: the expression did not end inside.
        raise MalformedModule(UNEXPECTED_END, offset=section_end) from None
    return tuple(ops)
