"""Check every byte of every entry and alias in a cache directory.

What a hit would check of its entry is checked of all: ownership, lengths, digests, the key against
the name, decompression, the payload's digest; and what a hit does not look at, the manifest. Of an
alias the same is checked; one without an entry to lead to is sound. The directory is only read. A
file that vanishes meanwhile is no finding. Of the folders, and all else that lies in them, only the
kinds and names are judged (folders.py).
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cachewasm.cache import files, folders
from cachewasm.cache.alias import is_alias_name
from cachewasm.cache.entry import HEADER_SIZE, KEY_PAIRS, MAX_ENTRY_SIZE, Header, unpack
from cachewasm.cache.inspect import (
    ListedFile,
    alias_listing,
    leftovers,
    listed,
    listing,
    read_alias,
)
from cachewasm.cache.keys import ArtifactKey, parse_entry_name
from cachewasm.cache.manifest import decode
from cachewasm.cache.reasons import ABSENT, CORRUPT, UNTRUSTED, WRONG_KEY, EntryError
from cachewasm.errors import InternalError

OK = "ok"
FOREIGN = folders.FOREIGN  # by its name or kind none of the cache's


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one file: OK, FOREIGN or a miss reason."""

    file: ListedFile
    verdict: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All findings: entries, aliases and what is misplaced; and what killed writers have left in tmp/.

    `directory_problem` says why every lookup is a miss although the entries may be intact.
    """

    findings: tuple[Finding, ...]
    leftovers: tuple[ListedFile, ...]
    directory_problem: str | None

    @property
    def counts(self) -> dict[str, int]:
        """How many findings have each verdict."""
        counts: dict[str, int] = {}
        for finding in self.findings:
            counts[finding.verdict] = counts.get(finding.verdict, 0) + 1
        return counts

    @property
    def is_sound(self) -> bool:
        """Whether every file would be a hit; foreign files and leftovers do no harm."""
        return self.directory_problem is None and self.counts.keys() <= {OK, FOREIGN}


def verify(directory: str, progress: Callable[[Finding], None] | None = None) -> VerifyReport:
    """Check the whole directory; `progress` is called with each finding as it is made."""
    findings = []
    for finding in _findings(directory):
        if finding.verdict == ABSENT:
            continue
        findings.append(finding)
        if progress is not None:
            progress(finding)
    problem = files.DirectoryState(directory).problem
    return VerifyReport(tuple(findings), tuple(leftovers(directory)), problem)


def _findings(directory: str) -> Iterator[Finding]:
    yield from map(_check, listing(directory, include_foreign=True))
    yield from map(_check_alias, alias_listing(directory, include_foreign=True))
    for found in folders.misplaced(directory):
        file = listed(found.name, os.path.join(directory, found.name))
        if file is not None:
            yield Finding(file, found.reason, found.detail)


def _check_alias(file: ListedFile) -> Finding:
    if not is_alias_name(file.name):
        return Finding(file, FOREIGN, "its name is not that of an alias")
    if not file.is_regular:
        return Finding(file, UNTRUSTED, "it is not a regular file")
    try:
        read_alias(file)
    except EntryError as error:
        return Finding(file, error.reason, error.detail)
    return Finding(file, OK)


def _check(file: ListedFile) -> Finding:
    if parse_entry_name(file.name) is None:
        return Finding(file, FOREIGN, "its name is not that of an entry")
    if not file.is_regular:
        return Finding(file, UNTRUSTED, "it is not a regular file")
    try:
        with files.EntryFile(file.path, MAX_ENTRY_SIZE) as opened:
            head = opened.read(0, min(opened.size, HEADER_SIZE))
            header = Header.from_bytes(head, opened.size)
            data = opened.read(0, opened.size)
        pairs = decode(data[header.manifest_offset :][: header.manifest_size])
        key = _key_of(pairs)
        unpack(data, key)
    except EntryError as error:
        return Finding(file, error.reason, error.detail)
    if key.entry_name != file.name:
        return Finding(file, WRONG_KEY, f"it is the entry {key.entry_name}")
    return Finding(file, OK)


def _key_of(pairs: Mapping[str, str | int]) -> ArtifactKey:
    """The key that a manifest tells. Raises EntryError(CORRUPT)."""
    wasm_digest, compat, isa, tier = (str(pairs.get(name, "")) for name in KEY_PAIRS)
    try:
        return ArtifactKey(bytes.fromhex(wasm_digest), bytes.fromhex(compat), isa, tier)
    except (ValueError, InternalError):
        raise EntryError(CORRUPT, "the manifest does not tell the key") from None
