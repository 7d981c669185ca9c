"""Where things lie in a cache directory. Layout: docs/format/cache.md.

On the warm path.
"""

import os

from cachewasm.cache.keys import parse_entry_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.cache.keys import ArtifactKey

# Bears the version of naming and layout; the entry format has a version of its own in each file.
ENTRIES = os.path.join("entries", "v1")
TEMPORARY = "tmp"
TAG = "CACHEDIR.TAG"

# The signature is what backup programs look for (the Cache Directory Tagging Specification).
TAG_CONTENT = b"""Signature: 8a477f597d28d172789f06886806bc55
# This directory holds compiled WebAssembly of cachewasm. All of it can be made again.
"""


def entry_path(directory: str, key: "ArtifactKey") -> str:
    """The path of the entry of `key`."""
    return os.path.join(directory, ENTRIES, key.entry_name)


def temporary_path(directory: str, path: str, process: int, nonce: bytes) -> str:
    """An exclusive path in tmp/ for the writing of the entry at `path`."""
    name = f"{os.path.basename(path)}.{process}.{nonce.hex()}"
    return os.path.join(directory, TEMPORARY, name)


def is_temporary_name(name: str) -> bool:
    """Whether `name` is one that temporary_path() makes."""
    entry, _, rest = name.rpartition(".")
    entry, _, process = entry.rpartition(".")
    return (
        process.isdecimal()
        and len(rest) == 16
        and parse_entry_name(f"{entry[:2]}/{entry}") is not None
    )
