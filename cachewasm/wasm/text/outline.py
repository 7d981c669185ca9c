"""The fields of a module, found before they are parsed.

Anything may name what is defined after it, so a first pass over the text gives each thing its index
and finds the explicit types. It parses no more than that needs; what a field looks like inside is
judged by the second pass.
"""

from dataclasses import dataclass

from cachewasm.wasm import features
from cachewasm.wasm.text.context import Context, IndexSpace
from cachewasm.wasm.text.cursor import Cursor
from cachewasm.wasm.text.lexer import quoted
from cachewasm.wasm.text.parse_types import at_reftype, functype

_LATER_FIELDS = {"rec": features.GC}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a module: its keyword, and the position of the token after that."""

    keyword: str
    pos: int


class Outline:
    """The first pass over the fields at the cursor, which it leaves after the last one."""

    def __init__(self, c: Cursor, context: Context) -> None:
        self._c = c
        self._context = context
        self._spaces = {
            "func": context.funcs,
            "table": context.tables,
            "memory": context.memories,
            "global": context.globals,
            "tag": context.tags,
        }
        self._first_definition: str | None = None
        self._has_start = False
        self.fields: list[Field] = []

    def read(self) -> list[Field]:
        """All fields up to a closing parenthesis or the end of the input, which stays."""
        c = self._c
        while c.token not in (")", ""):
            c.expect("(")
            keyword = c.token
            start = c.pos + 1
            if keyword != "type":
                self.fields.append(Field(keyword, start))
            self._outline(keyword)
            c.pos = start
            c.skip_form()
        return self.fields

    def _outline(self, keyword: str) -> None:
        c = self._c
        space = self._spaces.get(keyword)
        if space is not None:
            c.pos += 1
            self._definition(keyword, space)
        elif keyword == "type":
            c.pos += 1
            self._context.types.define(c, c.optional_identifier())
            self._context.types.add(functype(c))
            c.expect(")")
        elif keyword == "import":
            self._import()
        elif keyword in ("elem", "data"):
            c.pos += 1
            segments = self._context.elems if keyword == "elem" else self._context.data
            segments.define(c, c.optional_identifier())
        elif keyword == "start":
            if self._has_start:
                raise c.error("multiple start sections")
            self._has_start = True
        elif keyword in _LATER_FIELDS:
            c.refuse(_LATER_FIELDS[keyword], f"`{keyword}`")
        elif keyword != "export":
            raise c.unexpected("a module field")

    def _import(self) -> None:
        c = self._c
        self._check_import_order()
        c.pos += 1
        c.name()
        c.name()
        c.expect("(")
        kind = c.token
        space = self._spaces.get(kind)
        if space is None:
            raise c.unexpected("what is imported")
        c.pos += 1
        space.define(c, c.optional_identifier())

    def _definition(self, keyword: str, space: IndexSpace) -> None:
        c = self._c
        start = c.pos
        space.define(c, c.optional_identifier())
        while c.take_form("export"):
            c.skip_form()
        if c.at_form("import"):
            self._check_import_order(start)
            return
        self._first_definition = self._first_definition or keyword
        if keyword == "memory":
            c.take("i32")
            if c.at_form("data"):
                self._context.data.define(c, None)
        elif keyword == "table":
            c.take("i32")
            if at_reftype(c):  # before limits: the elements follow
                self._context.elems.define(c, None)

    def _check_import_order(self, pos: int | None = None) -> None:
        if self._first_definition is not None:
            what = {"func": "function"}.get(self._first_definition, self._first_definition)
            raise self._c.error(f"import after {quoted(what)}", pos)
