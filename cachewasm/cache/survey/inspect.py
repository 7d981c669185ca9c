"""What lies in a cache directory: entries and aliases, read-only, judging no more than is asked.

`listing` looks at names and sizes alone; `entries` also reads headers and manifests, unchecked by
the digest: that is verify's work. Nothing in the directory raises: what cannot be read is reported
as such, and names that no key has are somebody else's files and are left out unless asked for.
Entries that vanish while they are listed are left out too, since prune may run at the same time.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cachewasm.cache import files, layout, manifest, scan
from cachewasm.cache.alias import MAX_ALIAS_SIZE, Alias, is_alias_name
from cachewasm.cache.entry import HEADER_SIZE, MAX_ENTRY_SIZE, Header
from cachewasm.cache.keys import (
    COMPAT_DIGITS,
    ISA_DIGITS,
    MAX_LABEL,
    WASM_DIGITS,
    EntryName,
    parse_entry_name,
    wasm_prefix,
)
from cachewasm.cache.reasons import ABSENT, UNREADABLE, WRONG_KEY, EntryError
from cachewasm.cache.trust import DEFAULT_RULES, Rules

# What parse_entry_name() takes apart.
_ENTRY_NAME = re.compile(
    rf"([0-9a-f]{{2}})/\1[0-9a-f]{{{WASM_DIGITS - 2}}}\.[0-9a-f]{{{COMPAT_DIGITS}}}"
    rf"\.[a-z0-9_-]{{1,{MAX_LABEL}}}-[0-9a-f]{{{ISA_DIGITS}}}\.[a-z0-9_-]{{1,{MAX_LABEL}}}"
)


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file by its name and lstat. `name` is its path below the listed directory."""

    name: str
    path: str
    size: int
    mtime_ns: int
    is_regular: bool

    @property
    def mtime(self) -> float:
        """The time of the last use, in seconds since the epoch."""
        return self.mtime_ns / 1e9


@dataclass(frozen=True, slots=True)
class EntryInfo:
    """An entry as far as it can be read.

    `reason` is None or a miss reason that shows without reading the payload; `header` and
    `manifest` are None as far as they could not be read.
    """

    file: ListedFile
    header: Header | None = None
    manifest: Mapping[str, str | int] | None = None
    reason: str | None = None
    detail: str = ""

    @property
    def parts(self) -> EntryName | None:
        """What the name tells; None if it is no entry's."""
        return parse_entry_name(self.file.name)


def listing(directory: str, *, include_foreign: bool = False) -> Iterator[ListedFile]:
    """The files of entries/v1 in the order of their names.

    Without `include_foreign` only regular files whose names are those of entries.
    """
    for file in _tree(directory, layout.ENTRIES):
        if include_foreign or (file.is_regular and is_entry_name(file.name)):
            yield file


def listing_of(directory: str, beginning: str) -> Iterator[ListedFile]:
    """The entries whose file names begin so, with 2 hexadecimal digits at least, by their names."""
    shard = beginning[:2]
    root = os.path.join(directory, layout.ENTRIES, shard)
    for file_name in scan.names_below(directory, os.path.join(layout.ENTRIES, shard)):
        name = f"{shard}/{file_name}"
        if file_name.startswith(beginning) and is_entry_name(name):
            file = listed(name, os.path.join(root, file_name))
            if file is not None and file.is_regular:
                yield file


def alias_listing(directory: str, *, include_foreign: bool = False) -> Iterator[ListedFile]:
    """The same of aliases/v1."""
    for file in _tree(directory, layout.ALIASES):
        if include_foreign or (file.is_regular and is_alias_name(file.name)):
            yield file


def leftovers(directory: str) -> Iterator[ListedFile]:
    """The files in tmp/ that a writer has made: one that is still writing, or was killed."""
    root = os.path.join(directory, layout.TEMPORARY)
    for name in scan.names_in(root):
        file = listed(name, os.path.join(root, name))
        if file is not None and file.is_regular and layout.is_temporary_name(name):
            yield file


def entries(
    directory: str, rules: Rules = DEFAULT_RULES, *, include_foreign: bool = False
) -> Iterator[EntryInfo]:
    """What each listed file says about itself in its header and manifest."""
    for file in listing(directory, include_foreign=include_foreign):
        info = read_entry(file, rules) if is_entry_name(file.name) else EntryInfo(file)
        if info.reason != ABSENT:
            yield info


def read_entry(file: ListedFile, rules: Rules = DEFAULT_RULES) -> EntryInfo:
    """What a file says about itself in its header and manifest, whatever its name; nothing raises.

    The reason is ABSENT if it is gone.
    """
    header = None
    try:
        with files.EntryFile(file.path, MAX_ENTRY_SIZE, rules) as opened:
            head = opened.read(0, min(opened.size, HEADER_SIZE))
            header = Header.from_bytes(head, opened.size)
            encoded = opened.read(header.manifest_offset, header.manifest_size)
        pairs = manifest.decode(encoded)
    except EntryError as error:
        return EntryInfo(file, header, None, error.reason, error.detail)
    except OSError as error:
        return EntryInfo(file, header, None, UNREADABLE, str(error))
    return EntryInfo(file, header, pairs)


def read_alias(file: ListedFile, rules: Rules = DEFAULT_RULES) -> Alias:
    """The record in a listed file, checked. Raises EntryError."""
    with files.EntryFile(file.path, MAX_ALIAS_SIZE, rules) as opened:
        alias = Alias.from_bytes(opened.read(0, opened.size), rules.secret)
    if alias.key.alias_name != file.name:
        raise EntryError(WRONG_KEY, f"it is the alias {alias.key.alias_name}")
    return alias


def texts_by_module(directory: str, rules: Rules = DEFAULT_RULES) -> dict[str, int]:
    """How many intact aliases lead to a module, by what the names of its entries begin with."""
    counts: dict[str, int] = {}
    for file in alias_listing(directory):
        try:
            module = wasm_prefix(read_alias(file, rules).wasm_digest)
        except EntryError:
            continue
        counts[module] = counts.get(module, 0) + 1
    return counts


def _tree(directory: str, folder: str) -> Iterator[ListedFile]:
    """The files two levels below a folder, in the order of their names."""
    root = os.path.join(directory, folder)
    for shard in scan.names_below(directory, folder):
        place = f"{root}/{shard}"
        for file_name, status in scan.statuses_in(place):
            yield ListedFile(
                f"{shard}/{file_name}",
                f"{place}/{file_name}",
                status.st_size,
                status.st_mtime_ns,
                stat.S_ISREG(status.st_mode),
            )


def is_entry_name(name: str) -> bool:
    """Whether parse_entry_name() takes `name` apart, in an eighth of the time."""
    return _ENTRY_NAME.fullmatch(name) is not None


def module_of(name: str) -> str:
    """What the name of an entry, of whatever kind, shares with those of the same module."""
    return name.partition("/")[2].partition(".")[0]


def listed(name: str, path: str) -> ListedFile | None:
    """The file at `path` by its lstat; None if there is nothing to be seen."""
    status = files.status_of(path)
    if status is None:
        return None
    is_regular = stat.S_ISREG(status.st_mode)
    return ListedFile(name, path, status.st_size, status.st_mtime_ns, is_regular)
