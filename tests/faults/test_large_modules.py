"""Modules that are large where it hurts: refused, or compiled in bounded memory."""

from typing import Any

import pytest

import cachewasm
from cachewasm.errors import MalformedModule, UnsupportedModule
from cachewasm.wasm.leb128 import unsigned


def section(number: int, *items: bytes) -> bytes:
    content = unsigned(len(items)) + b"".join(items)
    return bytes([number]) + unsigned(len(content)) + content


def module(types: list[bytes], functions: list[bytes], bodies: list[bytes]) -> bytes:
    return b"".join(
        (
            b"\0asm\1\0\0\0",
            section(1, *types),
            section(3, *functions),
            section(10, *(unsigned(len(body)) + body for body in bodies)),
        )
    )


def engine() -> cachewasm.Engine:
    config = cachewasm.Config()
    config.cache = False
    return cachewasm.Engine(config)


NOTHING = b"\x60\0\0"
EMPTY = b"\0\x0b"


def test_functions_without_bodies_are_refused() -> None:
    with pytest.raises(MalformedModule):
        cachewasm.Module(engine(), module([NOTHING], [b"\0"] * 1_000_000, []))


def test_functions_beyond_the_limit_are_refused() -> None:
    with pytest.raises(UnsupportedModule, match="functions"):
        cachewasm.Module(engine(), module([NOTHING], [b"\0"] * 1_000_001, []))


def test_br_table_of_a_million_labels_is_refused() -> None:
    labels = unsigned(1_000_000) + bytes(1_000_001)
    body = b"\0\x02\x40\x20\0\x0e" + labels + b"\x0b\x0b"
    with pytest.raises(UnsupportedModule, match="br_table"):
        cachewasm.Module(engine(), module([b"\x60\1\x7f\0"], [b"\0"], [body]))


def test_function_beyond_the_limit_is_refused() -> None:
    body = b"\0" + b"\1" * 8_000_000 + b"\x0b"
    with pytest.raises(UnsupportedModule):
        cachewasm.Module(engine(), module([NOTHING], [b"\0"], [body]))


def test_many_functions_and_types_compile_in_many_shards() -> None:
    types = [NOTHING]
    for number in range(600):
        digits = bytes(b"\x7f\x7e\x7d\x7c"[number >> 2 * i & 3] for i in range(5))
        types.append(b"\x60\5" + digits + b"\0")
    functions = [unsigned(number % len(types)) for number in range(4000)]
    compiled = cachewasm.Module(engine(), module(types, functions, [EMPTY] * 4000))
    assert compiled.exports == []


def test_br_table_as_large_as_it_may_be_compiles() -> None:
    labels = unsigned(65_520) + b"\0\1" * 32_760 + b"\1"
    body = b"\0\x02\x40\x02\x40\x20\0\x0e" + labels + b"\x0b\x0b\x0b"
    cachewasm.Module(engine(), module([b"\x60\1\x7f\0"], [b"\0"], [body]))


def test_huge_function_compiles_in_bounded_memory(run_python: Any) -> None:
    # block; local.get 0; br_if 0; local.get 0; i32.const 3; i32.mul; local.set 0; end
    steps = "(block (br_if 0 (local.get 0)) (local.set 0 (i32.mul (local.get 0) (i32.const 3))))"
    run_python(
        """
import resource
config = Config()
config.cache = False
config.strategy = "optimized"
engine = Engine(config)
Module(engine, WASM["huge"])
from cachewasm.compiler.processes import server_process
server_process.server.close()
assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 400 << 10
""",
        compiled=False,
        huge=f"(module (func (param i32) {steps * 8000}))",
    )
