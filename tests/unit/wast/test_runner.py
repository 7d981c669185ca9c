"""Scripts that are run: every kind of command passes, fails and is skipped where it must be."""

import pytest

import cachewasm
from cachewasm.wasm.text.wast import parse_script
from cachewasm.wast.runner import Verdict, run

PASSED, FAILED, SKIPPED = Verdict.PASSED, Verdict.FAILED, Verdict.SKIPPED

MODULE = """
(module $m
  (func (export "one") (result i32) (i32.const 1))
  (func (export "same") (param f32) (result f32) (local.get 0))
  (func (export "held") (param externref) (result externref) (local.get 0))
  (func (export "lanes") (param v128) (result v128) (local.get 0))
  (func (export "two") (result i32 i64) (i32.const 1) (i64.const 2))
  (func (export "trap") (unreachable))
  (func $deep (export "deep") (call $deep))
  (func (export "divide") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
  (table $t 1 funcref)
  (func (export "entry") (param i32) (result funcref) (table.get $t (local.get 0)))
  (func (export "through") (param i32) (call_indirect (local.get 0)))
  (memory (export "memory") 1)
  (global (export "g") i64 (i64.const 7))
  (global (export "v") v128 (v128.const i64x2 7 -1)))
"""
REFUSED = "(module $later (type (struct)))"
FLOATS = "(v128.const f32x4 nan:0x1 -nan 1 2)"
PATTERNS = "(v128.const f32x4 nan:0x1 nan:canonical 1 2)"
UNLINKED = '(module $bad (import "nobody" "x" (func)))'


@pytest.fixture(scope="module")
def engine() -> cachewasm.Engine:
    config = cachewasm.Config()
    config.strategy = "baseline"
    return cachewasm.Engine(config)


def _run(engine: cachewasm.Engine, text: str) -> list[tuple[Verdict, str]]:
    return [(outcome.verdict, outcome.reason) for outcome in run(parse_script(text), engine)]


