"""Values between Python and wasm: the plain ones that the support image converts by itself, and all
others (`Val`, references, bool and other subclasses), for which it calls here.

A raw value is an unsigned integer: the bits of a number or a vector, the address of a Funcref, or an
externref handle. The Python value of a vector is its 16 bytes. On the warm path.
"""

import struct

from cachewasm.abi.vmctx import (
    KIND_BY_NAME,
    KIND_EXNREF,
    KIND_EXTERNREF,
    KIND_F32,
    KIND_F64,
    KIND_FUNCREF,
    KIND_I32,
    KIND_I64,
    KIND_V128,
)
from cachewasm.errors import WasmtimeError
from cachewasm.wasm.types import EXNREF, EXTERNREF, F32, F64, FUNCREF, I32, I64, V128, ValType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.runtime.func import Func
    from cachewasm.runtime.store import Store

_TYPES = (I32, I64, F32, F64, FUNCREF, EXTERNREF, EXNREF, V128)
_VECTOR_BYTES = 16
_U32, _U64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
_F32 = struct.Struct("<f")
_F64 = struct.Struct("<d")
_I = struct.Struct("<I")
_Q = struct.Struct("<Q")
_F32_SIGN, _F32_EXPONENT, _F32_PAYLOAD, _F32_QUIET = 1 << 31, 0xFF << 23, (1 << 23) - 1, 1 << 22


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


class Val:
    """A value together with its type; equal to a bare Python value as well."""

    __slots__ = ("_type", "_value")

    def __init__(self, type: ValType, value: object) -> None:
        self._type = type
        self._value = value

    @staticmethod
    def i32(val: int) -> "Val":
        """A 32-bit integer; wraps around."""
        if not isinstance(val, int):
            raise TypeError("expected an integer")
        return Val(I32, _signed(val, 32))

    @staticmethod
    def i64(val: int) -> "Val":
        """A 64-bit integer; wraps around."""
        if not isinstance(val, int):
            raise TypeError("expected an integer")
        return Val(I64, _signed(val, 64))

    @staticmethod
    def f32(val: float) -> "Val":
        """A 32-bit float, rounded from Python's 64 bits."""
        if not isinstance(val, float):
            raise TypeError("expected a float")
        return Val(F32, _f32_value(_f32_bits(val)))

    @staticmethod
    def f64(val: float) -> "Val":
        """A 64-bit float."""
        if not isinstance(val, float):
            raise TypeError("expected a float")
        return Val(F64, float(val))

    @staticmethod
    def v128(val: bytes) -> "Val":
        """A vector: 16 bytes, the first lane first."""
        return Val(V128, _vector(val))

    @staticmethod
    def externref(extern: object) -> "Val":
        """A reference to any Python object; None is null."""
        return Val(EXTERNREF, extern)

    @staticmethod
    def funcref(f: "Func | None") -> "Val":
        """A reference to a function; None is null."""
        return Val(FUNCREF, f)

    @staticmethod
    def ref_null(ty: ValType) -> "Val":
        """The null reference of a type. Raises WasmtimeError if it is not a reference type."""
        if not ty.is_ref:
            raise WasmtimeError(f"Invalid reference type for `ref_null`: {ty}")
        return Val(ty, None)

    @property
    def type(self) -> ValType:
        """The type."""
        return self._type

    @property
    def value(self) -> object:
        """The Python value."""
        return self._value

    def _as(self, type: ValType) -> object:
        return self._value if self._type is type else None

    def as_i32(self) -> object:
        """The value, or None if it is not an i32."""
        return self._as(I32)

    def as_i64(self) -> object:
        """The value, or None if it is not an i64."""
        return self._as(I64)

    def as_f32(self) -> object:
        """The value, or None if it is not an f32."""
        return self._as(F32)

    def as_f64(self) -> object:
        """The value, or None if it is not an f64."""
        return self._as(F64)

    def as_v128(self) -> object:
        """The bytes, or None if it is not a v128."""
        return self._as(V128)

    def as_externref(self) -> object:
        """The object, or None if this is not an externref."""
        return self._as(EXTERNREF)

    def as_funcref(self) -> object:
        """The function, or None if this is not a funcref, or null."""
        return self._as(FUNCREF)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Val):
            return self._type is other._type and self._value == other._value
        return self._value == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Val({self._type}, {self._value!r})"


