"""The parser: every form and abbreviation, names, limits of nesting, and its errors.

Most modules are compared with what the PyPI package `wasmtime` makes of the same text.
"""

from dataclasses import replace

import pytest
import wasmtime

from cachewasm.errors import InvalidModule, TextError, UnsupportedModule
from cachewasm.wasm import features, opcodes
from cachewasm.wasm.decode import decode
from cachewasm.wasm.encode import ModuleSource, encode
from cachewasm.wasm.module import Names
from cachewasm.wasm.text.lexer import tokenize
from cachewasm.wasm.text.parser import NumericConst, Parser, parse_module, wat2wasm
from cachewasm.wasm.types import F32, F64, I32, I64
from cachewasm.wasm.validate import validate


def _refusal(text: str | bytes) -> TextError:
    with pytest.raises(TextError) as caught:
        wat2wasm(text)
    return caught.value


def _canonical(binary: bytes) -> bytes:
    """A valid binary in our own encoding, without custom sections."""
    module = decode(binary, features.DEFAULT)
    validate(module)
    return encode(replace(ModuleSource.from_module(module), names=Names(), customs=()))


_TYPE_USES = """
    (func (param f32) (block (param i64 i32) (drop) (drop)) unreachable)
    (func (type $t) (local $x i32) (local i32 i32) (local $y f64) (drop (local.get $y)))
    (func (result i32 i32) (i32.const 0) (i32.const 1))
    (table 1 funcref)
    (func (param i32) (call_indirect (type $t) (param i32 f32) (local.get 0) (f32.const 0) (local.get 0))
      (drop (call_indirect 0 (param) (result i64) (local.get 0)))
      (call_indirect (local.get 0)))
    (type $t (func (param $a i32) (param f32)))
"""

