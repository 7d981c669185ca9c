"""Value types as bytes (specification, section 5.3): reading, and what each feature must allow.

A code that belongs to a proposal without an implementation here is refused by the proposal's name;
only a code that nothing defines is malformed.
"""

from cachewasm.errors import MalformedModule
from cachewasm.wasm import features as feature
from cachewasm.wasm.leb128 import UNEXPECTED_END
from cachewasm.wasm.types import EXNREF, FUNCREF, V128, VALTYPE_BY_CODE, ValType

_PROPOSAL_BY_CODE = {
    0x75: feature.STACK_SWITCHING,  # nocont
    0x74: feature.GC,  # noexn
    0x73: feature.GC,  # nofunc
    0x72: feature.GC,  # noextern
    0x71: feature.GC,  # none
    0x6E: feature.GC,  # any
    0x6D: feature.GC,  # eq
    0x6C: feature.GC,  # i31
    0x6B: feature.GC,  # struct
    0x6A: feature.GC,  # array
    0x68: feature.STACK_SWITCHING,  # cont
    0x64: feature.FUNCTION_REFERENCES,  # ref ht
    0x63: feature.FUNCTION_REFERENCES,  # ref null ht
}


def valtype_at(data: bytes, pos: int, features: int) -> ValType:
    """The value type whose code is the byte at `pos`."""
    valtype = _type_at(data, pos, features, "value type")
    if valtype.is_ref:
        feature.require(features, feature.REFERENCE_TYPES, f"a value of type {valtype}", pos)
    return valtype


def reftype_at(data: bytes, pos: int, features: int) -> ValType:
    """The reference type whose code is the byte at `pos`: of a table's elements, say."""
    valtype = _type_at(data, pos, features, "reference type")
    if not valtype.is_ref:
        raise MalformedModule("malformed reference type", offset=pos)
    if valtype is not FUNCREF:  # tables of functions are older than reference types
        feature.require(features, feature.REFERENCE_TYPES, f"type {valtype}", pos)
    return valtype


def _type_at(data: bytes, pos: int, features: int, what: str) -> ValType:
    if pos >= len(data):
        raise MalformedModule(UNEXPECTED_END, offset=pos)
    code = data[pos]
    valtype = VALTYPE_BY_CODE.get(code)
    if valtype is None:
        if code in _PROPOSAL_BY_CODE:
            feature.require(features, _PROPOSAL_BY_CODE[code], f"type 0x{code:02x}", pos)
        raise MalformedModule(f"malformed {what}: 0x{code:02x}", offset=pos)
    if valtype is V128:
        feature.require(features, feature.SIMD, "type v128", pos)
    elif valtype is EXNREF:
        feature.require(features, feature.EXCEPTIONS, "type exnref", pos)
    return valtype
