"""The sections in which LLVM notes where instructions and functions are, with a number for each.

    instruction with `!pcsections !{!"pc", !{i32 N}}`: u32 address ..., u32 N
    function with `!pcsections !{!"fn", !{i32 N}}`:    u32 address, u32 size, u32 N

The number follows the addresses of all machine instructions that one instruction of IR became. An
address is relative to its own place, so a relocation makes it; records have no order.

Source: LLVM, "PC Sections Metadata".
"""

from array import array
from collections.abc import Iterator

from cachewasm.compiler.object import Section

INSTRUCTIONS = "pc"
FUNCTIONS = "fn"

# How many words behind the last address the number stands.
_NUMBER = {INSTRUCTIONS: 1, FUNCTIONS: 2}


def is_pc_section(section: Section) -> bool:
    """Whether a section is one of these."""
    return section.name in _NUMBER


def addresses(section: Section) -> Iterator[tuple[int, int, int, int]]:
    """The number of each address, and the relocation that makes it: kind, symbol, addend.

    Raises IndexError for a damaged section.
    """
    words = array("I", bytes(section.body))
    behind = _NUMBER[section.name]
    following = -1
    number = 0
    for offset, kind, symbol, addend in reversed(list(section.relocations())):
        if offset + 4 != following:
            number = words[(offset >> 2) + behind]
        following = offset
        yield number, kind, symbol, addend
