"""The address map: from machine code back to wasm bytecode, for backtraces.

Two sorted, parallel arrays of 32-bit numbers, so that a lookup is a bisection on the mapped bytes and
loading costs nothing. A row holds up to the next one. Format: docs/format/artifact.md.

On the warm path.
"""

import sys

from cachewasm.errors import IncompatibleArtifact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array

# In place of a wasm offset: the code belongs to no instruction.
NO_OFFSET = 0xFFFFFFFF

if sys.byteorder != "little":  # the arrays are read in place
    raise ImportError("cachewasm needs a little-endian host")


def encode(code_offsets: "array[int]", wasm_offsets: "array[int]") -> bytes:
    """Return the section's bytes; both arrays hold 32-bit numbers and are equally long."""
    return code_offsets.tobytes() + wasm_offsets.tobytes()


def lookup(section: memoryview, code_offset: int) -> int | None:
    """Return the wasm offset of the instruction that the code at `code_offset` belongs to.

    Both count from their starts: of the text, and of the wasm binary. None if no instruction is
    known. For a return address ask for the byte before it, which belongs to the call.
    """
    from bisect import bisect_right  # only a backtrace gets here

    if len(section) % 8:
        raise IncompatibleArtifact("the address map is damaged")
    rows = section.cast("I")
    count = len(rows) // 2
    row = bisect_right(rows, code_offset, 0, count)
    if row == 0:
        return None
    wasm_offset = rows[count + row - 1]
    return None if wasm_offset == NO_OFFSET else wasm_offset
