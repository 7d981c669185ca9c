"""Spelling of values in the text format: strings, identifiers, integers and floats.

The inverse of what the lexer and numbers.py read (specification, section 6.3). Everything spelled
here is printable, so text made of a hostile module cannot steer a terminal. Floats are the shortest
decimals that read back as the very same bits.
"""

from struct import Struct

_U32, _F32 = Struct("<I"), Struct("<f")
_U64, _F64 = Struct("<Q"), Struct("<d")

_ID_CHARS = frozenset(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&'*+-./:<=>?@\\^_`|~"
)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
# Of a byte, as the Latin-1 character that stands for it.
_BYTES = {
    code: _ESCAPES.get(chr(code), chr(code) if 0x20 <= code < 0x7F else f"\\{code:02x}")
    for code in range(256)
}


def string(value: str) -> str:
    """A string literal that holds the UTF-8 of `value`."""
    if value.isascii():
        return f'"{value.translate(_BYTES)}"'
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(char: str) -> str:
    if char in _ESCAPES or not char.isprintable():
        return "".join(_BYTES[byte] for byte in char.encode())
    return char


def byte_string(value: bytes) -> str:
    """A string literal that holds `value`, all ASCII."""
    return f'"{value.decode("latin-1").translate(_BYTES)}"'


def identifier(name: str) -> str:
    """The identifier for a name that is not empty, in quotes if its characters demand it."""
    return f"${name}" if _ID_CHARS.issuperset(name) else f"${string(name)}"


def f32(bits: int) -> str:
    """The `f32` of these bits."""
    special = _special(bits, exponent_bits=8, mantissa_bits=23)
    if special is not None:
        return special
    magnitude = bits & 0x7FFF_FFFF
    if not magnitude:
        return "-0" if bits else "0"
    value: float = _F32.unpack(_U32.pack(bits))[0]
    below: float = _F32.unpack(_U32.pack(magnitude - 1))[0]
    # Half the distance to the next smaller magnitude, which is never the farther one. Between these
    # bounds a decimal can only be read as `value`. Nine digits always suffice.
    margin = (abs(value) - below) / 2
    for digits in (6, 7, 8):
        decimal = f"{value:.{digits}g}"
        if abs(float(decimal) - value) < margin:
            return decimal
    return f"{value:.9g}"


def f64(bits: int) -> str:
    """The `f64` of these bits."""
    special = _special(bits, exponent_bits=11, mantissa_bits=52)
    if special is not None:
        return special
    value: float = _F64.unpack(_U64.pack(bits))[0]
    return repr(value).removesuffix(".0")


def v128(bits: int) -> str:
    """The vector of these bits, by its shape and lanes of 32 bits."""
    lanes = (bits >> shift & 0xFFFF_FFFF for shift in range(0, 128, 32))
    return "i32x4" + "".join(f" 0x{lane:08x}" for lane in lanes)


def _special(bits: int, *, exponent_bits: int, mantissa_bits: int) -> str | None:
    """An infinity or a NaN with its payload; None for numbers."""
    exponent = bits >> mantissa_bits & (1 << exponent_bits) - 1
    if exponent != (1 << exponent_bits) - 1:
        return None
    sign = "-" if bits >> exponent_bits + mantissa_bits else ""
    payload = bits & (1 << mantissa_bits) - 1
    if not payload:
        return f"{sign}inf"
    if payload == 1 << mantissa_bits - 1:
        return f"{sign}nan"
    return f"{sign}nan:{payload:#x}"
