"""The last misses of a cache directory: which keys were looked for in vain, when, and why.

A process that has missed appends a line for each miss when it ends, beside its statistics, so a hit
neither writes here nor imports this. A line has the parts of the key only: what they were made of is
in the manifests of the entries with the same parts. Lines that are no whole record are passed over.
Two files of bounded size are kept. Format: docs/format/cache.md.
"""

from cachewasm.cache import files, layout, publish
from cachewasm.cache.counters import check_of
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.reasons import MISS_REASONS, EntryError
from cachewasm.cache.trust import DEFAULT_RULES, Rules
from cachewasm.errors import InternalError
from cachewasm.record import dataclass

# A first compile ends with this module: imports that take long would lengthen it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A longer file becomes the old one; what is longer still, where that fails, grows no more.
ROTATE_SIZE = 1 << 17
MAX_SIZE = 1 << 18
_VERSION = "1"
_MAX_LINE = 1 << 10
_MAX_DIGITS = 12


@dataclass(frozen=True, slots=True)
class MissRecord:
    """A lookup of `key` that was in vain at `time`, in seconds since the epoch, for `reason`."""

    time: int
    reason: str
    key: ArtifactKey


def append(
    directory: str,
    misses: "Iterable[tuple[int, str, ArtifactKey]]",
    rules: Rules = DEFAULT_RULES,
) -> None:
    """Record times, reasons and keys in a trusted directory. A failure is ignored."""
    content = b"".join(_line_of(MissRecord(*miss)) for miss in misses)
    if not content:
        return
    path = layout.statistics_path(directory, layout.MISSES)
    try:
        if files.append(path, content, max_size=MAX_SIZE, rules=rules) > ROTATE_SIZE:
            # Of two at the same time the second finds a file that is short again; if it comes between,
            # the older half of what is known is lost, and nothing else.
            status = files.status_of(path)
            if status is not None and status.st_size > ROTATE_SIZE:
                publish.rename(path, layout.statistics_path(directory, layout.OLD_MISSES))
    except (EntryError, OSError):
        return


def last(directory: str, limit: int, rules: Rules = DEFAULT_RULES) -> list[MissRecord]:
    """The latest misses of all processes that have ended, latest first; nothing raises."""
    found = [
        record
        for name in (layout.OLD_MISSES, layout.MISSES)
        for record in _records(layout.statistics_path(directory, name), rules)
    ]
    # Processes end in another order than they miss; of equal times the later line counts as later.
    found.sort(key=lambda record: record.time)
    return found[::-1][: max(0, limit)]


def _line_of(record: MissRecord) -> bytes:
    """The record's line, or nothing for a key that no line can hold."""
    key = record.key
    fields = (_VERSION, str(record.time), record.reason, key.wasm_digest.hex(), key.compat.hex())
    line = " ".join((*fields, key.isa, key.tier)).encode()
    if not _is_plain(key.isa) or len(line) > _MAX_LINE:
        return b""
    return b"\n%b %b\n" % (line, check_of(line))


def _records(path: str, rules: Rules) -> "Iterator[MissRecord]":
    try:
        with files.EntryFile(path, 2 * MAX_SIZE, rules) as file:
            content = file.read(0, file.size)
    except EntryError:
        return
    for line in content.split(b"\n"):
        record = _parsed(line)
        if record is not None:
            yield record


def _parsed(line: bytes) -> MissRecord | None:
    """What a line says, if it is a whole record of a known version."""
    told, space, check = line.rpartition(b" ")
    if not space or len(line) > 2 * _MAX_LINE or check != check_of(told):
        return None
    fields = told.decode("ascii", "replace").split(" ")
    if len(fields) != 7 or fields[0] != _VERSION:
        return None
    _, time, reason, wasm_digest, compat, isa, tier = fields
    if not (time.isascii() and time.isdecimal() and len(time) <= _MAX_DIGITS):
        return None
    if reason not in MISS_REASONS or not _is_plain(isa):
        return None
    try:
        key = ArtifactKey(bytes.fromhex(wasm_digest), bytes.fromhex(compat), isa, tier)
    except (ValueError, InternalError):
        return None
    return MissRecord(int(time), reason, key)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
