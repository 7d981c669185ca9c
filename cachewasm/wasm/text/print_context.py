"""How a printed module refers to its functions and types.

A function is referred to by its name where the `name` section gives one that no other function has
taken, else by its index. What is long is spelled out where it is defined and referred to by its
index alone, so the text stays proportional to the binary, whatever the names and types are.
"""

from collections.abc import Iterable

from cachewasm.wasm.module import Module
from cachewasm.wasm.text import spelling
from cachewasm.wasm.types import FuncType, ValType

_LONG_NAME = 200  # characters
_LONG_TYPE = 16  # parameters and results


def listed(keyword: str, types: Iterable[ValType]) -> str:
    """` (param i32 i64)`, or nothing if there are no types."""
    names = " ".join(valtype.name for valtype in types)
    return f" ({keyword} {names})" if names else ""


def signature(functype: FuncType) -> str:
    """` (param ...) (result ...)`."""
    return listed("param", functype.param_types) + listed("result", functype.result_types)


class PrintContext:
    """The references of one module; spelled once, since bodies repeat them."""

    __slots__ = ("_funcs", "_type_uses", "identifiers", "module")

    def __init__(self, module: Module) -> None:
        self.module = module
        self.identifiers: dict[int, str] = {}
        taken = set()
        count = len(module.func_typeidxs)
        for funcidx, name in sorted(module.names.funcs.items()):
            if name and funcidx < count and name not in taken:
                taken.add(name)
                self.identifiers[funcidx] = spelling.identifier(name)
        self._funcs = {
            funcidx: name for funcidx, name in self.identifiers.items() if len(name) <= _LONG_NAME
        }
        self._type_uses: dict[int, str] = {}

    def func(self, funcidx: int) -> str:
        """A reference to a function."""
        return self._funcs.get(funcidx) or str(funcidx)

    def name_of(self, funcidx: int) -> str:
        """What stands behind `func` in a definition: ` $name (;3;)`, as far as there is a name."""
        found = self.identifiers.get(funcidx)
        if found is not None:
            return f" {found} (;{funcidx};)"
        # Empty or taken: it cannot be an identifier, but the annotation can hold it.
        name = self.module.names.funcs.get(funcidx)
        return f" (;{funcidx};)" + ("" if name is None else f" (@name {spelling.string(name)})")

    def type_use(self, typeidx: int) -> str:
        """` (type 3)`, followed by the signature unless it is long."""
        found = self._type_uses.get(typeidx)
        if found is None:
            found = f" (type {typeidx})"
            types = self.module.types
            if typeidx < len(types):
                functype = types[typeidx]
                if len(functype.param_types) + len(functype.result_types) <= _LONG_TYPE:
                    found += signature(functype)
            self._type_uses[typeidx] = found
        return found
