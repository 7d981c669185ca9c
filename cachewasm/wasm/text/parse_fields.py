"""The fields of a module to a `ModuleSource` (section 6.6).

The second pass over the text: outline.py has found the fields, their indices and identifiers.
"""

from cachewasm.wasm import features
from cachewasm.wasm.encode import DataSource, ModuleSource
from cachewasm.wasm.encode_body import FunctionBody, LocalGroup
from cachewasm.wasm.module import ElementSegment, Export, Global, Import, Names, Tag
from cachewasm.wasm.text.context import Context, IndexSpace
from cachewasm.wasm.text.cursor import Cursor
from cachewasm.wasm.text.outline import Field
from cachewasm.wasm.text.parse_instructions import const_expr, instructions
from cachewasm.wasm.text.parse_segments import data, elem, memory_data, table_elems
from cachewasm.wasm.text.parse_types import (
    TypeUse,
    globaltype,
    memorytype,
    reftype,
    refuse_address_type,
    refuse_memory_options,
    tabletype,
    typeuse,
    valtype,
)
from cachewasm.wasm.types import (
    FUNC,
    GLOBAL,
    KIND_NAMES,
    MEMORY,
    PAGE_SIZE_LOG2,
    TABLE,
    TAG,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    ValType,
)


class Fields:
    """The sections of the module, filled field by field in the order of the text."""

    def __init__(self, c: Cursor, context: Context) -> None:
        self._c = c
        self._context = context
        self._imports: list[Import] = []
        self._funcs: list[int] = []
        self._bodies: list[FunctionBody] = []
        self._tables: list[TableType] = []
        self._memories: list[MemoryType] = []
        self._tags: list[Tag] = []
        self._globals: list[Global] = []
        self._exports: list[Export] = []
        self._start: int | None = None
        self._elements: list[ElementSegment] = []
        self._data: list[DataSource] = []
        self._next_index = [0] * len(KIND_NAMES)
        self._parsers = {
            "import": self._import,
            "func": self._func,
            "table": self._table,
            "memory": self._memory,
            "global": self._global,
            "tag": self._tag,
            "export": self._export,
            "start": self._start_field,
            "elem": self._elem,
            "data": self._data_field,
        }

    def parse(self, field: Field) -> None:
        """Parse a field, with its closing parenthesis."""
        self._c.pos = field.pos
        self._parsers[field.keyword]()

    def module(self, name: str | None) -> ModuleSource:
        """The module of all fields that have been parsed."""
        funcs = self._context.funcs.ids
        return ModuleSource(
            types=tuple(self._context.types.types),
            imports=tuple(self._imports),
            funcs=tuple(self._funcs),
            bodies=tuple(self._bodies),
            tables=tuple(self._tables),
            memories=tuple(self._memories),
            tags=tuple(self._tags),
            globals=tuple(self._globals),
            exports=tuple(self._exports),
            start=self._start,
            elements=tuple(self._elements),
            data_segments=tuple(self._data),
            has_data_count=self._context.uses_data_segments,
            names=Names(name, {index: identifier for identifier, index in funcs.items()}),
        )

    def _index(self, kind: int) -> int:
        index = self._next_index[kind]
        self._next_index[kind] += 1
        return index

    def _import(self) -> None:
        c = self._c
        module, name = c.name(), c.name()
        c.expect("(")
        kind = KIND_NAMES.index(c.token)  # outline.py has seen that it is one
        c.pos += 1
        c.optional_identifier()
        self._index(kind)
        self._imports.append(Import(module, name, kind, self._import_type(kind)))
        c.expect(")")
        c.expect(")")

    def _import_type(self, kind: int) -> int | TableType | MemoryType | GlobalType | Tag:
        c = self._c
        if kind == FUNC:
            return typeuse(c, self._context.types).typeidx
        if kind == TABLE:
            return tabletype(c)
        if kind == TAG:
            return Tag(typeuse(c, self._context.types).typeidx)
        return memorytype(c) if kind == MEMORY else globaltype(c)

    def _inline(self, kind: int) -> int | None:
        """What may begin a definition: identifier, exports and an import.

        The index of what is defined, or None for an import, which is parsed to its end.
        """
        c = self._c
        c.optional_identifier()
        index = self._index(kind)
        while c.take_form("export"):
            self._exports.append(Export(c.name(), kind, index))
            c.expect(")")
        if not c.take_form("import"):
            return index
        module, name = c.name(), c.name()
        c.expect(")")
        self._imports.append(Import(module, name, kind, self._import_type(kind)))
        c.expect(")")
        return None

    def _func(self) -> None:
        if self._inline(FUNC) is None:
            return
        c = self._c
        use = typeuse(c, self._context.types)
        groups = self._locals(use)
        body = instructions(c, self._context, use.params)
        c.expect(")")
        self._funcs.append(use.typeidx)
        self._bodies.append(FunctionBody(groups, tuple(body)))

    def _locals(self, use: TypeUse) -> tuple[LocalGroup, ...]:
        """The locals, whose identifiers join those of the parameters; runs of a type are joined."""
        c, names = self._c, use.params
        types: list[ValType] = []
        first = names.count
        if c.at_form("local") and use.typeidx >= len(self._context.types.types):
            # How many parameters come before the locals is not known.
            raise c.error(f"unknown type {use.typeidx}")
        while c.take_form("local"):
            identifier = c.optional_identifier()
            if identifier is None:
                while not c.take(")"):
                    types.append(valtype(c))
                names.count = first + len(types)
            else:
                names.define(c, identifier)
                types.append(valtype(c))
                c.expect(")")
        return _groups(types)

    def _table(self) -> None:
        index = self._inline(TABLE)
        if index is None:
            return
        c = self._c
        refuse_address_type(c)
        if c.at_index():
            self._tables.append(tabletype(c))
            if c.token == "(":
                c.refuse(features.FUNCTION_REFERENCES, "a table with an initial value")
        else:
            element = reftype(c)
            if not c.take_form("elem"):
                raise c.unexpected("`(elem`")
            segment = table_elems(c, self._context, index, element)
            size = len(segment.inits)
            self._tables.append(TableType._of(element, Limits(size, size)))
            self._elements.append(segment)
        c.expect(")")

    def _memory(self) -> None:
        index = self._inline(MEMORY)
        if index is None:
            return
        c = self._c
        refuse_address_type(c)
        refuse_memory_options(c)
        if c.take_form("data"):
            segment = memory_data(c, index)
            pages = -(-len(segment.content) >> PAGE_SIZE_LOG2)
            self._memories.append(MemoryType._of(Limits(pages, pages)))
            self._data.append(segment)
        else:
            self._memories.append(memorytype(c))
        c.expect(")")

    def _global(self) -> None:
        if self._inline(GLOBAL) is None:
            return
        c = self._c
        declared = globaltype(c)
        self._globals.append(Global(declared, const_expr(c, self._context)))
        c.expect(")")

    def _tag(self) -> None:
        if self._inline(TAG) is None:
            return
        self._tags.append(Tag(typeuse(self._c, self._context.types).typeidx))
        self._c.expect(")")

    def _export(self) -> None:
        c = self._c
        name = c.name()
        c.expect("(")
        spaces: dict[str, tuple[int, IndexSpace]] = {
            "func": (FUNC, self._context.funcs),
            "table": (TABLE, self._context.tables),
            "memory": (MEMORY, self._context.memories),
            "global": (GLOBAL, self._context.globals),
            "tag": (TAG, self._context.tags),
        }
        if c.token not in spaces:
            raise c.unexpected("what is exported")
        kind, space = spaces[c.token]
        c.pos += 1
        self._exports.append(Export(name, kind, space.index(c)))
        c.expect(")")
        c.expect(")")

    def _start_field(self) -> None:
        self._start = self._context.funcs.index(self._c)
        self._c.expect(")")

    def _elem(self) -> None:
        self._elements.append(elem(self._c, self._context))

    def _data_field(self) -> None:
        self._data.append(data(self._c, self._context))


def _groups(types: list[ValType]) -> tuple[LocalGroup, ...]:
    groups: list[LocalGroup] = []
    start = 0
    for end in range(1, len(types) + 1):
        if end == len(types) or types[end] is not types[start]:
            groups.append(LocalGroup(end - start, types[start]))
            start = end
    return tuple(groups)
