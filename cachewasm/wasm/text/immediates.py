"""Immediates of instructions: one function per kind of opcodes.py, and the scopes they look into.

Each function reads forward from the body's cursor and returns the value that opcodes.py gives for
the kind. Labels count from the innermost block; a stack per identifier finds the nearest one of a
name without a search.
"""

from collections.abc import Callable

from cachewasm.wasm import opcodes
from cachewasm.wasm.opcodes import CATCH_NAMES, Catch, Imm, TryTable
from cachewasm.wasm.text import keywords, literals, numbers
from cachewasm.wasm.text.context import Context, IndexSpace
from cachewasm.wasm.text.cursor import Cursor
from cachewasm.wasm.text.lexer import quoted
from cachewasm.wasm.text.parse_types import anonymous_typeuse, blocktype, heaptype, valtype
from cachewasm.wasm.types import ValType


class Labels:
    """The blocks around an instruction, outermost first."""

    __slots__ = ("_depths", "_names")

    def __init__(self) -> None:
        self._names: list[str | None] = []
        self._depths: dict[str, list[int]] = {}

    def push(self, name: str | None) -> None:
        """Enter a block."""
        if name is not None:
            self._depths.setdefault(name, []).append(len(self._names))
        self._names.append(name)

    def pop(self) -> None:
        """Leave the innermost block."""
        name = self._names.pop()
        if name is not None:
            self._depths[name].pop()

    @property
    def innermost(self) -> str | None:
        """The name of the innermost block, if it has one."""
        return self._names[-1]

    def index(self, c: Cursor) -> int:
        """The label that must be next, by number or identifier."""
        identifier = c.optional_identifier()
        if identifier is None:
            return c.u32()
        depths = self._depths.get(identifier)
        if not depths:
            raise c.error(f"unknown label ${identifier}", c.pos - 1)
        return len(self._names) - 1 - depths[-1]


class Scope:
    """What the immediates of one body may name."""

    __slots__ = ("context", "labels", "locals")

    def __init__(self, context: Context, locals_: IndexSpace) -> None:
        self.context = context
        self.locals = locals_
        self.labels = Labels()


Reader = Callable[[Cursor, Scope], Imm]


def _none(c: Cursor, scope: Scope) -> None:
    return None


def _label(c: Cursor, scope: Scope) -> int:
    return scope.labels.index(c)


def _func(c: Cursor, scope: Scope) -> int:
    return scope.context.funcs.index(c)


def _local(c: Cursor, scope: Scope) -> int:
    # The most frequent immediate of all: plain identifiers are looked up at once.
    token = c.texts[c.pos]
    index = scope.locals.ids.get(token[1:]) if token[:1] == "$" else None
    if index is None:
        return scope.locals.index(c)
    c.pos += 1
    return index


def _global(c: Cursor, scope: Scope) -> int:
    return scope.context.globals.index(c)


def _table(c: Cursor, scope: Scope) -> int:
    return scope.context.tables.optional_index(c)


def _elem(c: Cursor, scope: Scope) -> int:
    return scope.context.elems.index(c)


def _data(c: Cursor, scope: Scope) -> int:
    scope.context.uses_data_segments = True
    return scope.context.data.index(c)


def _memory(c: Cursor, scope: Scope) -> int:
    return scope.context.memories.optional_index(c)


def _tag(c: Cursor, scope: Scope) -> int:
    return scope.context.tags.index(c)


def _try_table(c: Cursor, scope: Scope) -> TryTable:
    type = blocktype(c, scope.context.types)
    catches: list[Catch] = []
    while c.token == "(" and c.texts[c.pos + 1] in CATCH_NAMES:
        kind = CATCH_NAMES.index(c.texts[c.pos + 1])
        c.pos += 2
        tag = scope.context.tags.index(c) if kind < opcodes.CATCH_ALL else 0
        # The labels are those around the block, which is not open yet.
        catches.append(Catch(kind, tag, scope.labels.index(c)))
        c.expect(")")
    return TryTable(type, tuple(catches))


def _call_indirect(c: Cursor, scope: Scope) -> tuple[int, int]:
    table = scope.context.tables.optional_index(c)
    return anonymous_typeuse(c, scope.context.types), table


def _both_or_none(c: Cursor, space: IndexSpace) -> tuple[int, int]:
    if not c.at_index():
        return 0, 0
    return space.index(c), space.index(c)


def _table_table(c: Cursor, scope: Scope) -> tuple[int, int]:
    return _both_or_none(c, scope.context.tables)


def _memory_memory(c: Cursor, scope: Scope) -> tuple[int, int]:
    return _both_or_none(c, scope.context.memories)


def _segment(c: Cursor, segments: IndexSpace, targets: IndexSpace) -> tuple[int, int]:
    """A segment, with what it is copied to before it unless that is left out."""
    target = 0
    after = c.texts[c.pos + 1] if c.at_index() else ""
    if after and (after[0] == "$" or after[0].isdecimal()):
        target = targets.index(c)
    return segments.index(c), target


