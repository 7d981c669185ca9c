"""The sections in which LLVM notes where instructions and functions are, with a number for each.

    instruction with `!pcsections !{!"pc", !{i32 N}}`: u32 address ..., u32 N
    function with `!pcsections !{!"fn", !{i32 N}}`:    u32 address, u32 size, u32 N

The number follows the addresses of all machine instructions that one instruction of IR became. An
address is relative to its own place, so a relocation makes it; records have no order.

Source: LLVM, "PC Sections Metadata".
"""

from array import array

from cachewasm.compiler.linker.object import Section
from cachewasm.errors import InternalError
from cachewasm.record import dataclass

INSTRUCTIONS = "pc"
FUNCTIONS = "fn"


@dataclass(frozen=True, slots=True)
class Numbered:
    """What a section holds: where each address lies behind the symbol, and its number.

    `kind` is that of the relocations that make the addresses, `symbol` the one that they name.
    """

    kind: int
    symbol: int
    offsets: list[int]
    numbers: list[int]


def is_pc_section(section: Section) -> bool:
    """Whether a section is one of these."""
    return section.name in (INSTRUCTIONS, FUNCTIONS)


def read(section: Section) -> Numbered:
    """Read a section, in which addresses are zeros yet. Raises InternalError if it is damaged."""
    words = array("I", bytes(section.body))
    relocations = array("q", bytes(section.rela))  # per address: its place, symbol and kind, offset
    if section.name == FUNCTIONS:
        numbers = list(words[2::3])
    else:
        numbers = []
        number = 0
        for word in reversed(words):
            if word:
                number = word
            else:
                numbers.append(number)
        numbers.reverse()
    places = list(relocations[0::3])
    named = set(relocations[1::3])
    offsets = list(relocations[2::3])
    is_whole = len(numbers) == len(offsets) and 0 not in numbers and places == sorted(places)
    if len(named) != 1 or not is_whole:
        raise InternalError(f"link: section {section.name} is damaged")
    symbol, kind = divmod(named.pop(), 1 << 32)
    return Numbered(kind, symbol, offsets, numbers)
