"""Code for other machines: valid ELF files in which every reference has its place.

Nothing of it is run here. What a reference is, is read by others: pyelftools, binutils, and on AArch64
the fixed forms of its instructions.
"""

import io
import re
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from elftools.elf.elffile import ELFFile

import cachewasm
from cachewasm.artifact.format import ENGINE_SECTION, INFO_SECTION, RODATA_SECTION, TEXT_SECTION
from cachewasm.artifact.info import ModuleInfo
from cachewasm.artifact.reader import Artifact
from cachewasm.engine import metadata
from cachewasm.engine.isa import AARCH64, LEVELS, X86_64

TARGETS = [level for levels in LEVELS.values() for level in levels]
TIERS = ["baseline", "optimized"]
# Floats and memory; a switch, which becomes a table of jumps.
MODULES = ("examples/mandelbrot.wasm", "benchmarks/kernels/interp.wasm")
_CALL = re.compile(r"\b(?:call|j[a-z]+)\s+([0-9a-f]+) <")
_BESIDE = re.compile(r"\(%rip\)\s+# ([0-9a-f]+)")

Compile = Callable[..., list[bytes]]


@pytest.fixture(scope="session")
def compile(engine_module: ModuleType, root: Path) -> Compile:
    """Compiles the modules for a target, once."""
    if engine_module.__name__ != "cachewasm":
        pytest.skip("the oracle aborts on some of this")
    known: dict[tuple[object, ...], list[bytes]] = {}

    def compiled(target: str, tier: str, **options: str) -> list[bytes]:
        key = (target, tier, *options.items())
        if key not in known:
            config = cachewasm.Config()
            config.cache, config.target, config.strategy = False, target, tier
            for name, value in options.items():
                setattr(config, name, value)
            engine = cachewasm.Engine(config)
            known[key] = [engine.precompile_module((root / path).read_bytes()) for path in MODULES]
        return known[key]

    return compiled


def arch_of(target: str) -> str:
    return next(arch for arch, levels in LEVELS.items() if target in levels)