@pytest.mark.parametrize(
    "command",
    [
        "(module)",
        '(module binary "\\00asm\\01\\00\\00\\00")',
        '(module quote "(fu" "nc)")',
        "(module definition)",
        "(module instance)",
        "(module instance $i $m)",
        '(register "a")',
        '(register "a" $m)',
        '(invoke "one")',
        '(invoke $m "one")',
        '(get "g")',
        '(assert_return (invoke "one") (i32.const 1))',
        '(assert_return (invoke "one") (either (i32.const 2) (i32.const 1)))',
        '(assert_return (invoke "two") (i32.const 1) (i64.const 2))',
        '(assert_return (invoke "same" (f32.const nan:0x200000)) (f32.const nan:0x200000))',
        '(assert_return (invoke "same" (f32.const -nan)) (f32.const nan:canonical))',
        f'(assert_return (invoke "lanes" {FLOATS}) {FLOATS})',
        f'(assert_return (invoke "lanes" {FLOATS}) {PATTERNS})',
        f'(assert_return (invoke "lanes" {FLOATS}) (either (v128.const i64x2 0 0) {PATTERNS}))',
        '(assert_return (get $m "v") (v128.const i32x4 7 0 -1 -1))',
        '(assert_return (invoke "held" (ref.extern 3)) (ref.extern 3))',
        '(assert_return (invoke "held" (ref.extern 3)) (ref.extern))',
        '(assert_return (invoke "held" (ref.null extern)) (ref.null extern))',
        '(assert_return (invoke "entry" (i32.const 0)) (ref.null))',
        '(assert_return (get $m "g") (i64.const 7))',
        '(assert_trap (invoke "trap") "unreachable")',
        '(assert_trap (invoke "divide" (i32.const 0)) "integer divide by zero")',
        '(assert_trap (invoke "entry" (i32.const 1)) "out of bounds table access")',
        '(assert_trap (invoke "through" (i32.const 1)) "undefined element")',
        '(assert_trap (invoke "through" (i32.const 0)) "uninitialized element")',
        '(assert_trap (module (func $f (unreachable)) (start $f)) "unreachable")',
        '(assert_trap (module (memory 0) (data (i32.const 0) "x")) "out of bounds memory access")',
        '(assert_exhaustion (invoke "deep") "call stack exhausted")',
        '(assert_malformed (module quote "(func (nonsense))") "unknown operator")',
        '(assert_malformed (module binary "\\00asl") "magic header not detected")',
        # Not taken for text.
        '(assert_malformed (module binary "(module)") "magic header not detected")',
        '(assert_malformed (module quote "\\ff") "malformed UTF-8 encoding")',
        '(assert_invalid (module (func (result i32))) "type mismatch")',
        '(assert_unlinkable (module (import "no" "f" (func))) "unknown import")',
        '(assert_unlinkable (module (import "spectest" "memory" (func))) "incompatible import type")',
    ],
)
def test_run_true_command_passes(engine: cachewasm.Engine, command: str) -> None:
    assert _run(engine, MODULE + command) == [(PASSED, "")] * 2


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("(module (func (result i32)))", "unexpected InvalidModule: type mismatch"),
        ("(module (func (nonsense)))", "unexpected TextError: unknown operator"),
        (UNLINKED, "unexpected LinkError: unknown import"),
        ("(module (func $f (unreachable)) (start $f))", "unexpected Trap: wasm `unreachable`"),
        ("(module instance $i $nobody)", "there is no module `nobody`"),
        ('(register "a" $nobody)', "there is no instance `nobody`"),
        ('(invoke $nobody "one")', "there is no instance `nobody`"),
        ('(invoke "none")', "no function `none` is exported"),
        ('(invoke "memory")', "no function `memory` is exported"),
        ('(get "one")', "no global `one` is exported"),
        ('(invoke "one" (i32.const 1))', "the function's type is [] -> [i32]"),
        ('(invoke "same" (f64.const 1))', "the function's type is [f32] -> [f32]"),
        ('(invoke "trap")', "unexpected Trap: wasm `unreachable`"),
        ('(assert_return (invoke "one") (i32.const 2))', "expected i32 2; got i32 1"),
        (
            '(assert_return (get "v") (v128.const i32x4 7 0 -1 0))',
            "expected v128 0x00000000ffffffff0000000000000007; "
            "got v128 0xffffffffffffffff0000000000000007",
        ),
        ('(assert_return (invoke "one"))', "expected nothing; got i32 1"),
        ('(assert_return (invoke "trap"))', "unexpected Trap: wasm `unreachable`"),
        (
            '(assert_return (invoke "two") (i32.const 1) (i64.const 3))',
            "expected i32 1, i64 3; got i32 1, i64 2",
        ),
        ('(assert_trap (invoke "one") "unreachable")', "expected the trap `unreachable`; got no"),
        (
            '(assert_trap (invoke "trap") "integer overflow")',
            "expected `integer overflow`; got Trap: wasm `unreachable`",
        ),
        ('(assert_trap (module) "unreachable")', "expected the trap `unreachable`; got no trap"),
        ('(assert_exhaustion (invoke "trap") "call stack exhausted")', "expected `call stack"),
        ('(assert_exception (invoke "one"))', "expected an exception; got none"),
        ('(assert_exception (invoke "trap"))', "unexpected Trap"),
        ('(assert_malformed (module quote "(func)") "x")', "expected `x`; got an acceptable"),
        (
            '(assert_malformed (module quote "(func (result i32))") "type")',
            "unexpected InvalidModule: type mismatch",
        ),
        ('(assert_invalid (module) "x")', "expected `x`; got an acceptable module"),
        (
            '(assert_invalid (module (func (result i32))) "unknown local")',
            "expected `unknown local`; got InvalidModule: type mismatch",
        ),
        ('(assert_unlinkable (module) "unknown import")', "expected `unknown import`; got an in"),
        (
            '(assert_unlinkable (module (import "no" "f" (func))) "incompatible import type")',
            "expected `incompatible import type`; got LinkError: unknown import",
        ),
    ],
)
def test_run_false_command_fails_with_the_reason(
    engine: cachewasm.Engine, command: str, reason: str
) -> None:
    (_, (verdict, told)) = _run(engine, MODULE + command)
    assert verdict is FAILED
    assert told.startswith(reason)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (REFUSED, "`gc`"),
        ('(assert_invalid (module (type (struct))) "x")', "`gc`"),
        ('(invoke "same" (ref.i31))', "`ref.i31` is not implemented"),
        ('(assert_return (invoke "one") (ref.i31))', "`ref.i31` is not implemented"),
        (
            '(assert_return (invoke "one") (either (i32.const 1) (ref.i31)))',
            "`ref.i31` is not implemented",
        ),
        ("(assert_nothing)", "the command `assert_nothing` is not known"),
    ],
)
def test_run_command_of_another_proposal_is_skipped(
    engine: cachewasm.Engine, command: str, reason: str
) -> None:
    (_, (verdict, told)) = _run(engine, MODULE + command)
    assert verdict is SKIPPED
    assert reason in told


@pytest.mark.parametrize(
    "command",
    [
        '(invoke "one")',
        '(invoke $later "one")',
        "(module instance $i $later)",
        "(module instance)",
        '(register "a")',
    ],
)
def test_run_command_on_what_was_skipped_is_skipped(engine: cachewasm.Engine, command: str) -> None:
    assert [verdict for verdict, _ in _run(engine, MODULE + REFUSED + command)][1:] == [SKIPPED] * 2


