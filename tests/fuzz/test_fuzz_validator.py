"""The validator and the translator on damaged modules, and what PyPI wasmtime thinks of them.

Whatever is accepted here must be accepted there, and be translated without a fault; whatever is
refused as malformed or invalid must be refused there, too.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachewasm.wasm.leb128 import unsigned
from tests.fuzz.bounded import run_bounded
from tests.fuzz.checks import check_validator
from tests.fuzz.mutation import Edit, edited_inside, edits
from tests.fuzz.seeds import Corpus


@settings(
    max_examples=600,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 65535),
    section=st.integers(0, 255),
    body=st.integers(0, 255),
    changes=edits,
)
def test_validate_edited_module_agrees_with_oracle(
    seed_binaries: Corpus[bytes], seed: int, section: int, body: int, changes: list[Edit]
) -> None:
    check_validator(edited_inside(seed_binaries[seed], section, body, changes))


def _module(body: bytes) -> bytes:
    """A module with the types [] -> [], [] -> 1,000 i32 and one function, of type 0."""
    many = b"\x60\x00" + unsigned(1000) + b"\x7f" * 1000
    code = b"\x01" + unsigned(len(body) + 1) + b"\x00" + body
    sections = [(1, b"\x02\x60\x00\x00" + many), (3, b"\x01\x00"), (10, code)]
    parts = (bytes([number]) + unsigned(len(content)) + content for number, content in sections)
    return b"\0asm\1\0\0\0" + b"".join(parts)


DEEP = 100_000
# block, loop, and if after a constant, each closed again.
NESTED = {
    "block": b"\x02\x40" * DEEP + b"\x0b" * (DEEP + 1),
    "loop": b"\x03\x40" * DEEP + b"\x0b" * (DEEP + 1),
    "if": b"\x41\x00\x04\x40" * DEEP + b"\x0b" * (DEEP + 1),
    "else": b"\x41\x00\x04\x40\x05" * DEEP + b"\x0b" * (DEEP + 1),
    "branches": b"\x02\x40" * DEEP + b"\x0c\x9f\x8d\x06" + b"\x0b" * (DEEP + 1),
    "unclosed": b"\x02\x40" * DEEP + b"\x0b",
}
_VALIDATE = """
from cachewasm.errors import ModuleError
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.validate import validate, validate_bodies
try:
    validate_bodies(validate(decode(sys.stdin.buffer.read(), features.IMPLEMENTED)))
except ModuleError as error:
    print(type(error).__name__)
else:
    print("valid")
"""
_TRANSLATE = """
from cachewasm.compiler.translate.module import translate
from cachewasm.runtime.engine import Engine
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.validate import validate
valid = validate(decode(sys.stdin.buffer.read(), features.IMPLEMENTED))
translate(valid, Engine()._environment, range(1))
print("translated")
"""


@pytest.mark.parametrize("kind", NESTED)
def test_validate_100000_nested_blocks_ends(kind: str) -> None:
    expected = "MalformedModule" if kind == "unclosed" else "valid"
    assert run_bounded(_VALIDATE, _module(NESTED[kind])) == expected


@pytest.mark.parametrize("kind", [kind for kind in NESTED if kind != "unclosed"])
def test_translate_100000_nested_blocks_ends(kind: str) -> None:
    wasm = _module(NESTED[kind])
    assert run_bounded(_TRANSLATE, wasm, seconds=60, megabytes=2048) == "translated"


def test_validate_operands_beyond_the_limit_are_refused() -> None:
    # Each block type of two bytes may leave a thousand values.
    body = b"\x02\x01\x00\x0b" * 2000 + b"\x0b"
    assert run_bounded(_VALIDATE, _module(body)) == "UnsupportedModule"
