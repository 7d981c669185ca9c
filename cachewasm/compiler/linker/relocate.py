"""Patch relocated places, for x86-64 and AArch64.

Relocations come in batches of one kind, as arrays, because linking is the serial part of a parallel
compile. Each kind is range-checked: code too large for its references is a CompileError, a kind
that LLVM was not expected to emit is an InternalError. All addresses count from the start of the
image, which is 64-KiB-aligned in memory.

Patching overwrites all that depends on the addresses, so a place may be patched twice.

Source: System V ABI, AMD64 supplement 4.4 and appendix B.2; ELF for the Arm 64-bit Architecture 5.7.
"""

import struct
from array import array
from collections.abc import Sequence
from functools import partial

from cachewasm.compiler.linker.object import MACHINE_AARCH64, MACHINE_X86_64
from cachewasm.errors import CompileError, InternalError
from cachewasm.record import dataclass, field

R_X86_64_PC32 = 2
R_X86_64_PLT32 = 4
R_X86_64_GOTPCRELX = 41
R_X86_64_REX_GOTPCRELX = 42

_R_AARCH64_PREL32 = 261
_R_AARCH64_ADR_PREL_PG_HI21 = 275
_R_AARCH64_ADD_ABS_LO12_NC = 277
_R_AARCH64_JUMP26 = 282
_R_AARCH64_CALL26 = 283
# Loads and stores scale their 12-bit offset by the size of the access: kind -> its logarithm.
_R_AARCH64_LDST_ABS_LO12_NC = {278: 0, 284: 1, 285: 2, 286: 3, 299: 4}

# The kind that makes a 32-bit word the distance from itself to its target.
DISTANCE_32 = {MACHINE_X86_64: R_X86_64_PC32, MACHINE_AARCH64: _R_AARCH64_PREL32}

# Kinds whose bytes depend on the distance alone, so they hold wherever both ends move together.
DISTANCES = {
    MACHINE_X86_64: frozenset({R_X86_64_PC32}),
    MACHINE_AARCH64: frozenset({_R_AARCH64_PREL32, _R_AARCH64_CALL26, _R_AARCH64_JUMP26}),
}

_I32 = struct.Struct("<i")
_U32 = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Relocations:
    """Relocations of one kind: parallel arrays of places, numbers of targets, and addends."""

    kind: int
    places: "array[int]" = field(default_factory=partial(array, "I"))
    targets: "array[int]" = field(default_factory=partial(array, "I"))
    addends: "array[int]" = field(default_factory=partial(array, "i"))

    def add(self, place: int, target: int, addend: int) -> None:
        """Append one relocation."""
        self.places.append(place)
        self.targets.append(target)
        self.addends.append(addend)


def relax_got_access(code: bytearray, offset: int) -> int:
    """Turn an access through the GOT, which no image has, into a direct one.

    Returns the place of its PC32 relocation, which has the addend of the one at `offset`.
    """
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


def relocate(
    machine: int, code: memoryview, base: int, batch: Relocations, addresses: Sequence[int]
) -> None:
    """Patch `code`, which starts at `base`; `addresses` has one entry per target."""
    if batch.places and max(batch.places) + 4 > len(code):
        raise InternalError("link: a relocation lies outside its section")
    if machine == MACHINE_X86_64:
        _relocate_x86_64(code, base, batch, addresses)
    else:
        _relocate_aarch64(code, base, batch, addresses)


def _relocate_x86_64(
    code: memoryview, base: int, batch: Relocations, addresses: Sequence[int]
) -> None:
    if batch.kind != R_X86_64_PC32:
        raise InternalError(f"link: x86-64 relocation kind {batch.kind} is not supported")
    pack_into = _I32.pack_into
    try:
        for place, target, addend in zip(batch.places, batch.targets, batch.addends, strict=True):
            pack_into(code, place, addresses[target] + addend - base - place)
    except struct.error:
        message = "the module's code is too large: a reference spans over 2 GiB"
        raise CompileError(message) from None


def _relocate_aarch64(
    code: memoryview, base: int, batch: Relocations, addresses: Sequence[int]
) -> None:
    kind = batch.kind
    scale = _R_AARCH64_LDST_ABS_LO12_NC.get(kind, 0)
    unpack_from, pack_into = _U32.unpack_from, _U32.pack_into
    for place, target, addend in zip(batch.places, batch.targets, batch.addends, strict=True):
        address = addresses[target] + addend
        (word,) = unpack_from(code, place)
        if kind in (_R_AARCH64_CALL26, _R_AARCH64_JUMP26):
            distance = address - base - place
            _check_span(distance, 27)
            if distance & 3:
                raise InternalError("link: a branch target is not aligned")
            word = word & 0xFC000000 | distance >> 2 & 0x03FFFFFF
        elif kind == _R_AARCH64_ADR_PREL_PG_HI21:
            pages = (address >> 12) - (base + place >> 12)
            _check_span(pages, 20)
            word = word & 0x9F00001F | (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5
        elif kind == _R_AARCH64_ADD_ABS_LO12_NC:
            word = word & 0xFFC003FF | (address & 0xFFF) << 10
        elif kind in _R_AARCH64_LDST_ABS_LO12_NC:
            if address & ((1 << scale) - 1):
                raise InternalError("link: a constant is not aligned for its access")
            word = word & 0xFFC003FF | (address & 0xFFF) >> scale << 10
        elif kind == _R_AARCH64_PREL32:
            distance = address - base - place
            _check_span(distance, 31)
            word = distance & 0xFFFFFFFF
        else:
            raise InternalError(f"link: AArch64 relocation kind {kind} is not supported")
        pack_into(code, place, word)


def _check_span(value: int, bits: int) -> None:
    if not -(1 << bits) <= value < 1 << bits:
        raise CompileError("the module's code is too large: a reference is out of its range")
