"""Tags and the instructions of exceptions in binary and text, and the rules that they obey."""

import pytest

from cachewasm.errors import (
    InvalidModule,
    MalformedModule,
    ModuleError,
    TextError,
    UnsupportedModule,
)
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.encode import ModuleSource, encode
from cachewasm.wasm.leb128 import unsigned
from cachewasm.wasm.text.parser import wat2wasm
from cachewasm.wasm.text.printer import wasm2wat
from cachewasm.wasm.validate import validate, validate_bodies

ALL = features.IMPLEMENTED
HEADER = b"\0asm\1\0\0\0"
TYPES = bytes([1, 4, 1, 0x60, 0, 0])  # one type, without parameters and results


def validate_all(binary: bytes) -> None:
    validate_bodies(validate(decode(binary, ALL)))


def body(*code: int) -> bytes:
    """A module with a tag and a function of these instructions."""
    function = bytes([0, *code, 0x0B])
    sections = TYPES + bytes([3, 2, 1, 0]) + bytes([13, 3, 1, 0, 0])
    content = unsigned(1) + unsigned(len(function)) + function
    return HEADER + sections + bytes([10]) + unsigned(len(content)) + content


TEXTS = (
    '(module (tag (import "a" "b") (param i32)) (tag $t (export "t") (param f64 i64)))',
    '(module (import "a" "b" (tag $x)) (export "x" (tag $x)) (global exnref (ref.null exn)))',
    """(module (tag $t (param i32)) (func (param exnref) (result i32)
      (block $a (result i32 exnref)
        (block $b (result i32) (block $c (result exnref) (block $d
          (try_table (result i32) (catch $t $b) (catch_ref $t $a) (catch_all $d) (catch_all_ref $c)
            (throw $t (i32.const 1)))
          (return)) (unreachable)) (throw_ref)) (return)) (throw_ref)))""",
    """(module (tag $t (param i32)) (func (result i32)
      try $l (result i32) i32.const 1 throw $t
      catch $t
      catch_all try (result i32) rethrow 1 delegate $l end))""",
    """(module (tag $t) (func (try $l (do (throw $t)) (catch $t (nop)) (catch_all (rethrow $l)))
      (try (do (try (do) (delegate 0))) (catch $t)) (try (do))))""",
)


@pytest.mark.parametrize("text", TEXTS)
def test_text_to_binary_and_back_is_the_same(text: str) -> None:
    binary = wat2wasm(text)
    validate_all(binary)
    assert wat2wasm(wasm2wat(binary, ALL)) == binary
    assert encode(ModuleSource.from_module(decode(binary, ALL))) == binary


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("(tag (result i32))", "non-empty tag result type"),
        ('(import "" "" (tag (result i32)))', "non-empty tag result type"),
        ("(tag (type 7))", "unknown type 7"),
        ('(export "a" (tag 0))', "unknown tag 0"),
        ("(func (throw 0))", "unknown tag 0"),
        ("(tag (param i32)) (func (throw 0))", "type mismatch"),
        ("(func (throw_ref))", "type mismatch"),
        ("(func (throw_ref (ref.null func)))", "type mismatch"),
        ("(func (try_table (catch 0 0)))", "unknown tag 0"),
        ("(func (try_table (catch_all 7)))", "unknown label 7"),
        ("(tag (param i32)) (func (try_table (catch 0 0)))", "type mismatch"),
        ("(tag) (func (try_table (catch_ref 0 0)))", "type mismatch"),
        ("(func (try_table (catch_all_ref 0)))", "type mismatch"),
        ("(func (result i32) (try_table (result i32)))", "type mismatch"),
        ("(func (rethrow 0))", "invalid rethrow label 0"),
        ("(func (try (do (rethrow 0))))", "invalid rethrow label 0"),
        ("(func (try (do) (delegate 3)))", "unknown label 3"),
        ("(func (result i32) (try (result i32) (do (i32.const 1)) (catch_all)))", "type mismatch"),
        ("(global exnref (ref.null func))", "type mismatch"),
    ],
)
def test_validate_broken_rule_is_named(fields: str, message: str) -> None:
    with pytest.raises(InvalidModule, match=f"^{message}"):
        validate_all(wat2wasm(f"(module {fields})"))


@pytest.mark.parametrize(
    ("binary", "message"),
    [
        (HEADER + TYPES + bytes([13, 3, 1, 1, 0]), "malformed tag attribute 0x01"),
        (HEADER + TYPES + bytes([13, 2, 1, 0]), "unexpected end"),
        (HEADER + TYPES + bytes([13, 3, 9, 0, 0]), "length out of bounds"),
        (body(0x1F, 0x40, 1, 4, 0, 0x0B), "malformed catch clause 0x04"),
        (body(0x1F, 0x40, 0x7F, 0, 0, 0), "length out of bounds"),
        (body(0x18, 0), "unexpected delegate"),
        (body(0x02, 0x40, 0x18, 0), "END opcode expected"),
        (body(0x07, 0), "END opcode expected"),
        (body(0x06, 0x40, 0x19, 0x19, 0x0B), "END opcode expected"),
        (body(0x06, 0x40, 0x07, 0, 0x18, 0), "END opcode expected"),
    ],
)
def test_malformed_bytes_name_the_fault(binary: bytes, message: str) -> None:
    with pytest.raises(MalformedModule, match=f"^{message}"):
        validate_all(binary)


def test_cut_off_anywhere_is_an_error() -> None:
    binary = wat2wasm(TEXTS[2])
    for length in range(len(HEADER) + 1, len(binary)):
        try:
            validate_all(binary[:length])
        except ModuleError:
            continue
        # Only where a section ends nothing is missing.
        assert binary[length] < 14


def test_clauses_beyond_the_limit_are_refused() -> None:
    clauses = b"\2\0" * 10_001
    code = b"\x1f\x40" + unsigned(10_001) + clauses + b"\x0b"
    with pytest.raises(UnsupportedModule, match="10001 clauses exceed"):
        validate_all(body(*code))


@pytest.mark.parametrize(
    "text",
    [
        "(func (catch_all))",
        "(tag $e) (func (catch $e))",
        "(func (try))",
        "(func (try (do) (catch_all) (catch_all)))",
        "(func (try (do) (delegate 0) (catch_all)))",
        "(func (try (catch_all)))",
        "(func (try (do) nop))",
        "(func try delegate 0 end)",
        "(func try catch_all catch_all end)",
        "(func (try (do) (delegate 0 (nop))))",
    ],
)
def test_arms_in_the_wrong_place_are_unexpected(text: str) -> None:
    with pytest.raises(TextError, match=r"^unexpected token"):
        wat2wasm(f"(module {text})")


def test_legacy_instructions_need_their_own_feature() -> None:
    binary = wat2wasm("(module (func (try (do))))")
    with pytest.raises(UnsupportedModule, match="`legacy_exceptions`, which is not enabled"):
        validate_bodies(validate(decode(binary, features.DEFAULT | features.EXCEPTIONS)))
    with pytest.raises(UnsupportedModule, match="`exceptions`, which is not enabled"):
        validate_bodies(validate(decode(binary, features.DEFAULT | features.LEGACY_EXCEPTIONS)))
