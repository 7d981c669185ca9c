"""Numbers: ranges, and floats rounded once and correctly."""

import random
import struct
from fractions import Fraction

import pytest

from cachewasm.wasm.text.numbers import (
    F32_FORMAT,
    F64_FORMAT,
    FloatFormat,
    NotANumber,
    NumberError,
    float_bits,
    integer,
    unsigned,
)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("0", 0),
        ("-0", 0),
        ("+1_000", 1000),
        ("0x7fff_ffff", 0x7FFF_FFFF),
        ("4294967295", -1),
        ("0x80000000", -0x8000_0000),
        ("-0x80000000", -0x8000_0000),
        ("0" * 5000 + "7", 7),
    ],
)
def test_integer_in_range_is_its_signed_value(token: str, expected: int) -> None:
    assert integer(token, 32) == expected


@pytest.mark.parametrize("token", ["4294967296", "-2147483649", "0x1_0000_0000", "9" * 5000])
def test_integer_beyond_its_bits_is_out_of_range(token: str) -> None:
    with pytest.raises(NumberError, match="constant out of range"):
        integer(token, 32)


@pytest.mark.parametrize("token", ["", "_1", "1_", "1__0", "0x", "0x_1", "1a", "+", "0xg", "--1"])
def test_integer_of_another_form_is_not_a_number(token: str) -> None:
    with pytest.raises(NotANumber):
        integer(token, 32)


@pytest.mark.parametrize("token", ["1.0", "1e3", "inf", "nan"])
def test_integer_written_as_a_float_is_unexpected(token: str) -> None:
    with pytest.raises(NumberError, match="unexpected token"):
        integer(token, 32)


def test_unsigned_with_a_sign_is_unexpected() -> None:
    with pytest.raises(NumberError, match="unexpected token"):
        unsigned("+1", 32)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("0", 0),
        ("-0x0", 0x8000_0000),
        ("1", 0x3F80_0000),
        ("1.", 0x3F80_0000),
        ("0x1.8p1", 0x4040_0000),
        ("1_0.5_0e0_1", 0x42D2_0000),
        ("inf", 0x7F80_0000),
        ("-inf", 0xFF80_0000),
        ("nan", 0x7FC0_0000),
        ("-nan:0x1", 0xFF80_0001),
        ("nan:0x7f_ffff", 0x7FFF_FFFF),
        ("0x1p-149", 1),
        ("0x1p-150", 0),
        ("0x1.000001p-150", 1),
        ("0x1.fffffep127", 0x7F7F_FFFF),
        ("0x1.fffffefffp127", 0x7F7F_FFFF),
        ("340282356779733661637539395458142568447", 0x7F7F_FFFF),
        # A tie of f32 to 53 bits, but not in full.
        ("1.00000005960464477539062500000000000000000000001", 0x3F80_0001),
        ("1.000000059604644775390625", 0x3F80_0000),
        ("1.00000005960464477539062499999999999999999999999", 0x3F80_0000),
        ("1.0000001788139343261718749999999999999999999999", 0x3F80_0001),
        ("1e-999999999999999999999", 0),
        ("0x0p999999999999999999999", 0),
        ("0x1p-999999999999999999999", 0),
    ],
)
def test_float_bits_of_f32_are_rounded_once(token: str, expected: int) -> None:
    assert float_bits(token, F32_FORMAT) == expected


@pytest.mark.parametrize(
    ("token", "form"),
    [
        ("1e39", F32_FORMAT),
        ("0x1.ffffffp127", F32_FORMAT),
        ("340282356779733661637539395458142568448", F32_FORMAT),
        ("0x1p999999999999999999999", F32_FORMAT),
        ("1e309", F64_FORMAT),
        ("0x1p1024", F64_FORMAT),
        ("nan:0x0", F32_FORMAT),
        ("nan:0x80_0000", F32_FORMAT),
    ],
)
def test_float_bits_beyond_the_format_are_out_of_range(token: str, form: FloatFormat) -> None:
    with pytest.raises(NumberError, match="constant out of range"):
        float_bits(token, form)


@pytest.mark.parametrize("token", ["", ".5", "1e", "0x1.p", "1_.0", "nan:1", "nan:0x", "infinity"])
def test_float_bits_of_another_form_are_not_a_number(token: str) -> None:
    with pytest.raises(NotANumber):
        float_bits(token, F64_FORMAT)


def test_float_bits_of_f64_hexadecimal_agree_with_python() -> None:
    choose = random.Random(1)
    for _ in range(500):
        digits = f"0x{choose.getrandbits(70):x}.{choose.getrandbits(40):x}"
        token = f"{digits}p{choose.randrange(-1200, 900)}"
        expected: int = struct.unpack("<Q", struct.pack("<d", float.fromhex(token)))[0]
        assert float_bits(token, F64_FORMAT) == expected, token


def test_float_bits_of_f32_decimal_are_nearest_to_the_digits() -> None:
    choose = random.Random(2)
    for _ in range(300):
        bits = choose.randrange(0x7F7F_FFFF)
        low, high = (Fraction(_f32(bits + step)) for step in (0, 1))
        # Exactly between two neighbours, and a hair beside.
        digits = _decimal((low + high) / 2)
        assert float_bits(digits, F32_FORMAT) == bits + (bits & 1)
        assert float_bits(digits + "0" * 40 + "1", F32_FORMAT) == bits + 1


def _f32(bits: int) -> float:
    value: float = struct.unpack("<f", struct.pack("<I", bits))[0]
    return value


def _decimal(value: Fraction) -> str:
    """All digits of a fraction whose denominator is a power of two."""
    places = value.denominator.bit_length() - 1
    digits = str(value.numerator * 5**places).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else f"{digits}."
