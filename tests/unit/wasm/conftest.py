"""Binaries for the tests of cachewasm/wasm/, made by an independent encoder (PyPI wasmtime)."""

from collections.abc import Callable

import pytest
import wasmtime

SAMPLE = """
(module $sample
  (type $binary (func (param i32 i32) (result i32)))
  (type $pair (func (result i32 i64)))
  (import "env" "log" (func $log (param i32)))
  (import "env" "base" (global $base i32))
  (import "env" "table" (table $imported 1 10 externref))
  (import "env" "memory" (memory $imported 1))
  (table $t 4 20 funcref)
  (memory $m 1 3)
  (global $g (mut i64) (i64.const -5))
  (global $f f64 (f64.const 1.5))
  (global $sum i32 (i32.add (global.get $base) (i32.const 3)))
  (global $r funcref (ref.func $add))
  (export "add" (func $add))
  (export "memory" (memory $m))
  (export "table" (table $t))
  (export "g" (global $g))
  (start $start)
  (elem (table $t) (i32.const 1) func $add $start)
  (elem $passive externref (ref.null extern))
  (elem declare func $switch)
  (data (memory $m) (i32.const 16) "hello")
  (data $bytes "passive bytes")
  (func $add (type $binary) (i32.add (local.get 0) (local.get 1)))
  (func $start (call $log (call $add (i32.const 1) (i32.const 2))))
  (func $pair (type $pair) (i32.const 1) (i64.const 0x123456789abcdef))
  (func $switch (param i32) (result f32) (local f64 i64)
    (block $a (block $b (block $c
      (br_table $a $b $c (local.get 0))) (return (f32.const 1.25))))
    (if (result f32) (i32.eqz (local.get 0))
      (then (f32.const nan)) (else (f32.demote_f64 (f64.const -0.0)))))
  (func $memory (param i32) (result i64)
    (memory.init $m $bytes (i32.const 0) (i32.const 0) (i32.const 4))
    (data.drop $bytes)
    (memory.copy $m $imported (i32.const 0) (i32.const 8) (i32.const 8))
    (i32.store8 $m offset=300 (local.get 0) (i32.const 200))
    (i64.load16_s $m offset=7 align=1 (local.get 0)))
  (func $tables (param externref) (result funcref)
    (table.set $imported (i32.const 0) (local.get 0))
    (drop (call_indirect $t (type $binary) (i32.const 1) (i32.const 2) (i32.const 1)))
    (drop (select (result externref) (local.get 0) (ref.null extern) (i32.const 1)))
    (table.get $t (i32.const 2))))
"""


@pytest.fixture(scope="session")
def wat2wasm() -> Callable[[str], bytes]:
    """Text to binary; the module need not be valid."""
    return lambda text: bytes(wasmtime.wat2wasm(text))


@pytest.fixture(scope="session")
def sample() -> bytes:
    """A valid module with every section and most kinds of immediates."""
    return bytes(wasmtime.wat2wasm(SAMPLE))