def test_run_import_of_what_was_not_registered_is_skipped(engine: cachewasm.Engine) -> None:
    importer = '(import "later" "f" (func))'
    text = f"""
    {REFUSED} (register "later") (module {importer})
    (assert_unlinkable (module {importer}) "unknown import")
    {MODULE} (register "later") (module (import "later" "one" (func (result i32))))
    """
    verdicts = [verdict for verdict, _ in _run(engine, text)]
    assert verdicts == [SKIPPED] * 4 + [PASSED] * 3


def test_run_command_after_a_failed_module_is_skipped(engine: cachewasm.Engine) -> None:
    outcomes = _run(
        engine, f'{MODULE} {UNLINKED} (invoke "one") (invoke $bad "x") (invoke $m "one")'
    )
    assert [verdict for verdict, _ in outcomes] == [PASSED, FAILED, SKIPPED, SKIPPED, PASSED]


def test_run_action_before_any_module_fails(engine: cachewasm.Engine) -> None:
    assert _run(engine, '(invoke "f")') == [(FAILED, "there is no last instance")]


def test_run_instances_of_a_definition_are_distinct(engine: cachewasm.Engine) -> None:
    text = """
    (module definition $d
      (global $g (mut i32) (i32.const 0))
      (func (export "count") (result i32)
        (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g)))
    (module instance $a $d)
    (module instance $b $d)
    (assert_return (invoke $a "count") (i32.const 1))
    (assert_return (invoke $a "count") (i32.const 2))
    (assert_return (invoke "count") (i32.const 1))
    """
    assert [verdict for verdict, _ in _run(engine, text)] == [PASSED] * 6


def test_run_definition_leaves_the_current_instance(engine: cachewasm.Engine) -> None:
    text = f'{MODULE} (module definition) (assert_return (invoke "one") (i32.const 1))'
    assert [verdict for verdict, _ in _run(engine, text)] == [PASSED] * 3


def test_run_trapped_module_leaves_the_current_instance(engine: cachewasm.Engine) -> None:
    text = f"""{MODULE}
    (assert_trap (module (func $f (unreachable)) (start $f)) "unreachable")
    (assert_return (invoke "one") (i32.const 1))"""
    assert [verdict for verdict, _ in _run(engine, text)] == [PASSED] * 3


def test_run_registered_name_can_be_taken_again(engine: cachewasm.Engine) -> None:
    text = f"""{MODULE} (register "a") (register "a" $m)
    (module (import "a" "one" (func $f (result i32))) (export "f" (func $f)))
    (assert_return (invoke "f") (i32.const 1))"""
    assert [verdict for verdict, _ in _run(engine, text)] == [PASSED] * 5


def test_run_fields_alone_are_a_module(engine: cachewasm.Engine) -> None:
    assert _run(engine, '(func) (memory 0) (func (export "f"))') == [(PASSED, "")]


def test_run_spectest_has_what_scripts_import(engine: cachewasm.Engine) -> None:
    text = """
    (module
      (import "spectest" "print" (func $p))
      (import "spectest" "print_i32" (func $p_i32 (param i32)))
      (import "spectest" "print_i64" (func $p_i64 (param i64)))
      (import "spectest" "print_f32" (func $p_f32 (param f32)))
      (import "spectest" "print_f64" (func $p_f64 (param f64)))
      (import "spectest" "print_i32_f32" (func $p_i32_f32 (param i32 f32)))
      (import "spectest" "print_f64_f64" (func $p_f64_f64 (param f64 f64)))
      (import "spectest" "global_i32" (global $i32 i32))
      (import "spectest" "global_i64" (global $i64 i64))
      (import "spectest" "global_f32" (global $f32 f32))
      (import "spectest" "global_f64" (global $f64 f64))
      (import "spectest" "table" (table 10 20 funcref))
      (import "spectest" "memory" (memory 1 2))
      (func (export "print")
        (call $p)
        (call $p_i32 (global.get $i32))
        (call $p_i64 (global.get $i64))
        (call $p_f32 (global.get $f32))
        (call $p_f64 (global.get $f64))
        (call $p_i32_f32 (global.get $i32) (global.get $f32))
        (call $p_f64_f64 (global.get $f64) (global.get $f64)))
      (func (export "globals") (result i32 i64 f32 f64)
        (global.get $i32) (global.get $i64) (global.get $f32) (global.get $f64)))
    (assert_return (invoke "print"))
    (assert_return (invoke "globals")
      (i32.const 666) (i64.const 666) (f32.const 666.6) (f64.const 666.6))
    """
    assert _run(engine, text) == [(PASSED, "")] * 3
