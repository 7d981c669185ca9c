"""Patch relocated places, for x86-64 and AArch64.

Each kind is range-checked: an image too large for its references is a CompileError, a kind that
LLVM was not expected to emit is an InternalError. All addresses count from the start of the image,
which is 64-KiB-aligned in memory.

Source: System V ABI, AMD64 supplement 4.4 and appendix B.2; ELF for the Arm 64-bit Architecture 5.7.
"""

import struct
from collections.abc import Iterable, Sequence

from cachewasm.compiler.object import Relocation
from cachewasm.errors import CompileError, InternalError

_R_X86_64_PC32 = 2
_R_X86_64_PLT32 = 4
_R_X86_64_GOTPCRELX = 41
_R_X86_64_REX_GOTPCRELX = 42

_R_AARCH64_PREL32 = 261
_R_AARCH64_ADR_PREL_PG_HI21 = 275
_R_AARCH64_ADD_ABS_LO12_NC = 277
_R_AARCH64_JUMP26 = 282
_R_AARCH64_CALL26 = 283
# Loads and stores scale their 12-bit offset by the size of the access: kind -> its logarithm.
_R_AARCH64_LDST_ABS_LO12_NC = {278: 0, 284: 1, 285: 2, 286: 3, 299: 4}

_I32 = struct.Struct("<i")
_U32 = struct.Struct("<I")


def relocate_x86_64(
    code: bytearray, base: int, relocations: Iterable[Relocation], addresses: Sequence[int]
) -> None:
    """Patch `code`, a section that starts at `base`; `addresses` has one entry per symbol."""
    pack_into = _I32.pack_into
    for offset, kind, symbol, addend in relocations:
        value = addresses[symbol] + addend - base - offset
        if kind not in (_R_X86_64_PC32, _R_X86_64_PLT32):
            if kind not in (_R_X86_64_GOTPCRELX, _R_X86_64_REX_GOTPCRELX):
                raise InternalError(f"link: x86-64 relocation kind {kind} is not supported")
            moved = _relax_got_access(code, offset)
            value += offset - moved
            offset = moved
        if not -0x80000000 <= value < 0x80000000:
            raise CompileError("the module's code is too large: a reference spans over 2 GiB")
        if offset + 4 > len(code):
            raise InternalError("link: a relocation lies outside its section")
        pack_into(code, offset, value)


def _relax_got_access(code: bytearray, offset: int) -> int:
    """Turn an access through the GOT into a direct one; return where its displacement is now."""
    opcode = bytes(code[max(offset - 2, 0) : offset])
    if offset + 4 > len(code) or len(opcode) < 2:
        raise InternalError("link: a relocation lies outside its section")
    if opcode == b"\xff\x15":  # call *[rip + d] -> addr32 call d
        code[offset - 2 : offset] = b"\x67\xe8"
        return offset
    if opcode == b"\xff\x25":  # jmp *[rip + d] -> jmp d; nop
        code[offset - 2] = 0xE9
        code[offset + 3] = 0x90
        return offset - 1
    if opcode[0] == 0x8B:  # mov r, [rip + d] -> lea r, [rip + d]
        code[offset - 2] = 0x8D
        return offset
    raise InternalError(f"link: cannot relax GOT access {opcode.hex()}")


def relocate_aarch64(
    code: bytearray, base: int, relocations: Iterable[Relocation], addresses: Sequence[int]
) -> None:
    """Patch `code`, a section that starts at `base`; `addresses` has one entry per symbol."""
    for offset, kind, symbol, addend in relocations:
        if offset + 4 > len(code):
            raise InternalError("link: a relocation lies outside its section")
        target = addresses[symbol] + addend
        distance = target - base - offset
        if kind == _R_AARCH64_PREL32:
            _check_span(distance, 31)
            _I32.pack_into(code, offset, distance)
            continue
        word = _U32.unpack_from(code, offset)[0]
        if kind in (_R_AARCH64_CALL26, _R_AARCH64_JUMP26):
            _check_span(distance, 27)
            if distance & 3:
                raise InternalError("link: a branch target is not aligned")
            word = word & 0xFC000000 | distance >> 2 & 0x03FFFFFF
        elif kind == _R_AARCH64_ADR_PREL_PG_HI21:
            pages = (target >> 12) - ((base + offset) >> 12)
            _check_span(pages, 20)
            word = word & 0x9F00001F | (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5
        elif kind == _R_AARCH64_ADD_ABS_LO12_NC:
            word = word & 0xFFC003FF | (target & 0xFFF) << 10
        elif kind in _R_AARCH64_LDST_ABS_LO12_NC:
            scale = _R_AARCH64_LDST_ABS_LO12_NC[kind]
            if target & ((1 << scale) - 1):
                raise InternalError("link: a constant is not aligned for its access")
            word = word & 0xFFC003FF | (target & 0xFFF) >> scale << 10
        else:
            raise InternalError(f"link: AArch64 relocation kind {kind} is not supported")
        _U32.pack_into(code, offset, word)


def _check_span(value: int, bits: int) -> None:
    if not -(1 << bits) <= value < 1 << bits:
        raise CompileError("the module's code is too large: a reference is out of its range")
