"""The names of functions, for backtraces and profiles.

    u32 count | u32 funcidx[count], ascending | u32 end[count] | UTF-8 text of all names, joined

`end` counts from the start of the text; a name starts where the one before ends. A lookup bisects the
mapped bytes and decodes one name. Names may hold what is not valid Unicode: such bytes are kept as
surrogate escapes.

On the warm path.
"""

from cachewasm.artifact.format import U32
from cachewasm.errors import IncompatibleArtifact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def encode(names: "Mapping[int, str]") -> bytes:
    """Return the section's bytes for function index -> name."""
    from array import array  # compiling only

    indices = sorted(names)
    encoded = [names[index].encode("utf-8", "surrogateescape") for index in indices]
    ends = array("I")
    end = 0
    for name in encoded:
        end += len(name)
        ends.append(end)
    return b"".join(
        [U32.pack(len(indices)), array("I", indices).tobytes(), ends.tobytes(), *encoded]
    )


def lookup(section: memoryview, funcidx: int) -> str | None:
    """Return the name of a function, or None if it has none."""
    from bisect import bisect_left  # only a backtrace gets here

    if len(section) == 0:
        return None
    if len(section) < 4:
        raise _damaged()
    count = U32.unpack_from(section)[0]
    text_start = 4 + 8 * count
    if text_start > len(section):
        raise _damaged()
    table = section[4:text_start].cast("I")
    row = bisect_left(table, funcidx, 0, count)
    if row == count or table[row] != funcidx:
        return None
    start = table[count + row - 1] if row else 0
    end = table[count + row]
    text = section[text_start:]
    if start > end or end > len(text):
        raise _damaged()
    return bytes(text[start:end]).decode("utf-8", "surrogateescape")


def _damaged() -> IncompatibleArtifact:
    return IncompatibleArtifact("the function names are damaged")
