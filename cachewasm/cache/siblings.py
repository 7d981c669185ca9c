"""Entries of a module under another instruction set: what a lookup may fall back on.

Their names begin as that of the key does and end in its tier; what stands in between is a digest for
all but the plain levels, so they are found by listing one folder. Only the manifests tell what each
was made for. A few are read at most, unchecked: whoever uses an entry looks it up by its key.

Imported by a miss only.
"""

import os

from cachewasm.cache import files, layout, manifest
from cachewasm.cache.entry import HEADER_SIZE, MAX_ENTRY_SIZE, Header
from cachewasm.cache.keys import parse_entry_name
from cachewasm.cache.reasons import EntryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from cachewasm.cache.keys import ArtifactKey
    from cachewasm.cache.trust import Rules

# How many manifests are read. A module has an entry for each kind of machine in use.
MAX_READ = 8


def siblings(
    directory: str, keys: "Sequence[ArtifactKey]", tried: "Collection[str]", rules: "Rules"
) -> "Iterator[tuple[str, Mapping[str, str | int]]]":
    """Name and manifest of entries that differ from one of `keys` in the instruction set only.

    `keys` are of one module and one compat hash; those of the first come first, of each the ones that
    were made for the highest level. Entries whose names were `tried` are left out. Nothing raises.
    """
    shard = keys[0].entry_name.partition("/")[0]
    folder = os.path.join(layout.ENTRIES, shard)
    names = files.names_below(directory, folder)
    left = MAX_READ
    for key in keys:
        own = key.entry_name.partition("/")[2].split(".")
        begin, end = f"{own[0]}.{own[1]}.", f".{own[3]}"
        found = [name for name in names if name.startswith(begin) and name.endswith(end)]
        for file_name in reversed(found):
            name = f"{shard}/{file_name}"
            if name in tried or parse_entry_name(name) is None:
                continue
            if not left:
                return
            left -= 1
            pairs = _manifest(os.path.join(directory, folder, file_name), rules)
            if pairs is not None:
                yield name, pairs


def _manifest(path: str, rules: "Rules") -> "Mapping[str, str | int] | None":
    try:
        with files.EntryFile(path, MAX_ENTRY_SIZE, rules) as file:
            header = Header.from_bytes(file.read(0, min(file.size, HEADER_SIZE)), file.size)
            return manifest.decode(file.read(header.manifest_offset, header.manifest_size))
    except EntryError:
        return None
