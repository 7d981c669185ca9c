"""Validation: module-level rules and the algorithm for bodies."""

from collections.abc import Callable

import pytest

from cachewasm.errors import InvalidModule, MalformedModule, ModuleError, UnsupportedModule
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.encode import ModuleSource, encode
from cachewasm.wasm.encode_body import FunctionBody, Instruction
from cachewasm.wasm.function_validator import FunctionValidator
from cachewasm.wasm.opcodes import BY_NAME, END
from cachewasm.wasm.types import F32, I32, FuncType
from cachewasm.wasm.validate import validate, validate_bodies

Encoder = Callable[[str], bytes]


def validate_all(binary: bytes, enabled: int = features.DEFAULT) -> None:
    validate_bodies(validate(decode(binary, enabled)))


def test_validate_sample_is_valid(sample: bytes) -> None:
    validate_all(sample)


def test_validate_declares_functions_named_outside_bodies(sample: bytes) -> None:
    # Exported or in the global: 1; in element segments: 1, 2 and 4.
    assert validate(decode(sample, features.DEFAULT)).declared_refs == {1, 2, 4}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ('(import "" "" (func (type 3)))', "unknown type 3"),
        ("(func (type 3))", "unknown type 3"),
        ("(table 2 1 funcref)", "size minimum must not be greater than maximum"),
        ("(table 0x1_0000_0000 funcref)", "table size"),
        ("(memory 2 1)", "size minimum must not be greater than maximum"),
        ("(memory 65537)", "memory size must be at most 65536 pages"),
        ("(memory 0 65537)", "memory size must be at most 65536 pages"),
        ("(global i32 (f32.const 0))", "type mismatch: expected i32, found f32"),
        ("(global i32 (i32.const 0) (i32.const 0))", "type mismatch"),
        ("(global v128 (i64.const 0))", "type mismatch: expected v128, found i64"),
        ("(global i64 (v128.const i64x2 0 0))", "type mismatch: expected i64, found v128"),
        ("(global i64 (v128.const i64x2 0 0) (i64.const 0) (i64.add))", "type mismatch"),
        ("(global i32)", "type mismatch: expected i32, found nothing"),
        ("(global i32 (i32.const 1) (i32.add))", "type mismatch"),
        ("(global i64 (i64.const 1) (i32.const 1) (i64.mul))", "type mismatch"),
        ("(global i32 (global.get 0))", "unknown global 0"),
        (
            '(import "" "" (global (mut i32))) (global i32 (global.get 0))',
            "constant expression required",
        ),
        ("(global funcref (ref.func 7))", "unknown function 7"),
        ("(elem (i32.const 0) func)", "unknown table 0"),
        ("(table 1 externref) (func) (elem (i32.const 0) func 0)", "type mismatch"),
        ("(table 1 funcref) (elem (i64.const 0) func)", "type mismatch"),
        ("(elem func 9)", "unknown function 9"),
        ("(elem externref (ref.null func))", "type mismatch"),
        ('(data (i32.const 0) "")', "unknown memory 0"),
        ('(memory 1) (data (f32.const 0) "")', "type mismatch"),
        ("(start 0)", "unknown function 0"),
        ("(func (param i32)) (start 0)", "start function"),
        ("(func (result i32) unreachable) (start 0)", "start function"),
        ('(func) (export "a" (func 0)) (export "a" (func 0))', "duplicate export name"),
        ('(export "a" (func 0))', "unknown function 0"),
        ('(export "a" (table 0))', "unknown table 0"),
        ('(export "a" (memory 0))', "unknown memory 0"),
        ('(export "a" (global 0))', "unknown global 0"),
    ],
)
def test_validate_broken_module_rule_is_invalid(
    wat2wasm: Encoder, fields: str, message: str
) -> None:
    module = decode(wat2wasm(f"(module {fields})"), features.DEFAULT)
    with pytest.raises(InvalidModule, match=f"^{message}"):
        validate(module)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("(result i32) i64.const 0", "type mismatch: expected i32, found i64"),
        ("(result i32)", "type mismatch: expected i32 but nothing on stack"),
        ("i32.const 0", "type mismatch: values remaining on stack at end of block"),
        ("i32.const 0 block drop end", "type mismatch"),
        ("(result i32) i32.const 1 if (result i32) i32.const 0 end", "type mismatch: if without"),
        ("local.get 1", "unknown local 1"),
        ("i32.const 0 local.set 1", "unknown local 1"),
        ("i32.const 0 local.tee 9", "unknown local 9"),
        ("(local i32) f32.const 0 local.set 0", "type mismatch: expected i32, found f32"),
        ("(local i32) f32.const 0 local.tee 0 drop", "type mismatch: expected i32, found f32"),
        ("(local i32) block local.set 0 end", "type mismatch"),
        ("br 1", "unknown label 1"),
        ("i32.const 0 br_if 1", "unknown label 1"),
        ("i32.const 0 br_table 0 3", "unknown label 3"),
        (
            "block (result i32) block i32.const 0 br_table 0 1 end i32.const 0 end drop",
            "type mismatch: br_table's labels carry 0 and 1 values",
        ),
        ("block (result i32) i64.const 0 br 0 end drop", "type mismatch: expected i32, found i64"),
        ("loop (param i32) br 0 end", "type mismatch"),
        ("call 9", "unknown function 9"),
        ("global.get 9", "unknown global 9"),
        ("i32.const 0 global.set 9", "unknown global 9"),
        ("i32.const 0 global.set 0", "immutable global 0"),
        ("i32.const 0 i32.load 9 drop", "unknown memory 9"),
        ("memory.size 9 drop", "unknown memory 9"),
        ("i32.const 0 i32.load align=8 drop", "alignment must not be larger than natural"),
        ("i32.const 0 i32.load offset=0x1_0000_0000 drop", "offset out of range"),
        ("(local v128) local.get 0 i8x16.extract_lane_s 16 drop", "invalid lane index 16"),
        ("(local v128) local.get 0 f64.const 0 f64x2.replace_lane 2 drop", "invalid lane index 2"),
        (
            "(local v128) local.get 0 local.get 0"
            " i8x16.shuffle 0 1 2 3 4 5 6 7 32 9 10 11 12 13 14 15 drop",
            "invalid lane index 32 of i8x16.shuffle",
        ),
        ("(local v128) i32.const 0 local.get 0 v128.load64_lane 2 drop", "invalid lane index 2"),
        ("(local v128) i32.const 0 local.get 0 v128.store8_lane 16", "invalid lane index 16"),
        ("(local v128) i32.const 0 local.get 0 v128.store8_lane 9 0", "unknown memory 9"),
        ("i32.const 0 v128.load align=32 drop", "alignment must not be larger than natural"),
        ("i32.const 0 v128.load8x8_s align=16 drop", "alignment must not be larger than natural"),
        (
            "(local v128) i32.const 0 local.get 0 v128.store16_lane align=4 0",
            "alignment must not be larger than natural",
        ),
        ("(local v128) i64.const 0 local.get 0 i32.const 0 select drop", "type mismatch"),
        ("i32.const 0 table.get 9 drop", "unknown table 9"),
        ("i32.const 0 call_indirect 1 (param)", "type mismatch: expected funcref"),
        ("i32.const 0 call_indirect (type 9)", "unknown type 9"),
        ("block (type 9) end", "unknown type 9"),
        ("i32.const 0 i32.const 0 i32.const 0 table.copy 0 1", "type mismatch"),
        ("i32.const 0 i32.const 0 i32.const 0 table.init 0 0", "type mismatch"),
        ("elem.drop 9", "unknown elem segment 9"),
        ("data.drop 9", "unknown data segment 9"),
        ("i32.const 0 i32.const 0 i32.const 0 memory.init 9", "unknown data segment 9"),
        ("i32.const 0 ref.is_null drop", "type mismatch: expected a reference, found i32"),
        ("ref.func 9 drop", "unknown function 9"),
        ("ref.func 0 drop", "undeclared function reference"),
        ("i32.const 0 f32.const 0 i32.const 0 select drop", "type mismatch: select between"),
        (
            "ref.null func ref.null func i32.const 0 select drop",
            "type mismatch: select without a type",
        ),
        (
            "i32.const 0 i32.const 0 i32.const 0 select (result i32 i32) drop",
            "invalid result arity",
        ),
        ("unreachable f32.const 0 i32.eqz drop", "type mismatch: expected i32, found f32"),
        ("drop", "type mismatch: expected a type but nothing on stack"),
    ],
)
def test_validate_broken_body_is_invalid(wat2wasm: Encoder, body: str, message: str) -> None:
    binary = wat2wasm(
        f"""(module
          (func {body})
          (global i32 (i32.const 0))
          (table 1 funcref) (table 1 externref)
          (memory 1)
          (elem externref) (data "")
          (func (drop (ref.null func)) (data.drop 0)))"""
    )
    module = validate(decode(binary, features.DEFAULT))
    with pytest.raises(InvalidModule, match=f"^{message}") as caught:
        validate_bodies(module)
    body_range = module.module.code[0]
    assert caught.value.offset is not None
    assert body_range.start <= caught.value.offset < body_range.end


