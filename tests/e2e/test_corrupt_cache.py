"""A damaged entry is never run: `Module(...)` compiles again and gives the right answer each time."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

import cachewasm

WASM = Path(__file__).parent.parent.parent / "benchmarks" / "kernels" / "quicksort.wasm"
SIZE, CHECKSUM = 1000, 353363316023162
SCRIPT = f"""
import sys, cachewasm
engine = cachewasm.Engine()
store = cachewasm.Store(engine)
with open({str(WASM)!r}, "rb") as file:
    module = cachewasm.Module(engine, file.read())
run = cachewasm.Instance(store, module, []).exports(store)["run"]
print(run(store, {SIZE}))
"""


def _answer(engine: cachewasm.Engine) -> object:
    store = cachewasm.Store(engine)
    module = cachewasm.Module(engine, WASM.read_bytes())
    run = cachewasm.Instance(store, module, []).exports(store)["run"]
    assert isinstance(run, cachewasm.Func)
    return run(store, SIZE)


def _entries(directory: Path) -> set[Path]:
    return {path for path in (directory / "entries").rglob("*") if path.is_file()}


def _damages(entry: bytes) -> Iterator[bytes]:
    """A few dozen damaged forms: a flipped bit anywhere, an end cut off, bytes added."""
    choice = random.Random(20)
    borders = (0, 1, 4, 8, 16, 64, 128, len(entry) // 2, len(entry) - 33, len(entry) - 1)
    for position in (*borders, *(choice.randrange(len(entry)) for _ in range(14))):
        flipped = bytearray(entry)
        flipped[position] ^= 1 << choice.randrange(8)
        yield bytes(flipped)
    for length in (0, 1, 63, 64, 200, len(entry) // 2, len(entry) - 1):
        yield entry[:length]
    yield entry + b"\0"
    yield entry + entry
    yield bytes(len(entry))


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CACHEWASM_DIR", str(tmp_path))
    return tmp_path


def test_module_damaged_entry_gives_right_answer_and_heals(directory: Path) -> None:
    engine = cachewasm.Engine()
    assert _answer(engine) == CHECKSUM
    digest = blake3(WASM.read_bytes()).hexdigest()
    (entry,) = (path for path in _entries(directory) if path.name[:16] == digest[:16])
    for damaged in _damages(entry.read_bytes()):
        entry.write_bytes(damaged)
        assert _answer(engine) == CHECKSUM
        assert entry.read_bytes() != damaged


def test_process_every_entry_damaged_gives_right_answer(directory: Path) -> None:
    """Whatever a fresh process loads, the support image too, is checked before it runs."""

    def run() -> None:
        process = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=Path(cachewasm.__file__).parent.parent,
            capture_output=True,
            check=False,
        )
        assert process.stdout.decode().strip() == str(CHECKSUM), process.stderr.decode()

    run()
    entries = {path: path.read_bytes() for path in _entries(directory)}
    assert entries
    for tenth in (0, 2, 5, 9):
        for path, intact in entries.items():
            flipped = bytearray(intact)
            flipped[len(intact) * tenth // 10 + 20] ^= 0x10
            path.write_bytes(flipped)
        run()
