"""Damage bytes and modules in ways that get past the first check.

A module whose section sizes no longer fit is refused at once, so edits are made inside one section
or one body, and the sizes around it are put right.
"""

from dataclasses import dataclass
from random import Random

from hypothesis import strategies as st

from cachewasm.errors import MalformedModule
from cachewasm.wasm.decode import CODE_SECTION
from cachewasm.wasm.leb128 import read_u32, unsigned

_HEADER = 8
# What fuzzing by chance finds too late: the ends of ranges, and counts that lie.
_TELLING = tuple(
    bytes.fromhex(each)
    for each in (
        *("00", "01", "02", "03", "04", "05", "0b", "0c", "0e", "40", "41", "6f", "70", "7f", "80"),
        *("fb", "fc", "fd", "fe", "ff", "ffff03", "ffffff7f", "ffffffff0f", "ffffffffff01"),
        *("8080808000", "80808080808080808001", "ffffffff", "00000080", "ffffff7f"),
        *("fd0c", "fd0d", "fd54", "fd9a01", "fd8002", "7b"),
    )
)


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `removed` bytes at a place, given as a fraction of the length, by `inserted`."""

    place: int  # of 65536
    removed: int
    inserted: bytes

    def apply(self, data: bytes) -> bytes:
        """The bytes after the edit."""
        at = self.place * len(data) >> 16
        return data[:at] + self.inserted + data[at + self.removed :]


_INSERTED = st.one_of(st.sampled_from(_TELLING), st.binary(max_size=6))
edits = st.lists(
    st.one_of(
        # Overwriting keeps everything else in its place, so half of the edits do that.
        _INSERTED.flatmap(
            lambda inserted: st.builds(
                Edit, st.integers(0, 65535), st.just(len(inserted)), st.just(inserted)
            )
        ),
        st.builds(Edit, st.integers(0, 65535), st.integers(0, 8), _INSERTED),
    ),
    min_size=1,
    max_size=4,
)


def random_edits(random: Random) -> list[Edit]:
    """Edits like those of the strategy, from a generator."""
    found = []
    for _ in range(random.choice((1, 1, 2, 4))):
        telling = random.random() < 0.5
        inserted = random.choice(_TELLING) if telling else random.randbytes(1 + random.randrange(3))
        removed = len(inserted) if random.random() < 0.5 else random.randrange(9)
        found.append(Edit(random.randrange(65536), removed, inserted))
    return found


def edited(data: bytes, changes: list[Edit]) -> bytes:
    """`data` after all edits."""
    for change in changes:
        data = change.apply(data)
    return data


def edited_inside(wasm: bytes, section: int, body: int, changes: list[Edit]) -> bytes:
    """Edit one section of a module, or one body if that section is the code.

    `section` and `body` are taken modulo their number; sizes are put right. Where the module itself
    has no readable sections, all of it is edited.
    """
    try:
        sections = _sections(wasm)
        chosen = section % len(sections)
        code, content = sections[chosen]
        bodies = _bodies(content) if code == CODE_SECTION else []
    except (MalformedModule, LookupError, ZeroDivisionError):
        return edited(wasm, changes)
    if bodies:
        at = body % len(bodies)
        bodies[at] = edited(bodies[at], changes)
        content = unsigned(len(bodies)) + b"".join(unsigned(len(each)) + each for each in bodies)
    else:
        content = edited(content, changes)
    sections[chosen] = (code, content)
    parts = (bytes([code]) + unsigned(len(content)) + content for code, content in sections)
    return wasm[:_HEADER] + b"".join(parts)


def _sections(wasm: bytes) -> list[tuple[int, bytes]]:
    found = []
    position = _HEADER
    while position < len(wasm):
        code = wasm[position]
        size, start = read_u32(wasm, position + 1)
        found.append((code, wasm[start : start + size]))
        position = start + size
    return found


def _bodies(content: bytes) -> list[bytes]:
    count, position = read_u32(content, 0)
    found = []
    for _ in range(count):
        size, start = read_u32(content, position)
        found.append(content[start : start + size])
        position = start + size
    return found
