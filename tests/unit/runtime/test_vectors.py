"""Vectors across every border: Python, host functions, other instances, globals, labels, exceptions.

A vector is 16 bytes in Python. The oracle's API has none, so all of this is promised here alone.
"""

import itertools
import struct
from collections.abc import Callable
from typing import Any

import pytest

import cachewasm
from cachewasm import (
    Config,
    Engine,
    Func,
    FuncType,
    Global,
    GlobalType,
    Instance,
    Module,
    Store,
    Trap,
    TrapCode,
    Val,
    ValType,
)

pytestmark = pytest.mark.usefixtures("own")

V128, I32 = ValType.v128(), ValType.i32()
A, B = bytes(range(16)), bytes(range(0xF0, 0x100))


class Program:
    """An instance of a text, in a store of its own."""

    def __init__(
        self, wasm: bytes, imports: Callable[[Store], list[Any]], **options: object
    ) -> None:
        config = Config()
        for name, value in options.items():
            setattr(config, name, value)
        self.engine = Engine(config)
        self.store = Store(self.engine)
        self.module = Module(self.engine, wasm)
        self.exports = Instance(self.store, self.module, imports(self.store)).exports(self.store)

    def __call__(self, name: str, *arguments: object) -> Any:
        return self.exports[name](self.store, *arguments)


@pytest.fixture(params=["baseline", "optimized"])
def program(request: pytest.FixtureRequest, wasm: Callable[[str], bytes]) -> Callable[..., Program]:
    def make(
        text: str, imports: Callable[[Store], list[Any]] = lambda store: [], **options: object
    ) -> Program:
        return Program(wasm(text), imports, strategy=request.param, **options)

    return make


CALLS = """(module
  (func (export "same") (param v128) (result v128) (local.get 0))
  (func (export "two") (param v128 i64 v128) (result v128 v128) (local.get 2) (local.get 0))
  (func (export "three") (param v128 f32 v128) (result v128 f32 v128)
    (local.get 2) (local.get 1) (local.get 0)))"""


def test_call_vectors_are_bytes_in_order(program: Callable[..., Program]) -> None:
    run = program(CALLS)
    assert run("same", A) == A
    assert type(run("same", A)) is bytes
    assert run("two", A, 7, B) == [B, A]
    assert run("three", A, 0.5, B) == [B, 0.5, A]


class _Bytes(bytes):
    pass