@pytest.mark.parametrize(
    "body",
    [
        "(result i32) unreachable",
        "(result i32) unreachable i32.add",
        "(result i32) unreachable select",
        "(result f32) unreachable f32.const 0 i32.const 1 select",
        "(result i32) unreachable ref.is_null",
        "(result i32) block (result i32) i32.const 0 br 0 i64.const 1 drop end",
        "(result i32) i32.const 1 if (result i32) i32.const 0 else unreachable end",
        "(param i32) (result i32) local.get 0 loop (param i32) (result i32) end",
        "loop i32.const 0 br_table 0 1 0 end",
        "(result i32) i32.const 1 i32.const 2 br_if 0",
        "unreachable br_table 0 0",
        "return i32.add drop",
        "(result i32 i64) i32.const 0 i64.const 0",
    ],
)
def test_validate_valid_body_passes(wat2wasm: Encoder, body: str) -> None:
    validate_all(wat2wasm(f"(module (func {body}))"))


HEADER = "00 61 73 6d 01 00 00 00"
ONE_FUNCTION = HEADER + "01 04 01 60 00 00 03 02 01 00"


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("0a 05 01 03 00 05 0b", "END opcode expected"),
        ("0a 08 01 06 00 02 40 05 0b 0b", "END opcode expected"),
        ("0a 06 01 04 00 41 01 1a", "unexpected end of section or function"),
        ("0a 06 01 04 00 41 01 1a 0b 03 01 01 00", "section size mismatch"),
        ("0a 07 01 05 00 fc 09 00 0b 0b 03 01 01 00", "data count section required"),
    ],
)
def test_validate_malformed_body_is_malformed(rest: str, message: str) -> None:
    with pytest.raises(MalformedModule, match=f"^{message}"):
        validate_all(bytes.fromhex(ONE_FUNCTION + rest))