_MODULES = {
    "empty": "(module)",
    "fields alone": "(func) (memory 1)",
    "imports": """
        (import "a" "f" (func $f (param $x i32) (result i64)))
        (import "a" "t" (table $t 1 2 funcref)) (import "a" "m" (memory $m 1))
        (import "a" "g" (global $g (mut i32))) (import "\\u{e9}" "" (func (type 0)))
        (export "f" (func $f)) (export "t" (table $t)) (export "m" (memory 0))
        (export "g" (global $g))""",
    "inline imports and exports": """
        (func $f (export "f") (export "f2") (import "a" "f") (param i32))
        (table (export "t") (import "a" "t") i32 1 externref)
        (memory (export "m") (import "a" "m") i32 1 1) (global (import "a" "g") i64)
        (func (export "h") (call $f (i32.const 1)))""",
    "definitions": """
        (type $t (func (param i32 i32) (param $x i64) (result f32) (result f64)))
        (table $a 1 funcref) (table 0x10 20 externref) (memory 1 2) (memory $n 3)
        (global $g (mut f32) (f32.const nan:0x200000)) (global i64 (i64.const -1))
        (global i32 (i32.add (i32.const 1) (i32.mul (i32.const 2) (i32.const 3))))
        (global i32 i32.const 1 i32.const 2 i32.sub)
        (global funcref (ref.func $s)) (global (ref null extern) (ref.null extern))
        (start $s) (func $s)""",
    "data": r"""
        (memory $m 1) (memory (data "a" "\00\ff")) (data "x" "") (data $d (i32.const 1) "y")
        (data (memory 1) (offset (i32.const 2)) "z") (data (memory $m) (offset i32.const 3))
        (func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)) (data.drop 0)
          (memory.init 1 $d (i32.const 0) (i32.const 0) (i32.const 0))
          (memory.copy (i32.const 0) (i32.const 0) (i32.const 0))
          (memory.copy 1 $m (i32.const 0) (i32.const 0) (i32.const 0))
          (memory.fill 1 (i32.const 0) (i32.const 0) (i32.const 0))
          (drop (memory.grow $m (memory.size 1))))""",
    "elements": """
        (table $t 9 funcref) (func $f) (table $u funcref (elem $f 0))
        (table externref (elem (ref.null extern))) (elem $e func $f $f) (elem declare func 0)
        (elem (i32.const 0) $f) (elem (offset i32.const 1) func $f) (elem (i32.const 0))
        (elem (table $u) (i32.const 0) func) (elem (table $t) (i32.const 0) funcref)
        (elem funcref (ref.func $f) (item ref.null func) (item (ref.func 0)))
        (elem declare (ref null func) (ref.func $f)) (elem 0 (i32.const 0) $f)
        (func (table.init $e (i32.const 0) (i32.const 0) (i32.const 0)) (elem.drop $e)
          (table.init $u 1 (i32.const 0) (i32.const 0) (i32.const 0))
          (table.copy (i32.const 0) (i32.const 0) (i32.const 0))
          (table.copy $u $t (i32.const 0) (i32.const 0) (i32.const 0))
          (table.set (i32.const 0) (table.get $u (i32.const 0)))
          (drop (table.grow $t (ref.null func) (table.size 1)))
          (table.fill 0 (i32.const 0) (ref.null func) (i32.const 0)))""",
    "flat": """
        (func $f (param $x i32) (result i32)
          block $a loop $b (result i32) local.get $x br_if $a i32.const 1 end $b drop end $a
          local.get 0 if (result i32) i32.const 1 else i32.const 2 end
          i32.const 1 if $l nop else $l nop end $l
          local.get $x select (result i32) i32.const 0 i32.const 0 select
          drop i32.const 0 call $f return)""",
    "folded": """
        (func (param $x i32) (result i32)
          (if (local.get $x) (then)) (if $i (local.get $x) (then (br $i)) (else nop (br 0)))
          (if (result i32) (i32.eqz (local.get $x)) (then (i32.const 1)) (else i32.const 2)) drop
          (block $a (loop $b (br_table $a $b 1 $a (i32.const 0))))
          (select (i32.const 0) (i32.add (i32.const 1) (i32.const 2)) (local.tee $x (i32.const 3))))""",
    "labels hide each other": """
        (func (block $a (block $a (br $a) (block (br $a))) (br $a)) block $a br $a end)""",
    "memory arguments": """
        (memory 1) (memory $n 1)
        (func (i64.store offset=0x1_0 align=4 (i32.load8_u (i32.const 0)) (i64.load32_s align=1 (i32.const 0)))
          (i32.store $n offset=3 (i32.const 0) (i32.load 1 align=2 (i32.const 0)))
          i32.const 0 f64.load offset=4294967295 drop)""",
    "literals": """
        (func i32.const 0xffff_ffff drop i64.const -0x8000_0000_0000_0000 drop
          f32.const -0x1.fp-3 drop f64.const nan:0x4_0000 drop f32.const 1e-45 drop
          f64.const 1_0.0_1e+0_1 drop (drop (f32.const -inf)))""",
    "quoted identifiers": r"""
        (func $"a b" (param $"\78" i32) (drop (local.get $x)) block $"l" br $l end $"\6c")
        (func (call $"a\20b" (i32.const 0)))""",
    "annotations": """
        (@a "b") (module (@a (b)) $m (@c) (func(@d) (export(@e)"f") (result(@f)i32)(i32.const(@g)1)))
        """,
    "binary": r'(module $m binary "\00asm" "\01\00\00\00")',
}


@pytest.mark.parametrize("text", _MODULES.values(), ids=_MODULES.keys())
def test_wat2wasm_module_is_what_the_oracle_makes_of_it(text: str) -> None:
    assert _canonical(wat2wasm(text)) == _canonical(bytes(wasmtime.wat2wasm(text)))


def test_parse_module_implicit_types_follow_explicit_ones_in_order_of_use() -> None:
    module = parse_module(_TYPE_USES)
    validate(decode(encode(module), features.DEFAULT))
    assert [repr(functype) for functype in module.types] == [
        "[i32 f32] -> []",
        "[f32] -> []",
        "[i64 i32] -> []",
        "[] -> [i32 i32]",
        "[i32] -> []",
        "[] -> [i64]",
        "[] -> []",
    ]