@pytest.mark.parametrize(
    "value",
    [
        bytearray(A),
        memoryview(A),
        memoryview(struct.pack("<4I", *range(4))).cast("I"),
        _Bytes(A),
        Val.v128(A),
        Val.v128(bytearray(A)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_call_vector_of_any_16_bytes_is_taken(program: Callable[..., Program], value: Any) -> None:
    expected = value.value if isinstance(value, Val) else bytes(value)
    assert program(CALLS)("same", value) == expected


@pytest.mark.parametrize(
    "value", [b"", A[:15], A + b"\0", bytearray(17), 5, 1.5, None, "x" * 16, [0] * 16]
)
def test_call_vector_of_something_else_is_a_type_error(
    program: Callable[..., Program], value: object
) -> None:
    run = program(CALLS)
    with pytest.raises(TypeError, match=r"don't know how to convert .* to v128"):
        run("same", value)
    with pytest.raises(TypeError, match="wrong type of `Val` provided"):
        run("same", Val.i32(1))
    assert run("same", A) == A


def test_call_with_bytes_for_a_number_is_a_type_error(program: Callable[..., Program]) -> None:
    with pytest.raises(TypeError, match=r"don't know how to convert .* to f32"):
        program(CALLS)("three", A, A, B)


def test_val_of_a_vector_knows_its_type() -> None:
    value = Val.v128(A)
    assert value.type is ValType.v128()
    assert value.value == value.as_v128() == A
    assert value.as_i64() is None
    assert Val.i32(0).as_v128() is None
    assert value == A
    with pytest.raises(TypeError, match="don't know how to convert b'123' to v128"):
        Val.v128(b"123")


def test_func_type_names_vectors(program: Callable[..., Program]) -> None:
    run = program(CALLS)
    assert str(run.exports["three"].type(run.store)) == "[v128 f32 v128] -> [v128 f32 v128]"
    assert FuncType([V128], []) == FuncType([ValType.v128()], [])


def test_call_many_vectors_arrive_in_order(program: Callable[..., Program]) -> None:
    # Some in registers, others on the stack, with other values between them.
    count = 21
    types = ["v128", "i32", "f64"] * count
    gets = " ".join(f"(local.get {i})" for i in range(len(types)))
    run = program(
        f"""(module
          (func $inner (param {" ".join(types)}) (result {" ".join(types)}) {gets})
          (func (export "f") (param {" ".join(types)}) (result {" ".join(types)})
            {gets} (call $inner)))"""
    )
    values = list(
        itertools.chain.from_iterable((bytes([i] * 16), i, i + 0.5) for i in range(count))
    )
    assert run("f", *values) == values


# -- host functions --------------------------------------------------------------------------------

HOST = """(module
  (import "m" "f" (func $f (param v128 i32) (result v128)))
  (func (export "once") (param v128) (result v128) (call $f (local.get 0) (i32.const 3)))
  (func (export "twice") (param v128) (result v128)
    (i8x16.add (call $f (local.get 0) (i32.const 1))
               (call $f (local.get 0) (i32.const 2)))))"""


def test_host_function_gets_and_gives_vectors(program: Callable[..., Program]) -> None:
    seen = []

    def add(vector: bytes, number: int) -> bytearray:
        seen.append(vector)
        return bytearray((each + number) & 0xFF for each in vector)

    functype = FuncType([V128, I32], [V128])
    run = program(HOST, lambda store: [Func(store, functype, add)])
    assert run("once", A) == bytes(each + 3 for each in A)
    assert run("twice", A) == bytes(2 * each + 3 for each in A)
    assert seen == [A, A, A]
    assert all(type(each) is bytes for each in seen)


def test_host_function_called_from_python_converts_vectors(store: Any) -> None:
    func = Func(store, FuncType([V128], [V128, V128]), lambda vector: [vector, bytearray(B)])
    assert func(store, bytearray(A)) == [A, B]


@pytest.mark.parametrize("result", [b"short", 5, None])
def test_host_function_with_another_result_is_a_type_error(
    program: Callable[..., Program], result: object
) -> None:
    functype = FuncType([V128, I32], [V128])
    run = program(HOST, lambda store: [Func(store, functype, lambda *_: result)])
    with pytest.raises(TypeError, match=r"don't know how to convert .* to v128"):
        run("once", A)


# -- other instances, tables -----------------------------------------------------------------------


def test_vectors_cross_instances_by_imports_and_tables(
    program: Callable[..., Program], wasm: Callable[[str], bytes]
) -> None:
    run = program(
        """(module
          (type $t (func (param i32 v128 v128) (result v128 i32 v128)))
          (table (export "table") 2 funcref)
          (func $f (export "f") (type $t)
            (i32x4.sub (local.get 2) (local.get 1)) (local.get 0) (local.get 1))
          (elem (i32.const 0) $f))"""
    )
    other = wasm(
        """(module
          (type $t (func (param i32 v128 v128) (result v128 i32 v128)))
          (import "m" "f" (func $f (type $t)))
          (import "m" "table" (table 2 funcref))
          (func (export "direct") (param v128) (result v128 i32 v128)
            (call $f (i32.const 9) (local.get 0) (i32x4.splat (i32.const 7))))
          (func (export "indirect") (param v128 i32) (result v128 i32 v128)
            (call_indirect (type $t) (i32.const 9) (local.get 0) (i32x4.splat (i32.const 7))
              (local.get 1)))
          (func (export "wrong") (result v128)
            (call_indirect (result v128) (i32.const 0))))"""
    )
    module = Module(run.engine, other)
    imports = [run.exports["f"], run.exports["table"]]
    exports = Instance(run.store, module, imports).exports(run.store)
    ones = struct.pack("<4I", 1, 2, 3, 4)
    expected = [struct.pack("<4I", 6, 5, 4, 3), 9, ones]
    assert exports["direct"](run.store, ones) == expected
    assert exports["indirect"](run.store, ones, 0) == expected
    with pytest.raises(Trap) as caught:
        exports["wrong"](run.store)
    assert caught.value.trap_code is TrapCode.BAD_SIGNATURE


# -- globals ---------------------------------------------------------------------------------------

GLOBALS = """(module
  (import "m" "base" (global $base v128))
  (import "m" "shared" (global $shared (mut v128)))
  (global (export "before") (mut i64) (i64.const -1))
  (global $own (export "own") (mut v128) (v128.const i64x2 -2 3))
  (global (export "after") (mut i64) (i64.const -1))
  (global (export "copied") v128 (global.get $base))
  (func (export "swap") (param v128) (result v128 v128)
    (global.get $own) (global.get $shared)
    (global.set $own (global.get $shared))
    (global.set $shared (local.get 0))))"""


def test_globals_of_vectors_are_shared_and_touch_no_neighbour(
    program: Callable[..., Program],
) -> None:
    made: list[Any] = []

    def imports(store: Store) -> list[Any]:
        made.append(Global(store, GlobalType(V128, False), A))
        made.append(Global(store, GlobalType(V128, True), bytearray(B)))
        return made

    run = program(GLOBALS, imports)
    store, exports = run.store, run.exports
    own = struct.pack("<qq", -2, 3)
    assert exports["own"].value(store) == own
    assert exports["copied"].value(store) == A
    assert run("swap", A) == [own, B]
    assert exports["own"].value(store) == B
    assert made[1].value(store) == A
    exports["own"].set_value(store, Val.v128(A))
    assert run("swap", B) == [A, A]
    assert (exports["before"].value(store), exports["after"].value(store)) == (-1, -1)
    assert str(exports["own"].type(store)) == "global (mut v128)"
    with pytest.raises(TypeError, match="don't know how to convert 5 to v128"):
        exports["own"].set_value(store, 5)


# -- control ---------------------------------------------------------------------------------------

CONTROL = """(module
  (func (export "select") (param v128 v128 i32) (result v128)
    (select (local.get 0) (local.get 1) (local.get 2)))
  (func (export "typed") (param v128 v128 i32) (result v128)
    (select (result v128) (local.get 0) (local.get 1) (local.get 2)))
  (func (export "zero") (param i32) (result v128) (local v128)
    (block (br_if 0 (local.get 0)) (local.set 1 (v128.const i32x4 1 1 1 1)))
    (local.get 1))
  (func (export "table") (param v128 i32) (result v128)
    (block $a (result v128)
      (i8x16.neg (block $b (result v128)
        (i8x16.abs (block $c (result v128)
          (br_table $a $b $c (local.get 0) (local.get 1))))))))
  (func (export "if") (param v128 i32) (result v128)
    (local.get 0)
    (if (param v128) (result v128) (local.get 1)
      (then (i32x4.add (local.get 0)))
      (else (i32x4.mul (i32x4.splat (local.get 1)))))
    (return))
  (func (export "loop") (param v128 i32) (result v128 v128)
    (local.get 0) (v128.const i64x2 0 0)
    (loop (param v128 v128) (result v128 v128)
      (i32x4.add (local.get 0))
      (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))))"""


def test_labels_and_locals_carry_vectors(program: Callable[..., Program]) -> None:
    run = program(CONTROL)
    four = struct.pack("<4i", 1, -2, 3, -4)
    for name in ("select", "typed"):
        assert [run(name, A, B, condition) for condition in (0, 1)] == [B, A]
    assert run("zero", 1) == bytes(16)
    assert run("zero", 0) == struct.pack("<4i", 1, 1, 1, 1)
    signed = struct.pack("<16b", *range(-8, 8))
    expected = [signed, struct.pack("<16b", *range(8, -8, -1)), b""]
    expected[2] = struct.pack("<16b", *(-abs(each) for each in range(-8, 8)))
    assert [run("table", signed, i) for i in range(3)] == expected
    assert run("if", four, 2) == struct.pack("<4i", 2, -4, 6, -8)
    assert run("if", four, 0) == bytes(16)
    assert run("loop", four, 5) == [four, struct.pack("<4i", 5, -10, 15, -20)]


def test_exceptions_carry_vectors(program: Callable[..., Program]) -> None:
    run = program(
        """(module
          (tag $e (param i32 v128 v128))
          (func $throw (param i32 v128) (throw $e (local.get 0) (local.get 1)
            (i8x16.not_a (local.get 1))))
          (func (export "f") (param i32 v128) (result i32 v128 v128)
            (block $h (result i32 v128 v128)
              (try_table (catch $e $h) (call $throw (local.get 0) (local.get 1)))
              (unreachable))))""".replace("i8x16.not_a", "v128.not"),
        wasm_exceptions=True,
    )
    assert run("f", 5, A) == [5, A, bytes(0xFF - each for each in A)]


# -- NaNs ------------------------------------------------------------------------------------------

ONES = "(v128.const f32x4 1 1 1 1)"
# What LLVM knows to be ones or zeros, and would leave out of an addition or a multiplication.
NEUTRAL = [
    f"(f32x4.mul (local.get 0) {ONES})",
    f"(f32x4.mul (i8x16.shuffle 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3 {ONES} (local.get 0)) (local.get 0))",
    f"(f32x4.mul (local.get 0) (i8x16.shuffle 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31"
    f" (local.get 0) {ONES}))",
    f"(f32x4.mul (i32x4.replace_lane 2 {ONES} (i32.const 0x3f800000)) (local.get 0))",
    "(f32x4.mul (local.get 0) (i32x4.add (i32x4.splat (i32.const 0x3f000000))"
    " (i32x4.splat (i32.const 0x00800000))))",
    "(f32x4.mul (local.get 0) (f32x4.splat (f32.const 1)))",
    "(f32x4.div (local.get 0) (f32x4.convert_i32x4_s (i32x4.splat (i32.const 1))))",
    "(f32x4.sub (local.get 0) (i32x4.splat (i32.const 0)))",
    "(f32x4.sub (local.get 0) (local.get 1))",
    "(loop (local.set 0 (f32x4.add (local.get 0) (f32x4.neg (local.get 1))))) (local.get 0)",
    "(i64x2.add (f32x4.demote_f64x2_zero (f64x2.promote_low_f32x4 (local.get 0)))"
    " (v128.const i64x2 0 0x7fc0000000000000))",
]


@pytest.mark.parametrize("body", NEUTRAL)
def test_signalling_nan_is_quieted_by_arithmetic_that_changes_no_number(
    program: Callable[..., Program], body: str
) -> None:
    run = program(f'(module (func (export "f") (param v128) (result v128) (local v128) {body}))')
    found = struct.unpack("<4I", run("f", struct.pack("<2I", 0x7FA54321, 0xFFA54321) * 2))
    assert found[0] == 0x7FE54321
    assert found[1] == 0xFFE54321
    assert found[3] & 0x400000


# -- limits ----------------------------------------------------------------------------------------


def test_fuel_of_vector_instructions_is_one_each(program: Callable[..., Program]) -> None:
    run = program(
        """(module (memory 1) (func (export "f") (param v128) (result i32)
          (v128.store (i32.const 0) (i32x4.add (local.get 0) (v128.const i32x4 1 2 3 4)))
          (i8x16.bitmask (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
            (local.get 0) (f32x4.sqrt (local.get 0))))))""",
        consume_fuel=True,
    )
    run.store.set_fuel(1000)
    run("f", A)
    assert run.store.get_fuel() == 1000 - 10 - 1  # and one for entering the function


@pytest.mark.parametrize("locals_", [2, 3000])
def test_recursion_with_vectors_overflows_as_a_trap(
    program: Callable[..., Program], locals_: int
) -> None:
    sums = " ".join(f"(i8x16.add (local.get {i}))" for i in range(1, locals_ + 1))
    sets = " ".join(f"(local.set {i} (i8x16.neg (local.get 0)))" for i in range(1, locals_ + 1))
    run = program(
        f"""(module (func $f (export "f") (param v128) (result v128)
          (local {"v128 " * locals_}) {sets} (call $f (i8x16.neg (local.get 0))) {sums}))"""
    )
    with pytest.raises(Trap) as caught:
        run("f", A)
    assert caught.value.trap_code is TrapCode.STACK_OVERFLOW


def test_without_the_feature_vectors_are_refused(
    program: Callable[..., Program],
) -> None:
    with pytest.raises(cachewasm.WasmtimeError, match="needs the WebAssembly feature `simd`"):
        program(CALLS, wasm_simd=False)
