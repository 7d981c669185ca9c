"""The address map: from machine code back to wasm bytecode, for backtraces.

Rows are deltas of 16 bits, in blocks whose first rows stand in full in an index: half the size of
plain numbers, and all of it is read, checked and copied whenever the module is loaded. A lookup is a
bisection of the index on the mapped bytes and a walk over one block. A row holds up to the next one.
Format: docs/format/artifact.md.

On the warm path.
"""

import struct
import sys

from cachewasm.errors import IncompatibleArtifact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator, Sequence

# In place of a wasm offset: the code belongs to no instruction. In the section it is 0, where the
# header of a module is.
NO_OFFSET = 0xFFFFFFFF
_NO_OFFSET_STORED = 0

_BLOCK = 256
_COUNT = struct.Struct("<I")
_MAX_CODE_DELTA = 0xFFFF
_MAX_WASM_DELTA = 0x7FFF

if sys.byteorder != "little":  # the arrays are read in place
    raise ImportError("cachewasm needs a little-endian host")


def encode(code_offsets: "array[int]", wasm_offsets: "array[int]") -> bytes:
    """Return the section's bytes; both arrays hold 32-bit numbers and are equally long."""
    from array import array  # only the compiler gets here

    stored = [_NO_OFFSET_STORED if offset == NO_OFFSET else offset for offset in wasm_offsets]
    codes, wasms = _small_steps(code_offsets, stored)
    return b"".join(
        (
            _COUNT.pack(len(codes)),
            array("I", codes[::_BLOCK]).tobytes(),
            array("I", wasms[::_BLOCK]).tobytes(),
            array("H", _deltas(codes)).tobytes(),
            array("h", _deltas(wasms)).tobytes(),
        )
    )


def _deltas(values: "Sequence[int]") -> "Iterator[int]":
    """The difference of each value to the one before; 0 for the first."""
    from itertools import pairwise

    if values:
        yield 0
    yield from (b - a for a, b in pairwise(values))


def _small_steps(
    codes: "Sequence[int]", wasms: "Sequence[int]"
) -> "tuple[Sequence[int], Sequence[int]]":
    """The rows, with others in between where a delta does not fit into 16 bits.

    Of rows with one code offset the last counts, so the steps to a far wasm offset change nothing.
    """
    wide = [
        i
        for i in range(1, len(codes))
        if codes[i] - codes[i - 1] > _MAX_CODE_DELTA
        or not -_MAX_WASM_DELTA <= wasms[i] - wasms[i - 1] <= _MAX_WASM_DELTA
    ]
    if not wide:
        return codes, wasms
    all_codes: list[int] = []
    all_wasms: list[int] = []
    start = 0
    for i in wide:
        all_codes += codes[start:i]
        all_wasms += wasms[start:i]
        start = i
        code, wasm = codes[i - 1], wasms[i - 1]
        while codes[i] - code > _MAX_CODE_DELTA:
            code += _MAX_CODE_DELTA
            all_codes.append(code)
            all_wasms.append(wasm)
        while abs(wasms[i] - wasm) > _MAX_WASM_DELTA:
            wasm += _MAX_WASM_DELTA if wasms[i] > wasm else -_MAX_WASM_DELTA
            all_codes.append(codes[i])
            all_wasms.append(wasm)
    return all_codes + list(codes[start:]), all_wasms + list(wasms[start:])


def lookup(section: memoryview, code_offset: int) -> int | None:
    """Return the wasm offset of the instruction that the code at `code_offset` belongs to.

    Both count from their starts: of the text, and of the wasm binary. None if no instruction is
    known. For a return address ask for the byte before it, which belongs to the call.
    """
    from bisect import bisect_right  # only a backtrace gets here

    if not len(section):
        return None
    if len(section) < _COUNT.size:
        raise IncompatibleArtifact("the address map is damaged")
    count: int = _COUNT.unpack_from(section)[0]
    blocks = (count + _BLOCK - 1) // _BLOCK
    if len(section) != _COUNT.size + 8 * blocks + 4 * count:
        raise IncompatibleArtifact("the address map is damaged")
    index = section[_COUNT.size : _COUNT.size + 8 * blocks].cast("I")
    block = bisect_right(index, code_offset, 0, blocks) - 1
    if block < 0:
        return None
    deltas = section[_COUNT.size + 8 * blocks :]
    code_deltas, wasm_deltas = deltas[: 2 * count].cast("H"), deltas[2 * count :].cast("h")
    code, wasm = index[block], index[blocks + block]
    for row in range(block * _BLOCK + 1, min((block + 1) * _BLOCK, count)):
        code += code_deltas[row]
        if code > code_offset:
            break
        wasm += wasm_deltas[row]
    return None if wasm == _NO_OFFSET_STORED else wasm
