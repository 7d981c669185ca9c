"""Thunks and host stubs: every value type, many values, shared types."""

import pytest

from cachewasm.compiler.trampolines import representatives
from cachewasm.wasm.types import F32, F64, FUNCREF, I32, I64, FuncType

KINDS = ["i32", "i64", "f32", "f64"]
VALUES = [-1, 1 << 62, 1.5, -0.25]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 40])
def test_host_stub_and_thunk_pass_every_value(machine, count):
    kinds = (KINDS * 10)[:count]
    values = (VALUES * 10)[:count]
    seen = []

    def host(*arguments):
        seen.append(list(arguments))
        return list(reversed(arguments))

    gets = " ".join(f"(local.get {i})" for i in range(count))
    function = f"(param {' '.join(kinds)}) (result {' '.join(reversed(kinds))})"
    m = machine(
        f"""(module (import "m" "h" (func $h {function}))
          (func (export "f") {function} (call $h {gets})))""",
        hosts=[host],
    )
    assert m.call("f", *values) == values[::-1]
    assert seen == [values]


def test_thunk_calls_host_stub_directly(machine):
    m = machine(
        '(module (import "m" "h" (func (param i32) (result i32))) (export "h" (func 0)))',
        hosts=[lambda value: [value * 2]],
    )
    assert m.call("h", 21) == [42]


def test_representatives_types_that_llvm_cannot_tell_apart_share_one():
    types = [
        FuncType([I32, F32], [I64]),
        FuncType([], []),
        FuncType([I32, F32], [I64]),
        FuncType([FUNCREF], [F64, F64]),
        FuncType([I64], [F64, F64]),
    ]
    assert representatives(types) == [0, 1, 0, 3, 3]
