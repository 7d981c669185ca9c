"""Quarantine: damaged entries that are kept for whoever wants to know what happened.

An entry comes here if its bytes are not what was written, or if they are another key's: what a disk, a
copy or somebody has done. A torn one does not, since a crash explains it; nor one of another version
or of somebody else, which is nobody's fault or not ours to move. It is read a second time before it
is moved, under the key's lock: by who has just missed it, before the new entry is stored, or by verify.
A file that somebody without the lock (who imports, or gave up waiting) has put there between reading
and moving is put back.

Bounded in number and in bytes: the oldest go first. Nothing reads what lies here but people.
Format: docs/format/cache.md.
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from cachewasm.cache import files, layout, publish, scan
from cachewasm.cache.keys import parse_entry_name
from cachewasm.cache.reasons import CORRUPT, WRONG_KEY, EntryError
from cachewasm.cache.survey.inspect import ListedFile, listed
from cachewasm.cache.trust import DEFAULT_RULES, Rules
from cachewasm.log import WARNING, log

REASONS = (CORRUPT, WRONG_KEY)

# Enough to see a pattern; little beside the default limit of the directory.
MAX_FILES = 32
MAX_SIZE = 64 << 20

_NO_DIRECTORY = f"{layout.QUARANTINE} is not a directory"
_NONCE_SIZE = 4
_MAX_DIGITS = 12


@dataclass(frozen=True, slots=True)
class QuarantinedFile(ListedFile):
    """A file in quarantine, by its name: which entry it was, why it is here, and since when."""

    entry: str
    reason: str
    time: int


def quarantined(directory: str) -> list[QuarantinedFile]:
    """What lies in quarantine, oldest first; foreign files are left out."""
    root = os.path.join(directory, layout.QUARANTINE)
    found = []
    for name in scan.names_in(root):
        parts = name.rsplit(".", 3)
        file = listed(name, os.path.join(root, name)) if len(parts) == 4 else None
        if file is None or not file.is_regular:
            continue
        entry, reason, time, nonce = parts
        entry = f"{entry[:2]}/{entry}"
        if (
            parse_entry_name(entry) is not None
            and reason in REASONS
            and time.isascii()
            and time.isdecimal()
            and len(time) <= _MAX_DIGITS
            and len(nonce) == 2 * _NONCE_SIZE
        ):
            found.append(
                QuarantinedFile(
                    name, file.path, file.size, file.mtime_ns, True, entry, reason, int(time)
                )
            )
    return sorted(found, key=lambda file: (file.time, file.name))


@dataclass(frozen=True, slots=True)
class Move:
    """Whether an entry was moved; and if it cannot be, why. If neither, there is no more need to."""

    is_done: bool
    problem: str = ""


def obstacle(directory: str, size: int, rules: Rules = DEFAULT_RULES) -> str | None:
    """Why a file of `size` bytes cannot be put into quarantine, as far as that is seen without trying."""
    problem = files.DirectoryState(directory, rules).problem
    if problem is not None:
        return f"the directory is not trusted: {problem}"
    if size > MAX_SIZE:
        return f"{size} bytes are too many for quarantine"
    place = os.path.join(directory, layout.QUARANTINE)
    if files.status_of(place) is not None and not scan.is_plain_directory(place):
        return _NO_DIRECTORY
    return None


def move_if_damaged(
    directory: str,
    name: str,
    read: Callable[[], object],
    rules: Rules = DEFAULT_RULES,
    *,
    now: float,
) -> Move:
    """Move the entry `name` if `read` raises an EntryError with one of REASONS.

    `read` reads and checks the entry once more. The caller has the key's lock, if there can be one.
    Nothing is moved in a directory that is not trusted, and nothing raises.
    """
    directory = files.DirectoryState(directory, rules).path
    path = os.path.join(directory, layout.ENTRIES, name)
    before = files.status_of(path)
    if before is None or not stat.S_ISREG(before.st_mode):
        return Move(is_done=False)
    problem = obstacle(directory, before.st_size, rules)
    if problem is not None:
        return Move(is_done=False, problem=problem)
    try:
        read()
    except EntryError as error:
        reason = error.reason
    else:
        return Move(is_done=False)
    if reason not in REASONS:
        return Move(is_done=False)
    nonce = os.urandom(_NONCE_SIZE).hex()
    target = f"{os.path.basename(name)}.{reason}.{max(0, int(now))}.{nonce}"
    moved = os.path.join(directory, layout.QUARANTINE, target)
    try:
        publish.make_directory_inside(os.path.dirname(moved), rules)
        if not scan.is_plain_directory(os.path.dirname(moved)):
            return Move(is_done=False, problem=_NO_DIRECTORY)
        publish.rename(path, moved)
        after = files.status_of(moved)
        if after is not None and after.st_ino != before.st_ino:
            publish.rename(moved, path)
            return Move(is_done=False)
    except (EntryError, OSError) as error:
        log(WARNING, "%s cannot be put into quarantine: %s", name, error)
        detail = error.detail if isinstance(error, EntryError) else error.strerror or str(error)
        return Move(is_done=False, problem=f"{layout.QUARANTINE}: {detail}")
    log(WARNING, "%s is in quarantine: %s", name, reason)
    _bound(directory)
    return Move(is_done=True)


def _bound(directory: str) -> None:
    found = quarantined(directory)
    size, count = sum(file.size for file in found), len(found)
    for file in found:
        if size <= MAX_SIZE and count <= MAX_FILES:
            return
        publish.remove(file.path)
        size -= file.size
        count -= 1
