"""The text that translation makes, and what it refuses."""

import re
import subprocess
import sys

import pytest

from cachewasm.abi.vmctx import FUNC_BOUNDED
from cachewasm.compiler.codegen import BASELINE, compile_ir
from cachewasm.compiler.linker.fragment import make_fragment
from cachewasm.compiler.linker.link import link
from cachewasm.compiler.translate import simd
from cachewasm.compiler.translate.dispatch import LOWERINGS
from cachewasm.compiler.translate.module import translate, translate_trampolines
from cachewasm.errors import InvalidModule, UnsupportedModule
from cachewasm.wasm.opcodes import OPS, PREFIX_SIMD

CALLS = """(module (memory 1)
  (import "m" "f" (func))
  (func $leaf (result i32) (i32.load (i32.const 0)))
  (func $caller (result i32) (call $leaf))
  (func $looping (loop (br 0)))
  (func $bulk (memory.fill (i32.const 0) (i32.const 0) (i32.const 1)))
  (func $import (call 0)))""".replace(
    '(memory 1)\n  (import "m" "f" (func))', '(import "m" "f" (func)) (memory 1)'
)


def test_lowerings_every_instruction_has_one():
    assert len(LOWERINGS) == len(OPS)
    assert all(callable(lowering) for lowering in LOWERINGS)
    assert set(simd.LOWERINGS) == {op.name for op in OPS if op.code >> 16 == PREFIX_SIMD}


def test_translate_without_vectors_imports_nothing_for_them():
    code = (
        "import sys, cachewasm.compiler.translate.module\n"
        "print([name for name in sys.modules if '.simd' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_translate_same_input_gives_same_text(valid_module, env):
    texts = {translate(valid_module(CALLS), env(), range(1, 6)).ir for _ in range(2)}
    assert len(texts) == 1


def test_translate_shard_declares_what_lies_outside(valid_module, env):
    ir = translate(valid_module(CALLS), env(), range(2, 3)).ir
    assert "declare hidden i32 @f1(ptr) #0" in ir
    assert "define hidden i32 @f2(ptr %vmctx) #0" in ir
    assert "@f3" not in ir


def test_translate_flags_tell_bounded_functions(valid_module, env):
    flags = translate(valid_module(CALLS), env(), range(1, 6)).flags
    assert list(flags) == [FUNC_BOUNDED, 0, 0, 0, 0]


def test_translate_leaf_has_no_stack_check(valid_module, env):
    assert "llvm.frameaddress" not in translate(valid_module(CALLS), env(), range(1, 2)).ir
    assert "llvm.frameaddress" in translate(valid_module(CALLS), env(), range(2, 3)).ir


@pytest.mark.parametrize("baseline", [True, False])
def test_translate_without_address_map_has_no_metadata_for_it(valid_module, env, baseline):
    environment = env(generate_address_map=False)
    ir = translate(valid_module(CALLS), environment, range(1, 6), baseline=baseline).ir
    assert "!dbg" not in ir
    assert "DILocation" not in ir
    assert "!pcsections" not in ir


def test_translate_places_give_wasm_offsets(valid_module, env, tier):
    module = valid_module(CALLS)
    environment = env()
    texts = [
        translate_trampolines(module, environment, (), first=True),
        translate(module, environment, range(1, 3), baseline=tier == BASELINE).ir,
    ]
    image = link([make_fragment(compile_ir(ir, environment, tier)) for ir in texts])
    data = module.module.data
    offsets = set(image.wasm_offsets)
    load = module.module.code[0].start + 3  # after the count of locals and i32.const 0
    call = module.module.code[1].start + 1
    assert data[load] == 0x28
    assert data[call] == 0x10
    assert {load, call} <= offsets


def test_translate_local_that_is_never_loaded_is_never_stored(valid_module, env):
    wat = """(module (func (param i32) (result i32) (local i32 i32)
      (local.set 1 (local.tee 2 (i32.const 7)))
      (loop (br_if 0 (local.get 2)))
      (local.get 1)))"""
    ir = translate(valid_module(wat), env(), range(1)).ir
    # Parameter 0 is not used; 1 and 2 are read behind a label.
    assert [line for line in ir.splitlines() if "alloca" in line] == [
        "  %2 = alloca i32",
        "  %3 = alloca i32",
    ]
    ir = translate(valid_module(wat.replace("(local.get 1)", "(i32.const 1)")), env(), range(1)).ir
    assert [line for line in ir.splitlines() if "alloca" in line] == ["  %3 = alloca i32"]
    assert "ptr %2" not in ir
    assert "" not in ir.splitlines()


def test_translate_unused_locals_take_no_slot(valid_module, env):
    ir = translate(valid_module("(module (func (local i32 i64 f32)))"), env(), range(1)).ir
    assert "alloca" not in ir


def test_translate_comparison_before_branch_is_not_widened(valid_module, env):
    wat = "(module (func (param i32) (br_if 0 (i32.eq (local.get 0) (i32.const 3)))))"
    ir = translate(valid_module(wat), env(), range(1)).ir
    assert "zext" not in ir
    assert re.search(r"br i1 %\d+, label %b1", ir)


@pytest.mark.parametrize(
    ("body", "offset", "message"),
    [
        ("\x00\x41\x00\x0b", 4, "type mismatch"),
        ("\x00\x20\x00\x1a\x0b", 1, "unknown local"),
    ],
)
def test_translate_invalid_body_names_the_offset(env, body, offset, message):
    from cachewasm.wasm import features
    from cachewasm.wasm.decode import decode
    from cachewasm.wasm.validate import validate

    head = b"\0asm\1\0\0\0" + b"\x01\x04\x01\x60\0\0" + b"\x03\x02\x01\0"
    code = body.encode("latin-1")
    data = head + bytes((10, len(code) + 2, 1, len(code))) + code
    module = validate(decode(data, features.DEFAULT))
    with pytest.raises(InvalidModule, match=message) as caught:
        translate(module, env(), range(1))
    start = module.module.code[0].start
    assert caught.value.offset is not None
    assert start <= caught.value.offset < start + len(code)


def test_translate_function_that_passes_too_many_values_is_unsupported(valid_module, env):
    values = "i64 " * 1000
    branches = "(br_if 0 (i32.const 0))" * 4001
    wat = f"""(module (func $all (result {values}) (unreachable))
      (func (result {values}) (call $all) {branches}))"""
    with pytest.raises(UnsupportedModule, match="implementation limit"):
        translate(valid_module(wat), env(), range(1, 2))
