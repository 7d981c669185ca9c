"""Places: how machine code carries the wasm offset that it was made for.

A place is a wasm offset + 1, since LLVM takes line 0 for "no line". Places stand on calls, traps and
memory accesses only: nothing else can be on the stack or fault, and each costs time.

There are two ways to write them. `LineTable` survives every optimization. `PcSections` costs LLVM a
tenth of that, but its code generator keeps it on a call only if FastISel selects the call, so it is
for the baseline tier: see FunctionTranslator.alone. It never selects an invoke, and next to no vector
instruction, so functions that catch exceptions and those with vectors have lines in that tier, too.
"""

from typing import NamedTuple

from cachewasm.compiler.linker.pc_sections import FUNCTIONS, INSTRUCTIONS
from cachewasm.compiler.translate.ir import FIRST_FREE_METADATA

_UNIT, _FILE, _TYPE, _VERSION, _DWARF, _FIRST_FREE = range(
    FIRST_FREE_METADATA, FIRST_FREE_METADATA + 6
)


_PC_BEFORE = f', !pcsections !{{!"{INSTRUCTIONS}", !{{i32 '
_PC_AFTER = "}}"


class FunctionPlaces(NamedTuple):
    """How one function writes places.

    `nodes` are lines before its definition, `definition` is a suffix of its head. The suffix of an
    instruction is `before`, the place, `after`. What it says stands where it is used: a node that is
    defined elsewhere would have to be looked up, and one that is defined later has to be replaced
    everywhere, which costs LLVM more than the rest.
    """

    nodes: tuple[str, ...]
    definition: str
    before: str
    after: str


class LineTable:
    """Places as the lines of DWARF's line table. One per IR module, whose text begins with `header`."""

    __slots__ = ("_next",)

    header = (
        f"!llvm.dbg.cu = !{{!{_UNIT}}}",
        f"!llvm.module.flags = !{{!{_VERSION}, !{_DWARF}}}",
        f'!{_FILE} = !DIFile(filename: "wasm", directory: "")',
        f"!{_TYPE} = !DISubroutineType(types: null)",
        f"!{_UNIT} = distinct !DICompileUnit(language: DW_LANG_C, file: !{_FILE}, "
        "emissionKind: DebugDirectivesOnly)",
        f'!{_VERSION} = !{{i32 2, !"Debug Info Version", i32 3}}',
        f'!{_DWARF} = !{{i32 2, !"Dwarf Version", i32 4}}',
    )

    def __init__(self) -> None:
        self._next = _FIRST_FREE

    def function(self, name: str, offset: int) -> FunctionPlaces:
        """The places of a function whose body is at `offset`."""
        node = f"!{self._next}"
        self._next += 1
        subprogram = (
            f'{node} = distinct !DISubprogram(name: "{name}", file: !{_FILE}, line: {offset + 1}, '
            f"type: !{_TYPE}, scopeLine: {offset + 1}, spFlags: DISPFlagDefinition, unit: !{_UNIT})"
        )
        return FunctionPlaces(
            (subprogram,), f" !dbg {node}", ", !dbg !DILocation(line: ", f", scope: {node})"
        )


class PcSections:
    """Places in sections of their own, beside the addresses of the instructions (pc_sections.py)."""

    __slots__ = ()

    header = ()

    def function(self, _name: str, offset: int) -> FunctionPlaces:
        """The places of a function whose body is at `offset`."""
        return FunctionPlaces(
            (),
            f' !pcsections !{{!"{FUNCTIONS}", !{{i32 {offset + 1}}}}}',
            _PC_BEFORE,
            _PC_AFTER,
        )


def with_lines(text: str, places: FunctionPlaces) -> str:
    """A line of a function's text, its PC sections replaced by `places`."""
    head, *rest = text.split(_PC_BEFORE)
    parts = [head]
    for part in rest:
        number, _, after = part.partition(_PC_AFTER)
        parts += (places.before, number, places.after, after)
    return "".join(parts)


NO_PLACES = FunctionPlaces((), "", "", "")
