"""Locals: what is stored and loaded in the text, and what they hold when it runs."""

import pytest

import cachewasm
from cachewasm.compiler.translate.module import translate
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.validate import validate


def accesses(ir: str, local: int) -> list[str]:
    """The stores to a local, by what they store, and its loads."""
    place = f"ptr %{local + 1}"
    found = []
    for line in ir.splitlines():
        words = line.split()
        if line.endswith(place) and "load" in words:
            found.append("load")
        elif line.endswith(place) and "store" in words:
            found.append(words[2].rstrip(","))
    return found


@pytest.fixture
def text(valid_module, env):
    """The text of a module's only function, for the baseline tier."""

    return lambda func: (
        translate(valid_module(f"(module {func})"), env(), range(1), baseline=True).ir
    )


def test_local_set_in_both_arms_is_not_initialized(text):
    ir = text(
        """(func (param i32) (result i32) (local i32)
          (if (local.get 0)
            (then (local.set 1 (i32.const 5)))
            (else (local.set 1 (local.get 0))))
          (local.get 1))"""
    )
    assert accesses(ir, 1) == ["5", "%p0", "load"]


@pytest.mark.parametrize(
    "body",
    [
        "(if (local.get 0) (then (local.set 1 (i32.const 5))))",
        "(block (br_if 0 (local.get 0)) (local.set 1 (i32.const 5)))",
        "(block (block (br_table 0 1 (local.get 0))) (local.set 1 (i32.const 5)))",
        "(if (local.get 0) (then (local.set 1 (i32.const 5))) (else (nop)))",
        "(loop (if (i32.eqz (local.get 1)) (then (local.set 1 (i32.const 5)) (br 1))))",
    ],
)
def test_local_not_set_on_every_way_is_initialized(text, body):
    ir = text(f"(func (param i32) (result i32) (local i32) (block {body}) (local.get 1))")
    assert accesses(ir, 1)[0] == "0"


def test_local_set_before_every_branch_to_a_label_is_not_initialized(text):
    ir = text(
        """(func (param i32) (result i32) (local i32)
          (block
            (local.set 1 (i32.const 5))
            (br_if 0 (local.get 0))
            (local.set 1 (i32.const 6)))
          (local.get 1))"""
    )
    assert accesses(ir, 1) == ["5", "6", "load"]


def test_local_set_in_a_try_is_initialized_for_its_catch(env):
    wat = """(module (tag) (func (param i32) (result i32) (local i32)
      (block $caught
        (try_table (catch_all $caught)
          (if (local.get 0) (then (throw 0)))
          (local.set 1 (i32.const 5))))
      (local.get 1)))"""
    with_exceptions = features.DEFAULT | features.EXCEPTIONS
    module = validate(decode(bytes(cachewasm.wat2wasm(wat)), with_exceptions))
    assert accesses(translate(module, env(), range(1), baseline=True).ir, 1)[0] == "0"


@pytest.mark.parametrize(("argument", "expected"), [(0, 12), (1, 0)])
def test_locals_beyond_those_followed_begin_as_zero(machine, argument, expected):
    m = machine(
        f"""(module (func (export "f") (param i32) (result i32) (local{" i32" * 1500})
          (block
            (br_if 0 (local.get 0))
            (local.set 1400 (i32.const 5))
            (local.set 9 (i32.const 7)))
          (i32.add (local.get 1400) (local.get 9))))"""
    )
    assert m.call("f", argument) == [expected]


def test_local_set_twice_in_a_block_is_stored_once(text):
    ir = text(
        """(func (param i32) (result i32) (local i32)
          (local.set 1 (i32.const 5))
          (local.set 0 (local.get 1))
          (local.set 1 (i32.const 6))
          (block (br_if 0 (local.get 0)) (local.set 1 (i32.const 7)))
          (local.get 1))"""
    )
    assert accesses(ir, 1) == ["6", "7", "load"]


def test_local_set_before_and_after_a_branch_is_stored_twice(text):
    ir = text(
        """(func (param i32) (result i32) (local i32)
          (block
            (local.set 1 (local.get 0))
            (br_if 0 (local.get 0))
            (local.set 1 (i32.const 6)))
          (local.get 1))"""
    )
    assert accesses(ir, 1) == ["%p0", "6", "load"]


def test_local_behind_a_branch_is_loaded_again_unless_constant(text):
    ir = text(
        """(func (param i32) (result i32) (local i32 i32)
          (local.set 1 (i32.mul (local.get 0) (local.get 0)))
          (local.set 2 (i32.const 3))
          (br_if 0 (local.get 0) (local.get 0))
          (drop)
          (i32.add (local.get 1) (local.get 2)))"""
    )
    assert accesses(ir, 1)[-1] == "load"
    assert accesses(ir, 2) == []


def test_parameter_that_is_not_set_before_needs_no_place(text):
    ir = text(
        """(func (param i32) (result i32)
          (block (br_if 0 (local.get 0)) (return (i32.const 1)))
          (local.get 0))"""
    )
    assert accesses(ir, 0) == []


def test_parameter_set_further_on_in_a_loop_is_loaded(machine):
    m = machine(
        """(module (func (export "sum") (param i32) (result i32) (local i32)
          (loop
            (local.set 1 (i32.add (local.get 1) (local.get 0)))
            (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
            (br_if 0 (local.get 0)))
          (local.get 1)))"""
    )
    assert m.call("sum", 10) == [55]


@pytest.mark.parametrize(("argument", "expected"), [(0, 103), (1, 11), (2, 102)])
def test_constants_known_before_an_if_hold_in_both_arms(machine, argument, expected):
    m = machine(
        """(module (func (export "f") (param i32) (result i32) (local i32)
          (local.set 1 (i32.const 3))
          (if (i32.eq (local.get 0) (i32.const 1))
            (then (local.set 1 (i32.add (local.get 1) (i32.const 8))))
            (else
              (if (local.get 0) (then (local.set 1 (i32.const 2))))
              (local.set 1 (i32.add (local.get 1) (i32.const 100)))))
          (local.get 1)))"""
    )
    assert m.call("f", argument) == [expected]
