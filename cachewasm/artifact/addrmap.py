"""The address map: from machine code back to wasm bytecode, for backtraces.

A row holds up to the next one. Rows are written as steps from the one before, in blocks whose first
rows stand in full in an index. All of the map is read, checked and copied whenever the module is
loaded, and nearly every step fits into 8 bits: so it has 8, and the few that need more stand behind
those of their block. A lookup is a bisection of the index on the mapped bytes and a walk over one
block. Format: docs/format/artifact.md.

On a hit only a backtrace gets here.
"""

import struct
import sys

from cachewasm.errors import IncompatibleArtifact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Iterator

# In place of a wasm offset: the code belongs to no instruction.
NO_OFFSET = 0xFFFFFFFF

_BLOCK = 256
_COUNT = struct.Struct("<I")
# Per block: code offset and wasm offset of its first row, and where its steps end.
_INDEX_ROW = 12
# In place of a step that needs more bits: no row says what holds already, so a step of 0 is rare.
_WIDER = 0
# The steps that 8 and 16 bits hold. Code offsets ascend.
_CODE_STEPS = range(1 << 8), range(1 << 16)
_WASM_STEPS = range(-(1 << 7), 1 << 7), range(-(1 << 15), 1 << 15)
_WORD = 0xFFFF
_SIGN = 0x8000
_MODULUS = 1 << 32

if sys.byteorder != "little":  # the arrays are read in place
    raise ImportError("cachewasm needs a little-endian host")


def encode(code_offsets: "array[int]", wasm_offsets: "array[int]") -> bytes:
    """Return the section's bytes; both arrays have type code "I" and are equally long."""
    from array import array  # only the compiler gets here
    from itertools import compress, repeat
    from operator import sub

    codes, wasms, ends = array("I"), array("I"), array("I")
    columns = [
        (offsets, firsts, {step: step & 0xFF for step in narrow}, wide)
        for offsets, firsts, (narrow, wide) in (
            (code_offsets, codes, _CODE_STEPS),
            (wasm_offsets, wasms, _WASM_STEPS),
        )
    ]
    is_wider = bytes(step == _WIDER for step in range(0x100))
    parts: list[bytes] = []
    size = 0
    for start in range(0, len(code_offsets), _BLOCK):
        words = array("H")
        for offsets, firsts, narrow, wide in columns:
            rows = offsets[start : start + _BLOCK]
            firsts.append(rows[0])
            steps = list(map(sub, rows[1:], rows))
            column = bytes(map(narrow.get, steps, repeat(_WIDER)))
            if _WIDER in column:
                words.extend(_words(compress(steps, column.translate(is_wider)), wide))
            parts.append(column)
            size += len(column)
        parts.append(words.tobytes())
        size += len(parts[-1])
        ends.append(size)
    index = codes.tobytes(), wasms.tobytes(), ends.tobytes()
    return b"".join((_COUNT.pack(len(code_offsets)), *index, *parts))


def _words(steps: "Iterable[int]", wide: range) -> "Iterator[int]":
    """Steps that 8 bits do not hold, in 16 bits or, behind a mark, in 32."""
    for step in steps:
        if step in wide and step != _WIDER:
            yield step & _WORD
        else:
            yield from (_WIDER, step & _WORD, step >> 16 & _WORD)


def lookup(section: memoryview, code_offset: int) -> int | None:
    """Return the wasm offset of the instruction that the code at `code_offset` belongs to.

    Both count from their starts: of the text, and of the wasm binary. None if no instruction is
    known. For a return address ask for the byte before it, which belongs to the call.
    """
    from bisect import bisect_right  # only a backtrace gets here
    from itertools import accumulate

    if not len(section):
        return None
    if len(section) < _COUNT.size:
        raise _damaged()
    count: int = _COUNT.unpack_from(section)[0]
    blocks = (count + _BLOCK - 1) // _BLOCK
    index_end = _COUNT.size + _INDEX_ROW * blocks
    if len(section) < index_end:
        raise _damaged()
    index, steps = section[_COUNT.size : index_end].cast("I"), section[index_end:]
    if len(steps) != (index[-1] if blocks else 0):
        raise _damaged()
    block = bisect_right(index, code_offset, 0, blocks) - 1
    if block < 0:
        return None
    code, wasm, end = index[block::blocks]
    start = index[2 * blocks + block - 1] if block else 0
    more_rows = min(_BLOCK, count - block * _BLOCK) - 1
    middle, words_at = start + more_rows, start + 2 * more_rows
    if not words_at <= end <= len(steps) or (end - words_at) % 2:
        raise _damaged()
    words = iter(steps[words_at:end].cast("H"))
    try:
        code_steps = _steps(steps[start:middle], words, 0)
        wasm_steps = _steps(steps[middle:words_at].cast("b"), words, _SIGN)
    except StopIteration:
        raise _damaged() from None
    if next(words, None) is not None:
        raise _damaged()
    row = bisect_right(list(accumulate(code_steps, initial=code)), code_offset) - 1
    found = (wasm + sum(wasm_steps[:row])) % _MODULUS
    return None if found == NO_OFFSET else found


def _steps(narrow: memoryview, words: "Iterator[int]", sign: int) -> list[int]:
    """A column of a block, with the wider steps from `words`; `sign` is the sign's bit in those."""
    steps: list[int] = narrow.tolist()
    column = bytes(narrow)
    row = column.find(_WIDER)
    while row >= 0:
        word = next(words)
        steps[row] = (word ^ sign) - sign if word else next(words) | next(words) << 16
        row = column.find(_WIDER, row + 1)
    return steps


def _damaged() -> IncompatibleArtifact:
    return IncompatibleArtifact("the address map is damaged")
