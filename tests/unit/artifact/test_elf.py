"""Artifacts are read back as they were written, by us and by others, and no damage gets through."""

import hashlib
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st

from cachewasm.artifact.detect import HEADER_SIZE, detect
from cachewasm.artifact.format import (
    BSS_SECTION,
    COMPONENT,
    DATA_SECTION,
    ENGINE_SECTION,
    INFO_SECTION,
    MACHINE_AARCH64,
    MACHINE_X86_64,
    MODULE,
    RODATA_SECTION,
    SUPPORT,
    TEXT_ALIGN,
    TEXT_SECTION,
)
from cachewasm.artifact.reader import Artifact
from cachewasm.artifact.writer import CodeImage, SectionBytes, SymbolEntry, write_artifact
from cachewasm.errors import IncompatibleArtifact, InternalError

# nop; ret
CODE = {MACHINE_X86_64: b"\x90\xc3", MACHINE_AARCH64: bytes.fromhex("1f2003d5c0035fd6")}
NAMES = {MACHINE_X86_64: "x86_64", MACHINE_AARCH64: "aarch64"}
SECTIONS = (
    SectionBytes(ENGINE_SECTION, b"engine", 1),
    SectionBytes(INFO_SECTION, b"information", 8),
    SectionBytes(DATA_SECTION, b"segments" * 600, 1),
)


def build(
    *, machine: int = MACHINE_X86_64, flags: int = MODULE, bss_size: int = 0, code: bytes = b""
) -> bytes:
    text = code or CODE[machine]
    sections = [s for s in SECTIONS if not (bss_size and s.name == DATA_SECTION)]
    symbols = [SymbolEntry("f0", 0, len(text), True), SymbolEntry("table", 128, 8, False)]
    if bss_size:
        symbols.append(SymbolEntry("state", 1 << 16, 8, False))
    image = CodeImage(text, b"constant", 128, 1 << 16 if bss_size else 0, bss_size)
    return write_artifact(image, machine, flags, sections, symbols)


@pytest.mark.parametrize("machine", [MACHINE_X86_64, MACHINE_AARCH64])
@pytest.mark.parametrize("flags", [MODULE, COMPONENT, SUPPORT])
def test_artifact_round_trip_keeps_every_part(machine: int, flags: int) -> None:
    data = build(machine=machine, flags=flags)
    artifact = Artifact(data)
    assert (artifact.kind, artifact.machine) == (flags, machine)
    for section in SECTIONS:
        assert artifact.section(section.name) == section.body
    assert artifact.section(TEXT_SECTION) == CODE[machine]
    assert artifact.section(RODATA_SECTION) == b"constant"
    assert artifact.text_range == (TEXT_ALIGN[machine], len(CODE[machine]))
    assert artifact.image_range == (TEXT_ALIGN[machine], 128 + 8)
    assert (artifact.bss_offset, artifact.bss_size) == (0, 0)


def test_artifact_sections_are_not_copied() -> None:
    data = bytearray(build())
    section = Artifact(memoryview(data)).section(TEXT_SECTION)
    data[TEXT_ALIGN[MACHINE_X86_64]] = 0xCC
    assert section[0] == 0xCC


def test_artifact_metadata_comes_first_and_data_is_page_aligned() -> None:
    sections = Artifact(build()).sections
    assert list(sections) == [
        ENGINE_SECTION,
        INFO_SECTION,
        ".symtab",
        ".strtab",
        ".shstrtab",
        TEXT_SECTION,
        RODATA_SECTION,
        DATA_SECTION,
    ]
    assert sections[DATA_SECTION][0] % 4096 == 0


def test_artifact_zero_filled_area_has_a_place_but_no_bytes() -> None:
    artifact = Artifact(build(flags=SUPPORT, bss_size=4096))
    assert (artifact.bss_offset, artifact.bss_size) == (1 << 16, 4096)
    assert artifact.text_range[0] + artifact.bss_offset >= len(build(bss_size=4096))
    with pytest.raises(IncompatibleArtifact, match=r"failed to find section `\.bss`"):
        artifact.section(BSS_SECTION)


def test_write_artifact_equal_arguments_give_equal_bytes() -> None:
    assert build() == build()


