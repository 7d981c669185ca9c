"""Relocated places hold what the processors' manuals say, up to the ends of their ranges."""

from array import array

import pytest

from cachewasm.compiler.linker.object import MACHINE_AARCH64, MACHINE_X86_64
from cachewasm.compiler.linker.relocate import (
    R_X86_64_PC32,
    Relocations,
    relax_got_access,
    relocate,
)
from cachewasm.errors import CompileError, InternalError

CALL26 = 283
ADR_PREL_PG_HI21 = 275
LDST64_ABS_LO12_NC = 286


def patched(machine: int, code: str, kind: int, distance: int, *, base: int = 1 << 28) -> int:
    """The first word of `code` at `base`, after it was made to refer to what is `distance` away."""
    place = bytearray.fromhex(code)
    batch = Relocations(kind, array("I", [0]), array("I", [1]), array("i", [8]))
    relocate(machine, memoryview(place), base, batch, [0, base + distance - 8])
    return int.from_bytes(place, "little")


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


@pytest.mark.parametrize("distance", [(1 << 27) - 4, -(1 << 27)])
def test_relocate_aarch64_call_at_the_end_of_its_range_is_encoded(distance: int) -> None:
    word = patched(MACHINE_AARCH64, "00000094", CALL26, distance)
    assert word >> 26 == 0b100101
    assert 4 * signed(word & 0x3FFFFFF, 26) == distance


@pytest.mark.parametrize("distance", [1 << 27, -(1 << 27) - 4])
def test_relocate_aarch64_call_out_of_range_is_a_compile_error(distance: int) -> None:
    with pytest.raises(CompileError, match="too large"):
        patched(MACHINE_AARCH64, "00000094", CALL26, distance)


def test_relocate_aarch64_unaligned_targets_are_internal_errors() -> None:
    with pytest.raises(InternalError, match="branch target is not aligned"):
        patched(MACHINE_AARCH64, "00000094", CALL26, 6)
    with pytest.raises(InternalError, match="not aligned for its access"):
        patched(MACHINE_AARCH64, "000140fd", LDST64_ABS_LO12_NC, 4)


def test_relocate_aarch64_pages_are_those_of_the_addresses() -> None:
    word = patched(MACHINE_AARCH64, "08000090", ADR_PREL_PG_HI21, 4, base=0x10FFC)
    pages = signed((word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3, 21)
    assert pages == 1


@pytest.mark.parametrize("distance", [(1 << 31) - 1, -(1 << 31)])
def test_relocate_x86_64_reference_at_the_end_of_its_range_is_encoded(distance: int) -> None:
    assert signed(patched(MACHINE_X86_64, "00000000", R_X86_64_PC32, distance), 32) == distance


@pytest.mark.parametrize("distance", [1 << 31, -(1 << 31) - 1])
def test_relocate_x86_64_reference_over_2_gib_is_a_compile_error(distance: int) -> None:
    with pytest.raises(CompileError, match="over 2 GiB"):
        patched(MACHINE_X86_64, "00000000", R_X86_64_PC32, distance)


@pytest.mark.parametrize(
    ("machine", "code", "kind"),
    [(MACHINE_X86_64, "00000000", R_X86_64_PC32), (MACHINE_AARCH64, "00000094", CALL26)],
)
def test_relocate_twice_leaves_what_the_last_time_says(machine: int, code: str, kind: int) -> None:
    once = patched(machine, code, kind, -64)
    before = patched(machine, code, kind, 4096).to_bytes(4, "little").hex()
    assert patched(machine, before, kind, -64) == once


def test_relocate_unknown_kinds_are_named() -> None:
    with pytest.raises(InternalError, match="x86-64 relocation kind 4 "):
        patched(MACHINE_X86_64, "00000000", 4, 0)
    with pytest.raises(InternalError, match="AArch64 relocation kind 311 "):
        patched(MACHINE_AARCH64, "00000094", 311, 0)


@pytest.mark.parametrize("offset", [1, 6])
def test_relax_access_outside_the_section_is_an_internal_error(offset: int) -> None:
    with pytest.raises(InternalError, match="outside its section"):
        relax_got_access(bytearray(8), offset)


def test_relax_unknown_access_through_the_got_is_an_internal_error() -> None:
    with pytest.raises(InternalError, match="cannot relax GOT access 9090"):
        relax_got_access(bytearray(b"\x90" * 8), 4)


@pytest.mark.parametrize("machine", [MACHINE_X86_64, MACHINE_AARCH64])
def test_relocate_place_outside_the_code_is_an_internal_error(machine: int) -> None:
    batch = Relocations(2, array("I", [0, 5]), array("I", [0, 0]), array("i", [0, 0]))
    with pytest.raises(InternalError, match="outside its section"):
        relocate(machine, memoryview(bytearray(8)), 0, batch, [0])
