"""Branch protection: every function of the image begins with a mark, and the artifact says so."""

from pathlib import Path

import pytest
import wasmtime

import cachewasm
from cachewasm.artifact.format import MACHINE_AARCH64, TEXT_SECTION
from cachewasm.artifact.reader import Artifact
from cachewasm.artifact.symfile import symbol_file

# endbr64; paciasp, which is a landing place too; bti c
ENDBR64 = bytes.fromhex("f30f1efa")
LANDINGS = {"x86-64-v1": (ENDBR64,), "aarch64": (b"\x3f\x23\x03\xd5", b"\x5f\x24\x03\xd5")}
TARGETS = {"x86-64-v1": "x86-64-v1", "aarch64": "aarch64-unknown-linux-gnu"}
# Level 1 has no instruction for floor, so the image has a function of LLVM's library, too.
TEXT = """
(module
  (type $unary (func (param i32) (result i32)))
  (import "" "host" (func $host (param i32)))
  (memory 1)
  (table 2 funcref) (elem (i32.const 0) $switch $leaf)
  (func $switch (param i32) (result i32)
    (block (block (block (block (block
      (br_table 0 1 2 3 4 (local.get 0))) (nop)) (call $host (i32.const 2))) (nop)) (nop))
    (i32.load (local.get 0)))
  (func $leaf (param i32) (result i32) (i32.const 4))
  (func $floor (export "floor") (param f64) (result f64) (f64.floor (local.get 0)))
  (func $main (export "main") (param i32) (result i32)
    (call_indirect (type $unary) (local.get 0) (local.get 0))))
"""


def artifact(target: str, strategy: str, *, protected: bool) -> Artifact:
    config = cachewasm.Config()
    config.target = TARGETS[target]
    config.strategy = strategy
    config.branch_protection = protected
    engine = cachewasm.Engine(config)
    return Artifact(engine.precompile_module(bytes(wasmtime.wat2wasm(TEXT))))


def heads(found: Artifact) -> dict[str, bytes]:
    """The first instruction's bytes of each function, by the names of the symbol table."""
    elftools = pytest.importorskip("elftools.elf.elffile")
    import io

    elf = elftools.ELFFile(io.BytesIO(bytes(found.data)))
    text, start = bytes(found.section(TEXT_SECTION)), found.text_range[0]
    return {
        symbol.name: text[symbol["st_value"] - start :][:4]
        for symbol in elf.get_section_by_name(".symtab").iter_symbols()
        if symbol["st_info"]["type"] == "STT_FUNC"
    }


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
@pytest.mark.parametrize("target", ["x86-64-v1", "aarch64"])
def test_branch_protection_marks_every_function(target: str, strategy: str) -> None:
    found = artifact(target, strategy, protected=True)
    assert found.is_marked
    landings = LANDINGS[target]
    unmarked = {name for name, head in heads(found).items() if head not in landings}
    # What LLVM calls of its own accord is never the target of an indirect branch.
    assert not [name for name in unmarked if not name.startswith("cachewasm::floor")]
    assert len(heads(found)) >= 4 + 2 * 3 + 1


@pytest.mark.parametrize("target", ["x86-64-v1", "aarch64"])
def test_branch_protection_is_off_by_default(target: str) -> None:
    found = artifact(target, "optimized", protected=False)
    assert not found.is_marked
    assert not [name for name, head in heads(found).items() if head in LANDINGS[target]]


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_branch_protection_changes_nothing_of_what_code_does(strategy: str) -> None:
    config = cachewasm.Config()
    config.branch_protection = True
    config.strategy = strategy
    store = cachewasm.Store(cachewasm.Engine(config))
    host = cachewasm.Func(
        store, cachewasm.FuncType([cachewasm.ValType.i32()], []), lambda value: None
    )
    module = cachewasm.Module(store.engine, TEXT)
    exports = cachewasm.Instance(store, module, [host]).exports(store)
    main, floor = exports["main"], exports["floor"]
    assert callable(main) and callable(floor)
    assert main(store, 1) == 4
    assert floor(store, -1.5) == -2.0
    with pytest.raises(cachewasm.Trap) as caught:
        main(store, 2)
    assert [frame.func_index for frame in caught.value.frames] == [4]


def test_branch_protection_keeps_symbol_files_whole(tmp_path: Path) -> None:
    found = artifact("aarch64", "baseline", protected=True)
    assert found.machine == MACHINE_AARCH64
    assert len(symbol_file(found, 1 << 32)) == found.text_range[0]
