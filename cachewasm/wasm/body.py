"""Function bodies as instructions: the hot loop of every compilation.

Both functions read from the module's binary and yield module offsets. Reading is bounded by the
binary, not by the body's range: as in the reference interpreter, a body that does not end where its
size says is a "section size mismatch" when its last `end` is met, which spares a comparison per
instruction. Block nesting is counted, never recursed on.
"""

import struct
from collections.abc import Iterator
from functools import cache

from cachewasm.errors import MalformedModule, UnsupportedModule
from cachewasm.wasm import features as feature
from cachewasm.wasm import limits
from cachewasm.wasm.leb128 import UNEXPECTED_END, read_signed, read_u32, read_unsigned
from cachewasm.wasm.opcodes import (
    BY_CODE,
    CATCH_ALL,
    CATCH_ALL_REF,
    EMPTY_BLOCK,
    END,
    IMM_BLOCKTYPE,
    IMM_DELEGATE,
    IMM_F32,
    IMM_F64,
    IMM_I32,
    IMM_I64,
    IMM_LABELS,
    IMM_LANE,
    IMM_MEMARG,
    IMM_MEMARG_LANE,
    IMM_NONE,
    IMM_REFTYPE,
    IMM_SHUFFLE,
    IMM_TRY_TABLE,
    IMM_V128,
    LAST_INDEX_IMM,
    LAST_PAIR_IMM,
    MEMARG_HAS_MEMIDX,
    OPS,
    PREFIXES,
    PROPOSAL_BY_CODE,
    PROPOSAL_BY_PREFIX,
    Catch,
    Imm,
    Op,
    TryTable,
)
from cachewasm.wasm.typecodes import reftype_at, valtype_at
from cachewasm.wasm.types import ValType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

# Beside the kinds of immediates, what the dispatch table says of a byte.
_IS_END = 100
_IS_PREFIX = 101
_IS_SLOW = 102  # a disabled feature, or no instruction at all

_F32_BITS = struct.Struct("<I")
_F64_BITS = struct.Struct("<Q")
_V128_BITS = struct.Struct("<QQ")
_SHUFFLE = struct.Struct("16s")


@cache
def _dispatch(features: int) -> tuple[tuple[Op, ...], tuple[int, ...], dict[tuple[int, int], Op]]:
    """Per first byte: the op, and the kind of its immediate or a marker from above; and the ops behind
    prefixes, by prefix and sub-opcode."""
    ops = [END] * 256  # where the kind is a marker the op is not looked at, but for the end's
    kinds = [_IS_SLOW] * 256
    prefixed = {}
    for prefix in PREFIXES:
        kinds[prefix] = _IS_PREFIX
    for op in OPS:
        if op.proposal & features != op.proposal:
            continue
        if op.code < 0x100:
            ops[op.code] = op
            kinds[op.code] = op.imm
        else:
            prefixed[op.code >> 16, op.code & 0xFFFF] = op
    kinds[END.code] = _IS_END
    return tuple(ops), tuple(kinds), prefixed


def read_locals(
    data: bytes, start: int, end: int, features: int
) -> tuple[list[tuple[int, ValType]], int]:
    """The declared locals as (count, type) groups, and the position of the first instruction."""
    group_count, pos = read_u32(data, start)
    if group_count > end - start:
        raise MalformedModule("length out of bounds", offset=start)
    groups = []
    total = 0
    for _ in range(group_count):
        offset = pos
        count, pos = read_u32(data, pos)
        total += count
        if total > 0xFFFF_FFFF:
            raise MalformedModule("too many locals", offset=offset)
        groups.append((count, valtype_at(data, pos, features)))
        pos += 1
    if total > limits.LOCALS:
        raise UnsupportedModule(
            f"too many locals: {total} exceed the implementation limit of {limits.LOCALS}",
            offset=start,
        )
    return groups, pos


