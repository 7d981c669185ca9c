"""Numbers of the text format (sections 6.3.1 and 6.3.2): a token to an integer or to float bits.

Floats are rounded once, from the digits to the format asked for. For hexadecimal digits that is
integer arithmetic; decimal digits go through Python's `float`, which is correctly rounded, and the
one case where rounding that again to 32 bits could differ, a tie, is decided by the digits.
The time is linear in the length of a token, whatever its exponent.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from struct import Struct

_DIGITS = r"[0-9]++(?:_[0-9]++)*+"
_HEX_DIGITS = r"[0-9a-fA-F]++(?:_[0-9a-fA-F]++)*+"

_INT = re.compile(rf"([+-]?)(?:0x({_HEX_DIGITS})|({_DIGITS}))")
_FLOAT = re.compile(
    rf"([+-]?)(?:0x({_HEX_DIGITS})(?:\.({_HEX_DIGITS})?)?(?:[pP]([+-]?)({_DIGITS}))?"
    rf"|({_DIGITS}(?:\.(?:{_DIGITS})?)?(?:[eE][+-]?{_DIGITS})?)"
    rf"|(inf)|nan(?::0x({_HEX_DIGITS}))?)"
)

# Longer integers are out of every range; Python refuses to convert very long decimal ones.
_MOST_DIGITS = 40
# Beyond any exponent that can matter: a token has fewer digits than that.
_HUGE_EXPONENT = 1 << 62
_EXPONENT_DIGITS = 18


class NumberError(Exception):
    """A token is no number of the kind asked for. The reason says whether it is one at all."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class NotANumber(NumberError):
    """The token is not even a number in form."""


@dataclass(frozen=True, slots=True)
class FloatFormat:
    """A binary format of IEEE 754: bits in all, and of the significand without the leading one."""

    name: str
    bits: int
    fraction_bits: int

    @property
    def sign(self) -> int:
        """The sign bit."""
        return 1 << (self.bits - 1)

    @property
    def infinity(self) -> int:
        """The bits of positive infinity."""
        return self.sign - (1 << self.fraction_bits)

    @property
    def quiet_bit(self) -> int:
        """The payload of the canonical NaN."""
        return 1 << (self.fraction_bits - 1)

    @property
    def min_exponent(self) -> int:
        """The exponent of the last place of the smallest numbers."""
        exponent_bits = self.bits - 1 - self.fraction_bits
        return 2 - (1 << (exponent_bits - 1)) - self.fraction_bits


F32_FORMAT = FloatFormat("f32", 32, 23)
F64_FORMAT = FloatFormat("f64", 64, 52)

_F32, _U32 = Struct("<f"), Struct("<I")
_F64, _U64 = Struct("<d"), Struct("<Q")
# Half a unit above the largest f32: ties round to infinity, so only what is less is in range.
_F32_OVERFLOW = float.fromhex("0x1.ffffffp127")
_F32_MAX_BITS = 0x7F7F_FFFF


def is_number(token: str) -> bool:
    """Whether a token has the form of a number."""
    return bool(_INT.fullmatch(token) or _FLOAT.fullmatch(token))


def unsigned(token: str, bits: int) -> int:
    """An unsigned integer of `bits` bits. Raises `NumberError`."""
    sign, magnitude = _integer(token, bits)
    if sign:
        raise NumberError(f"unexpected token {token[:_MOST_DIGITS]}, expected an unsigned integer")
    if magnitude >> bits:
        raise _out_of_range(f"i{bits}")
    return magnitude


def integer(token: str, bits: int) -> int:
    """An integer of `bits` bits, which may be written signed or unsigned; the result is signed."""
    sign, magnitude = _integer(token, bits)
    half = 1 << (bits - 1)
    if sign == "-":
        if magnitude > half:
            raise _out_of_range(f"i{bits}")
        return -magnitude
    if magnitude >> bits:
        raise _out_of_range(f"i{bits}")
    return magnitude - 2 * half if magnitude >= half else magnitude


