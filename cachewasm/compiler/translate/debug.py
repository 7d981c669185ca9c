"""Debug metadata: LLVM's line tables carry the wasm offset of machine code.

A line number is a wasm offset + 1, since LLVM takes line 0 for "no line". Locations stand on calls,
traps and memory accesses only: nothing else can be on the stack or fault, and each costs time.
"""

from cachewasm.compiler.translate.ir import FIRST_FREE_METADATA

_UNIT, _FILE, _TYPE, _VERSION, _DWARF, _FIRST_FREE = range(
    FIRST_FREE_METADATA, FIRST_FREE_METADATA + 6
)


HEADER = (
    f"!llvm.dbg.cu = !{{!{_UNIT}}}",
    f"!llvm.module.flags = !{{!{_VERSION}, !{_DWARF}}}",
    f'!{_FILE} = !DIFile(filename: "wasm", directory: "")',
    f"!{_TYPE} = !DISubroutineType(types: null)",
    f"!{_UNIT} = distinct !DICompileUnit(language: DW_LANG_C, file: !{_FILE}, "
    "emissionKind: DebugDirectivesOnly)",
    f'!{_VERSION} = !{{i32 2, !"Debug Info Version", i32 3}}',
    f'!{_DWARF} = !{{i32 2, !"Dwarf Version", i32 4}}',
)


class DebugInfo:
    """The numbers of the nodes of one IR module, whose text begins with HEADER."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = _FIRST_FREE

    def subprogram(self, name: str, offset: int) -> tuple[str, str]:
        """The name, and the line of text, of the node of a function whose body is at `offset`."""
        node = f"!{self._next}"
        self._next += 1
        return node, (
            f'{node} = distinct !DISubprogram(name: "{name}", file: !{_FILE}, line: {offset + 1}, '
            f"type: !{_TYPE}, scopeLine: {offset + 1}, spFlags: DISPFlagDefinition, unit: !{_UNIT})"
        )


def place(offset: int, subprogram: str) -> str:
    """The suffix of an instruction that belongs to the wasm instruction at `offset`.

    The node stands where it is used: one that is defined elsewhere would have to be looked up, and
    one that is defined later has to be replaced everywhere, which costs LLVM more than the rest.
    """
    return f", !dbg !DILocation(line: {offset + 1}, scope: {subprogram})"
