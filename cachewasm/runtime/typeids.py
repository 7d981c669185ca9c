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
from cachewasm.runtime.locks import process_lock
from cachewasm.wasm.types import FuncType


class TypeEntry:
    """A function type with its number and the address of its Signature."""

    __slots__ = ("id", "signature", "type")

    id: int

    def __init__(self, type: FuncType) -> None:
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
# Making an entry may run finalizers, and they may call wasm code.
_lock = process_lock()


def entry_of(type: FuncType) -> TypeEntry:
    """The entry of a type; made on first use."""
    found = _by_type.get(type)
    if found is not None:
        return found
    with _lock:
        found = _by_type.get(type)
        if found is None:
            found = TypeEntry(type)
            found.id = len(_by_id)
            _by_id.append(found)
            _by_type[type] = found
    return found


def entry_by_id(number: int) -> TypeEntry:
    """The entry with this number."""
    return _by_id[number]
