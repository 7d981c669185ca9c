"""What debuggers are given: symbols and lines in artifacts, and symbol files of mapped ones."""

import contextlib
import ctypes
import functools
import gc
import io
import re
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st

import cachewasm
from cachewasm.artifact import addrmap, lines
from cachewasm.artifact.format import ADDRMAP_SECTION, NAMES_SECTION
from cachewasm.artifact.info import ModuleInfo
from cachewasm.artifact.reader import Artifact
from cachewasm.artifact.symfile import symbol_file
from cachewasm.compiler.support.build import compile_support
from cachewasm.errors import HostError, IncompatibleArtifact
from cachewasm.runtime import debugger, debugger_library

pytestmark = pytest.mark.usefixtures("own")

TEXT = """
(module $shown
  (type $unary (func (param i32) (result i32)))
  (import "" "host" (func $host (param i32)))
  (memory 1)
  (func $twice (param i32) (result i32)
    (i32.load (i32.add (local.get 0) (local.get 0))))
  (func (export "main") (param i32) (result i32)
    (call $host (i32.const 1)) (call $twice (local.get 0)) (drop)
    (call $twice (i32.const 2))))
"""
FUNCTIONS = {
    "cachewasm::raise_trap",
    "wasm[0]::function[1]::twice",
    "wasm[0]::function[2]",
    "wasm[0]::host_stub[0]",
    "wasm[0]::host_stub[1]",
    "wasm[0]::thunk[0]",
    "wasm[0]::thunk[1]",
}
TARGETS = ["x86-64-v2", "aarch64-unknown-linux-gnu"]


def engine(**options: Any) -> cachewasm.Engine:
    config = cachewasm.Config()
    for name, value in options.items():
        setattr(config, name, value)
    return cachewasm.Engine(config)


def elf_of(data: bytes | bytearray | memoryview) -> Any:
    return ELFFile(io.BytesIO(bytes(data)))


def symbols_of(elf: Any) -> dict[str, tuple[int, int]]:
    table = elf.get_section_by_name(".symtab")
    return {s.name: (s["st_value"], s["st_size"]) for s in table.iter_symbols() if s.name}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_symbol_table_has_every_function_of_the_image(
    wasm: Callable[[str], bytes], target: str, strategy: str
) -> None:
    data = engine(target=target, strategy=strategy).precompile_module(wasm(TEXT))
    elf = elf_of(data)
    symbols = symbols_of(elf)
    assert symbols.keys() == FUNCTIONS
    text = elf.get_section_by_name(".text")
    place = text["sh_addr"]
    for at, size in sorted(symbols.values()):
        assert at >= place and size > 0
        place = at + size
    assert place <= text["sh_addr"] + text["sh_size"]
    assert {
        (s["st_info"]["type"], s["st_info"]["bind"], elf.get_section(s["st_shndx"]).name)
        for s in elf.get_section_by_name(".symtab").iter_symbols()
        if s.name
    } == {("STT_FUNC", "STB_GLOBAL", ".text")}


def test_symbol_table_is_left_out_without_debug_symbols(wasm: Callable[[str], bytes]) -> None:
    with_symbols = engine().precompile_module(wasm(TEXT))
    without = engine(debug_symbols=False).precompile_module(wasm(TEXT))
    sections = Artifact(without).sections
    assert {".symtab", ".strtab"} == Artifact(with_symbols).sections.keys() - sections.keys()
    # The names that backtraces show are other ones.
    assert NAMES_SECTION in sections


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_debug_lines_are_the_address_map(
    wasm: Callable[[str], bytes], target: str, strategy: str
) -> None:
    data = engine(target=target, strategy=strategy, debug_info=True).precompile_module(wasm(TEXT))
    artifact, elf = Artifact(data), elf_of(data)
    dwarf = elf.get_dwarf_info()
    (unit,) = dwarf.iter_CUs()
    top = unit.get_top_DIE()
    start, size = artifact.text_range
    assert top.attributes["DW_AT_name"].value == b"shown.wasm"
    assert top.attributes["DW_AT_low_pc"].value == start
    assert top.attributes["DW_AT_high_pc"].value == size
    states = [entry.state for entry in dwarf.line_program_for_CU(unit).get_entries()]
    rows = [(s.address, s.line) for s in states if s is not None and not s.end_sequence]
    section = artifact.section(ADDRMAP_SECTION)
    assert [line for _, line in rows] == [
        addrmap.lookup(section, address - start) or 0 for address, _ in rows
    ]
    places = {line for _, line in rows}
    info = ModuleInfo(artifact.section(".cachewasm.info"))
    assert set(info.body_starts) < places
    assert len(places) >= 2 + 4 + 1  # functions; a load and three calls; none


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_debug_info_without_address_map_has_the_same_functions_and_lines(
    wasm: Callable[[str], bytes], strategy: str
) -> None:
    found = {}
    for mapped in (False, True):
        made = engine(debug_info=True, generate_address_map=mapped, strategy=strategy)
        elf = elf_of(made.precompile_module(wasm(TEXT)))
        assert (elf.get_section_by_name(ADDRMAP_SECTION) is not None) == mapped
        (unit,) = elf.get_dwarf_info().iter_CUs()
        names = {
            entry.attributes["DW_AT_name"].value.decode()
            for entry in unit.get_top_DIE().iter_children()
        }
        assert names == FUNCTIONS
        entries = elf.get_dwarf_info().line_program_for_CU(unit).get_entries()
        found[mapped] = [entry.state.line for entry in entries if entry.state]
    assert found[False] == found[True]
    assert len(set(found[True])) > 2


