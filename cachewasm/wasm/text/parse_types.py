"""Types of the text format, and type uses (sections 6.4 and 6.6.3).

One function per production; each reads forward from the cursor.
"""

from dataclasses import dataclass

from cachewasm.wasm import features
from cachewasm.wasm.text.context import IndexSpace, TypeSpace
from cachewasm.wasm.text.cursor import Cursor
from cachewasm.wasm.types import (
    EXNREF,
    EXTERNREF,
    FUNCREF,
    VALTYPES,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    ValType,
)

_VALTYPES = {valtype.name: valtype for valtype in VALTYPES}
_HEAPTYPES = {"func": FUNCREF, "extern": EXTERNREF, "exn": EXNREF}
_LATER_HEAPTYPES = frozenset(
    ("any", "eq", "i31", "struct", "array", "none", "nofunc", "noextern", "noexn")
)


@dataclass(frozen=True, slots=True)
class TypeUse:
    """A type use: its typeidx, and the identifiers of the parameters that it names."""

    typeidx: int
    params: IndexSpace


def valtype(c: Cursor) -> ValType:
    """The value type that must be next."""
    found = _VALTYPES.get(c.token)
    if found is None:
        return reftype(c)
    c.pos += 1
    return found


def reftype(c: Cursor) -> ValType:
    """The reference type that must be next."""
    found = _VALTYPES.get(c.token)
    if found is not None and found.is_ref:
        c.pos += 1
        return found
    if not c.take_form("ref"):
        raise c.unexpected("a type")
    if not c.take("null"):
        c.refuse(features.FUNCTION_REFERENCES, "a reference type that is not nullable")
    found = heaptype(c)
    c.expect(")")
    return found


def heaptype(c: Cursor) -> ValType:
    """The heap type that must be next, as the nullable reference type to it."""
    found = _HEAPTYPES.get(c.token)
    if found is None:
        if c.at_index():
            c.refuse(features.FUNCTION_REFERENCES, "a typed function reference")
        if c.token in _LATER_HEAPTYPES:
            c.refuse(features.GC, f"the heap type `{c.token}`")
        raise c.unexpected("a heap type")
    c.pos += 1
    return found


def at_reftype(c: Cursor) -> bool:
    """Whether a reference type is next."""
    found = _VALTYPES.get(c.token)
    return c.at_form("ref") if found is None else found.is_ref


def functype(c: Cursor) -> FuncType:
    """`(func (param ...)* (result ...)*)`, or a refusal of the other composite types."""
    for form in ("sub", "struct", "array"):
        if c.at_form(form):
            c.refuse(features.GC, f"the type `{form}`")
    if c.at_form("cont"):
        c.refuse(features.STACK_SWITCHING, "a continuation type")
    if not c.take_form("func"):
        raise c.unexpected("`(func`")
    params = _params(c, IndexSpace("local"))
    found = FuncType(params, results(c))
    c.expect(")")
    return found


def typeuse(c: Cursor, types: TypeSpace) -> TypeUse:
    """A type use whose parameters may have identifiers."""
    names = IndexSpace("local")
    typeidx = _explicit(c, types)
    start = c.pos
    params, result = tuple(_params(c, names)), tuple(results(c))
    if typeidx is None:
        return TypeUse(types.find_or_add(params, result), names)
    if c.pos != start:
        _check_inline(c, types, typeidx, FuncType(params, result), start)
    elif typeidx < len(types.types):
        names.count = len(types.types[typeidx].param_types)
    return TypeUse(typeidx, names)


def anonymous_typeuse(c: Cursor, types: TypeSpace) -> int:
    """The typeidx of a type use whose parameters have no identifiers."""
    typeidx = _explicit(c, types)
    start = c.pos
    params, result = _anonymous_params(c), tuple(results(c))
    if typeidx is None:
        return types.find_or_add(params, result)
    if c.pos != start:
        _check_inline(c, types, typeidx, FuncType(params, result), start)
    return typeidx


def blocktype(c: Cursor, types: TypeSpace) -> int | ValType | None:
    """The type of a block, in the shortest form."""
    if c.token != "(":
        return None
    typeidx = _explicit(c, types)
    start = c.pos
    params, result = _anonymous_params(c), tuple(results(c))
    if typeidx is not None:
        if c.pos != start:
            _check_inline(c, types, typeidx, FuncType(params, result), start)
        return typeidx
    if params or len(result) > 1:
        return types.find_or_add(params, result)
    return result[0] if result else None


def results(c: Cursor) -> list[ValType]:
    """`(result ...)`, any number of times."""
    found: list[ValType] = []
    while c.take_form("result"):
        _valtypes(c, found)
    return found


def _explicit(c: Cursor, types: TypeSpace) -> int | None:
    if not c.take_form("type"):
        return None
    typeidx = types.index(c)
    c.expect(")")
    return typeidx


def _check_inline(c: Cursor, types: TypeSpace, typeidx: int, inline: FuncType, start: int) -> None:
    if c.at_form("param"):
        raise c.unexpected("no parameter after a result")
    if typeidx >= len(types.types):
        raise c.error(f"unknown type {typeidx}", start)
    declared = types.types[typeidx]
    if inline != declared:
        raise c.error(
            f"inline function type {inline} differs from type {typeidx}, {declared}", start
        )


def _params(c: Cursor, names: IndexSpace) -> list[ValType]:
    found: list[ValType] = []
    while c.take_form("param"):
        identifier = c.optional_identifier()
        if identifier is None:
            _valtypes(c, found)
            names.count = len(found)
        else:
            names.define(c, identifier)
            found.append(valtype(c))
            c.expect(")")
    return found


def _anonymous_params(c: Cursor) -> tuple[ValType, ...]:
    found: list[ValType] = []
    while c.take_form("param"):
        _valtypes(c, found)
    return tuple(found)


def _valtypes(c: Cursor, found: list[ValType]) -> None:
    """Value types up to a closing parenthesis."""
    while not c.take(")"):
        found.append(valtype(c))


def refuse_address_type(c: Cursor) -> None:
    """Pass over the address type `i32`, which may be left out; refuse `i64`."""
    if c.token == "i64":
        c.refuse(features.MEMORY64, "the address type `i64`")
    c.take("i32")


def limits(c: Cursor) -> Limits:
    """A minimum, and perhaps a maximum."""
    minimum = c.unsigned(64)
    return Limits(minimum, c.unsigned(64) if c.at_index() else None)


def tabletype(c: Cursor) -> TableType:
    """Limits and the type of the elements."""
    refuse_address_type(c)
    found = limits(c)
    return TableType._of(reftype(c), found)


def memorytype(c: Cursor) -> MemoryType:
    """The limits of a memory, in pages."""
    refuse_address_type(c)
    found = limits(c)
    refuse_memory_options(c)
    return MemoryType._of(found)


def refuse_memory_options(c: Cursor) -> None:
    """Refuse shared memories and page sizes of one's own."""
    if c.token == "shared":
        c.refuse(features.THREADS, "a shared memory")
    if c.at_form("pagesize"):
        c.refuse(features.BY_NAME["custom_page_sizes"].bit, "a page size")


def globaltype(c: Cursor) -> GlobalType:
    """The type of a global: a value type, in `(mut ...)` if it is mutable."""
    if not c.take_form("mut"):
        return GlobalType(valtype(c), False)
    content = valtype(c)
    c.expect(")")
    return GlobalType(content, True)
