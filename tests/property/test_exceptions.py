"""Random programs of throws, catches, calls and loops do what they do under PyPI wasmtime."""

import random
from types import ModuleType

import pytest
import wasmtime

import cachewasm

_FUNCTIONS = 5
_PROGRAMS = 30
_ARGUMENTS = range(6)
# What a tag's exceptions carry.
_TAGS = ("i32", "", "i64 i32")
_KINDS = ("catch", "catch_ref", "catch_all", "catch_all_ref")


class _Writer:
    """Writes a random module. Every path ends: calls use up fuel, loops have bounds."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._labels = 0

    def module(self) -> str:
        tags = "".join(f"(tag $t{i} (param {params}))" for i, params in enumerate(_TAGS))
        functions = "".join(self._function(i) for i in range(_FUNCTIONS))
        return (
            f"(module {tags} (global $trace (export {chr(34)}trace{chr(34)}) (mut i64) (i64.const 1))"
            f"(global $fuel (mut i32) (i32.const 300)) (global $e (mut exnref) (ref.null exn))"
            f"{functions})"
        )

    def _function(self, number: int) -> str:
        return (
            f'(func $f{number} (export "f{number}") (param $n i32) (result i32)'
            f"(local $m i32) (local $e exnref) (local $w i64) {self._statements(4)} (local.get $n))"
        )

    def _statements(self, depth: int) -> str:
        return " ".join(self._statement(depth) for _ in range(self._random.randint(1, 4)))

    def _statement(self, depth: int) -> str:
        kinds = ["note", "throw", "call", "count", "again"]
        if depth:
            kinds += ["try", "try", "try", "loop", "block"]
        kind = self._random.choice(kinds)
        if kind == "note":
            return self._note("(i64.extend_i32_s (local.get $n))")
        if kind == "throw":
            return self._sometimes(self._throw())
        if kind == "call":
            callee = self._random.randrange(_FUNCTIONS)
            return (
                "(global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))"
                "(if (i32.gt_s (global.get $fuel) (i32.const 0)) (then (local.set $m "
                f"(i32.add (local.get $m) (call $f{callee} (i32.add (local.get $n) (i32.const 1)))))))"
            )
        if kind == "count":
            return "(local.set $n (i32.add (local.get $n) (i32.const 3)))"
        if kind == "again":
            reference = self._random.choice(["(local.get $e)", "(global.get $e)"])
            return self._sometimes(f"(throw_ref {reference})")
        if kind == "loop":
            label = self._label()
            return (
                f"(loop {label} {self._statements(depth - 1)}"
                "(global.set $fuel (i32.sub (global.get $fuel) (i32.const 20)))"
                f"(br_if {label} (i32.gt_s (global.get $fuel) (i32.const 0))))"
            )
        if kind == "block":
            label = self._label()
            leave = self._sometimes(f"(br {label})")
            return f"(block {label} {self._statements(depth - 1)} {leave} {self._statements(0)})"
        return self._try(depth)

    def _try(self, depth: int) -> str:
        """Blocks around a try_table, one per clause, each with what follows the catch."""
        out = self._label()
        clauses, opened, closed = "", "", ""
        for _ in range(self._random.randint(1, 3)):
            label, kind = self._label(), self._random.choice(_KINDS)
            tag = self._random.randrange(len(_TAGS))
            has_tag = not kind.startswith("catch_all")
            types = (_TAGS[tag] if has_tag else "") + (" exnref" if kind.endswith("_ref") else "")
            clauses += f"({kind}{f' $t{tag}' if has_tag else ''} {label})"
            opened = f"(block {label} (result {types}) {opened}"
            closed += ")" + "".join(_TAKEN[each] for each in reversed(types.split()))
            closed += self._statements(depth - 1) + f"(br {out})"
        body = self._statements(depth - 1)
        return f"(block {out} {opened}(try_table {clauses} {body})(br {out}) {closed})"

    def _throw(self) -> str:
        tag = self._random.randrange(len(_TAGS))
        values = {"i32": "(local.get $n)", "i64": "(global.get $trace)"}
        return f"(throw $t{tag} {' '.join(values[each] for each in _TAGS[tag].split())})"

    def _sometimes(self, statement: str) -> str:
        divisor, rest = self._random.randint(2, 4), self._random.randint(0, 1)
        condition = f"(i32.eq (i32.rem_u (local.get $n) (i32.const {divisor})) (i32.const {rest}))"
        return f"(if {condition} (then {statement}))"

    def _note(self, value: str) -> str:
        return (
            "(global.set $trace (i64.add (i64.mul (global.get $trace) (i64.const 31)) "
            f"(i64.add {value} (i64.const {self._random.randint(1, 99)}))))"
        )

    def _label(self) -> str:
        self._labels += 1
        return f"$l{self._labels}"


# What a caught value is put into.
_TAKEN = {
    "i32": "(local.set $n)",
    "i64": "(local.set $w) (global.set $trace (i64.xor (global.get $trace) (local.get $w)))",
    "exnref": "(local.set $e) (global.set $e (local.get $e))",
}


def _observed(package: ModuleType, tier: str, text: str) -> list[object]:
    config = package.Config()
    config.wasm_exceptions = True
    config.strategy = tier
    engine = package.Engine(config)
    module = package.Module(engine, wasmtime.wat2wasm(text))
    seen: list[object] = []
    for argument in _ARGUMENTS:
        store = package.Store(engine)
        exports = package.Instance(store, module, []).exports(store)
        for number in range(_FUNCTIONS):
            try:
                seen.append(exports[f"f{number}"](store, argument))
            except package.Trap as trap:
                # Not the places: LLVM may let two throws or traps be one call.
                seen.append(str(trap).partition("Caused by:")[2].strip() or str(trap))
            seen.append(exports["trace"].value(store))
    return seen


@pytest.mark.parametrize("seed", range(_PROGRAMS))
def test_random_program_does_what_the_oracle_says(seed: int) -> None:
    text = _Writer(seed).module()
    expected = _observed(wasmtime, "cranelift", text)
    assert any(isinstance(each, str) for each in expected) or any(expected)
    for tier in ("baseline", "optimized"):
        assert _observed(cachewasm, tier, text) == expected
