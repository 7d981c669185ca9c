"""Numeric instructions whose meaning differs between wasm and LLVM, run in both tiers."""

import pytest

SNAN = 0x7FF4_0000_0000_0000
NAN = SNAN | 1 << 51

# i64 -> i64 functions on the bits of an f64.
BITS = """(module
  (func (export "mul 1") (param i64) (result i64)
    (i64.reinterpret_f64 (f64.mul (f64.reinterpret_i64 (local.get 0)) (f64.const 1))))
  (func (export "sub 0") (param i64) (result i64)
    (i64.reinterpret_f64 (f64.sub (f64.reinterpret_i64 (local.get 0)) (f64.const 0))))
  (func (export "sub local") (param i64) (result i64) (local f64)
    (i64.reinterpret_f64 (f64.sub (f64.reinterpret_i64 (local.get 0)) (local.get 1))))
  (func (export "mul converted") (param i64) (result i64)
    (i64.reinterpret_f64 (f64.mul (f64.reinterpret_i64 (local.get 0))
      (f64.convert_i32_s (i32.const 1)))))
  (func (export "mul computed") (param i64) (result i64)
    (i64.reinterpret_f64 (f64.mul (f64.reinterpret_i64 (local.get 0))
      (f64.add (f64.const 0.5) (f64.const 0.5)))))
  (func (export "min") (param i64) (result i64)
    (i64.reinterpret_f64 (f64.min (f64.reinterpret_i64 (local.get 0)) (f64.const 2))))
  (func (export "floor") (param i64) (result i64)
    (i64.reinterpret_f64 (f64.floor (f64.reinterpret_i64 (local.get 0)))))
  (func (export "neg") (param i64) (result i64)
    (i64.reinterpret_f64 (f64.neg (f64.reinterpret_i64 (local.get 0)))))
  (func (export "abs") (param i64) (result i64)
    (i64.reinterpret_f64 (f64.abs (f64.reinterpret_i64 (local.get 0)))))
  (func (export "const") (param i64) (result i64)
    (i64.reinterpret_f64 (f64.const nan:0x4000000000000)))
  (func (export "demote promote") (param i32) (result i32)
    (i32.reinterpret_f32 (f32.demote_f64 (f64.promote_f32 (f32.reinterpret_i32
      (local.get 0)))))))"""


@pytest.mark.parametrize(
    "name", ["mul 1", "sub 0", "sub local", "mul converted", "mul computed", "min", "floor"]
)
@pytest.mark.parametrize("target", ["x86-64-v1", "x86-64-v2"])
def test_arithmetic_signalling_nan_is_quieted(machine, name, target):
    assert machine(BITS, target=target).call(name, SNAN) == [NAN]


@pytest.mark.parametrize(
    ("name", "expected"), [("neg", SNAN - (1 << 63)), ("abs", SNAN), ("const", SNAN)]
)
def test_sign_operations_signalling_nan_keep_payload(machine, name, expected):
    assert machine(BITS).call(name, SNAN) == [expected]


def test_demote_of_promote_signalling_nan_is_quieted(machine):
    assert machine(BITS).call("demote promote", 0x7FA00000) == [0x7FE00000]


@pytest.mark.parametrize(
    ("operation", "operands", "expected"),
    [
        ("i32.rem_s", (-(1 << 31), -1), 0),
        ("i32.shl", (1, 33), 2),
        ("i32.rotl", (0x12345678, 8), 0x34567812),
        ("i32.rotr", (0x12345678, 40), 0x78123456),
        ("i32.rotl", (5, 0), 5),
        ("i32.clz", (0,), 32),
        ("i64.ctz", (0,), 64),
        ("i64.popcnt", (-1,), 64),
        ("i64.extend8_s", (0x80,), -128),
        ("i32.trunc_f64_s", (-2147483648.9,), -(1 << 31)),
        ("i32.trunc_f64_u", (4294967295.9,), -1),
        ("i64.trunc_f32_u", (-0.99,), 0),
        ("i32.trunc_sat_f32_s", (float("nan"),), 0),
        ("i64.trunc_sat_f64_u", (1e30,), -1),
        ("f64.nearest", (2.5,), 2.0),
        ("f32.ceil", (-0.5,), -0.0),
        ("f64.copysign", (1.5, -0.0), -1.5),
        ("f32.convert_i64_u", (0x7FFFFFBFFFFFFFFF,), 9223371487098961920.0),
    ],
)
def test_edge_operands_give_the_specified_result(machine, operation, operands, expected):
    from cachewasm.wasm.opcodes import BY_NAME

    op = BY_NAME[operation]
    gets = " ".join(f"local.get {i}" for i in range(len(op.params)))
    params = " ".join(t.name for t in op.params)
    m = machine(
        f"""(module (func (export "f") (param {params}) (result {op.results[0]})
          {gets} {operation}))"""
    )
    assert str(m.call("f", *operands)) == str([expected])


@pytest.mark.parametrize(
    ("operation", "operands", "trap"),
    [
        ("i32.div_s", (-(1 << 31), -1), "INTEGER_OVERFLOW"),
        ("i64.rem_u", (1, 0), "INTEGER_DIVISION_BY_ZERO"),
        ("i64.div_u", (1, 0), "INTEGER_DIVISION_BY_ZERO"),
    ],
)
def test_division_without_result_traps(machine, operation, operands, trap):
    t = operation[:3]
    m = machine(
        f"""(module (func (export "f") (param {t} {t}) (result {t})
          (local.get 0) (local.get 1) {operation}))"""
    )
    assert m.trap_of("f", *operands) == trap
