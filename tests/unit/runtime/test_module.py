"""Modules: what they tell of themselves, and artifacts that must not be loaded."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cachewasm
from cachewasm.artifact.reader import Artifact

# The oracle's artifacts and errors are its own.
pytestmark = pytest.mark.usefixtures("own")

SAMPLE = """
(module $sample
  (import "env" "f" (func $f (param i32 externref) (result f64)))
  (import "env" "m" (memory 1 2))
  (import "env" "t" (table 0 funcref))
  (import "env" "g" (global (mut i64)))
  (table (export "t") 3 5 externref)
  (global (export "g") f32 (f32.const 1))
  (export "again" (func $f))
  (func (export "answer") (result i32) (i32.const 42))
  (data (i32.const 0) "bytes"))
"""
# A target that is not this machine.
FOREIGN = "x86-64-v1" if os.uname().machine == "aarch64" else "aarch64-unknown-linux-gnu"
ANSWER = '(module (func (export "f") (result i32) (i32.const 42)))'


def _answer(engine: Any, module: Any) -> object:
    store = cachewasm.Store(engine)
    function: Any = cachewasm.Instance(store, module, []).exports(store)["f"]
    return function(store)


# --- What a module tells


def test_module_imports_and_exports_have_names_and_types(module: Callable[..., Any]) -> None:
    sample = module(SAMPLE)
    assert [(i.module, i.name) for i in sample.imports] == [
        ("env", "f"),
        ("env", "m"),
        ("env", "t"),
        ("env", "g"),
    ]
    func, memory, table, variable = (i.type for i in sample.imports)
    assert [str(t) for t in (*func.params, *func.results)] == ["i32", "externref", "f64"]
    assert (memory.limits.min, memory.limits.max) == (1, 2)
    assert (str(table.element), table.limits.min, table.limits.max) == ("funcref", 0, None)
    assert (str(variable.content), variable.mutable) == ("i64", True)
    assert [e.name for e in sample.exports] == ["t", "g", "again", "answer"]
    table, variable, again, answer = (e.type for e in sample.exports)
    assert (str(table.element), table.limits.min, table.limits.max) == ("externref", 3, 5)
    assert (str(variable.content), variable.mutable) == ("f32", False)
    assert again == func
    assert answer.results == [cachewasm.ValType.i32()]
    assert sample.name == "sample"


def test_module_from_other_bytes_likes_is_the_same(
    engine: Any, wasm: Callable[[str], bytes]
) -> None:
    for encoded in (bytearray(wasm(ANSWER)), memoryview(wasm(ANSWER))):
        assert _answer(engine, cachewasm.Module(engine, encoded)) == 42  # type: ignore[arg-type]


@pytest.mark.parametrize("wasm", [None, 5, [0, 0x61]])
def test_module_of_no_bytes_is_a_type_error(engine: Any, wasm: Any) -> None:
    with pytest.raises(TypeError):
        cachewasm.Module(engine, wasm)


def test_module_without_engine_is_a_type_error(wasm: Callable[[str], bytes]) -> None:
    with pytest.raises(TypeError, match="expected an Engine"):
        cachewasm.Module(None, wasm(ANSWER))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 1, 4, 7, 8 + 3, -1])
def test_module_truncated_is_malformed(
    engine: Any, wasm: Callable[[str], bytes], size: int
) -> None:
    with pytest.raises(cachewasm.WasmtimeError) as caught:
        cachewasm.Module(engine, wasm(ANSWER)[:size])
    assert isinstance(caught.value, cachewasm.ModuleError)


def test_module_invalid_is_refused_with_the_place(
    engine: Any, wasm: Callable[[str], bytes]
) -> None:
    invalid = wasm("(module (func (result i32) (i64.const 1)))")
    for refuse in (cachewasm.Module, cachewasm.Module.validate):
        with pytest.raises(cachewasm.InvalidModule, match="type mismatch") as caught:
            refuse(engine, invalid)
        assert caught.value.offset is not None


def test_module_validate_accepts_what_is_valid(engine: Any, wasm: Callable[[str], bytes]) -> None:
    assert cachewasm.Module.validate(engine, wasm(SAMPLE)) is None


def test_module_from_file_reads_it(
    engine: Any, wasm: Callable[[str], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "answer.wasm"
    path.write_bytes(wasm(ANSWER))
    assert _answer(engine, cachewasm.Module.from_file(engine, path)) == 42
    assert _answer(engine, cachewasm.Module.from_file(engine, str(path))) == 42


def test_module_from_missing_file_is_an_os_error(engine: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        cachewasm.Module.from_file(engine, str(tmp_path / "missing.wasm"))


def test_deserialize_of_a_missing_file_is_a_wasmtime_error(
    api: Any, engine: Any, tmp_path: Path
) -> None:
    with pytest.raises(api.WasmtimeError) as caught:
        api.Module.deserialize_file(engine, str(tmp_path / "missing.cwasm"))
    assert str(caught.value) == (
        "failed to open file\n\nCaused by:\n    No such file or directory (os error 2)\n"
    )


def test_module_of_compiled_code_is_refused(engine: Any, module: Callable[..., Any]) -> None:
    artifact = module(ANSWER).serialize()
    with pytest.raises(cachewasm.WasmtimeError, match=r"Module\.deserialize"):
        cachewasm.Module(engine, artifact)


# --- Artifacts


def test_deserialize_serialized_module_runs(
    engine: Any, module: Callable[..., Any], tmp_path: Path
) -> None:
    artifact = module(ANSWER).serialize()
    assert isinstance(artifact, bytearray)
    assert _answer(engine, cachewasm.Module.deserialize(engine, artifact)) == 42
    path = tmp_path / "answer.cwasm"
    path.write_bytes(artifact)
    loaded = cachewasm.Module.deserialize_file(engine, str(path))
    assert _answer(engine, loaded) == 42
    assert loaded.serialize() == artifact


def test_deserialize_by_an_equal_engine_works(module: Callable[..., Any]) -> None:
    other = cachewasm.Engine()
    loaded = cachewasm.Module.deserialize(other, module(ANSWER).serialize())
    assert _answer(other, loaded) == 42


def test_deserialize_precompiled_module_runs(engine: Any, wasm: Callable[[str], bytes]) -> None:
    artifact = engine.precompile_module(wasm(ANSWER))
    assert cachewasm.Engine.detect_precompiled(artifact) == "module"
    assert _answer(engine, cachewasm.Module.deserialize(engine, artifact)) == 42


def test_deserialize_of_wasm_or_nothing_is_incompatible(
    engine: Any, wasm: Callable[[str], bytes]
) -> None:
    for data in (b"", b"\0", wasm(ANSWER), wasm(ANSWER) * 9, b"\x7fELF", bytes(4096)):
        with pytest.raises(cachewasm.IncompatibleArtifact):
            cachewasm.Module.deserialize(engine, data)


def test_deserialize_of_another_elf_file_is_incompatible(engine: Any) -> None:
    with open("/proc/self/exe", "rb") as executable:
        data = executable.read(1 << 16)
    with pytest.raises(cachewasm.IncompatibleArtifact):
        cachewasm.Module.deserialize(engine, data)


def test_deserialize_truncated_artifact_is_incompatible(
    engine: Any, module: Callable[..., Any]
) -> None:
    artifact = bytes(module(SAMPLE).serialize())
    sizes = {*range(0, 200, 7), *range(200, len(artifact), 1 + len(artifact) // 150)}
    for size in sorted(sizes | {len(artifact) - 1}):
        with pytest.raises(cachewasm.IncompatibleArtifact):
            cachewasm.Module.deserialize(engine, artifact[:size])


def test_deserialize_damaged_artifact_is_incompatible_or_harmless(
    engine: Any, module: Callable[..., Any]
) -> None:
    artifact = bytes(module(SAMPLE).serialize())
    # Code for AArch64 begins at 64 KiB, most of them padding.
    text = Artifact(artifact).text_range[0]
    used = len(artifact[:text].rstrip(b"\0"))
    refused = 0
    for place in range(min(used + 64, text)):
        damaged = bytearray(artifact)
        damaged[place] ^= 0xFF
        try:
            cachewasm.Module.deserialize(engine, damaged)
        except cachewasm.IncompatibleArtifact:
            refused += 1
    assert refused > used // 3


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("target", FOREIGN),
        ("signals_based_traps", False),
        ("memory_reservation", 0),
        ("module_version", "other"),
    ],
)
def test_deserialize_artifact_of_another_engine_is_incompatible(
    engine: Any, wasm: Callable[[str], bytes], option: str, value: Any
) -> None:
    config = cachewasm.Config()
    setattr(config, option, value)
    artifact = cachewasm.Engine(config).precompile_module(wasm(ANSWER))
    with pytest.raises(cachewasm.IncompatibleArtifact):
        cachewasm.Module.deserialize(engine, artifact)


def test_module_for_another_machine_is_compiled_but_not_loaded(
    wasm: Callable[[str], bytes],
) -> None:
    config = cachewasm.Config()
    config.target = FOREIGN
    with pytest.raises(cachewasm.WasmtimeError, match=FOREIGN[:3]):
        cachewasm.Module(cachewasm.Engine(config), wasm(ANSWER))


def test_deserialize_of_no_bytes_is_a_type_error(engine: Any) -> None:
    for data in (None, "text", 5):
        with pytest.raises(TypeError):
            cachewasm.Module.deserialize(engine, data)  # type: ignore[arg-type]


def test_module_is_shared_by_stores_and_instances(engine: Any, module: Callable[..., Any]) -> None:
    counter = module(
        """(module (global $n (mut i32) (i32.const 0))
             (func (export "f") (result i32)
               (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))"""
    )
    store = cachewasm.Store(engine)
    first: Any = cachewasm.Instance(store, counter, []).exports(store)["f"]
    second: Any = cachewasm.Instance(store, counter, []).exports(store)["f"]
    assert [first(store), first(store), second(store)] == [1, 2, 1]
    assert _answer(engine, counter) == 1


def test_module_with_empty_data_segments_only_is_loaded(
    engine: Any, module: Callable[..., Any]
) -> None:
    text = """(module (memory 1) (data $d "") (data (i32.const 65536) "")
                (func (export "f") (result i32)
                  (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 5)))"""
    assert _answer(engine, module(text)) == 5