@pytest.mark.parametrize("op", opcodes.OPS, ids=lambda op: op.name)
def test_every_row_is_parsed(op: opcodes.Op) -> None:
    immediates = {
        opcodes.IMM_LABEL: "0",
        opcodes.IMM_FUNC: "0",
        opcodes.IMM_LOCAL: "0",
        opcodes.IMM_GLOBAL: "0",
        opcodes.IMM_TAG: "0",
        opcodes.IMM_DELEGATE: "0",
        opcodes.IMM_TRY_TABLE: "(catch 0 0) (catch_all_ref 0)",
        opcodes.IMM_ELEM: "0",
        opcodes.IMM_DATA: "0",
        opcodes.IMM_ELEM_TABLE: "0",
        opcodes.IMM_DATA_MEMORY: "0",
        opcodes.IMM_LABELS: "0 0",
        opcodes.IMM_I32: "1",
        opcodes.IMM_I64: "1",
        opcodes.IMM_F32: "1",
        opcodes.IMM_F64: "1",
        opcodes.IMM_REFTYPE: "func",
        opcodes.IMM_VALTYPES: "(result i32)",
        opcodes.IMM_V128: "i64x2 1 2",
        opcodes.IMM_LANE: "1",
        opcodes.IMM_SHUFFLE: "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15",
        opcodes.IMM_MEMARG_LANE: "1",
    }
    text = f"{op.name.removesuffix(' t')} {immediates.get(op.imm, '')}"
    if op.imm in (opcodes.IMM_BLOCKTYPE, opcodes.IMM_TRY_TABLE):
        text += " end"
    elif op is opcodes.DELEGATE:
        text = f"try {text}"
    elif op in (opcodes.CATCH_OP, opcodes.CATCH_ALL_OP):
        text = f"try {text} end"
    elif op.name == "else":
        text = "if else end"
    elif op.name == "end":
        text = "block end"
    body = parse_module(f"(func {text})").bodies[0]
    assert op in [instruction.op for instruction in body.instructions]


def test_names_of_module_and_functions_go_to_the_name_section() -> None:
    binary = wat2wasm('(module $"my mod" (import "a" "b" (func $i)) (func) (func $f))')
    assert decode(binary, features.DEFAULT).names == Names("my mod", {0: "i", 2: "f"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(func (i32.konst 1))", "unknown operator i32.konst"),
        ("(func i32)", "unexpected token i32"),
        ("(func (i32.add nop))", "unexpected token nop"),
        ("(func (i32.const))", "unexpected token )"),
        ("(func (i32.const 1.0))", "unexpected token 1.0"),
        ("(func (i32.const 0x))", "unknown operator 0x"),
        ("(func (i32.const 4294967296))", "constant out of range"),
        ("(func (f32.const 1e39))", "constant out of range"),
        ("(func (br 4294967296))", "constant out of range"),
        ("(func (br -1))", "unexpected token -1"),
        ("(func (br $x))", "unknown label $x"),
        ("(func (block $a) (br $a))", "unknown label $a"),
        ("(func (local.get $x))", "unknown local $x"),
        ("(func (call $x))", "unknown function $x"),
        ("(func (type $x))", "unknown type $x"),
        ("(func (type 3) (param i32))", "unknown type 3"),
        ("(func (type 3) (local i32))", "unknown type 3"),
        ('(export "a" (memory $m))', "unknown memory $m"),
        ("(type (func)) (func (type 0) (param i32))", "inline function type"),
        ("(func (result i32) (param i32))", "unexpected token param"),
        ("(type (func)) (func (type 0) (result i32) (param i32))", "unexpected token ("),
        ("(func (block (param $x i32)))", "unexpected token $x"),
        ("(func (local i32) (param i32))", "unexpected token param"),
        ("(func $a) (func $a)", "duplicate func"),
        ("(type $a (func)) (type $a (func))", "duplicate type"),
        ("(func (param $a i32) (local $a i32))", "duplicate local"),
        ("(func block $a end $b)", "mismatching label"),
        ("(func block end $b)", "mismatching label"),
        ("(func i32.const 0 if $a else $b end)", "mismatching label"),
        ("(func block)", "unexpected token )"),
        ("(func end)", "unexpected token end"),
        ("(func block else end)", "unexpected token else"),
        ("(func i32.const 0 if else else end)", "unexpected token else"),
        ("(func (block end))", "unexpected token end"),
        ("(func (if (i32.const 0)))", "unexpected token )"),
        ("(func (if (i32.const 0) (else)))", "unexpected token else"),
        ("(func (if (i32.const 0) (then) (then)))", "unexpected token then"),
        ("(func (if (i32.const 0) (then) (else) (nop)))", "unexpected token nop"),
        ("(func (then))", "unexpected token then"),
        ("(func (i32.load align=3 (i32.const 0)))", "alignment"),
        ("(func (i32.load align=0 (i32.const 0)))", "alignment"),
        ("(func (i32.load align=1 offset=1 (i32.const 0)))", "unexpected token offset=1"),
        ("(func (i32.load offset=q (i32.const 0)))", "unknown operator offset=q"),
        ("(func (i32.load align=-1 (i32.const 0)))", "unknown operator align=-1"),
        ("(func (i32.load align=1.5 (i32.const 0)))", "unknown operator align=1.5"),
        ("(func v128.const 0 0 0 0)", "unexpected token 0, expected a shape of vectors"),
        ("(func v128.const i32x4 0 0 0)", "wrong number of lane literals: 3, expected 4"),
        ("(func v128.const i32x4 0 0 0 drop)", "wrong number of lane literals: 3, expected 4"),
        ("(func v128.const i64x2 0 0 0)", "wrong number of lane literals: 3, expected 2"),
        ("(func v128.const i64x2 0 0x)", "unknown operator 0x"),
        ("(func v128.const i64x2 0 1.5)", "unexpected token 1.5, expected an integer"),
        ("(func v128.const f64x2 0 nan:canonical)", "unexpected token nan:canonical"),
        ("(func v128.const i8x16 256 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0)", "constant out of range"),
        ("(func v128.const f32x4 1e39 0 0 0)", "constant out of range"),
        ("(func i8x16.extract_lane_s)", "unexpected token ), expected an integer"),
        ("(func i8x16.extract_lane_s -1)", "unexpected token -1"),
        ("(func i8x16.extract_lane_s 256)", "i8 constant out of range"),
        ("(func i8x16.shuffle 0 1 2)", "invalid lane length: 3, expected 16"),
        (f"(func i8x16.shuffle {'0 ' * 17})", "invalid lane length: 17, expected 16"),
        (f"(func i8x16.shuffle {'0 ' * 15} 256)", "i8 constant out of range: 256"),
        (f"(func i8x16.shuffle {'0 ' * 15} 1.5)", "i8 constant out of range: 1.5"),
        ("(memory 1) (func v128.load8_lane offset=1)", "unexpected token )"),
        ("(func i8x16.mul)", "unknown operator i8x16.mul"),
        ('(func) (import "a" "b" (func))', "import after function"),
        ('(memory 1) (func (import "a" "b"))', "import after memory"),
        ("(func $f) (start $f) (start $f)", "multiple start sections"),
        ('(func (export "\\ff"))', "malformed UTF-8 encoding"),
        ("(func $)", "empty identifier"),
        ("(module) (module)", "unexpected token ("),
        ("(module", "unexpected token end of input"),
        ("(module))", "unexpected token )"),
        ("(func))", "unexpected token )"),
        ("nop", "unexpected token nop"),
        ("(funk)", "unknown operator funk"),
        ("(memory)", "unexpected token )"),
        ("(table 1)", "unexpected token )"),
        ("(table funcref)", "unexpected token )"),
        ("(data x)", "unknown operator x"),
        ("(global i32 (nop) nope)", "unknown operator nope"),
    ],
)
def test_wat2wasm_bad_text_is_refused_by_reason(text: str, message: str) -> None:
    assert _refusal(text).message.startswith(message)