def test_write_artifact_data_segments_over_the_zero_filled_area_are_refused() -> None:
    image = CodeImage(b"\x90", b"", 64, 1 << 16, 8)
    data = SectionBytes(DATA_SECTION, bytes(1 << 16))
    with pytest.raises(InternalError, match="zero-filled area overlaps"):
        write_artifact(image, MACHINE_X86_64, SUPPORT, (data,), ())


def test_write_artifact_overlapping_constants_are_refused() -> None:
    with pytest.raises(InternalError, match="overlap"):
        write_artifact(CodeImage(b"\x90" * 65, b"", 64), MACHINE_X86_64, MODULE, (), ())


def test_write_artifact_bytes_are_those_of_the_format_document() -> None:
    # The vector of docs/format/artifact.md: whoever changes it raises ABI_VERSION.
    data = build()
    assert data[:64].hex() == (
        "7f454c46020101ca060000000000000003003e00010000000000000000000000"
        "00000000000000004000000000000000"
        "01000000400000000000400009000500"
    )
    document = Path(__file__).parents[3] / "docs" / "format" / "artifact.md"
    assert hashlib.sha256(data).hexdigest() in document.read_text(encoding="utf-8")


@pytest.mark.parametrize("machine", [MACHINE_X86_64, MACHINE_AARCH64])
@pytest.mark.parametrize("bss_size", [0, 4096])
def test_artifact_opens_in_pyelftools(machine: int, bss_size: int) -> None:
    data = build(machine=machine, bss_size=bss_size)
    elf = ELFFile(io.BytesIO(data))
    text = elf.get_section_by_name(TEXT_SECTION)
    assert text["sh_addr"] == text["sh_offset"] == TEXT_ALIGN[machine]
    assert text.data() == CODE[machine]
    symbols = {s.name: s for s in elf.get_section_by_name(".symtab").iter_symbols()}
    assert elf.get_section(symbols["f0"]["st_shndx"]).name == TEXT_SECTION
    assert elf.get_section(symbols["table"]["st_shndx"]).name == RODATA_SECTION
    assert symbols["table"]["st_value"] == TEXT_ALIGN[machine] + 128
    if bss_size:
        assert elf.get_section(symbols["state"]["st_shndx"]).name == BSS_SECTION


@pytest.mark.parametrize("machine", [MACHINE_X86_64, MACHINE_AARCH64])
@pytest.mark.parametrize("command", [["readelf", "-a", "-W"], ["objdump", "-h", "-t"]])
def test_artifact_opens_in_binutils_without_complaint(
    objdump: Callable[[str], str], tmp_path: Path, machine: int, command: list[str]
) -> None:
    if command[0] == "objdump":
        command = [objdump(NAMES[machine]), *command[1:]]
    elif shutil.which(command[0]) is None:
        pytest.skip("binutils are not installed")
    path = tmp_path / "artifact"
    path.write_bytes(build(machine=machine, bss_size=4096))
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "warning" not in done.stdout.lower()
    assert ENGINE_SECTION in done.stdout


