"""Values of `run --invoke` between the command line and wasm: one text, one value of a type.

Integers may be signed or unsigned, decimal or hexadecimal; floats also `nan` and `inf`. Results are
printed so that they read back as the same value. On the warm path.
"""

import struct

from cachewasm.wasm.types import F32, F64, I32, I64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasm.types import ValType

_F32 = struct.Struct("<f")
_BITS = {I32: 32, I64: 64}
# Enough for every float to read back as itself.
_F32_DIGITS = 9


def parse(text: str, type: "ValType") -> int | float:
    """The value of `type` that `text` means. Raises ValueError with the reason."""
    bits = _BITS.get(type)
    try:
        if bits is not None:
            value = int(text, 16 if _is_hexadecimal(text) else 10)
            if not -(1 << (bits - 1)) <= value < 1 << bits:
                raise ValueError
            # The signed form of the same bits.
            return value - (1 << bits) if value >> (bits - 1) > 0 else value
        if type in (F32, F64):
            number = float.fromhex(text) if _is_hexadecimal(text) else float(text)
            if type is F32:
                _F32.pack(number)
            return number
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a value of type {type}") from None
    raise ValueError(f"a value of type {type} cannot be given on a command line")


def render(value: object, type: "ValType") -> str:
    """The text of a result of `type`."""
    if type is F32 and isinstance(value, float):
        for digits in range(1, _F32_DIGITS):
            text = f"{value:.{digits}g}"
            if _reads_as(text, value):
                return repr(float(text))
        return repr(float(f"{value:.{_F32_DIGITS}g}"))
    return "null" if value is None else str(value)


def _reads_as(text: str, value: float) -> bool:
    """Whether a decimal text is read as the f32 `value`."""
    try:
        return _F32.pack(float(text)) == _F32.pack(value)
    except OverflowError:
        # Few digits of one of the largest values may be rounded up beyond all of them.
        return False


def _is_hexadecimal(text: str) -> bool:
    return text.lstrip("+-")[:2] in ("0x", "0X")
