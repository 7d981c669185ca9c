"""A WebAssembly module as frozen values: what the decoder read, and what validation has proven.

`Module` is section for section what the binary says; nothing in it is checked beyond the binary
format. `ValidModule` exists only for modules whose module-level rules hold. Function bodies and
data segments stay byte ranges of the binary, so a large module is neither copied nor decoded before
somebody needs it. Defined and imported things share one index space per kind, imports first: the
properties and methods named after a space (`func_type`, `table_types`, ...) cover all of it.
"""

from enum import Enum

from cachewasm.record import dataclass, field
from cachewasm.wasm.constexpr import ConstExpr
from cachewasm.wasm.types import FuncType, GlobalType, MemoryType, TableType, ValType


class SegmentMode(Enum):
    """When an element or data segment is copied."""

    ACTIVE = "active"  # when the instance is made, to its offset
    PASSIVE = "passive"  # by table.init or memory.init
    DECLARATIVE = "declarative"  # never: an element segment that only declares ref.func uses


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag: the typeidx of what its exceptions carry."""

    typeidx: int


@dataclass(frozen=True, slots=True)
class Import:
    """An import; `type` is a typeidx where `kind` is FUNC, and a `Tag` where it is TAG."""

    module: str
    name: str
    kind: int
    type: int | TableType | MemoryType | GlobalType | Tag


@dataclass(frozen=True, slots=True)
class Global:
    """A defined global and its initial value."""

    type: GlobalType
    init: ConstExpr


@dataclass(frozen=True, slots=True)
class Export:
    """An export of index `index` in the space of `kind`."""

    name: str
    kind: int
    index: int


@dataclass(frozen=True, slots=True)
class ElementSegment:
    """References for a table. An init is a funcidx (the compact form) or an expression.

    `offset` is None unless the segment is active; then `table` is meaningful, else 0.
    """

    mode: SegmentMode
    table: int
    offset: ConstExpr | None
    type: ValType
    inits: tuple[int | ConstExpr, ...]


@dataclass(frozen=True, slots=True)
class DataSegment:
    """Bytes for a memory: the range of the binary that holds them; offset as for elements."""

    mode: SegmentMode
    memory: int
    offset: ConstExpr | None
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A range of the binary; of a function's body: its locals and instructions."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """The position after the last byte."""
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class CustomSection:
    """A custom section: its name, and the range of its content."""

    name: str
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Names:
    """What the `name` section says; without what cannot be read."""

    module: str | None = None
    funcs: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Module:
    """A decoded module over its binary, `data`.

    `funcs` holds the typeidx of each defined function and `code` its body's range, in step.
    `features` is the set under which the module was decoded, and its bodies are to be.
    """

    data: bytes
    features: int
    types: tuple[FuncType, ...] = ()
    imports: tuple[Import, ...] = ()
    funcs: tuple[int, ...] = ()
    tables: tuple[TableType, ...] = ()
    memories: tuple[MemoryType, ...] = ()
    tags: tuple[Tag, ...] = ()
    globals: tuple[Global, ...] = ()
    exports: tuple[Export, ...] = ()
    start: int | None = None
    elements: tuple[ElementSegment, ...] = ()
    data_count: int | None = None
    code: tuple[ByteRange, ...] = ()
    data_segments: tuple[DataSegment, ...] = ()
    names: Names = field(default_factory=Names)
    customs: tuple[CustomSection, ...] = ()

    # The whole index spaces, derived.
    func_typeidxs: tuple[int, ...] = field(init=False, repr=False, compare=False)
    table_types: tuple[TableType, ...] = field(init=False, repr=False, compare=False)
    memory_types: tuple[MemoryType, ...] = field(init=False, repr=False, compare=False)
    global_types: tuple[GlobalType, ...] = field(init=False, repr=False, compare=False)
    tag_typeidxs: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        funcs: list[int] = []
        tables: list[TableType] = []
        memories: list[MemoryType] = []
        globals_: list[GlobalType] = []
        tags: list[int] = []
        for item in self.imports:
            match item.type:
                case int():
                    funcs.append(item.type)
                case TableType():
                    tables.append(item.type)
                case MemoryType():
                    memories.append(item.type)
                case GlobalType():
                    globals_.append(item.type)
                case Tag():
                    tags.append(item.type.typeidx)
        set_field = object.__setattr__  # the class is frozen
        set_field(self, "func_typeidxs", (*funcs, *self.funcs))
        set_field(self, "table_types", (*tables, *self.tables))
        set_field(self, "memory_types", (*memories, *self.memories))
        set_field(self, "global_types", (*globals_, *(item.type for item in self.globals)))
        set_field(self, "tag_typeidxs", (*tags, *(item.typeidx for item in self.tags)))

    @property
    def imported_funcs(self) -> int:
        """How many functions are imported: the index of the first defined one."""
        return len(self.func_typeidxs) - len(self.funcs)

    @property
    def imported_tables(self) -> int:
        """How many tables are imported."""
        return len(self.table_types) - len(self.tables)

    @property
    def imported_memories(self) -> int:
        """How many memories are imported."""
        return len(self.memory_types) - len(self.memories)

    @property
    def imported_globals(self) -> int:
        """How many globals are imported."""
        return len(self.global_types) - len(self.globals)

    @property
    def imported_tags(self) -> int:
        """How many tags are imported."""
        return len(self.tag_typeidxs) - len(self.tags)

    def func_type(self, funcidx: int) -> FuncType:
        """The type of a function, imported or defined."""
        return self.types[self.func_typeidxs[funcidx]]

    def table_type(self, tableidx: int) -> TableType:
        """The type of a table, imported or defined."""
        return self.table_types[tableidx]

    def memory_type(self, memidx: int) -> MemoryType:
        """The type of a memory, imported or defined."""
        return self.memory_types[memidx]

    def global_type(self, globalidx: int) -> GlobalType:
        """The type of a global, imported or defined."""
        return self.global_types[globalidx]

    def tag_params(self, tagidx: int) -> tuple[ValType, ...]:
        """What an exception of a tag carries, imported or defined."""
        return self.types[self.tag_typeidxs[tagidx]].param_types

    def body(self, funcidx: int) -> ByteRange:
        """The range of a defined function's body."""
        return self.code[funcidx - self.imported_funcs]


@dataclass(frozen=True, slots=True)
class ValidModule:
    """A module whose module-level rules are proven; only `validate()` makes one.

    `declared_refs` are the functions that bodies may name in `ref.func`; `escapes` are those and the
    start function, sorted: all that may be called otherwise than directly.
    """

    module: Module
    declared_refs: frozenset[int]
    escapes: tuple[int, ...]
