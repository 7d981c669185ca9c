"""Element and data segments, also those inside tables and memories (section 6.6.9, 6.6.10)."""

from cachewasm.wasm.constexpr import I32_CONST, ConstExpr
from cachewasm.wasm.encode import DataSource
from cachewasm.wasm.module import ElementSegment, SegmentMode
from cachewasm.wasm.text.context import Context
from cachewasm.wasm.text.cursor import Cursor
from cachewasm.wasm.text.parse_instructions import const_expr, folded_const_expr
from cachewasm.wasm.text.parse_types import at_reftype, reftype
from cachewasm.wasm.types import FUNCREF, ValType

_ZERO: ConstExpr = ((I32_CONST, 0),)


def elem(c: Cursor, context: Context) -> ElementSegment:
    """An `elem` field after its keyword, with the closing parenthesis."""
    c.optional_identifier()
    if c.take("declare"):
        return _elem_list(c, context, SegmentMode.DECLARATIVE, 0, None)
    if c.token == "func" or at_reftype(c):
        return _elem_list(c, context, SegmentMode.PASSIVE, 0, None)
    if c.take_form("table"):
        table = context.tables.index(c)
        c.expect(")")
        return _elem_list(c, context, SegmentMode.ACTIVE, table, _offset(c, context))
    # The first edition of the language has the bare index of the table here.
    table = context.tables.optional_index(c)
    offset = _offset(c, context)
    if c.at_index() or c.token == ")":
        return ElementSegment(SegmentMode.ACTIVE, table, offset, FUNCREF, _funcs(c, context))
    return _elem_list(c, context, SegmentMode.ACTIVE, table, offset)


def table_elems(c: Cursor, context: Context, tableidx: int, element: ValType) -> ElementSegment:
    """The elements of a table after `(elem`, with the closing parenthesis."""
    if c.token == "(":
        inits: tuple[int | ConstExpr, ...] = _exprs(c, context)
    else:
        inits = _funcs(c, context)
    return ElementSegment(SegmentMode.ACTIVE, tableidx, _ZERO, element, inits)


def data(c: Cursor, context: Context) -> DataSource:
    """A `data` field after its keyword, with the closing parenthesis."""
    c.optional_identifier()
    memory = 0
    if c.take_form("memory"):
        memory = context.memories.index(c)
        c.expect(")")
    elif c.at_index():  # as in `elem`
        memory = context.memories.index(c)
    elif c.token != "(":
        return DataSource(SegmentMode.PASSIVE, 0, None, _strings(c))
    offset = _offset(c, context)
    return DataSource(SegmentMode.ACTIVE, memory, offset, _strings(c))


def memory_data(c: Cursor, memidx: int) -> DataSource:
    """The data of a memory after `(data`, with the closing parenthesis."""
    return DataSource(SegmentMode.ACTIVE, memidx, _ZERO, _strings(c))


def _offset(c: Cursor, context: Context) -> ConstExpr:
    if c.take_form("offset"):
        offset = const_expr(c, context)
        c.expect(")")
        return offset
    return folded_const_expr(c, context)


def _elem_list(
    c: Cursor, context: Context, mode: SegmentMode, table: int, offset: ConstExpr | None
) -> ElementSegment:
    if c.take("func"):
        return ElementSegment(mode, table, offset, FUNCREF, _funcs(c, context))
    element = reftype(c)
    return ElementSegment(mode, table, offset, element, _exprs(c, context))


def _funcs(c: Cursor, context: Context) -> tuple[int, ...]:
    funcs: list[int] = []
    while not c.take(")"):
        funcs.append(context.funcs.index(c))
    return tuple(funcs)


def _exprs(c: Cursor, context: Context) -> tuple[ConstExpr, ...]:
    exprs: list[ConstExpr] = []
    while not c.take(")"):
        if c.take_form("item"):
            exprs.append(const_expr(c, context))
            c.expect(")")
        else:
            exprs.append(folded_const_expr(c, context))
    return tuple(exprs)


def _strings(c: Cursor) -> bytes:
    parts: list[bytes] = []
    while not c.take(")"):
        parts.append(c.string())
    return b"".join(parts)
