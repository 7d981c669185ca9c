"""Debug metadata: LLVM's line tables carry the wasm offset of machine code.

A line number is a wasm offset + 1, since LLVM takes line 0 for "no line". Locations stand on calls,
traps and memory accesses only: nothing else can be on the stack or fault, and each costs time.
"""

from cachewasm.compiler.translate.ir import FIRST_FREE_METADATA

_UNIT, _FILE, _TYPE, _VERSION, _DWARF, _FIRST_FREE = range(
    FIRST_FREE_METADATA, FIRST_FREE_METADATA + 6
)


class DebugInfo:
    """The metadata of one IR module; `lines` is its text."""

    __slots__ = ("_next", "lines")

    def __init__(self) -> None:
        self._next = _FIRST_FREE
        self.lines = [
            f"!llvm.dbg.cu = !{{!{_UNIT}}}",
            f"!llvm.module.flags = !{{!{_VERSION}, !{_DWARF}}}",
            f"!{_UNIT} = distinct !DICompileUnit(language: DW_LANG_C, file: !{_FILE}, "
            "emissionKind: LineTablesOnly)",
            f'!{_FILE} = !DIFile(filename: "wasm", directory: "")',
            f"!{_TYPE} = !DISubroutineType(types: !0)",
            f'!{_VERSION} = !{{i32 2, !"Debug Info Version", i32 3}}',
            f'!{_DWARF} = !{{i32 2, !"Dwarf Version", i32 4}}',
        ]

    def subprogram(self, name: str, offset: int) -> str:
        """The node of a function whose body starts at `offset`."""
        return self._node(
            f'distinct !DISubprogram(name: "{name}", file: !{_FILE}, line: {offset + 1}, '
            f"type: !{_TYPE}, scopeLine: {offset + 1}, spFlags: DISPFlagDefinition, unit: !{_UNIT})"
        )

    def location(self, offset: int, subprogram: str) -> str:
        """The node of a place in a function."""
        return self._node(f"!DILocation(line: {offset + 1}, column: 0, scope: {subprogram})")

    def _node(self, text: str) -> str:
        name = f"!{self._next}"
        self._next += 1
        self.lines.append(f"{name} = {text}")
        return name
