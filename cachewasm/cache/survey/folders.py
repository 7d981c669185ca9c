"""The folders of a cache directory, and what lies in them that cannot be the cache's.

Nobody else can have put it there, so it does no harm to a lookup: what is no folder is not gone
into, what is no regular file not read, and a file by another name not touched. But it may be why
lookups miss or counts are lost, so `verify` tells of it. Entries and aliases are judged one by one
elsewhere; here it is the folders that hold them, and all others.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from cachewasm.cache import files, layout, scan
from cachewasm.cache.keys import is_hex, parse_entry_name
from cachewasm.cache.reasons import UNREADABLE, UNTRUSTED

FOREIGN = "foreign"  # somebody else's, by its name

# Where the folders of the first two hexadecimal digits are.
_SHARDED = (layout.ENTRIES, layout.ALIASES, layout.PINS)
# Where the cache's own files are, all of them regular.
_FLAT = (
    *(layout.TEMPORARY, os.path.dirname(layout.LOCKS), layout.STATISTICS),
    *(layout.QUARANTINE, layout.INDEX),
)


@dataclass(frozen=True, slots=True)
class Misplaced:
    """What cannot be the cache's: FOREIGN or the reason of a miss that it causes, and why.

    `name` is its path below the cache directory, and empty for that directory itself.
    """

    name: str
    reason: str
    detail: str


def misplaced(directory: str) -> Iterator[Misplaced]:
    """What is not what it ought to be, folder by folder; entries and aliases aside.

    If the directory itself cannot be listed, that is all there is to say.
    """
    unfit = directory_itself(directory)
    if unfit is not None:
        yield unfit
        return
    yield from _file(directory, layout.TAG)
    for folder in _SHARDED:
        yield from _folders(directory, folder)
        for shard in scan.names_below(directory, folder):
            name = os.path.join(folder, shard)
            if not is_hex(shard, 2):
                if not scan.is_plain_directory(os.path.join(directory, name)):
                    yield Misplaced(name, FOREIGN, "its name is not that of a folder")
                continue
            yield from _folder(directory, name)
            if folder == layout.PINS:
                for file_name in scan.names_below(directory, name):
                    yield from _pin(directory, f"{shard}/{file_name}")
    for folder in _FLAT:
        yield from _folders(directory, folder)
        for file_name in scan.names_below(directory, folder):
            name = os.path.join(folder, file_name)
            if folder == layout.TEMPORARY and not layout.is_temporary_name(file_name):
                yield Misplaced(name, FOREIGN, "its name is not that of a temporary file")
            else:
                yield from _file(directory, name)


def directory_itself(directory: str) -> Misplaced | None:
    """Why nothing can be found in a cache directory; None if it can be listed, or does not exist."""
    error = scan.listing_error(files.DirectoryState(directory).path)
    if error is None or isinstance(error, FileNotFoundError):
        return None
    if isinstance(error, NotADirectoryError):
        return Misplaced("", UNTRUSTED, "it is not a directory")
    return Misplaced("", UNREADABLE, f"it cannot be listed: {error.strerror}")


def _pin(directory: str, pinned: str) -> Iterator[Misplaced]:
    name = os.path.join(layout.PINS, pinned)
    if parse_entry_name(pinned) is None:
        yield Misplaced(name, FOREIGN, "its name is not that of an entry")
    else:
        yield from _file(directory, name)


def _folders(directory: str, name: str) -> Iterator[Misplaced]:
    """A folder, and before it the one that it is in."""
    above = os.path.dirname(name)
    if above:
        yield from _folder(directory, above)
        if not scan.is_plain_directory(os.path.join(directory, above)):
            return
    yield from _folder(directory, name)


def _folder(directory: str, name: str) -> Iterator[Misplaced]:
    path = os.path.join(directory, name)
    status = files.status_of(path)
    if status is None:
        return
    if not stat.S_ISDIR(status.st_mode):
        yield Misplaced(name, UNTRUSTED, "it is not a directory")
    elif not scan.may_list(path):
        yield Misplaced(name, UNREADABLE, "it cannot be listed")


def _file(directory: str, name: str) -> Iterator[Misplaced]:
    status = files.status_of(os.path.join(directory, name))
    if status is not None and not stat.S_ISREG(status.st_mode):
        yield Misplaced(name, UNTRUSTED, "it is not a regular file")