def instructions(
    data: bytes, start: int, end: int | None, features: int
) -> Iterator[tuple[int, Op, Imm]]:
    """Yield (offset, op, immediate) from `start`, the first instruction, to the `end` that closes it.

    What `imm` is for each kind of immediate stands in opcodes.py. `end` is None where no size is
    given: for a constant expression.
    Raises `MalformedModule` for bytes that are no instruction and `UnsupportedModule` for those of a
    proposal outside `features`.
    """
    ops, kinds, prefixed = _dispatch(features)
    pos = start
    depth = 0
    imm: Imm
    try:
        while True:
            offset = pos
            byte = data[pos]
            pos += 1
            op = ops[byte]
            kind = kinds[byte]
            if kind >= _IS_PREFIX:
                if kind == _IS_SLOW:
                    _refuse(byte, None, offset, features)
                sub = data[pos]
                pos += 1
                if sub >= 0x80:
                    after = data[pos]
                    if after < 0x80:  # half of the vector instructions
                        sub += (after - 1) << 7
                        pos += 1
                    else:
                        sub, pos = read_u32(data, pos - 1)
                found = prefixed.get((byte, sub))
                if found is None:
                    _refuse(byte, sub, offset, features)
                op = found
                kind = op.imm
            # Common kinds first.
            if kind <= LAST_INDEX_IMM:
                if kind == IMM_NONE:
                    imm = None
                else:
                    value = data[pos]
                    pos += 1
                    if value >= 0x80:
                        value, pos = read_unsigned(data, pos - 1, 32)
                    imm = value
            elif kind == IMM_I32:
                value = data[pos]
                pos += 1
                if value >= 0x40:
                    value, pos = read_signed(data, pos - 1, 32)
                imm = value
            elif kind == IMM_MEMARG:
                align = data[pos]
                value = data[pos + 1]
                if align < MEMARG_HAS_MEMIDX and value < 0x80:
                    imm = (0, align, value)
                    pos += 2
                else:
                    imm, pos = _memarg(data, pos, features)
            elif kind == _IS_END:
                imm = None
                if depth == 0:
                    if pos != end and end is not None:
                        raise MalformedModule("section size mismatch", offset=pos)
                    yield offset, op, imm
                    return
                depth -= 1
            elif kind == IMM_BLOCKTYPE:
                imm, pos = _blocktype(data, pos, features)
                depth += 1
            elif kind == IMM_I64:
                imm, pos = read_signed(data, pos, 64)
            elif kind <= LAST_PAIR_IMM:
                first, pos = read_unsigned(data, pos, 32)
                second, pos = read_unsigned(data, pos, 32)
                imm = (first, second)
            elif kind == IMM_F64:
                imm = _F64_BITS.unpack_from(data, pos)[0]
                pos += 8
            elif kind == IMM_F32:
                imm = _F32_BITS.unpack_from(data, pos)[0]
                pos += 4
            elif kind == IMM_LABELS:
                imm, pos = _labels(data, pos)
            elif kind == IMM_REFTYPE:
                imm = _heaptype(data, pos, features)
                pos += 1
            elif kind == IMM_TRY_TABLE:
                imm, pos = _try_table(data, pos, features)
                depth += 1
            elif kind == IMM_DELEGATE:
                if depth == 0:
                    raise MalformedModule("unexpected delegate", offset=offset)
                imm, pos = read_unsigned(data, pos, 32)
                depth -= 1
            elif kind == IMM_V128:
                lower, upper = _V128_BITS.unpack_from(data, pos)
                imm = lower | upper << 64
                pos += 16
            elif kind == IMM_LANE:
                imm = data[pos]
                pos += 1
            elif kind == IMM_MEMARG_LANE:
                memarg, pos = _memarg(data, pos, features)
                imm = (*memarg, data[pos])
                pos += 1
            elif kind == IMM_SHUFFLE:
                imm = _SHUFFLE.unpack_from(data, pos)[0]
                pos += 16
            else:
                imm, pos = _valtypes(data, pos, features)
            yield offset, op, imm
    except (IndexError, struct.error):
        raise MalformedModule(UNEXPECTED_END, offset=len(data)) from None