def test_debug_lines_of_no_rows_and_of_far_ones_are_well_formed() -> None:
    empty = lines.encode((), (), (), 0, "m")
    assert empty.keys() == lines.SECTIONS
    far = lines.encode((0, 200, 1 << 31), (1 << 31, 5, 1 << 20), (), 1 << 32, "a\0b\udcff")
    assert b"a?b\xff.wasm\0" in far[lines.STRINGS]
    assert b"a?b\xff.wasm\0" in far[lines.LINE]


@pytest.mark.parametrize("name", [lines.INFO, lines.LINE])
@pytest.mark.parametrize("size", [0, 9, 19])
def test_debug_sections_that_are_cut_off_are_refused(name: str, size: int) -> None:
    section = bytearray(lines.encode((), (), (), 0, "m")[name][:size])
    with pytest.raises(IncompatibleArtifact, match="debug information is damaged"):
        lines.move(name, section, 1)


def test_debug_functions_are_those_of_the_symbol_table(wasm: Callable[[str], bytes]) -> None:
    elf = elf_of(engine(debug_info=True).precompile_module(wasm(TEXT)))
    (unit,) = elf.get_dwarf_info().iter_CUs()
    found = {}
    for entry in unit.get_top_DIE().iter_children():
        assert entry.tag == "DW_TAG_subprogram"
        values = {name: attribute.value for name, attribute in entry.attributes.items()}
        name = values["DW_AT_name"].decode()
        found[name] = (values["DW_AT_low_pc"], values["DW_AT_high_pc"])
    assert found == symbols_of(elf)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("debug_info", [False, True])
def test_artifact_is_read_by_binutils_without_complaint(
    wasm: Callable[[str], bytes],
    objdump: Callable[[str], str],
    tmp_path: Path,
    target: str,
    debug_info: bool,
) -> None:
    options = {"branch_protection": True} if debug_info else {}
    made = engine(target=target, debug_info=debug_info, **options)
    path = tmp_path / "module.cwasm"
    path.write_bytes(made.precompile_module(wasm(TEXT)))
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not installed")
    disassemble = [objdump("x86_64" if target.startswith("x86") else "aarch64"), "-d", "-l"]
    for command in (["readelf", "-a", "-W", "--debug-dump=decodedline"], disassemble):
        done = subprocess.run([*command, path], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "warning" not in done.stdout.lower()
    assert set(re.findall(r"^[0-9a-f]+ <(.*)>:$", done.stdout, re.MULTILINE)) >= FUNCTIONS
    assert ("shown.wasm:" in done.stdout) == debug_info


@pytest.mark.parametrize("target", TARGETS)
def test_support_image_is_read_by_readelf_without_complaint(tmp_path: Path, target: str) -> None:
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not installed")
    path = tmp_path / "support"
    path.write_bytes(compile_support(engine(target=target)._environment))
    done = subprocess.run(["readelf", "-aW", path], capture_output=True, text=True, check=True)
    assert "warning" not in (done.stdout + done.stderr).lower()
    assert "cachewasm::func_vectorcall" in done.stdout


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_debug_info_has_unwind_tables_where_debuggers_need_them(
    wasm: Callable[[str], bytes], target: str, strategy: str
) -> None:
    made = engine(target=target, strategy=strategy, debug_info=True)
    elf = elf_of(symbol_file(Artifact(made.precompile_module(wasm(TEXT))), 1 << 40))
    found = []
    if elf.get_section_by_name(".eh_frame") is not None:
        entries = elf.get_dwarf_info().EH_CFI_entries()
        found = [
            (each["initial_location"], each["address_range"])
            for each in entries
            if isinstance(each, FDE)
        ]
    expected = symbols_of(elf).values() if target.startswith("aarch64") else []
    assert sorted(found) == sorted(expected)


def test_symbol_file_has_the_unwind_tables_behind_the_code(wasm: Callable[[str], bytes]) -> None:
    config = cachewasm.Config()
    config.cache, config.debug_info, config.native_unwind_info = False, True, True
    artifact = Artifact(cachewasm.Engine(config).precompile_module(wasm(TEXT)))
    elf = elf_of(symbol_file(artifact, 1 << 40))
    section = elf.get_section_by_name(".eh_frame")
    assert section.data() == bytes(artifact.section(".eh_frame")) != b""
    assert section["sh_offset"] == artifact.text_range[0]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4))
def test_symbol_file_of_a_damaged_artifact_is_refused_or_made(
    damage: list[tuple[int, int]],
) -> None:
    data = bytearray(_plain())
    start = Artifact(bytes(data)).text_range[0]
    for place, value in damage:
        data[place % start] = value
    # What is loaded has been read by Artifact before.
    with contextlib.suppress(IncompatibleArtifact):
        assert len(symbol_file(Artifact(bytes(data)), 1 << 40)) >= start


