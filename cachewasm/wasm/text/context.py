"""What a module defines so far: its index spaces with their identifiers, and its types.

Identifiers are known before anything that uses them is parsed (see outline.py). Types that only a
type use spells out are appended after the explicit ones, in the order of the text.
"""

from cachewasm.wasm.text.cursor import Cursor
from cachewasm.wasm.types import FuncType, ValType


class IndexSpace:
    """One index space: how many things it has, and what their identifiers are."""

    __slots__ = ("count", "ids", "kind")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.count = 0
        self.ids: dict[str, int] = {}

    def define(self, c: Cursor, identifier: str | None) -> int:
        """Add one thing, whose identifier the cursor has just passed; its index."""
        index = self.count
        self.count += 1
        if identifier is not None:
            if identifier in self.ids:
                raise c.error(f"duplicate {self.kind} ${identifier}", c.pos - 1)
            self.ids[identifier] = index
        return index

    def index(self, c: Cursor) -> int:
        """The index that must be next, by number or identifier."""
        identifier = c.optional_identifier()
        if identifier is None:
            return c.u32()
        index = self.ids.get(identifier)
        if index is None:
            raise c.error(f"unknown {self.kind} ${identifier}", c.pos - 1)
        return index

    def optional_index(self, c: Cursor) -> int:
        """The index, if one is next, else 0."""
        return self.index(c) if c.at_index() else 0


class TypeSpace(IndexSpace):
    """The index space of types, with the types."""

    __slots__ = ("_indices", "types")

    def __init__(self) -> None:
        super().__init__("type")
        self.types: list[FuncType] = []
        self._indices: dict[tuple[tuple[ValType, ...], tuple[ValType, ...]], int] = {}

    def add(self, functype: FuncType) -> int:
        """Append a type; its index."""
        index = len(self.types)
        self.types.append(functype)
        self._indices.setdefault((functype.param_types, functype.result_types), index)
        return index

    def find_or_add(self, params: tuple[ValType, ...], results: tuple[ValType, ...]) -> int:
        """The first index of a type, which is appended if it is new."""
        index = self._indices.get((params, results))
        return self.add(FuncType(params, results)) if index is None else index


class Context:
    """All index spaces of a module, and whether bodies use data segments."""

    __slots__ = (
        "data",
        "elems",
        "funcs",
        "globals",
        "memories",
        "tables",
        "tags",
        "types",
        "uses_data_segments",
    )

    def __init__(self) -> None:
        self.types = TypeSpace()
        self.funcs = IndexSpace("function")
        self.tables = IndexSpace("table")
        self.memories = IndexSpace("memory")
        self.globals = IndexSpace("global")
        self.tags = IndexSpace("tag")
        self.elems = IndexSpace("elem segment")
        self.data = IndexSpace("data segment")
        self.uses_data_segments = False
