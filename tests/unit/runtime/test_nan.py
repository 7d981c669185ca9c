"""A NaN goes through Python bit by bit: sign, payload and whether it signals."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from wasmtime import wat2wasm

import cachewasm
from cachewasm.runtime import values

MODULE = """
(module
  (import "host" "same" (func $same (param f32) (result f32)))
  (func (export "make") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
  (func (export "bits") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))
  (func (export "through host") (param i32) (result i32)
    (i32.reinterpret_f32 (call $same (f32.reinterpret_i32 (local.get 0))))))
"""
PATTERNS = (
    0x7FA00000,  # signalling
    0xFFA00001,
    0x7F800001,
    0x7FC00000,  # quiet
    0xFFC12345,
    0x7F800000,  # no NaN: infinity, one, a subnormal, minus zero, the largest
    0x3F800000,
    0x00000001,
    0x80000000,
    0x7F7FFFFF,
)


@pytest.fixture(scope="module")
def call() -> Callable[..., Any]:
    store = cachewasm.Store()
    f32 = cachewasm.ValType.f32()
    same = cachewasm.Func(store, cachewasm.FuncType([f32], [f32]), lambda x: x)
    module = cachewasm.Module(store.engine, bytes(wat2wasm(MODULE)))
    exports = cachewasm.Instance(store, module, [same]).exports(store)
    return lambda name, *args: exports[name](store, *args)


@pytest.mark.parametrize("bits", PATTERNS, ids=hex)
def test_f32_through_python_keeps_every_bit(call: Callable[..., Any], bits: int) -> None:
    value = call("make", bits)
    assert call("bits", value) & 0xFFFFFFFF == bits
    assert call("through host", bits) & 0xFFFFFFFF == bits
    # The slow conversions agree with the native ones.
    assert struct.pack("<d", values._f32_value(bits)) == struct.pack("<d", value)
    assert values._f32_bits(value) == bits


def test_f64_nan_without_upper_payload_stays_a_nan(call: Callable[..., Any]) -> None:
    (value,) = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000001))
    assert call("bits", value) & 0xFFFFFFFF == 0x7FC00000
    assert values._f32_bits(value) == 0x7FC00000