@functools.cache
def _plain() -> bytes:
    return engine(debug_info=True).precompile_module(b"\0asm\1\0\0\0")


@pytest.mark.parametrize("target", TARGETS)
def test_symbol_file_is_the_artifact_moved_and_without_code(
    wasm: Callable[[str], bytes], target: str
) -> None:
    data = engine(target=target, debug_info=True).precompile_module(wasm(TEXT))
    artifact = Artifact(data)
    moved = 0x7F00_0000_0000
    elf = elf_of(symbol_file(artifact, moved + artifact.text_range[0]))
    before = symbols_of(elf_of(data))
    assert symbols_of(elf) == {name: (at + moved, size) for name, (at, size) in before.items()}
    text = elf.get_section_by_name(".text")
    assert (text["sh_type"], text["sh_addr"]) == ("SHT_NOBITS", moved + artifact.text_range[0])
    (unit,) = elf.get_dwarf_info().iter_CUs()
    assert unit.get_top_DIE().attributes["DW_AT_low_pc"].value == text["sh_addr"]
    program = elf.get_dwarf_info().line_program_for_CU(unit)
    assert program.get_entries()[0].args == [text["sh_addr"]]
    tables = elf.get_section_by_name(".eh_frame")
    size = tables["sh_size"] if tables is not None else 0
    assert len(elf.stream.getvalue()) == artifact.text_range[0] + size


def listed() -> Iterator[int]:
    """Addresses of the symbol files that a debugger would find."""
    assert debugger._library is not None
    entry = struct.unpack("<IIQQ", ctypes.string_at(debugger._library.descriptor, 24))[3]
    previous = 0
    while entry:
        following, back, file, size = struct.unpack("<4Q", ctypes.string_at(entry, 32))
        assert back == previous
        assert ctypes.string_at(file, 4) == b"\x7fELF" and size > 64
        yield file
        previous, entry = entry, following


def files_with(name: str) -> int:
    """How many of these files have a function of this name."""
    return sum(name.encode() in ctypes.string_at(file, 1 << 12) for file in listed())


def test_debug_info_lists_code_while_it_is_mapped(wasm: Callable[[str], bytes]) -> None:
    made = engine(debug_info=True)
    first = cachewasm.Module(made, wasm("(module (func $listed_first))"))
    assert files_with("listed_first") == 1
    others = [cachewasm.Module(made, wasm(f"(module (func $listed_{i} (nop)))")) for i in range(5)]
    store = cachewasm.Store(made)
    cachewasm.Instance(store, first, [])
    assert files_with("cachewasm::invoke") == 1
    assert [files_with(f"listed_{i}") for i in range(5)] == [1] * 5
    # From the middle of the list, its head and its end.
    for gone in (2, 4, 0):
        others[gone] = others[1]
        gc.collect()
        assert files_with(f"listed_{gone}") == 0
    assert [files_with(f"listed_{i}") for i in range(5)] == [0, 1, 0, 1, 0]
    del first, store
    gc.collect()
    assert files_with("listed_first") == 0


def test_debug_info_off_lists_nothing(wasm: Callable[[str], bytes]) -> None:
    cachewasm.Module(engine(debug_info=True), wasm("(module)"))
    module = cachewasm.Module(engine(), wasm("(module (func $unlisted))"))
    cachewasm.Instance(cachewasm.Store(module.engine), module, [])
    assert files_with("unlisted") == 0


def test_debug_info_where_no_library_can_be_made_is_a_host_error(
    wasm: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(machine: str) -> bytes:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(debugger, "_library", None)
    monkeypatch.setattr(debugger_library, "build", refuse)
    with pytest.raises(HostError, match="cannot tell debuggers of compiled code"):
        cachewasm.Module(engine(debug_info=True), wasm("(module (func $refused))"))


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_debugger_library_is_read_by_others(tmp_path: Path, machine: str) -> None:
    data = debugger_library.build(machine)
    elf = elf_of(data)
    table = elf.get_section_by_name(".dynsym")
    symbols = {s.name: (s["st_info"]["type"], s["st_size"]) for s in table.iter_symbols() if s.name}
    assert symbols[debugger_library.CHANGED][0] == "STT_FUNC"
    assert symbols[debugger_library.DESCRIPTOR] == ("STT_OBJECT", 24)
    segments = [(s["p_type"], s["p_flags"]) for s in elf.iter_segments()]
    assert segments == [("PT_LOAD", 5), ("PT_LOAD", 6), ("PT_DYNAMIC", 6), ("PT_GNU_STACK", 6)]
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not installed")
    path = tmp_path / "library.so"
    path.write_bytes(data)
    done = subprocess.run(["readelf", "-aW", path], capture_output=True, text=True, check=True)
    assert "warning" not in (done.stdout + done.stderr).lower()


def test_debugger_library_for_an_unknown_machine_is_refused() -> None:
    with pytest.raises(OSError, match="riscv64"):
        debugger_library.build("riscv64")
