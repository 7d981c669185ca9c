"""Edge values of each type of numbers and vectors as raw bits; the first is zero."""

import struct

from cachewasm.wasm.types import F32, F64, I32, I64, V128, ValType


def _signs(bits: tuple[int, ...], sign: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys(value for b in bits for value in (b, b | sign)))


def _f32(value: float) -> int:
    return int.from_bytes(struct.pack("<f", value), "little")


def _f64(value: float) -> int:
    return int.from_bytes(struct.pack("<d", value), "little")


EDGES: dict[ValType, tuple[int, ...]] = {
    I32: (
        *(0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF),
        *(0x10000, 0x55555555, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFF8000, 0xFFFFFF80),
        *(0xFFFFFFFE, 0xFFFFFFFF),
    ),
    I64: (
        *(0, 1, 2, 7, 31, 32, 63, 64, 65, 0x80, 0x8000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF),
        *(1 << 32, (1 << 53) + 1, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, 0x0123456789ABCDEF),
        *(0x7FFFFF4000000001, 0xFFFFFFFF80000000, (1 << 64) - 2, (1 << 64) - 1),
    ),
    F32: _signs(
        (
            *(0, 1, 0x007FFFFF, 0x00800000, 0x3EFFFFFF, *map(_f32, (0.5, 1, 1.5, 2, 2.5, 100.25))),
            *(0x4EFFFFFF, 0x4F000000, 0x4F800000, 0x5EFFFFFF, 0x5F000000, 0x5F800000, 0x4B000001),
            *(0x7F7FFFFF, 0x7F800000, 0x7FC00000),
        ),
        1 << 31,
    ),
    F64: _signs(
        (
            *(0, 1, 0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x3FDFFFFFFFFFFFFF),
            *map(_f64, (0.5, 1, 1.5, 2, 2.5, 100.25, 2**31 - 1, 2**31, 2**32, 2**53, 2**63, 2**64)),
            *(0x41DFFFFFFFFFFFFF, 0x43DFFFFFFFFFFFFF, 0x47EFFFFFF0000000, 0x3690000000000001),
            *(0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0x7FF8000000000000),
        ),
        1 << 63,
    ),
}

# Of lanes of every size: the same in all of them, or others beside each other.
EDGES[V128] = (
    0,
    *(int.from_bytes(bytes([byte] * 16), "little") for byte in (1, 0x7F, 0x80, 0xFF)),
    int.from_bytes(bytes(range(16)), "little"),
    int.from_bytes(bytes(range(0xF8, 0x100)) + bytes(range(8)), "little"),
    *(0x8000_7FFF_0001_FFFF * ((1 << 64) + 1), 0x8000_0000_7FFF_FFFF * ((1 << 64) + 1)),
    *(low | high << 64 for low, high in zip(EDGES[I64][::3], EDGES[I64][1::3], strict=False)),
    *(low | high << 64 for low, high in zip(EDGES[F64][::5], EDGES[F64][2::5], strict=False)),
    *(
        sum(EDGES[F32][at + i] << 32 * i for i in range(4))
        for at in range(0, len(EDGES[F32]) - 4, 5)
    ),
)

# NaNs that arithmetic would change: their bits may be moved, never computed with.
NANS = {
    F32: (0x7F800001, 0x7FA54321, 0xFFC00001),
    F64: (0x7FF0000000000001, 0x7FF4000054321000, 0xFFF8000000000001),
}
CANONICAL_NAN = {F32: 0x7FC00000, F64: 0x7FF8000000000000}
BITS = {I32: 32, I64: 64, F32: 32, F64: 64}


def signed(bits: int, width: int) -> int:
    """The signed integer that has these bits."""
    return bits - (1 << width) if bits >> (width - 1) else bits
