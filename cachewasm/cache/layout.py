"""Where things lie in a cache directory. Layout: docs/format/cache.md.

On the warm path.
"""

import os

from blake3 import blake3

from cachewasm.cache.keys import parse_entry_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.cache.alias import AliasKey
    from cachewasm.cache.keys import ArtifactKey

# Bear the version of naming and layout; the formats have versions of their own in each file.
ENTRIES = os.path.join("entries", "v1")
ALIASES = os.path.join("aliases", "v1")
TEMPORARY = "tmp"
LOCKS = os.path.join("locks", "keys")
# Empty; its time is that of the last cleanup.
CLEANED = os.path.join("locks", "cleaned")
PINS = os.path.join("pins", "v1")
QUARANTINE = "quarantine"
INDEX = os.path.join("index", "v1")
# The database of the index, and what SQLite may keep beside it.
DATABASE = "cache.db"
DATABASE_FILES = (DATABASE, f"{DATABASE}-journal", f"{DATABASE}-wal", f"{DATABASE}-shm")
STATISTICS = "stats"
LOG = "log"
TOTALS = "totals"
MISSES = "misses"
OLD_MISSES = "misses.old"
# The bytes of the lock file that are locked while statistics are folded, the directory is cleaned up
# and the index is in use: beyond those of all keys.
FOLD_OFFSET = 1 << 62
CLEANUP_OFFSET = FOLD_OFFSET + 1
INDEX_OFFSET = FOLD_OFFSET + 2
TAG = "CACHEDIR.TAG"
# What a cache directory holds besides its tag, and what a new file system holds by itself.
FOLDERS = frozenset(
    ("entries", "aliases", "tmp", "locks", "pins", "quarantine", "index", "stats", "lost+found")
)
_MAX_PROCESS_DIGITS = 10

# The signature is what backup programs look for (the Cache Directory Tagging Specification).
TAG_CONTENT = b"""Signature: 8a477f597d28d172789f06886806bc55
# This directory holds compiled WebAssembly of cachewasm. All of it can be made again.
"""


def entry_path(directory: str, key: "ArtifactKey") -> str:
    """The path of the entry of `key`."""
    return f"{directory}/{ENTRIES}/{key.entry_name}"


def alias_path(directory: str, key: "AliasKey") -> str:
    """The path of the alias of `key`."""
    return os.path.join(directory, ALIASES, key.alias_name)


def lock_path(directory: str) -> str:
    """The one file whose bytes are locked, by key."""
    return os.path.join(directory, LOCKS)


def lock_offset(entry_name: str) -> int:
    """Which byte stands for all keys whose entry has this name: 62 bits, since offsets are signed.

    So who knows no more of an entry than its name can lock it, too.
    """
    return int.from_bytes(blake3(entry_name.encode()).digest(8), "little") >> 2


def statistics_path(directory: str, name: str) -> str:
    """The path of a file with statistics: LOG, a log that was put aside, or TOTALS."""
    return os.path.join(directory, STATISTICS, name)


def temporary_path(directory: str, path: str, process: int, nonce: bytes) -> str:
    """An exclusive path in tmp/ for the writing of the file at `path`."""
    name = f"{os.path.basename(path)}.{process}.{nonce.hex()}"
    return os.path.join(directory, TEMPORARY, name)


def is_temporary_name(name: str) -> bool:
    """Whether `name` is one that temporary_path() makes."""
    # Off the warm path, which does without it where there is no text.
    from cachewasm.cache.alias import is_alias_name

    file_name, _, rest = name.rpartition(".")
    file_name, _, process = file_name.rpartition(".")
    published = f"{file_name[:2]}/{file_name}"
    return (
        process.isascii()
        and process.isdecimal()
        and len(process) <= _MAX_PROCESS_DIGITS
        and len(rest) == 16
        and (
            file_name == TOTALS
            or parse_entry_name(published) is not None
            or is_alias_name(published)
        )
    )
