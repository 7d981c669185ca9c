"""Control flow, calls, locals and globals, run in both tiers."""

import pytest

from cachewasm.abi.vmctx import STORE
from cachewasm.compiler.translate.module import translate


def test_loop_with_branches_returns_factorial(machine):
    m = machine(
        """(module (func (export "fac") (param i64) (result i64) (local i64)
          (local.set 1 (i64.const 1))
          (block (loop
            (br_if 1 (i64.eqz (local.get 0)))
            (local.set 1 (i64.mul (local.get 1) (local.get 0)))
            (local.set 0 (i64.sub (local.get 0) (i64.const 1)))
            (br 0)))
          (local.get 1)))"""
    )
    assert m.call("fac", 20) == [2432902008176640000]


@pytest.mark.parametrize(("index", "expected"), [(0, 111), (1, 11), (2, 1), (3, 1), (-1, 1)])
def test_br_table_with_values_takes_the_label(machine, index, expected):
    m = machine(
        """(module (func (export "f") (param i32) (result i32)
          (block $c (result i32)
            (block $b (result i32)
              (block $a (result i32)
                (br_table $a $b $c (i32.const 1) (local.get 0)))
              (i32.const 100) (i32.add))
            (i32.const 10) (i32.add))))"""
    )
    assert m.call("f", index) == [expected]


@pytest.mark.parametrize(("value", "expected"), [(0, [3, 4]), (5, [5, 7])])
def test_if_with_params_and_results_both_arms(machine, value, expected):
    m = machine(
        """(module (func (export "f") (param i32) (result i32 i32)
          (i32.const 1) (i32.const 2)
          (if (param i32 i32) (result i32 i32) (local.get 0)
            (then (i32.add) (i32.const 2) (i32.add) (i32.const 7))
            (else (drop) (drop) (i32.const 3) (i32.const 4)))))"""
    )
    assert m.call("f", value) == expected


@pytest.mark.parametrize(("value", "expected"), [(0, 7), (1, 8)])
def test_if_without_else_with_params_keeps_them(machine, value, expected):
    m = machine(
        """(module (func (export "f") (param i32) (result i32)
          (i32.const 7)
          (if (param i32) (result i32) (local.get 0) (then (i32.const 1) (i32.add)))))"""
    )
    assert m.call("f", value) == [expected]


@pytest.mark.parametrize(("value", "expected"), [(0, 1), (1, 2), (2, 3)])
def test_if_arms_setting_locals_join_right(machine, value, expected):
    m = machine(
        """(module (func (export "f") (param i32) (result i32) (local i32)
          (local.set 1 (i32.const 1))
          (if (i32.eq (local.get 0) (i32.const 1)) (then (local.set 1 (i32.const 2))))
          (block $out
            (if (i32.eq (local.get 0) (i32.const 2))
              (then (local.set 1 (i32.const 3)) (br $out))
              (else (local.set 0 (local.get 1))))
            (local.set 1 (local.get 0)))
          (local.get 1)))"""
    )
    assert m.call("f", value) == [expected]


def test_loop_with_params_carries_values(machine):
    m = machine(
        """(module (func (export "sum") (param i32) (result i32)
          (i32.const 0) (local.get 0)
          (loop (param i32 i32) (result i32)
            (local.set 0) (local.get 0) (i32.add)
            (i32.sub (local.get 0) (i32.const 1))
            (local.tee 0)
            (local.get 0) (br_if 0)
            (drop))))"""
    )
    assert m.call("sum", 10) == [55]


def test_unreachable_code_with_nested_blocks_is_skipped(machine):
    m = machine(
        """(module (func (export "f") (result i32)
          (block (result i32)
            (br 0 (i32.const 42))
            (block (loop (return (i32.const 5)) (if (i32.add) (then (br 0)) (else (br 2)))))
            (drop) (i32.const 1) (i32.add) (select))))"""
    )
    assert m.call("f") == [42]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_call_with_many_results_returns_all(machine, count):
    kinds = ["i32", "i64", "f32", "f64", "i64", "i32", "f64"][:count]
    consts = " ".join(f"({t}.const {i + 1})" for i, t in enumerate(kinds))
    m = machine(
        f"""(module
          (func $callee (result {" ".join(kinds)}) {consts})
          (func (export "f") (result {" ".join(kinds)}) (call $callee)))"""
    )
    assert m.call("f") == [i + 1 for i in range(count)]


def test_call_with_many_params_of_all_types_passes_them(machine):
    kinds = ["i32", "i64", "f32", "f64"] * 5
    gets = " ".join(f"(local.get {i})" for i in range(20))
    sums = "".join(
        f"(f64.add (f64.mul (f64.const {i + 1}) {conversion.format(f'(local.get {i})')})"
        for i, conversion in enumerate(
            ["(f64.convert_i32_s {})", "(f64.convert_i64_s {})", "(f64.promote_f32 {})", "{}"] * 5
        )
    )
    m = machine(
        f"""(module
          (func $g (param {" ".join(kinds)}) (result f64) {sums} (f64.const 0) {")" * 20})
          (func (export "f") (param {" ".join(kinds)}) (result f64) (call $g {gets})))"""
    )
    assert m.call("f", *range(20)) == [sum(i * (i + 1) for i in range(20))]