@pytest.mark.parametrize(
    ("fields", "disabled"),
    [
        ("(memory 1) (memory 1)", features.MULTI_MEMORY),
        ("(table 1 funcref) (table 1 funcref)", features.REFERENCE_TYPES),
    ],
)
def test_validate_disabled_feature_is_refused_by_name(
    wat2wasm: Encoder, fields: str, disabled: int
) -> None:
    name = next(features.features_in(disabled)).name
    with pytest.raises(UnsupportedModule, match=f"`{name}`"):
        validate_all(wat2wasm(f"(module {fields})"), features.DEFAULT & ~disabled)


def test_validate_first_version_of_the_language_needs_no_feature(wat2wasm: Encoder) -> None:
    text = """(module
      (table 1 funcref) (memory 1) (elem (i32.const 0) $f) (data (i32.const 0) "a")
      (func $f (result i32) (block (result i32) (call_indirect (result i32) (i32.const 0)))))"""
    validate_all(wat2wasm(text), 0)


def function_of(*instructions: Instruction, types: tuple[FuncType, ...]) -> bytes:
    body = FunctionBody((), (*instructions, Instruction(END)))
    return encode(ModuleSource(types=types, funcs=(0,), bodies=(body,)))


def test_validate_nesting_of_100000_blocks_is_valid() -> None:
    block, end = Instruction(BY_NAME["block"]), Instruction(END)
    deep = [block] * 100_000 + [end] * 100_000
    validate_all(function_of(*deep, types=(FuncType((), ()),)))


def test_validate_operand_stack_that_explodes_is_unsupported() -> None:
    many = FuncType((), (I32,) * 1000)
    calls = [Instruction(BY_NAME["call"], 0)] * 1100
    with pytest.raises(UnsupportedModule, match="operand stack too high"):
        validate_all(function_of(*calls, types=(many,)))


def test_validate_parameters_count_as_locals() -> None:
    functype = FuncType((I32,) * 1000, ())
    binary = bytearray(function_of(types=(functype,)))
    # The body's three bytes are its size, no locals, end: make it 49,001 locals.
    assert binary[-3:] == bytes.fromhex("02 00 0b")
    binary[-5:] = bytes.fromhex("08 01 06 01 e9 fe 02 7f 0b")
    with pytest.raises(UnsupportedModule, match="too many locals: 50001 with the parameters"):
        validate_all(bytes(binary))


def test_function_validator_shows_its_state_between_steps(wat2wasm: Encoder) -> None:
    binary = wat2wasm(
        "(module (func (param i32) (local f32) (if (local.get 0) (then unreachable))))"
    )
    validator = FunctionValidator(validate(decode(binary, features.DEFAULT)), 0)
    assert validator.locals == [I32, F32]
    states = []
    for offset, op, imm in validator.instructions():
        validator.step(offset, op, imm)
        unreachable = bool(validator.ctrls) and validator.ctrls[-1].unreachable
        states.append((op.name, len(validator.vals), len(validator.ctrls), unreachable))
    validator.finish(validator.body.end)
    assert states == [
        ("local.get", 1, 1, False),
        ("if", 0, 2, False),
        ("unreachable", 0, 2, True),
        ("end", 0, 1, False),
        ("end", 0, 0, False),
    ]


def test_function_validator_finish_before_the_end_is_malformed(sample: bytes) -> None:
    validator = FunctionValidator(validate(decode(sample, features.DEFAULT)), 1)
    with pytest.raises(MalformedModule, match="unexpected end"):
        validator.finish(0)


def test_validate_bodies_cut_anywhere_raises_only_module_errors(sample: bytes) -> None:
    module = decode(sample, features.DEFAULT)
    body = module.code[3]
    for size in range(body.size):
        cut = sample[: body.start + size]
        with pytest.raises(ModuleError):
            validate_all(cut)
