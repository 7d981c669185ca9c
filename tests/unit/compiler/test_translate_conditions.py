"""Comparisons, what is made of their results, and the branches on them."""

import math
import operator
from itertools import product

import pytest

from cachewasm.compiler.translate.module import translate

_RELATIONS = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "gt": operator.gt,
    "le": operator.le,
    "ge": operator.ge,
}
_INTEGERS = [(1, 2), (2, 1), (2, 2), (-1, 1)]
_FLOATS = [(1.0, 2.0), (2.0, 1.0), (2.0, 2.0), (math.nan, 1.0), (1.0, math.nan), (0.0, -0.0)]

# The outcome of a comparison as a value, for a branch, an if and a select, after a number of negations.
_USES = """(module (func (export "f") (param {t} {t}) (result i32) (local i32 i32)
  (local.set 2 {negated})
  (local.set 3 (local.get 2))
  (block (br_if 0 {negated}) (local.set 3 (i32.or (local.get 3) (i32.const 16))))
  (if {negated} (then (local.set 3 (i32.or (local.get 3) (i32.const 2)))))
  (local.set 3 (i32.or (local.get 3) (select (i32.const 4) (i32.const 0) {negated})))
  (if (local.tee 2 {negated}) (then (local.set 3 (i32.or (local.get 3) (i32.const 8)))))
  (i32.or (local.get 3) (i32.shl (local.get 2) (i32.const 5)))))"""


def _expected(outcome: bool) -> int:
    return 1 + 2 + 4 + 8 + 32 if outcome else 16


@pytest.mark.parametrize("form", ["{c}", "(i32.eqz {c})", "(i32.eqz (i32.eqz {c}))"])
@pytest.mark.parametrize("masked", [False, True])
def test_comparisons_and_their_negations_hold_in_every_use(machine, form, masked):
    comparisons = [
        ("i32", f"{name}{sign}", test, _INTEGERS)
        for name, test in _RELATIONS.items()
        for sign in (("",) if name in ("eq", "ne") else ("_s", "_u"))
    ] + [("f64", name, test, _FLOATS) for name, test in _RELATIONS.items()]
    for t, name, test, pairs in comparisons:
        comparison = f"({t}.{name} (local.get 0) (local.get 1))"
        if masked:
            comparison = f"(i32.and {comparison} (i32.const 1))"
        m = machine(_USES.format(t=t, negated=form.format(c=comparison)))
        for a, b in pairs:
            x, y = (a & 0xFFFFFFFF, b & 0xFFFFFFFF) if name.endswith("_u") else (a, b)
            outcome = test(x, y) ^ (form.count("eqz") == 1)
            assert m.call("f", a, b) == [_expected(outcome)], (t, name, a, b)


@pytest.mark.parametrize("value", [0, 1, 2, 3, 0x100, 0x101, -1, -2])
@pytest.mark.parametrize(
    "condition",
    [
        "(i32.and (local.get 0) (i32.const 1))",
        "(i32.load8_u (i32.const 0))",
        "(i32.and (i32.load8_u (i32.const 0)) (i32.const 1))",
        "(i32.and (i32.load8_s (i32.const 0)) (i32.const 1))",
        "(i32.eqz (i32.and (local.get 0) (i32.const 1)))",
    ],
)
def test_bits_and_bytes_as_conditions(machine, condition, value):
    m = machine(
        f"""(module (memory 1) (func (export "f") (param i32) (result i32)
          (i32.store (i32.const 0) (local.get 0))
          (block (br_if 0 {condition}) (return (select (i32.const 1) (i32.const 0) {condition})))
          (if (result i32) {condition} (then (i32.const 7)) (else (i32.const 2)))))"""
    )
    low = value & 0xFF if "(i32.and" not in condition else value & 1
    outcome = bool(low) ^ ("eqz" in condition)
    assert m.call("f", value) == [7 if outcome else 0]