def test_call_import_reaches_host_and_names_the_caller(machine):
    seen = []

    def host(a, b):
        seen.append((a, b))
        return [a + b, 2.5, -1]

    m = machine(
        """(module
          (import "m" "h" (func $h (param i32 i64) (result i64 f64 i32)))
          (func (export "f") (result i64 f64 i32) (call $h (i32.const -3) (i64.const 10))))""",
        hosts=[host],
    )
    assert m.call("f") == [7, 2.5, -1]
    assert seen == [(-3, 10)]
    assert m.get(m.store + STORE.caller) == m.context


INDIRECT = """(module
  (type $t (func (param i32) (result i32)))
  (table 4 funcref)
  (elem (i32.const 0) $double $nothing)
  (func $double (type $t) (i32.mul (local.get 0) (i32.const 2)))
  (func $nothing)
  (func (export "f") (param i32) (result i32)
    (call_indirect (type $t) (i32.const 21) (local.get 0))))"""


def test_call_indirect_matching_type_calls(machine):
    assert machine(INDIRECT).call("f", 0) == [42]


@pytest.mark.parametrize(
    ("index", "trap"),
    [
        (1, "BAD_SIGNATURE"),
        (2, "INDIRECT_CALL_TO_NULL"),
        (4, "TABLE_OUT_OF_BOUNDS"),
        (-1, "TABLE_OUT_OF_BOUNDS"),
    ],
)
def test_call_indirect_wrong_element_traps(machine, index, trap):
    assert machine(INDIRECT).trap_of("f", index) == trap


def test_globals_mutable_and_constant_keep_values(machine):
    m = machine(
        """(module
          (global $a (mut i64) (i64.const -5)) (global $b f64 (f64.const 1.5))
          (func (export "f") (result i64 f64)
            (global.set $a (i64.add (global.get $a) (i64.const 1)))
            (global.get $a) (global.get $b)))"""
    )
    assert m.call("f") == [-4, 1.5]
    assert m.call("f") == [-3, 1.5]


def test_select_and_references_work(machine):
    m = machine(
        """(module (table 3 funcref) (elem declare func $g)
          (func $g (export "g"))
          (func (export "f") (param i32) (result i32 i32 i32)
            (table.set (i32.const 1) (ref.func $g))
            (ref.is_null (table.get (i32.const 1)))
            (ref.is_null (select (result funcref) (ref.null func) (ref.func $g) (local.get 0)))
            (table.size)))"""
    )
    assert m.call("f", 1) == [0, 1, 3]
    assert m.call("f", 0) == [0, 0, 3]
    assert m.call("g") == []


@pytest.mark.parametrize(
    ("body", "trap"),
    [
        ("(unreachable)", "UNREACHABLE"),
        ("(drop (i32.div_s (local.get 0) (i32.const 0)))", "INTEGER_DIVISION_BY_ZERO"),
        ("(drop (table.get (i32.const 9)))", "TABLE_OUT_OF_BOUNDS"),
        ("(drop (i64.trunc_f32_u (f32.const nan)))", "BAD_CONVERSION_TO_INTEGER"),
        ("(drop (i32.trunc_f64_s (f64.const 1e10)))", "INTEGER_OVERFLOW"),
    ],
)
def test_trap_of_unused_value_still_traps(machine, body, trap):
    m = machine(f'(module (table 1 funcref) (func (export "f") (param i32) {body}))')
    assert m.trap_of("f", 1) == trap


def test_recursion_beyond_the_limit_overflows_the_stack(machine):
    m = machine('(module (func $f (export "f") (param i32) (call $f (local.get 0))))')
    m.limit_stack(64 << 10)
    assert m.trap_of("f", 1) == "STACK_OVERFLOW"


def test_fifty_thousand_locals_are_checked_against_the_limit(machine):
    m = machine(
        f"""(module (func (export "f") (result i64) (local {"i64 " * 50_000})
          (local.set 7 (i64.const 3)) (local.get 7)))"""
    )
    assert m.call("f") == [3]
    m.limit_stack(64 << 10)
    assert m.trap_of("f") == "STACK_OVERFLOW"


@pytest.mark.parametrize(("argument", "expected"), [(0, 20 + 5 + 1), (1, 300 + 2)])
def test_blocks_share_slots_unless_one_is_in_the_other(
    machine, valid_module, env, argument, expected
):
    wat = """(module (func (export "f") (param i32) (result i32)
      (i32.add
        (block $outer (result i32)
          (i32.add
            (block $inner (result i32)
              (drop (br_if $outer (i32.const 300) (local.get 0)))
              (br $inner (i32.const 20)))
            (i32.const 5)))
        (block $after (result i32)
          (drop (br_if $after (i32.const 1) (i32.eqz (local.get 0))))
          (i32.const 2)))))"""
    ir = translate(valid_module(wat), env(), range(1), baseline=True).ir
    assert ir.count(" = alloca i32") == 2
    assert machine(wat).call("f", argument) == [expected]
