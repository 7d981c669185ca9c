"""Calls keep their wasm offsets in machine code, whatever instruction stands behind them."""

from bisect import bisect_right

import pytest

from cachewasm.compiler.codegen import BASELINE, compile_ir
from cachewasm.compiler.linker.fragment import make_fragment
from cachewasm.compiler.linker.link import LinkedImage, link
from cachewasm.compiler.linker.object import MACHINE_X86_64
from cachewasm.compiler.runtime_library import runtime_library_ir
from cachewasm.compiler.translate.module import translate, translate_trampolines
from cachewasm.wasm.body import instructions, read_locals
from cachewasm.wasm.opcodes import (
    BY_NAME,
    IMM_LANE,
    IMM_MEMARG,
    IMM_MEMARG_LANE,
    IMM_NONE,
    IMM_SHUFFLE,
    OPS,
)

# What has operands of fixed types, with an immediate where it needs one.
IMMEDIATES = {
    IMM_NONE: "",
    IMM_MEMARG: "",
    IMM_LANE: "1",
    IMM_MEMARG_LANE: "1",
    IMM_SHUFFLE: " ".join(str(31 - lane) for lane in range(16)),
}
PLAIN = {
    op.name: " ".join(f"(local.get ${t})" for t in op.params)
    for op in OPS
    if op.params is not None and op.results is not None and op.imm in IMMEDIATES
}
OTHERS = (
    "(global.set $f64 (select (local.get $f64) (f64.const 2) (local.get $i32)))",
    "(global.set $f32 (select (local.get $f32) (f32.const 2) (f64.lt (local.get $f64) (f64.const 1))))",
    "(global.set $i64 (select (local.get $i64) (i64.const 2) (i64.eqz (local.get $i64))))",
    "(block (block (block (br_table 0 1 2 0 1 2 (local.get $i32)))))",
    "(block (br_if 0 (f32.eq (local.get $f32) (f32.const 0))))",
    "(if (i64.eqz (local.get $i64)) (then (call $void)))",
    "(drop (call_indirect (type $wide) (i64.const 3) (local.get $f32) (i32.const 1)))",
    "(drop (table.get (local.get $i32)))",
    "(table.set (local.get $i32) (ref.func $f))",
    "(drop (table.grow (ref.null func) (local.get $i32)))",
    "(memory.copy (i32.const 1) (local.get $i32) (i32.const 7))",
    "(drop (memory.grow (local.get $i32)))",
    "(global.set $f32 (f32.const nan:0x200000))",
    "(drop (call $many (i64.const -1) (f32.const 0) (local.get $f64) (f64.const nan) (i32.const 9)"
    " (i32.const 8) (i32.const 7) (i32.const 6) (i32.const 5) (f32.const nan) (local.get $i64)))",
    "(call $pair) drop drop",
    "(call $three) drop drop drop",
    "(global.set $v128 (select (local.get $v128) (global.get $v128) (local.get $i32)))",
    "(global.set $v128 (i32x4.mul (call $vector (local.get $v128) (i32.const 3))"
    " (call $vector (v128.const i64x2 1 2) (i32x4.extract_lane 3 (local.get $v128)))))",
    "(loop (local.set $v128 (call $vector (local.get $v128) (i32.const 1)))"
    " (global.set $v128 (local.get $v128)) (call $void) (br_if 0 (local.get $i32)))",
    "(call $void) (global.set $v128 (v128.const i64x2 1 2)) (call $void)"
    " (drop (call $vector (v128.const i64x2 0 0) (i32.const 1)))",
    "(call $vectors) i8x16.swizzle (global.set $v128)",
)

HEAD = """(module
  (type $wide (func (param i64 f32) (result f64)))
  (memory 1) (table 8 funcref) (elem declare func $f)
  (global $i32 (mut i32) (i32.const 0)) (global $i64 (mut i64) (i64.const 0))
  (global $f32 (mut f32) (f32.const 0)) (global $f64 (mut f64) (f64.const 0))
  (global $v128 (mut v128) (v128.const i64x2 0 0))
  (func $void) (func $f (result i32) (i32.const 1))
  (func $many (param i64 f32 f64 f64 i32 i32 i32 i32 i32 f32 i64) (result f64) (f64.const 1))
  (func $pair (result i32 f64) (i32.const 1) (f64.const 2))
  (func $three (result i32 f64 i64) (i32.const 1) (f64.const 2) (i64.const 3))
  (func $vector (param v128 i32) (result v128) (local.get 0))
  (func $vectors (result v128 v128) (v128.const i64x2 0 0) (v128.const i64x2 0 0))
"""


def source() -> tuple[str, int]:
    """A module with a function per instruction, and the number of functions before those."""
    bodies = list(OTHERS)
    for name, operands in PLAIN.items():
        # A result that nobody uses is not made.
        uses = " ".join(f"(global.set ${t})" for t in BY_NAME[name].results or ())
        bodies.append(f"{operands} {name} {IMMEDIATES[BY_NAME[name].imm]} {uses}")
    functions = [
        "(func (param $i32 i32) (param $i64 i64) (param $f32 f32) (param $f64 f64)"
        " (param $v128 v128) (result i32)"
        f" (call $void) (call $f) (call $void) {body} (call $void) (call $f) (i32.add))"
        for body in bodies
    ]
    return HEAD + "\n".join(functions) + ")", 7


def calls(image: LinkedImage, start: int, size: int, names: set[str]) -> list[int]:
    """The return addresses of direct calls of the functions named."""
    callees = {image.symbols[name].offset for name in names}
    text = image.text
    found = []
    if image.machine == MACHINE_X86_64:
        for at in range(start, start + size - 4):
            distance = int.from_bytes(text[at + 1 : at + 5], "little", signed=True)
            if text[at] == 0xE8 and at + 5 + distance in callees:
                found.append(at + 5)
        return found
    for at in range(start, start + size, 4):
        word = int.from_bytes(text[at : at + 4], "little")
        distance = (word & 0x3FFFFFF) - ((word & 1 << 25) << 1)
        if word >> 26 == 0b100101 and at + 4 * distance in callees:
            found.append(at + 4)
    return found


@pytest.mark.parametrize("target", ["x86-64-v1", "x86-64-v3", "x86-64-v4", "armv8-a"])
def test_places_of_calls_are_exact_beside_every_instruction(valid_module, env, tier, target):
    wat, first = source()
    valid, environment = valid_module(wat), env(target)
    module = valid.module
    texts = [
        translate_trampolines(valid, environment, (), first=True),
        translate(valid, environment, range(len(module.funcs)), baseline=tier == BASELINE).ir,
    ]
    image = link(
        [make_fragment(compile_ir(ir, environment, tier)) for ir in texts],
        lambda names: make_fragment(
            compile_ir(runtime_library_ir(names, environment.target), environment, tier)
        ),
    )
    wrong = []
    for funcidx in range(first, len(module.funcs)):
        body = module.body(funcidx)
        _, pos = read_locals(module.data, body.start, body.end, module.features)
        expected = [
            offset
            for offset, op, imm in instructions(module.data, pos, body.end, module.features)
            if op.name == "call" and imm < first
        ]
        symbol = image.symbols[f"f{funcidx}"]
        found = [
            image.wasm_offsets[bisect_right(image.code_offsets, address - 1) - 1]
            for address in calls(image, symbol.offset, symbol.size, {f"f{i}" for i in range(first)})
        ]
        if sorted(found) != expected:
            wrong.append((funcidx - first, expected, found))
    assert not wrong