def _refuse(byte: int, sub: int | None, offset: int, features: int) -> "NoReturn":
    """Raise what is wrong with an opcode; `sub` is the one behind the prefix, if `byte` is a prefix."""
    code, text = byte, f"{byte:02x}"
    if sub is not None:
        # Sub-opcodes have 16 bits in the table, more of them in hostile modules.
        code = byte << 16 | sub if sub <= 0xFFFF else -1
        text += f" {sub:02x}"
    op = BY_CODE.get(code)
    if op is not None:
        for needed in feature.features_in(op.proposal):
            feature.require(features, needed.bit, f"instruction {op.name}", offset)
    proposal = PROPOSAL_BY_CODE.get(code, 0 if sub is None else PROPOSAL_BY_PREFIX.get(byte, 0))
    if proposal:
        feature.require(features, proposal, f"instruction {text}", offset)
    raise MalformedModule(f"illegal opcode {text}", offset=offset)


def _memarg(data: bytes, pos: int, features: int) -> tuple[tuple[int, int, int], int]:
    offset = pos
    flags, pos = read_u32(data, pos)
    memidx = 0
    if flags >= 2 * MEMARG_HAS_MEMIDX:
        raise MalformedModule("malformed memop flags", offset=offset)
    if flags >= MEMARG_HAS_MEMIDX:
        feature.require(features, feature.MULTI_MEMORY, "a memory index", offset)
        flags -= MEMARG_HAS_MEMIDX
        memidx, pos = read_u32(data, pos)
    # 64 bits for every memory: whether a 32-bit one can have the offset is a matter of validation.
    value, pos = read_unsigned(data, pos, 64)
    return (memidx, flags, value), pos


def _blocktype(data: bytes, pos: int, features: int) -> tuple[ValType | int | None, int]:
    byte = data[pos]
    if byte == EMPTY_BLOCK:
        return None, pos + 1
    if 0x40 <= byte < 0x80:  # negative as s33: a value type
        return valtype_at(data, pos, features), pos + 1
    typeidx, after = read_signed(data, pos, 33)
    if typeidx < 0:
        raise MalformedModule("malformed block type", offset=pos)
    feature.require(features, feature.MULTI_VALUE, "a block type that is a type index", pos)
    return typeidx, after


def _try_table(data: bytes, pos: int, features: int) -> tuple[TryTable, int]:
    blocktype, pos = _blocktype(data, pos, features)
    offset = pos
    count, pos = read_u32(data, pos)
    if count > len(data) - offset:
        raise MalformedModule("length out of bounds", offset=offset)
    if count > limits.CATCHES:
        raise UnsupportedModule(
            f"try_table: {count} clauses exceed the implementation limit of {limits.CATCHES}",
            offset=offset,
        )
    catches = []
    for _ in range(count):
        kind = data[pos]
        if kind > CATCH_ALL_REF:
            raise MalformedModule(f"malformed catch clause 0x{kind:02x}", offset=pos)
        pos += 1
        tag = 0
        if kind < CATCH_ALL:
            tag, pos = read_unsigned(data, pos, 32)
        label, pos = read_unsigned(data, pos, 32)
        catches.append(Catch(kind, tag, label))
    return TryTable(blocktype, tuple(catches)), pos


def _labels(data: bytes, pos: int) -> tuple[tuple[tuple[int, ...], int], int]:
    offset = pos
    count, pos = read_u32(data, pos)
    if count > len(data) - offset:
        raise MalformedModule("length out of bounds", offset=offset)
    if count > limits.BR_TABLE_LABELS:
        raise UnsupportedModule(
            f"br_table: {count} labels exceed the implementation limit of {limits.BR_TABLE_LABELS}",
            offset=offset,
        )
    labels = []
    for _ in range(count):
        label = data[pos]
        pos += 1
        if label >= 0x80:
            label, pos = read_unsigned(data, pos - 1, 32)
        labels.append(label)
    default, pos = read_unsigned(data, pos, 32)
    return (tuple(labels), default), pos


def _heaptype(data: bytes, pos: int, features: int) -> ValType:
    if data[pos] < 0x40 or data[pos] >= 0x80:  # not negative as s33: a type index
        feature.require(features, feature.FUNCTION_REFERENCES, "a typed reference", pos)
    return reftype_at(data, pos, features)


def _valtypes(data: bytes, pos: int, features: int) -> tuple[tuple[ValType, ...], int]:
    offset = pos
    count, pos = read_u32(data, pos)
    if count > len(data) - offset:
        raise MalformedModule("length out of bounds", offset=offset)
    types = tuple(valtype_at(data, pos + i, features) for i in range(count))
    return types, pos + count
