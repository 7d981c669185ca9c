"""Code for AArch64 made on x86-64 runs under emulation, code made there is the same and runs here."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import cachewasm
from cachewasm.engine import identity
from cachewasm.runtime import kept
from cachewasm.wasm.text.commands import (
    AssertTrap,
    AssertUnlinkable,
    BinaryModule,
    Define,
    QuotedModule,
    TextModule,
)
from cachewasm.wasm.text.wast import parse_script
from tests.aarch64.conftest import FOLDER, ROOT, Emulated
from tests.aarch64.either_side import AARCH64, OPTIONS, TARGETS, TIERS, engine_for, kernels

EITHER_SIDE = FOLDER / "either_side.py"
EXAMPLES = ROOT / "examples"
MUST_HIT = {"CACHEWASM_MODE": "must-hit"}
# Calls, floats, a dispatch loop, and C of some size: memory, calls through a table, jump tables.
MADE_THERE = ("fib", "nbody", "interp", "json")
MADE_ONCE = pytest.mark.xdist_group("made")
NOTHING_COMPILED = "compilers:"
SCRIPTS = Path(os.environ.get("CACHEWASM_SPEC_DIR") or ROOT.parent / "shared" / "spec")
# Arithmetic, conversions, calls, traps, memories, tables, and stacks that overflow.
CHOSEN = (
    *("i32", "i64", "f32", "f64", "conversions", "float_exprs", "int_exprs"),
    *("call", "call_indirect", "memory_trap", "memory_grow", "memory_copy", "memory_init"),
    *("traps", "fac", "skip-stack-guard-page", "address", "switch", "start", "unwind"),
)


@pytest.fixture(scope="module")
def kernel_names() -> list[str]:
    """All but the libraries: these take as long as all others together."""
    every = sorted(path.stem for path in (ROOT / "benchmarks/kernels").glob("*.wasm"))
    return [name for name in every if name not in ("lua", "expat", "bzip2", "zlib")]


@pytest.fixture(scope="module")
def made(emulated: Emulated, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders with the artifacts made here, and with those made there."""
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    files = [ROOT / "benchmarks" / "kernels" / f"{name}.wasm" for name in MADE_THERE]
    _python(EITHER_SIDE, "make", here, *files)
    emulated(EITHER_SIDE, "make", there, *files, variables={"CACHEWASM_CACHE": "off"})
    return here, there


def _python(*arguments: str | Path) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout.decode()


def test_llvmlite_here_and_there_is_one_compiler(emulated: Emulated) -> None:
    there = emulated("-c", "from cachewasm.engine import identity as i; print(i.compiler_parts())")
    # If not: engine/identity.py lists the build ids of the releases that were compared.
    assert there.strip() == str(identity.compiler_parts())


@MADE_ONCE
def test_artifacts_made_there_have_the_bytes_of_those_made_here(made: tuple[Path, Path]) -> None:
    here, there = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in made)
    assert len(here) == len(TARGETS) * (1 + len(TIERS) * len((*MADE_THERE, *OPTIONS)))
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []


@MADE_ONCE
def test_artifacts_made_here_run_there(made: tuple[Path, Path], emulated: Emulated) -> None:
    _check(emulated(EITHER_SIDE, "load", made[0], AARCH64))


@MADE_ONCE
def test_artifacts_made_there_run_here(made: tuple[Path, Path]) -> None:
    _check(_python(EITHER_SIDE, "load", made[1], "x86-64-v1"))


def _check(said: str) -> None:
    """That each artifact of `made` has done what it should."""
    found: dict[str, list[str]] = {}
    for line in said.splitlines():
        tier, name, result = line.split(" ", 2)
        assert tier in TIERS
        found.setdefault(name, []).append(result)
    sums, left, division = "50", "9888", "INTEGER_DIVISION_BY_ZERO [(1, 5), (2, 13), (3, 11)]"
    expected = dict.fromkeys(MADE_THERE, "True") | {
        "exceptions": f"{sums} {division} 8",
        "fuel": f"{sums} {left} {division} 8",
        "epochs": f"{sums} {division} INTERRUPT [(3, 0)]",
        "debugged": f"{sums} {division} 8",
    }
    assert found == {name: [result] * len(TIERS) for name, result in expected.items()}


