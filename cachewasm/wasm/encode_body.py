"""Encode function bodies and single instructions: the inverse of body.py."""

from dataclasses import dataclass
from struct import pack

from cachewasm.wasm import opcodes
from cachewasm.wasm.body import instructions, read_locals
from cachewasm.wasm.leb128 import signed, unsigned
from cachewasm.wasm.module import ByteRange, Module
from cachewasm.wasm.opcodes import EMPTY_BLOCK, MEMARG_HAS_MEMIDX, Imm, Op, TryTable
from cachewasm.wasm.types import ValType


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction and its immediate, in the form that opcodes.py gives for its kind."""

    op: Op
    imm: Imm = None


@dataclass(frozen=True, slots=True)
class LocalGroup:
    """`count` consecutive locals of one type."""

    count: int
    type: ValType


@dataclass(frozen=True, slots=True)
class FunctionBody:
    """A body spelled out; the last instruction is the `end` that closes the function."""

    locals: tuple[LocalGroup, ...]
    instructions: tuple[Instruction, ...]


def decode_body(module: Module, body: ByteRange) -> FunctionBody:
    """The body at a range of `module`; raises as the functions of body.py do."""
    groups, start = read_locals(module.data, body.start, body.end, module.features)
    stream = instructions(module.data, start, body.end, module.features)
    return FunctionBody(
        tuple(LocalGroup(count, valtype) for count, valtype in groups),
        tuple(Instruction(op, imm) for _, op, imm in stream),
    )


def encode_body(body: FunctionBody) -> bytes:
    """The bytes of a body, without the size that precedes it in the code section."""
    encoded = bytearray(unsigned(len(body.locals)))
    for group in body.locals:
        encoded += unsigned(group.count) + bytes([group.type.code])
    for instruction in body.instructions:
        encoded += encode_instruction(instruction.op, instruction.imm)
    return bytes(encoded)


def encode_instruction(op: Op, imm: Imm) -> bytes:
    """The bytes of one instruction; `imm` must have the form that `op.imm` demands."""
    return _opcode(op) + _immediate(op.imm, imm)


def _opcode(op: Op) -> bytes:
    prefix, sub = op.code >> 16, op.code & 0xFFFF
    return bytes([prefix]) + unsigned(sub) if prefix else bytes([op.code])


def _memarg(memidx: int, align_log2: int, offset: int) -> bytes:
    if memidx:
        align = unsigned(align_log2 | MEMARG_HAS_MEMIDX) + unsigned(memidx)
    else:
        align = unsigned(align_log2)
    return align + unsigned(offset)


def _immediate(kind: int, imm: Imm) -> bytes:
    match imm:
        case None:
            return bytes([EMPTY_BLOCK]) if kind == opcodes.IMM_BLOCKTYPE else b""
        case ValType():
            return bytes([imm.code])
        case int():
            if kind == opcodes.IMM_F32:
                return pack("<I", imm)
            if kind == opcodes.IMM_F64:
                return pack("<Q", imm)
            if kind in (opcodes.IMM_I32, opcodes.IMM_I64, opcodes.IMM_BLOCKTYPE):
                return signed(imm)
            if kind == opcodes.IMM_V128:
                return imm.to_bytes(16, "little")
            if kind == opcodes.IMM_LANE:
                return bytes([imm])
            return unsigned(imm)
        case TryTable():
            clauses = b"".join(
                bytes([each.kind])
                + (unsigned(each.tag) if each.has_tag else b"")
                + unsigned(each.label)
                for each in imm.catches
            )
            blocktype = _immediate(opcodes.IMM_BLOCKTYPE, imm.blocktype)
            return blocktype + unsigned(len(imm.catches)) + clauses
        case bytes():
            return imm
        case (int(memidx), int(align_log2), int(offset)):
            return _memarg(memidx, align_log2, offset)
        case (int(memidx), int(align_log2), int(offset), int(lane)):
            return _memarg(memidx, align_log2, offset) + bytes([lane])
        case (int(first), int(second)):
            return unsigned(first) + unsigned(second)
        case (tuple(labels), int(default)):
            encoded = b"".join(unsigned(label) for label in (*labels, default))
            return unsigned(len(labels)) + encoded
        case _:
            types = [item for item in imm if isinstance(item, ValType)]
            return unsigned(len(types)) + bytes(item.code for item in types)