def disassembly(data: bytes, folder: Path) -> str:
    """What objdump makes of x86-64 code."""
    if shutil.which("objdump") is None:
        pytest.skip("binutils are not installed")
    path = folder / "artifact"
    path.write_bytes(data)
    command = ["objdump", "-d", "--no-show-raw-insn", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def words(code: bytes) -> Iterator[tuple[int, int]]:
    """Position and value of each instruction of AArch64."""
    for position, (word,) in enumerate(struct.iter_unpack("<I", code[: len(code) & ~3])):
        yield 4 * position, word


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("target", TARGETS)
def test_artifact_for_a_target_is_a_whole_elf_file(
    compile: Compile, target: str, tier: str
) -> None:
    machines = {X86_64: "EM_X86_64", AARCH64: "EM_AARCH64"}
    for data in compile(target, tier):
        elf = ELFFile(io.BytesIO(data))
        assert elf.header["e_machine"] == machines[arch_of(target)]
        assert elf.elfclass == 64 and elf.little_endian
        kinds = {section["sh_type"] for section in elf.iter_sections()}
        assert not kinds & {"SHT_REL", "SHT_RELA", "SHT_DYNAMIC"}
        symbols = list(elf.get_section_by_name(".symtab").iter_symbols())[1:]
        assert symbols
        for symbol in symbols:
            assert symbol["st_shndx"] != "SHN_UNDEF", symbol.name
            section = elf.get_section(symbol["st_shndx"])
            begin, end = section["sh_addr"], section["sh_addr"] + section["sh_size"]
            assert begin <= symbol["st_value"] <= symbol["st_value"] + symbol["st_size"] <= end
        artifact = Artifact(data)
        made = metadata.decode(bytes(artifact.section(ENGINE_SECTION)))[1]
        assert set(made.isa_flags) == LEVELS[arch_of(target)][target]
        assert made.tier == tier
        info, size = ModuleInfo(artifact.section(INFO_SECTION)), artifact.text_range[1]
        assert all(0 <= offset < size for offset in info.trampolines)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("target", TARGETS)
def test_artifact_for_a_target_opens_in_readelf_without_complaint(
    compile: Compile, tmp_path: Path, target: str, tier: str
) -> None:
    if shutil.which("readelf") is None:
        pytest.skip("binutils are not installed")
    path = tmp_path / "artifact"
    for data in compile(target, tier):
        path.write_bytes(data)
        command = ["readelf", "-a", "-W", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "There are no relocations in this file." in done.stdout


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("target", list(LEVELS[X86_64]))
def test_references_of_x86_code_stay_in_the_image(
    compile: Compile, tmp_path: Path, target: str, tier: str
) -> None:
    for data in compile(target, tier):
        artifact = Artifact(data)
        text, text_size = artifact.text_range
        image, image_size = artifact.image_range
        shown = disassembly(data, tmp_path)
        calls = [int(found, 16) for found in _CALL.findall(shown)]
        assert calls
        assert all(text <= address < text + text_size for address in calls)
        beside = [int(found, 16) for found in _BESIDE.findall(shown)]
        assert all(image <= address < image + image_size for address in beside)


@pytest.mark.parametrize("tier", TIERS)
def test_references_of_arm_code_stay_in_the_image(compile: Compile, tier: str) -> None:
    pages = 0
    for data in compile("armv8-a", tier):
        artifact = Artifact(data)
        text, size = artifact.text_range
        image_end = sum(artifact.image_range)
        calls = 0
        for position, word in words(bytes(artifact.section(TEXT_SECTION))):
            if word & 0x7C00_0000 == 0x1400_0000:  # B, BL
                target = position + 4 * signed(word & 0x3FF_FFFF, 26)
                calls += 1
                assert 0 <= target < size, hex(position)
            elif word & 0x9F00_0000 == 0x9000_0000:  # ADRP
                distance = signed((word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3, 21)
                page = (text + position >> 12) + distance << 12
                pages += 1
                assert text >> 12 << 12 <= page < image_end, hex(position)
        assert calls
    # The constants and the table of jumps are reached that way.
    assert pages
    assert any(Artifact(data).has_section(RODATA_SECTION) for data in compile("armv8-a", tier))


def instructions(shown: str) -> set[str]:
    """The mnemonics in a disassembly."""
    found = (line.partition("\t")[2].split() for line in shown.splitlines())
    return {words[0] for words in found if words}


@pytest.mark.parametrize("tier", TIERS)
def test_cpu_to_tune_for_adds_no_instruction_of_another_level(
    compile: Compile, tmp_path: Path, tier: str
) -> None:
    """AVX instructions are exactly those whose names begin with v, besides four that are older."""
    older = {"verr", "verw", "vmcall", "vmlaunch"}
    for cpu in ("znver4", "skylake-avx512"):
        for data in compile("x86-64-v2", tier, tune_cpu=cpu):
            used = instructions(disassembly(data, tmp_path))
            assert not {name for name in used - older if name.startswith("v")}
    # The same modules have them where they may.
    shown = [instructions(disassembly(data, tmp_path)) for data in compile("x86-64-v3", tier)]
    assert any(name.startswith("v") for used in shown for name in used)


def test_cpu_to_tune_for_changes_the_key_and_not_what_is_needed(compile: Compile) -> None:
    plain, tuned = (
        compile("x86-64-v2", "optimized"),
        compile("x86-64-v2", "optimized", tune_cpu="znver4"),
    )
    for one, other in zip(plain, tuned, strict=True):
        made = [bytes(Artifact(data).section(ENGINE_SECTION)) for data in (one, other)]
        assert made[0] == made[1]


def test_feature_that_is_taken_away_is_not_used(compile: Compile, tmp_path: Path) -> None:
    for data in compile("x86-64-v3", "optimized", target_features="-avx"):
        used = instructions(disassembly(data, tmp_path))
        assert not {name for name in used if name.startswith("v")}
    for data in compile("x86-64-v2", "optimized", target_features="+avx2"):
        made = metadata.decode(bytes(Artifact(data).section(ENGINE_SECTION)))[1]
        assert set(made.isa_flags) == LEVELS[X86_64]["x86-64-v2"] | {"avx", "avx2"}
