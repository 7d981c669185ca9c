"""Line programs give the rows that pyelftools gives, cleaned of those that say nothing new."""

import io
from itertools import pairwise

import llvmlite.binding as llvm
import pytest
from elftools.elf.elffile import ELFFile

from cachewasm.compiler.linker.dwarf_line import line_rows
from cachewasm.errors import InternalError

CALLS = 40


def source(version: int) -> str:
    """Two functions with a debug location on every call, one without any between them."""
    text = ["declare hidden void @x()"]
    for name, scope in (("a", 4), ("b", 5)):
        text.append(f"define hidden void @{name}() !dbg !{scope} {{")
        text.append("  call void @x()")
        first = 100 if name == "a" else 100 + CALLS
        text += [f"  call void @x(), !dbg !{first + n}" for n in range(CALLS)]
        text += ["  ret void", "}"]
        if name == "a":
            text.append("define hidden void @bare() { call void @x() ret void }")
    text += [
        "!llvm.dbg.cu = !{!0}",
        "!llvm.module.flags = !{!2, !3}",
        "!0 = distinct !DICompileUnit(language: DW_LANG_C, file: !1, emissionKind: LineTablesOnly)",
        '!1 = !DIFile(filename: "wasm", directory: "")',
        '!2 = !{i32 2, !"Debug Info Version", i32 3}',
        f'!3 = !{{i32 7, !"Dwarf Version", i32 {version}}}',
        '!4 = distinct !DISubprogram(name: "a", file: !1, type: !6, unit: !0, spFlags: 8)',
        '!5 = distinct !DISubprogram(name: "b", file: !1, type: !6, unit: !0, spFlags: 8)',
        "!6 = !DISubroutineType(types: !7)",
        "!7 = !{}",
    ]
    for n in range(2 * CALLS):
        line = (n * n * 977 + 1) % 100_000
        text.append(f"!{100 + n} = !DILocation(line: {line}, scope: !{4 if n < CALLS else 5})")
    return "\n".join(text)


def emit(triple: str, version: int) -> bytes:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(
        opt=0, reloc="pic", codemodel="small"
    )
    module = llvm.parse_assembly(f'target triple = "{triple}"\n{source(version)}')
    return bytes(machine.emit_object(module))


@pytest.mark.parametrize("triple", ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"])
@pytest.mark.parametrize("version", [4, 5])
def test_line_rows_agree_with_pyelftools(triple: str, version: int) -> None:
    theirs = ELFFile(io.BytesIO(emit(triple, version)))
    dwarf = theirs.get_dwarf_info(relocate_dwarf_sections=True)
    starts = {
        symbol["st_value"]
        for symbol in theirs.get_section_by_name(".symtab").iter_symbols()
        if symbol["st_info"]["type"] == "STT_FUNC"
    }
    expected: dict[int, int] = {}
    ends = []
    for unit in dwarf.iter_CUs():
        for entry in dwarf.line_program_for_CU(unit).get_entries():
            state = entry.state
            if state is None:
                continue
            if state.end_sequence:
                ends.append(state.address)
            elif state.line or state.address in starts:
                expected[state.address] = state.line
    for end in ends:  # a function without lines follows, or one with a row of its own, or nothing
        for start in sorted(s for s in starts if s >= end)[:1]:
            expected.setdefault(start, 0)

    rows = line_rows(dwarf.debug_line_sec.stream.getvalue(), starts)

    assert list(rows.addresses) == sorted(set(rows.addresses))
    assert len(expected) > 2 * CALLS
    assert list(zip(rows.addresses, rows.lines, strict=True)) == [
        row for before, row in pairwise([(0, 0), *sorted(expected.items())]) if row[1] != before[1]
    ]


def program(*opcodes: bytes) -> bytes:
    """A version 4 unit with line base -5, line range 14, opcode base 13."""
    header = bytes([1, 1, 1, 0xFB, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0])
    body = (
        (4).to_bytes(2, "little") + len(header).to_bytes(4, "little") + header + b"".join(opcodes)
    )
    return len(body).to_bytes(4, "little") + body


def set_address(address: int) -> bytes:
    return b"\x00\x09\x02" + address.to_bytes(8, "little")


COPY = b"\x01"
END = b"\x00\x01\x01"


def advance(pc: int, line: int) -> bytes:
    """Advance the address by `pc` and the line by `line`, both one LEB byte, and make a row."""
    return bytes([2, pc, 3, line & 0x7F]) + COPY


def test_line_rows_without_line_take_the_preceding_one() -> None:
    section = program(
        set_address(16),
        advance(0, 6),
        advance(4, -7),
        advance(4, 9),
        advance(4, 0),
        b"\x02\x04",
        END,
    )
    rows = line_rows(section, {16})
    assert list(zip(rows.addresses, rows.lines, strict=True)) == [(16, 7), (24, 9)]


def test_line_rows_without_line_at_function_start_hide_the_function_before() -> None:
    section = program(set_address(0), advance(0, 6), advance(8, -7), b"\x02\x04", END)
    rows = line_rows(section, {0, 8})
    assert list(zip(rows.addresses, rows.lines, strict=True)) == [(0, 7), (8, 0)]


def test_line_rows_sequences_out_of_order_are_sorted() -> None:
    late = set_address(64) + advance(0, 2) + b"\x02\x08" + END
    early = set_address(32) + advance(0, 4) + b"\x02\x20" + END
    rows = line_rows(program(late) + program(early), set())
    assert list(zip(rows.addresses, rows.lines, strict=True)) == [(32, 5), (64, 3)]


def test_line_rows_functions_without_lines_begin_with_line_0() -> None:
    first = set_address(16) + advance(0, 6) + b"\x02\x08" + END
    second = set_address(96) + advance(0, 8) + b"\x02\x08" + END
    rows = line_rows(program(first + second), {0, 16, 32, 48, 96, 112, 128})
    assert list(zip(rows.addresses, rows.lines, strict=True)) == [
        (16, 7),
        (32, 0),
        (96, 9),
        (112, 0),
    ]


def test_line_rows_do_not_depend_on_where_units_end() -> None:
    def unit(address: int, line: int, *rows: bytes) -> bytes:
        return program(set_address(address), advance(0, line - 1), *rows, b"\x02\x08", END)

    together = unit(16, 5, advance(4, 3), advance(16, 5), advance(32, 7))
    apart = unit(16, 5, advance(4, 3)) + unit(36, 13) + unit(68, 20)
    starts = {16, 36, 68}
    assert line_rows(together, starts) == line_rows(apart, starts)


@pytest.mark.parametrize(
    "section",
    [
        program(set_address(64), COPY, set_address(32), advance(0, 1), END),
        program(set_address(64), COPY),
        program(set_address(1 << 40), advance(0, 1), advance(1, 1), b"\x02\x04", END),
        program(b"\x02\x80"),
        program(set_address(0), COPY, END)[:-1],
        program(set_address(0), advance(0, 1), b"\x02\x10", END) * 2,
    ],
    ids=["descending", "no-end", "far-address", "open-leb", "truncated", "overlapping"],
)
def test_line_rows_damaged_section_is_an_internal_error(section: bytes) -> None:
    with pytest.raises(InternalError, match="debug_line"):
        line_rows(section, set())
