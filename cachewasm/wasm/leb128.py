"""LEB128 integers (specification, section 5.2.2): strict decoding, minimal encoding.

An encoding may be padded, but not beyond the bytes that its width needs, and the unused bits of the
last byte must be zero (signed: copies of the sign). Offsets in errors are those of the byte at
fault. `read_*` return the value and the position after it.
"""

from cachewasm.errors import MalformedModule

UNEXPECTED_END = "unexpected end of section or function"


def read_unsigned(data: bytes, pos: int, bits: int) -> tuple[int, int]:
    """Decode an unsigned integer of at most `bits` bits."""
    value = shift = 0
    try:
        while True:
            byte = data[pos]
            left = bits - shift
            if left < 7 and byte & 0x7F >= 1 << left:
                raise MalformedModule("integer too large", offset=pos)
            value |= (byte & 0x7F) << shift
            pos += 1
            if byte < 0x80:
                return value, pos
            shift += 7
            if shift >= bits:
                raise MalformedModule("integer representation too long", offset=pos)
    except IndexError:
        raise MalformedModule(UNEXPECTED_END, offset=pos) from None


def read_signed(data: bytes, pos: int, bits: int) -> tuple[int, int]:
    """Decode a signed integer of `bits` bits."""
    value = shift = 0
    try:
        while True:
            byte = data[pos]
            left = bits - shift
            if left < 7:
                sign_bits = 0x7F & (-1 << (left - 1))
                if byte & sign_bits not in (0, sign_bits):
                    raise MalformedModule("integer too large", offset=pos)
            value |= (byte & 0x7F) << shift
            shift += 7
            pos += 1
            if byte < 0x80:
                return (value - (1 << shift) if byte & 0x40 else value), pos
            if shift >= bits:
                raise MalformedModule("integer representation too long", offset=pos)
    except IndexError:
        raise MalformedModule(UNEXPECTED_END, offset=pos) from None


def read_u32(data: bytes, pos: int) -> tuple[int, int]:
    """Decode an unsigned 32-bit integer: every index, count and size of the binary format."""
    return read_unsigned(data, pos, 32)


def unsigned(value: int) -> bytes:
    """The shortest encoding of `value`, which is not negative."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def signed(value: int) -> bytes:
    """The shortest encoding of `value` in two's complement."""
    encoded = bytearray()
    while not -0x40 <= value < 0x40:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value & 0x7F)
    return bytes(encoded)
