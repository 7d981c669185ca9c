"""`cachewasm wat2wasm` and `wasm2wat`, and text wherever a module is asked for."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]
MakeModule = Callable[[str, str], Path]

TEXT = """(module $"żółw"
  (func $two (export "two") (result i32)
    i32.const 2))
"""
PRINTED = """\
(module $"żółw"
  (type (;0;) (func (result i32)))
  (func $two (;0;) (type 0) (result i32)
    i32.const 2
  )
  (export "two" (func $two))
)
"""


@pytest.fixture
def wat(tmp_path: Path) -> Path:
    """A file of text."""
    path = tmp_path / "two.wat"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_wat2wasm_writes_the_binary_beside_the_text(cachewasm: Cachewasm, wat: Path) -> None:
    done = cachewasm("wat2wasm", wat)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    expected = bytes(wasmtime.wat2wasm(TEXT))
    assert wat.with_suffix(".wasm").read_bytes() == expected


def test_wat2wasm_output_is_chosen(cachewasm: Cachewasm, wat: Path, tmp_path: Path) -> None:
    assert cachewasm("wat2wasm", wat, "-o", tmp_path / "out").returncode == 0
    assert (tmp_path / "out").read_bytes().startswith(b"\0asm")


def test_wat2wasm_malformed_text_is_one_line_with_the_place(
    cachewasm: Cachewasm, wat: Path
) -> None:
    wat.write_text("(module\n  (func\n    i32.frobnicate))", encoding="utf-8")
    done = cachewasm("wat2wasm", wat)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
    assert done.stderr.startswith(f"cachewasm: {wat}: unknown operator".encode())
    assert b"3" in done.stderr
    assert not wat.with_suffix(".wasm").exists()


@pytest.mark.parametrize("command", ["wat2wasm", "wasm2wat"])
def test_conversion_would_not_replace_the_module(
    cachewasm: Cachewasm, wat: Path, command: str
) -> None:
    assert cachewasm(command, wat, "-o", wat).returncode == 1
    assert wat.read_text(encoding="utf-8") == TEXT


def test_wasm2wat_prints_utf8_whatever_the_locale(cachewasm: Cachewasm, wat: Path) -> None:
    cachewasm("wat2wasm", wat)
    done = cachewasm("wasm2wat", wat.with_suffix(".wasm"), env={"LC_ALL": "C"})
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, PRINTED, b"")


def test_wasm2wat_lays_text_out_anew(cachewasm: Cachewasm, wat: Path, tmp_path: Path) -> None:
    assert cachewasm("wasm2wat", wat, "-o", tmp_path / "out.wat").returncode == 0
    assert (tmp_path / "out.wat").read_text(encoding="utf-8") == PRINTED


def test_wasm2wat_malformed_module_is_one_line(cachewasm: Cachewasm, tmp_path: Path) -> None:
    path = tmp_path / "bad.wasm"
    path.write_bytes(b"\0asm\1\0\0\0\7")
    done = cachewasm("wasm2wat", path)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)


def test_run_takes_text_and_hits(cachewasm: Cachewasm, wat: Path, cache_dir: Path) -> None:
    for _ in range(2):
        done = cachewasm("run", "--cache-dir", cache_dir, "--invoke", "two", wat)
        assert (done.returncode, done.stdout) == (0, b"2\n")
    (listed,) = (
        entry
        for entry in json.loads(
            cachewasm("cache", "list", "--json", "--cache-dir", cache_dir).stdout
        )
        if entry["texts"]
    )
    assert (listed["module"], listed["texts"]) == ("żółw", 1)
    assert b"TEXTS" in cachewasm("cache", "list", "--cache-dir", cache_dir).stdout
    done = cachewasm("cache", "verify", "--cache-dir", cache_dir)
    assert (done.returncode, done.stdout) == (0, b"3 files: 3 ok\n")


def test_compile_takes_text(cachewasm: Cachewasm, wat: Path) -> None:
    assert cachewasm("compile", wat).returncode == 0
    assert cachewasm("run", "--invoke", "two", wat.with_suffix(".cwasm")).stdout == b"2\n"


def test_validate_takes_text(cachewasm: Cachewasm, wat: Path) -> None:
    assert cachewasm("validate", wat).returncode == 0
    wat.write_text("(module (func (result i32)))", encoding="utf-8")
    assert b"type mismatch" in cachewasm("validate", wat).stderr


def test_inspect_takes_text(cachewasm: Cachewasm, wat: Path) -> None:
    facts = json.loads(cachewasm("inspect", "--json", wat).stdout)
    assert (facts["file"], facts["name"]) == ("module", "żółw")


def test_inspect_alias_tells_the_digests(cachewasm: Cachewasm, wat: Path, cache_dir: Path) -> None:
    cachewasm("run", "--cache-dir", cache_dir, "--invoke", "two", wat)
    (path,) = (cache_dir / "aliases" / "v1").glob("*/*")
    facts = json.loads(cachewasm("inspect", "--json", path).stdout)
    assert facts["file"] == "alias"
    assert path.name.startswith(facts["text_digest"][:32])
    path.write_bytes(path.read_bytes()[:-1])
    done = cachewasm("inspect", path)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