def float_bits(token: str, form: FloatFormat) -> int:
    """The raw bits of a float. Raises `NumberError`."""
    match = _FLOAT.fullmatch(token)
    if match is None:
        raise NotANumber(f"unknown operator {token[:_MOST_DIGITS]}")
    sign, whole, fraction, exponent_sign, exponent, decimal, infinity, payload = match.groups()
    if decimal is not None:
        bits = _decimal(decimal.replace("_", ""), form)
    elif whole is not None:
        fraction = (fraction or "").replace("_", "")
        mantissa = int(whole.replace("_", "") + fraction, 16)
        shift = _exponent(exponent_sign, exponent) - 4 * len(fraction)
        bits = _round(mantissa, shift, form)
    elif infinity is not None:
        bits = form.infinity
    else:
        bits = form.infinity | (form.quiet_bit if payload is None else _payload(payload, form))
    return bits | form.sign if sign == "-" else bits


def _out_of_range(what: str) -> NumberError:
    return NumberError(f"constant out of range: no {what}")


def _integer(token: str, bits: int) -> tuple[str, int]:
    match = _INT.fullmatch(token)
    if match is None:
        if _FLOAT.fullmatch(token):
            raise NumberError(f"unexpected token {token[:_MOST_DIGITS]}, expected an integer")
        raise NotANumber(f"unknown operator {token[:_MOST_DIGITS]}")
    sign, hexadecimal, decimal = match.groups()
    digits = (decimal if hexadecimal is None else hexadecimal).replace("_", "")
    if len(digits) > _MOST_DIGITS:
        digits = digits.lstrip("0") or "0"
        if len(digits) > _MOST_DIGITS:
            raise _out_of_range(f"i{bits}")
    return sign, int(digits, 10 if hexadecimal is None else 16)


def _exponent(sign: str | None, digits: str | None) -> int:
    if digits is None:
        return 0
    digits = digits.replace("_", "").lstrip("0") or "0"
    exponent = _HUGE_EXPONENT if len(digits) > _EXPONENT_DIGITS else int(digits)
    return -exponent if sign == "-" else exponent


def _payload(digits: str, form: FloatFormat) -> int:
    payload = int(digits.replace("_", ""), 16)
    if not 0 < payload < 1 << form.fraction_bits:
        raise _out_of_range(f"NaN payload of {form.name}")
    return payload


def _round(mantissa: int, exponent: int, form: FloatFormat) -> int:
    """The bits of mantissa * 2**exponent, rounded to nearest, ties to even."""
    if not mantissa:
        return 0
    precision = form.fraction_bits + 1
    last_place = max(exponent + mantissa.bit_length() - precision, form.min_exponent)
    if last_place > -form.min_exponent:
        raise _out_of_range(form.name)
    shift = last_place - exponent
    if shift <= 0:
        rounded = mantissa << -shift
    elif shift > mantissa.bit_length() + 1:
        rounded = 0
    else:
        rounded = mantissa >> shift
        rest, half = mantissa - (rounded << shift), 1 << (shift - 1)
        if rest > half or (rest == half and rounded & 1):
            rounded += 1
    # The leading one of a normal number, or a carry out of rounding, adds itself to the exponent.
    bits = (last_place - form.min_exponent << form.fraction_bits) + rounded
    if bits >= form.infinity:
        raise _out_of_range(form.name)
    return bits


def _decimal(digits: str, form: FloatFormat) -> int:
    value = float(digits)
    if form is F64_FORMAT:
        if value == float("inf"):
            raise _out_of_range(form.name)
        bits: int = _U64.unpack(_F64.pack(value))[0]
        return bits
    if value >= _F32_OVERFLOW:
        if value > _F32_OVERFLOW or _compare(digits, value) >= 0:
            raise _out_of_range(form.name)
        return _F32_MAX_BITS
    packed = _F32.pack(value)
    bits = _U32.unpack(packed)[0]
    nearest: float = _F32.unpack(packed)[0]
    other = 2 * value - nearest
    if other == nearest or not _is_f32(other):
        return bits
    # `value` lies half-way between two f32; the digits may lie on either side of it.
    side = _compare(digits, value)
    if side == 0 or (side > 0) == (nearest > value):
        return bits
    return bits + 1 if side > 0 else bits - 1


def _is_f32(value: float) -> bool:
    try:
        return bool(_F32.unpack(_F32.pack(value))[0] == value)
    except OverflowError:
        return False


def _compare(digits: str, value: float) -> int:
    """The sign of the exact difference of decimal digits and a float."""
    exact, rounded = Decimal(digits), Decimal(value)
    return (exact > rounded) - (exact < rounded)
