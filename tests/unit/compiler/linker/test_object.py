"""LLVM's objects are read as pyelftools reads them, and damaged ones are refused by name."""

import io

import llvmlite.binding as llvm
import pytest
from elftools.elf.elffile import ELFFile

from cachewasm.compiler.linker.object import MACHINE_AARCH64, MACHINE_X86_64, parse_object
from cachewasm.errors import InternalError

TRIPLES = {
    "x86_64-unknown-linux-gnu": MACHINE_X86_64,
    "aarch64-unknown-linux-gnu": MACHINE_AARCH64,
}
SOURCE = """
@counter = hidden global i64 0
define hidden double @scale(double %x) {
  %y = fmul double %x, 0x3FF8CCCCCCCCCCCD
  ret double %y
}
define hidden double @twice(double %x) {
  %y = call double @scale(double %x)
  %z = call double @elsewhere(double %y)
  store i64 1, ptr @counter
  ret double %z
}
declare hidden double @elsewhere(double)
"""


def emit(triple: str) -> bytes:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(
        opt=0, reloc="pic", codemodel="small"
    )
    module = llvm.parse_assembly(f'target triple = "{triple}"\n{SOURCE}')
    return bytes(machine.emit_object(module))


@pytest.mark.parametrize("triple", TRIPLES)
def test_parse_object_agrees_with_pyelftools(triple: str) -> None:
    data = emit(triple)

    ours = parse_object(data)

    theirs = ELFFile(io.BytesIO(data))
    assert ours.machine == TRIPLES[triple]
    sections = list(theirs.iter_sections())
    assert [s.name for s in ours.sections] == [s.name for s in sections]
    assert [s.size for s in ours.sections] == [s["sh_size"] for s in sections]
    for section, expected in zip(ours.sections, sections, strict=True):
        if expected["sh_type"] not in ("SHT_NOBITS", "SHT_NULL"):
            assert bytes(section.body) == expected.data()
        table = theirs.get_section_by_name(".rela" + expected.name)
        if table is not None:
            assert list(section.relocations()) == [
                (r["r_offset"], r["r_info_type"], r["r_info_sym"], r["r_addend"])
                for r in table.iter_relocations()
            ]
    symbols = list(theirs.get_section_by_name(".symtab").iter_symbols())
    assert [(s.name, s.value, s.size) for s in ours.symbols] == [
        (s.name if s["st_info"]["type"] != "STT_SECTION" else "", s["st_value"], s["st_size"])
        for s in symbols
    ]
    assert [s.is_func for s in ours.symbols] == [
        s["st_info"]["type"] == "STT_FUNC" for s in symbols
    ]
    assert [s.is_section for s in ours.symbols] == [
        s["st_info"]["type"] == "STT_SECTION" for s in symbols
    ]


def test_parse_object_truncated_anywhere_is_an_internal_error() -> None:
    data = emit("x86_64-unknown-linux-gnu")
    for length in range(0, len(data), 7):
        with pytest.raises(InternalError):
            parse_object(data[:length])


def test_parse_object_unknown_section_type_is_named() -> None:
    data = bytearray(emit("x86_64-unknown-linux-gnu"))
    table = int.from_bytes(data[40:48], "little")
    data[table + 2 * 64 + 4 : table + 2 * 64 + 8] = (0x1234).to_bytes(4, "little")
    with pytest.raises(InternalError, match=r"section \.text has unknown type 0x1234"):
        parse_object(bytes(data))


def test_parse_object_flipped_bytes_never_fail_otherwise() -> None:
    data = emit("x86_64-unknown-linux-gnu")
    table = int.from_bytes(data[40:48], "little")
    for position in [*range(64), *range(table, len(data))]:
        damaged = bytearray(data)
        damaged[position] ^= 0xFF
        try:
            parse_object(bytes(damaged))
        except InternalError:
            continue
