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
_PIECE = 4096
_COUNT = struct.Struct("<I")
_MAX_CODE_DELTA = 0xFFFF
_MIN_WASM_DELTA, _MAX_WASM_DELTA = -0x8000, 0x7FFF

if sys.byteorder != "little":  # the arrays are read in place
    raise ImportError("cachewasm needs a little-endian host")


def encode(code_offsets: "array[int]", wasm_offsets: "array[int]") -> bytes:
    """Return the section's bytes; both arrays have type code "I" and are equally long."""
    from array import array  # only the compiler gets here

    codes, wasms = array("I"), array("I")
    code_deltas, wasm_deltas = array("H"), array("h")
    code = code_offsets[0] if code_offsets else 0
    wasm = _stored(wasm_offsets[:1])[0] if code_offsets else 0
    # In pieces, so that what does not fit into 16 bits slows down what is near.
    for start in range(0, len(code_offsets), _PIECE):
        more_codes: Sequence[int] = code_offsets[start : start + _PIECE]
        more_wasms: Sequence[int] = _stored(wasm_offsets[start : start + _PIECE])
        try:
            steps = array("H", _deltas(code, more_codes)), array("h", _deltas(wasm, more_wasms))
        except OverflowError:
            more_codes, more_wasms = _small_steps(code, wasm, more_codes, more_wasms)
            steps = array("H", _deltas(code, more_codes)), array("h", _deltas(wasm, more_wasms))
        code_deltas.extend(steps[0])
        wasm_deltas.extend(steps[1])
        codes.extend(more_codes)
        wasms.extend(more_wasms)
        code, wasm = more_codes[-1], more_wasms[-1]
    return b"".join(
        (
            _COUNT.pack(len(codes)),
            codes[::_BLOCK].tobytes(),
            wasms[::_BLOCK].tobytes(),
            code_deltas.tobytes(),
            wasm_deltas.tobytes(),
        )
    )


def _stored(wasm_offsets: "array[int]") -> "array[int]":
    """The numbers as they are stored."""
    for i, offset in enumerate(wasm_offsets) if NO_OFFSET in wasm_offsets else ():
        if offset == NO_OFFSET:
            wasm_offsets[i] = _NO_OFFSET_STORED
    return wasm_offsets


def _deltas(before: int, values: "Sequence[int]") -> "Iterator[int]":
    """The difference of each value to the one before it."""
    from itertools import chain
    from operator import sub

    return map(sub, values, chain((before,), values))


def _small_steps(
    code: int, wasm: int, codes: "Sequence[int]", wasms: "Sequence[int]"
) -> "tuple[Sequence[int], Sequence[int]]":
    """The rows behind row (code, wasm), with others where a delta does not fit into 16 bits.

    Of rows with one code offset the last counts, so the steps to a far wasm offset change nothing.
    """
    all_codes: list[int] = []
    all_wasms: list[int] = []
    for next_code, next_wasm in zip(codes, wasms, strict=True):
        while next_code - code > _MAX_CODE_DELTA:
            code += _MAX_CODE_DELTA
            all_codes.append(code)
            all_wasms.append(wasm)
        code = next_code
        while not _MIN_WASM_DELTA <= next_wasm - wasm <= _MAX_WASM_DELTA:
            wasm += _MAX_WASM_DELTA if next_wasm > wasm else _MIN_WASM_DELTA
            all_codes.append(code)
            all_wasms.append(wasm)
        wasm = next_wasm
        all_codes.append(code)
        all_wasms.append(wasm)
    return all_codes, all_wasms


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
