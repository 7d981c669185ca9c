"""Constant expressions: evaluation and the stored form."""

import pytest

from cachewasm.errors import IncompatibleArtifact
from cachewasm.wasm import constexpr as ce
from cachewasm.wasm.constexpr import ConstExpr, evaluate, from_bytes, to_bytes
from cachewasm.wasm.types import EXTERNREF, FUNCREF

GLOBALS = {3: 0xFFFF_FFFF}
FUNCS = {5: 0x7F00_1234_5678}


@pytest.mark.parametrize(
    ("expr", "cell"),
    [
        (((ce.I32_CONST, -1),), 0xFFFF_FFFF),
        (((ce.I64_CONST, -1),), 0xFFFF_FFFF_FFFF_FFFF),
        (((ce.F32_CONST, 0x7FC0_0000),), 0x7FC0_0000),
        (((ce.F64_CONST, 0xFFF8_0000_0000_0001),), 0xFFF8_0000_0000_0001),
        (((ce.V128_CONST, 1 << 127 | 7),), 1 << 127 | 7),
        (((ce.GLOBAL_GET, 3),), 0xFFFF_FFFF),
        (((ce.REF_NULL, EXTERNREF),), 0),
        (((ce.REF_FUNC, 5),), 0x7F00_1234_5678),
        (((ce.GLOBAL_GET, 3), (ce.I32_CONST, 2), (ce.I32_ADD, 0)), 1),
        (((ce.I32_CONST, 1), (ce.I32_CONST, 2), (ce.I32_SUB, 0)), 0xFFFF_FFFF),
        (((ce.I32_CONST, -1), (ce.I32_CONST, -1), (ce.I32_MUL, 0)), 1),
        (((ce.I64_CONST, -1), (ce.I64_CONST, 1), (ce.I64_ADD, 0)), 0),
        (((ce.I64_CONST, 1), (ce.I64_CONST, 2), (ce.I64_SUB, 0)), 0xFFFF_FFFF_FFFF_FFFF),
        (((ce.I64_CONST, 2**62), (ce.I64_CONST, 4), (ce.I64_MUL, 0)), 0),
    ],
)
def test_evaluate_gives_raw_bits_before_and_after_storing(expr: ConstExpr, cell: int) -> None:
    assert evaluate(expr, GLOBALS.__getitem__, FUNCS.__getitem__) == cell
    stored = to_bytes(expr)
    assert from_bytes(stored) == expr


def test_to_bytes_is_the_documented_row() -> None:
    assert to_bytes(((ce.I32_CONST, -2), (ce.REF_NULL, FUNCREF))) == bytes.fromhex(
        "00 fe ff ff ff ff ff ff ff 05 70 00 00 00 00 00 00 00"
    )


def test_to_bytes_vector_takes_two_rows() -> None:
    assert to_bytes(((ce.V128_CONST, int.from_bytes(range(16), "little")),)) == bytes.fromhex(
        "0d 00 01 02 03 04 05 06 07 0e 08 09 0a 0b 0c 0d 0e 0f"
    )


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "00",
        "0d 0000000000000000",
        "0d 0000000000000000 00 0000000000000000",
        "0e 0000000000000000",
        "0f 0000000000000000",
        "00 0000000000000000 0e 0000000000000000",
        "05 7f00000000000000",
        "05 0000000000000000",
        "07 0000000000000000",
        "00 0000000000000000 07 0000000000000000",
        "00 0000000000000000 00 0000000000000000",
    ],
)
def test_from_bytes_damaged_is_refused(stored: str) -> None:
    with pytest.raises(IncompatibleArtifact, match="damaged constant expression"):
        from_bytes(bytes.fromhex(stored))
