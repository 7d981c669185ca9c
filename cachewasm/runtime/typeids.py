"""Process-wide identities of function types.

`call_indirect` compares numbers, so equal types of different modules need equal numbers. They
depend on the order in which a process meets types: compiled code reads them from an array of its
instance and never holds one as a constant. Each type also has its Signature here, by which the
entry converts arguments. Entries are never freed; there are as many as distinct types.

On the warm path.
"""

import ctypes
import struct

from cachewasm.abi.vmctx import KIND_BY_NAME, SIGNATURE
from cachewasm.loader import native
from cachewasm.wasm.types import FuncType


class TypeEntry:
    """A function type with its number and the address of its Signature."""

    __slots__ = ("id", "signature", "type")

    def __init__(self, number: int, type: FuncType) -> None:
        self.id = number
        self.type = type
        params, results = type.param_types, type.result_types
        kinds = bytes(KIND_BY_NAME[t.name] for t in (*params, *results))
        slots = max(len(params), len(results), 1)
        packed = struct.pack("<III", len(params), len(results), slots) + kinds
        self.signature = native.Block.make(max(len(packed), SIGNATURE.size))
        # SAFETY: the block is at least as long.
        ctypes.memmove(self.signature, packed, len(packed))


_by_type: dict[FuncType, TypeEntry] = {}
_by_id: list[TypeEntry] = []


def entry_of(type: FuncType) -> TypeEntry:
    """The entry of a type; made on first use."""
    # The GIL makes setdefault atomic: a thread that loses the race leaves an unused number.
    found = _by_type.get(type)
    if found is None:
        _by_id.append(TypeEntry(len(_by_id), type))
        found = _by_type.setdefault(type, _by_id[-1])
    return found


def entry_by_id(number: int) -> TypeEntry:
    """The entry with this number."""
    return _by_id[number]