def _elem_table(c: Cursor, scope: Scope) -> tuple[int, int]:
    return _segment(c, scope.context.elems, scope.context.tables)


def _data_memory(c: Cursor, scope: Scope) -> tuple[int, int]:
    scope.context.uses_data_segments = True
    return _segment(c, scope.context.data, scope.context.memories)


def _labels(c: Cursor, scope: Scope) -> tuple[tuple[int, ...], int]:
    labels = [scope.labels.index(c)]
    while c.at_index():
        labels.append(scope.labels.index(c))
    return tuple(labels[:-1]), labels[-1]


def _blocktype(c: Cursor, scope: Scope) -> int | ValType | None:
    return blocktype(c, scope.context.types)


def _reftype(c: Cursor, scope: Scope) -> ValType:
    return heaptype(c)


def _valtypes(c: Cursor, scope: Scope) -> tuple[ValType, ...]:
    found: list[ValType] = []
    while c.take_form("result"):
        while not c.take(")"):
            found.append(valtype(c))
    return tuple(found)


def _memarg_field(c: Cursor, name: str) -> int | None:
    """The number of `name=number`, if that is next."""
    token = c.token
    if not token.startswith(name + "="):
        return None
    try:
        value = numbers.unsigned(token[len(name) + 1 :], 64)
    except numbers.NumberError as error:
        # The whole token is one keyword: what is no natural number makes it an unknown one.
        known = keywords.is_known(token) and not isinstance(error, numbers.NotANumber)
        raise c.error(error.reason if known else f"unknown operator {quoted(token)}") from None
    c.pos += 1
    return value


def memarg(c: Cursor, scope: Scope, natural: int) -> tuple[int, int, int]:
    """A memory argument; the alignment is `natural`, its exponent, where it is left out."""
    token = c.texts[c.pos]
    if token in ("(", ")"):
        return 0, natural, 0
    memory = scope.context.memories.optional_index(c)
    align_log2, offset = _align_offset(c, natural)
    return memory, align_log2, offset


def memarg_lane(c: Cursor, scope: Scope, natural: int) -> tuple[int, int, int, int]:
    """A memory argument and the index of a lane."""
    memory = 0
    # A number alone is the lane.
    if c.token[:1] == "$" or (c.at_index() and _goes_on(c.texts[c.pos + 1])):
        memory = scope.context.memories.index(c)
    align_log2, offset = _align_offset(c, natural)
    return memory, align_log2, offset, literals.lane_index(c)


def _goes_on(token: str) -> bool:
    """Whether this is more of a memory argument, or the index of a lane."""
    return token[:1].isdecimal() or token.startswith(("offset=", "align="))


def _align_offset(c: Cursor, natural: int) -> tuple[int, int]:
    offset = _memarg_field(c, "offset") or 0
    start = c.pos
    align = _memarg_field(c, "align")
    if align is None:
        return natural, offset
    if align.bit_count() != 1:
        raise c.error("alignment must be a power of two", start)
    return align.bit_length() - 1, offset


# By kind; memory arguments and the instructions with blocks are read by parse_instructions.py.
READERS: dict[int, Reader] = {
    opcodes.IMM_NONE: _none,
    opcodes.IMM_LABEL: _label,
    opcodes.IMM_FUNC: _func,
    opcodes.IMM_LOCAL: _local,
    opcodes.IMM_GLOBAL: _global,
    opcodes.IMM_TABLE: _table,
    opcodes.IMM_ELEM: _elem,
    opcodes.IMM_DATA: _data,
    opcodes.IMM_MEMORY: _memory,
    opcodes.IMM_TAG: _tag,
    opcodes.IMM_DELEGATE: _label,
    opcodes.IMM_TRY_TABLE: _try_table,
    opcodes.IMM_CALL_INDIRECT: _call_indirect,
    opcodes.IMM_TABLE_TABLE: _table_table,
    opcodes.IMM_ELEM_TABLE: _elem_table,
    opcodes.IMM_MEMORY_MEMORY: _memory_memory,
    opcodes.IMM_DATA_MEMORY: _data_memory,
    opcodes.IMM_LABELS: _labels,
    opcodes.IMM_BLOCKTYPE: _blocktype,
    opcodes.IMM_I32: lambda c, scope: literals.i32(c),
    opcodes.IMM_I64: lambda c, scope: literals.i64(c),
    opcodes.IMM_F32: lambda c, scope: literals.f32(c),
    opcodes.IMM_F64: lambda c, scope: literals.f64(c),
    opcodes.IMM_V128: lambda c, scope: literals.v128(c),
    opcodes.IMM_LANE: lambda c, scope: literals.lane_index(c),
    opcodes.IMM_SHUFFLE: lambda c, scope: literals.shuffle_lanes(c),
    opcodes.IMM_REFTYPE: _reftype,
    opcodes.IMM_VALTYPES: _valtypes,
}