def _f32_bits(value: float) -> int:
    """The f32 nearest to `value`; of a NaN the sign and the upper payload, signalling or not."""
    if value != value:
        wide: int = _Q.unpack(_F64.pack(value))[0]
        payload = wide >> 29 & _F32_PAYLOAD or _F32_QUIET
        return wide >> 32 & _F32_SIGN | _F32_EXPONENT | payload
    try:
        packed = _F32.pack(value)
    except OverflowError:
        # struct refuses what IEEE 754 rounds to infinity.
        packed = _F32.pack(float("-inf") if value < 0 else float("inf"))
    bits: int = _I.unpack(packed)[0]
    return bits


def _f32_value(bits: int) -> float:
    """The float with the value of an f32; of a NaN every bit is kept."""
    value: float
    if bits & _F32_EXPONENT == _F32_EXPONENT and bits & _F32_PAYLOAD:
        wide = (bits & _F32_SIGN) << 32 | 0x7FF << 52 | (bits & _F32_PAYLOAD) << 29
        value = _F64.unpack(_Q.pack(wide))[0]
    else:
        value = _F32.unpack(_I.pack(bits))[0]
    return value


def _vector(value: object) -> bytes:
    """The bytes of an object that has 16 of them. Raises TypeError."""
    try:
        found = memoryview(value).tobytes()  # type: ignore[arg-type]
    except TypeError:
        found = b""
    if len(found) != _VECTOR_BYTES:
        raise _unconvertible(value, V128)
    return found


def _unconvertible(value: object, want: ValType) -> TypeError:
    return TypeError(f"don't know how to convert {value!r} to {want}")


def _bare(value: object, want: ValType) -> object:
    """What a Val of this type holds, or the value itself. Raises TypeError."""
    if isinstance(value, Val):
        if value.type is not want:
            raise TypeError("wrong type of `Val` provided")
        return value.value
    return value


def to_vector(store: "Store", kind: int, value: object) -> bytes:
    """The bytes of a Python value of kind v128. Raises TypeError."""
    return _vector(_bare(value, V128))


def to_raw(store: "Store", kind: int, value: object) -> int:
    """The raw form of a Python value of a kind (abi/vmctx). Raises TypeError.

    Integers wrap around as in the drop-in API; there is no conversion between int and float.
    """
    want = _TYPES[kind]
    value = _bare(value, want)
    if kind == KIND_EXTERNREF:
        return store._externref(value)
    if kind == KIND_FUNCREF:
        if value is None:
            return 0
        # Not isinstance: a mock answers for its class, and its bytes are read natively.
        if type(value) is store._func_type:
            return store._funcref_of(value)
    elif kind == KIND_EXNREF:
        if value is None:
            return 0
    elif kind == KIND_V128:
        return int.from_bytes(_vector(value), "little")
    elif kind in (KIND_I32, KIND_I64):
        if isinstance(value, int):
            return int(value) & (_U32 if kind == KIND_I32 else _U64)
    elif isinstance(value, float):
        if kind == KIND_F32:
            return _f32_bits(value)
        bits: int = _Q.unpack(_F64.pack(value))[0]
        return bits
    raise _unconvertible(value, want)


def from_raw(store: "Store", kind: int, raw: int) -> object:
    """The Python value of a raw one; bits beyond the kind's width are ignored."""
    if kind == KIND_I32:
        return _signed(raw, 32)
    if kind == KIND_I64:
        return _signed(raw, 64)
    if kind == KIND_F32:
        return _f32_value(raw & _U32)
    if kind == KIND_F64:
        value: float = _F64.unpack(_Q.pack(raw & _U64))[0]
        return value
    if kind == KIND_V128:
        return raw.to_bytes(_VECTOR_BYTES, "little")
    raw &= _U64
    if kind == KIND_EXTERNREF:
        return store._externrefs.object(raw)
    if kind == KIND_EXNREF and raw:
        raise WasmtimeError("an exception cannot leave wasm code as a value")
    return store._func(raw) if raw else None


def raw_of_type(store: "Store", type: ValType, value: object) -> int:
    """`to_raw` by value type."""
    return to_raw(store, KIND_BY_NAME[type.name], value)


def of_raw_type(store: "Store", type: ValType, raw: int) -> object:
    """`from_raw` by value type."""
    return from_raw(store, KIND_BY_NAME[type.name], raw)