def test_wat2wasm_bad_text_says_where_and_what_was_expected() -> None:
    error = _refusal("(module\n  (func (export f)))")
    assert str(error) == "unknown operator f, expected a name (at line 2, column 17)"


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("(func (return_call 0))", "tail_call"),
        ("(memory i64 1)", "memory64"),
        ("(table i64 1 funcref)", "memory64"),
        ("(memory 1 1 shared)", "threads"),
        ("(func (i32.atomic.load (i32.const 0)))", "threads"),
        ("(func (param nullexnref))", "gc"),
        ("(type (struct))", "gc"),
        ("(rec)", "gc"),
        ("(func (param anyref))", "gc"),
        ("(func (param (ref null any)))", "gc"),
        ("(func (param (ref func)))", "function_references"),
        ("(type (func)) (func (param (ref null 0)))", "function_references"),
        ("(table 1 funcref (ref.null func))", "function_references"),
        ("(memory 1 (pagesize 1))", "custom_page_sizes"),
    ],
)
def test_wat2wasm_later_proposal_is_refused_by_its_name(text: str, feature: str) -> None:
    with pytest.raises(UnsupportedModule, match=f"feature `{feature}`"):
        wat2wasm(text)


def test_wat2wasm_initial_value_that_is_not_constant_is_invalid() -> None:
    with pytest.raises(
        InvalidModule, match=r"^constant expression required, found nop \(at line 1"
    ):
        wat2wasm("(global i32 (nop) (i32.const 1))")