@pytest.mark.parametrize("machine", [MACHINE_X86_64, MACHINE_AARCH64])
def test_artifact_is_disassembled_by_objdump(
    objdump: Callable[[str], str], tmp_path: Path, machine: int
) -> None:
    path = tmp_path / "artifact"
    path.write_bytes(build(machine=machine))
    command = [objdump(NAMES[machine]), "-d", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "<f0>:" in done.stdout
    assert "nop" in done.stdout


def refusal(data: bytes) -> str:
    with pytest.raises(IncompatibleArtifact) as caught:
        Artifact(data)
    return str(caught.value)


def patched(position: int, value: int, size: int) -> bytes:
    data = bytearray(build())
    data[position : position + size] = value.to_bytes(size, "little")
    return bytes(data)


NOT_ELF = "failed to parse precompiled artifact as an ELF"
FOREIGN = "incompatible object file format"


@pytest.mark.parametrize(
    ("position", "size", "value", "message"),
    [
        (0, 1, 0, NOT_ELF),
        (4, 1, 1, NOT_ELF),
        (6, 1, 2, NOT_ELF),
        (5, 1, 2, "failed to parse header endianness"),
        (7, 1, 0, FOREIGN),
        (8, 1, 99, FOREIGN),
        (16, 2, 1, FOREIGN),
        (18, 2, 3, FOREIGN),
        (48, 4, 0, FOREIGN),
        (48, 4, MODULE | COMPONENT, FOREIGN),
        (40, 8, 1 << 63, "failed to parse section headers"),
        (58, 2, 63, "failed to parse section headers"),
        (60, 2, 0xFFFF, "failed to parse section headers"),
        (60, 2, 0, "failed to parse section headers"),
        (62, 2, 0xFFFF, "failed to parse strings table"),
    ],
)
def test_artifact_lie_in_the_header_is_refused(
    position: int, size: int, value: int, message: str
) -> None:
    assert refusal(patched(position, value, size)) == message


@pytest.mark.parametrize(
    ("section", "field", "size", "value", "message"),
    [
        (5, 24, 8, 1 << 62, "failed to parse strings table"),
        (1, 0, 4, 1 << 31, "failed to parse strings table"),
        (2, 24, 8, 1 << 62, "failed to parse sections table"),
        (2, 32, 8, 1 << 62, "failed to parse sections table"),
        (2, 4, 4, 8, "failed to parse sections table"),
        (6, 0, 4, 0, "failed to find section `.text`"),
        (6, 16, 8, 0, "failed to parse code sections"),
        (6, 24, 8, 64, "failed to parse sections table"),
        (7, 24, 8, 64, "failed to parse sections table"),
        (6, 16, 8, 64, "failed to parse code sections"),
        (7, 16, 8, 64, "failed to parse code sections"),
        (8, 24, 8, 64, "failed to parse sections table"),
    ],
)
def test_artifact_lie_in_a_section_header_is_refused(
    section: int, field: int, size: int, value: int, message: str
) -> None:
    table = int.from_bytes(build()[40:48], "little")
    assert refusal(patched(table + 64 * section + field, value, size)) == message


def test_artifact_without_engine_section_is_refused_when_asked() -> None:
    data = write_artifact(CodeImage(b"\xc3", b"", 64), MACHINE_X86_64, MODULE, (), ())
    with pytest.raises(IncompatibleArtifact) as caught:
        Artifact(data).section(ENGINE_SECTION)
    assert str(caught.value) == "failed to find section `.cachewasm.engine`"


def test_artifact_truncated_anywhere_is_refused() -> None:
    data = build()
    # Zeros between metadata and text are like one another: every length outside them, some inside.
    text = TEXT_ALIGN[MACHINE_X86_64]
    for length in [*range(200), *range(200, text, 97), *range(text, len(data))]:
        assert refusal(data[:length])


def test_artifact_flipped_byte_is_refused_or_harmless() -> None:
    data = build(bss_size=4096)
    names_start, names_size = Artifact(data).sections[".shstrtab"]
    for position in [*range(64 * 10), *range(names_start, names_start + names_size)]:
        for mask in (0x01, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[position] ^= mask
            try:
                artifact = Artifact(bytes(damaged))
            except IncompatibleArtifact:
                continue
            assert position > 0
            for offset, size in artifact.sections.values():
                assert offset + size <= len(data)
            offset, size = artifact.image_range
            assert offset % TEXT_ALIGN[MACHINE_X86_64] == 0
            assert offset + size <= len(data)


@pytest.mark.parametrize(
    ("flags", "kind"), [(MODULE, "module"), (COMPONENT, "component"), (SUPPORT, None)]
)
def test_detect_tells_the_kind_from_the_header_alone(flags: int, kind: str | None) -> None:
    assert detect(build(flags=flags)[:HEADER_SIZE]) == kind


def test_detect_foreign_elf_file_is_none() -> None:
    assert detect(patched(7, 0, 1)) is None
    assert detect(patched(8, 1, 1)) is None
    assert detect(patched(4, 1, 1)) is None
    assert detect(build()[: HEADER_SIZE - 1]) is None


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=80))
def test_detect_any_bytes_never_fail(header: bytes) -> None:
    assert detect(header) is None
    assert detect(b"\x7fELF" + header) in (None, "module", "component")