@pytest.mark.parametrize("operation", ["and", "or", "xor"])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{lt}", "{gt}"),
        ("(i32.eqz {lt})", "{gt}"),
        ("{lt}", "(i32.eqz {gt})"),
        ("(local.tee 2 {lt})", "(local.tee 3 {gt})"),
        ("(local.tee 2 (i32.eqz {lt}))", "(local.tee 3 (i32.eqz {gt}))"),
    ],
)
def test_two_comparisons_combined_hold_in_every_use(machine, operation, first, second):
    forms = {
        "lt": "(i32.lt_s (local.get 0) (i32.const 5))",
        "gt": "(f64.gt (local.get 1) (f64.const 7))",
    }
    first, second = first.format(**forms), second.format(**forms)
    combined = f"(i32.{operation} {first} {second})"
    m = machine(
        f"""(module (func (export "f") (param i32 f64) (result i32) (local i32 i32 i32)
          (if {combined} (then (local.set 4 (i32.const 1))))
          (if (i32.eqz {combined}) (then (local.set 4 (i32.add (local.get 4) (i32.const 2)))))
          (local.set 4 (i32.add (local.get 4) (i32.shl {combined} (i32.const 2))))
          (i32.add (local.get 4) (i32.shl (i32.add (local.get 2) (local.get 3)) (i32.const 4)))))"""
    )
    for a, b in product((4, 5), (7.0, 7.5, math.nan)):
        one, two = (a < 5) ^ ("eqz" in first), (b > 7) ^ ("eqz" in second)
        outcome = {"and": one & two, "or": one | two, "xor": one ^ two}[operation]
        kept = one + two if "tee" in first else 0
        assert m.call("f", a, b) == [(5 if outcome else 2) + 16 * kept], (a, b)


def _text(valid_module, env, func: str) -> str:
    return translate(valid_module(f"(module (memory 1) {func})"), env(), range(1), baseline=True).ir


@pytest.mark.parametrize(
    "condition",
    [
        "(i32.eqz (i32.lt_u (local.get 0) (local.get 1)))",
        "(i32.and (i32.ge_u (local.get 0) (local.get 1)) (i32.const 1))",
        "(i32.eqz (i32.and (i32.lt_u (local.get 0) (local.get 1)) (i32.const 1)))",
    ],
)
def test_negated_and_masked_comparison_is_one_comparison(valid_module, env, condition):
    ir = _text(valid_module, env, f"(func (param i32 i32) (br_if 0 {condition}))")
    made = [line.split(" = ")[1] for line in ir.splitlines() if line.startswith("  %")]
    assert made == ["icmp uge i32 %p0, %p1"]


def test_comparison_that_a_local_keeps_is_made_again_for_the_branch(valid_module, env):
    ir = _text(
        valid_module,
        env,
        "(func (param i32) (local i32) (br_if 0 (local.tee 1 (i32.eqz (local.get 0)))))",
    )
    assert ir.count("icmp eq i32 %p0, 0") == 2


def test_two_comparisons_are_combined_before_they_are_widened(valid_module, env):
    condition = "(i32.or (i32.eqz (local.get 0)) (i32.lt_s (local.get 1) (i32.const 3)))"
    ir = _text(valid_module, env, f"(func (param i32 i32) (br_if 0 {condition}))")
    assert "  %7 = or i1 %3, %5\n  br i1 %7, label %b1, " in ir


def test_branch_that_follows_a_branch_is_its_other_way(valid_module, env):
    ir = _text(
        valid_module,
        env,
        """(func (param i32) (result i32)
          (block (block (br_if 0 (local.get 0)) (br 1)) (return (i32.const 1)))
          (i32.const 2))""",
    )
    assert "label %b3, label %b2\n" in ir
    assert "br label %b2" not in ir


def test_branch_of_an_empty_arm_goes_on_at_once(valid_module, env):
    ir = _text(valid_module, env, "(func (param i32) (if (local.get 0) (then)) (nop))")
    assert "label %e2, label %e2\n" in ir