_DEPTH = 100_000
# Bits of f32: 1, -nan, and the NaN of payload 1.
_ONE, _NAN, _PAYLOAD = 0x3F80_0000, 0xFFC0_0000, 0x7F80_0001


@pytest.mark.parametrize(
    "text",
    [
        "(func " + "(block $a " * _DEPTH + "(br $a)" + ")" * _DEPTH + ")",
        "(func " + "loop " * _DEPTH + "end " * _DEPTH + ")",
        "(func (drop " + "(i32.eqz " * _DEPTH + "(i32.const 0)" + ")" * _DEPTH + "))",
        "(func " + "(if (i32.const 0) (then " * _DEPTH + "))" * _DEPTH + ")",
    ],
    ids=["folded blocks", "flat loops", "operands", "ifs"],
)
def test_wat2wasm_deep_nesting_is_encoded(text: str) -> None:
    assert len(wat2wasm(text)) > _DEPTH


@pytest.mark.parametrize("text", ["(" * 300_000, "(func " + "(block " * 300_000, "(func" * 99_999])
def test_wat2wasm_unclosed_nesting_is_refused(text: str) -> None:
    assert _refusal(text).message.startswith("unexpected token")


def test_wat2wasm_long_names_are_kept() -> None:
    long = "n" * 10_000_000
    module = parse_module(f'(func ${long} (export "{long}"))')
    assert module.names.funcs[0] == module.exports[0].name == long


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(i32.const -1)", NumericConst(I32, 0xFFFF_FFFF)),
        ("(i64.const 0x1_0)", NumericConst(I64, 16)),
        ("(f32.const 1)", NumericConst(F32, 0x3F80_0000)),
        ("(f64.const -nan)", NumericConst(F64, 0xFFF8 << 48)),
        ("(f32.const nan:canonical)", NumericConst(F32, 0, "nan:canonical")),
        ("(f64.const nan:arithmetic)", NumericConst(F64, 0, "nan:arithmetic")),
    ],
)
def test_numeric_const_literal_gives_bits_or_pattern(text: str, expected: NumericConst) -> None:
    parser = Parser(tokenize(text))
    assert parser.numeric_const() == expected
    assert parser.token == ""


@pytest.mark.parametrize(
    ("text", "shape", "lanes"),
    [
        ("i8x16 -1 0xff 2 3 4 5 6 7 8 9 10 11 12 13 14 15", "i8x16", (255, 255, *range(2, 16))),
        ("i64x2 -0x8000_0000_0000_0000 7", "i64x2", (1 << 63, 7)),
        ("f32x4 1 -nan nan:canonical nan:0x1", "f32x4", (_ONE, _NAN, "nan:canonical", _PAYLOAD)),
        ("f64x2 nan:arithmetic 0x1p-1074", "f64x2", ("nan:arithmetic", 1)),
    ],
)
def test_vector_const_literal_gives_shape_and_lanes(
    text: str, shape: str, lanes: tuple[int | str, ...]
) -> None:
    parser = Parser(tokenize(f"(v128.const {text})"))
    found = parser.vector_const()
    assert (found.shape.name, found.lanes, parser.token) == (shape, lanes, "")


@pytest.mark.parametrize(
    ("immediate", "expected"),
    [
        ("1", (0, 0, 0, 1)),
        ("1 2", (1, 0, 0, 2)),
        ("$m 2", (1, 0, 0, 2)),
        ("offset=4 2", (0, 0, 4, 2)),
        ("align=1 0x2", (0, 0, 0, 2)),
        ("1 offset=4 align=1 2", (1, 0, 4, 2)),
        ("1 align=1 2", (1, 0, 0, 2)),
    ],
)
def test_lane_access_last_number_is_the_lane(
    immediate: str, expected: tuple[int, int, int, int]
) -> None:
    module = parse_module(f"(memory 1) (memory $m 1) (func v128.load8_lane {immediate})")
    assert module.bodies[0].instructions[0].imm == expected


def test_parser_modules_of_a_script_are_parsed_where_they_stand() -> None:
    parser = Parser(tokenize("(module $a (func)) (assert (module (memory 1)) 1)"))
    first = parser.module()
    assert parser.take_form("assert")
    second = parser.module()
    assert (first.names.module, len(first.funcs), len(second.memories)) == ("a", 1, 1)
    assert parser.token == "1"
