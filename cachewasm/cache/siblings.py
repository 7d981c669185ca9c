"""Entries of a module under another instruction set: what a lookup may fall back on.

Their names begin as that of the key does, so one listing of one folder finds them all, and mostly that
there are none. For all but the plain levels the name has a digest, and only the manifest tells what
the entry was made for. A few are read at most, unchecked: who uses an entry looks it up by its key.

Imported by a miss only.
"""

import os

from cachewasm.cache import files, layout, manifest, scan
from cachewasm.cache.entry import HEADER_SIZE, MAX_ENTRY_SIZE, Header
from cachewasm.cache.keys import parse_entry_name
from cachewasm.cache.reasons import EntryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cachewasm.cache.keys import ArtifactKey
    from cachewasm.cache.trust import Rules

# How many manifests are read. A module has an entry for each kind of machine in use.
MAX_READ = 8


def names_of(directory: str, keys: "Sequence[ArtifactKey]") -> "list[str] | None":
    """The names of entries that differ from `keys` in the instruction set or the tier only.

    `keys` are of one module and one compat hash. None if the folder may not be listed. Nothing raises.
    """
    shard, _, own = keys[0].entry_name.partition("/")
    wasm, compat, _, _ = own.split(".")
    beginning = f"{wasm}.{compat}."
    folder = os.path.join(layout.ENTRIES, shard)
    names = scan.names_below(directory, folder)
    if not names:
        path = os.path.join(directory, folder)
        return None if files.is_directory(path) and not scan.may_list(path) else []
    return [f"{shard}/{name}" for name in names if name.startswith(beginning)]


def manifests(
    directory: str, names: "Iterable[str]", tiers: "Sequence[str]", rules: "Rules"
) -> "Iterator[tuple[str, Mapping[str, str | int]]]":
    """Name and manifest of the entries of these names and tiers, at most MAX_READ. Nothing raises.

    Those of the first tier come first, of each the ones that were made for the highest level.
    """
    rows = [(parse_entry_name(name), name) for name in names]
    entries = [(parts, name) for parts, name in rows if parts is not None and parts.tier in tiers]
    entries.sort(key=lambda entry: entry[0].isa, reverse=True)
    entries.sort(key=lambda entry: tiers.index(entry[0].tier))
    for _, name in entries[:MAX_READ]:
        pairs = _manifest(os.path.join(directory, layout.ENTRIES, name), rules)
        if pairs is not None:
            yield name, pairs


def _manifest(path: str, rules: "Rules") -> "Mapping[str, str | int] | None":
    try:
        with files.EntryFile(path, MAX_ENTRY_SIZE, rules) as file:
            header = Header.from_bytes(file.read(0, min(file.size, HEADER_SIZE)), file.size)
            return manifest.decode(file.read(header.manifest_offset, header.manifest_size))
    except EntryError:
        return None