@MADE_ONCE
def test_artifacts_for_x86_64_are_refused_there(
    made: tuple[Path, Path], emulated: Emulated
) -> None:
    said = emulated(EITHER_SIDE, "load", made[0], "x86-64-v1").splitlines()
    assert len(said) == len(TIERS) * len((*MADE_THERE, *OPTIONS))
    reason = "Module was compiled for architecture 'x86_64'"
    assert [line for line in said if not line.endswith(reason)] == []


def test_cache_warmed_here_is_hit_there(emulated: Emulated, tmp_path: Path) -> None:
    warm = ("-m", "cachewasm_cli", "cache", "warm", f"--target={AARCH64}")
    _python(*warm, "--cache-dir", tmp_path, EXAMPLES / "mandelbrot.wasm")
    said = emulated(
        *("-m", "cachewasm_cli", "run", "--cache-dir", tmp_path, EXAMPLES / "mandelbrot.wasm"),
        variables=MUST_HIT,
    )
    assert said == (EXAMPLES / "mandelbrot.txt").read_text()


@pytest.mark.parametrize("tier", TIERS)
def test_icepll_compiled_here_prints_there_what_it_prints_here(
    emulated: Emulated, module_path: Callable[[str], Path], tier: str
) -> None:
    command = ("-m", "cachewasm_cli", "run", "--strategy", tier)
    program = (module_path("icepll.wasm"), "-i", "12", "-o", "48")
    _keep(tier, [module_path("icepll.wasm").read_bytes()])
    said = emulated(*command, *program, variables=MUST_HIT)
    assert "F_PLLOUT:   48.000 MHz (achieved)" in said
    assert said == _python(*command, *program)


@pytest.mark.parametrize("tier", TIERS)
def test_kernels_compiled_here_give_their_checksums_there(
    emulated: Emulated, kernel_names: list[str], tier: str
) -> None:
    _keep(tier, [kernel.binary() for kernel in kernels(kernel_names)])
    said = emulated(EITHER_SIDE, "kernels", tier, *kernel_names, variables=MUST_HIT)
    expected = [*(f"{name} True" for name in kernel_names), NOTHING_COMPILED]
    assert sorted(said.splitlines()) == sorted(expected)


@pytest.mark.skipif(not SCRIPTS.is_dir(), reason="CACHEWASM_SPEC_DIR names no folder of scripts")
@pytest.mark.parametrize("tier", TIERS)
def test_scripts_compiled_here_pass_there(emulated: Emulated, tier: str) -> None:
    files = [SCRIPTS / f"{name}.wast" for name in CHOSEN]
    _keep(tier, (wasm for file in files for wasm in _modules(file)))
    said = emulated(EITHER_SIDE, "scripts", tier, *files, variables=MUST_HIT)
    assert said.splitlines() == [*(f"{name} True" for name in CHOSEN), NOTHING_COMPILED]


def _keep(tier: str, modules: Iterator[bytes] | list[bytes]) -> None:
    """Have the session's cache hold modules, and the support image, for AArch64."""
    engine = engine_for(tier, AARCH64)
    kept.keep_support(engine, AARCH64)
    for wasm in modules:
        # Some must be refused; if one that must not is, it will be missing.
        with suppress(cachewasm.WasmtimeError):
            kept.keep(engine, wasm)


def _modules(file: Path) -> Iterator[bytes]:
    """The binaries of all modules that a script compiles."""
    script = parse_script(file.read_bytes())
    for command in script.commands:
        match command.order:
            case Define(module=form) | AssertUnlinkable(module=form) | AssertTrap(subject=form):
                if isinstance(form, (TextModule, BinaryModule, QuotedModule)):
                    yield script.binary(form)
