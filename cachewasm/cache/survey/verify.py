"""Check the entries and aliases in a cache directory: every byte, or what the heads tell.

What a hit would check of its entry is checked of all: ownership, lengths, digests, the key against
the name, decompression, the payload's digest; and what a hit does not look at, the manifest. A quick
check leaves out what needs the payload or a digest over the file. Of an alias the same is checked; one
without an entry to lead to is sound. The directory is only read. A file that vanishes meanwhile is no
finding. Of the folders, and all else that lies in them, only the kinds and names are judged
(folders.py).
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from cachewasm.cache import files
from cachewasm.cache.alias import is_alias_name
from cachewasm.cache.entry import (
    HEADER_SIZE,
    KEY_PAIRS,
    MAX_ENTRY_SIZE,
    Entry,
    Header,
    check_raw_digest,
    read,
)
from cachewasm.cache.keys import ArtifactKey, parse_entry_name
from cachewasm.cache.manifest import decode
from cachewasm.cache.reasons import ABSENT, CORRUPT, UNTRUSTED, WRONG_KEY, EntryError
from cachewasm.cache.survey import folders
from cachewasm.cache.survey.inspect import (
    ListedFile,
    alias_listing,
    leftovers,
    listed,
    listing,
    read_alias,
)
from cachewasm.cache.trust import DEFAULT_RULES, Rules
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
        """Whether every file that was checked would be a hit; foreign files and leftovers do no harm."""
        return self.directory_problem is None and self.counts.keys() <= {OK, FOREIGN}


def verify(
    directory: str,
    rules: Rules = DEFAULT_RULES,
    *,
    quick: bool = False,
    choose: Callable[[list[ListedFile]], Iterable[ListedFile]] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> VerifyReport:
    """Check the directory: all entries, or those that `choose` takes of them, and all aliases.

    `progress` is called with the number of files that have been checked, and of all.
    """
    entries = list(listing(directory, include_foreign=True))
    chosen = entries if choose is None else list(choose(entries))
    aliases = list(alias_listing(directory, include_foreign=True))
    total = len(chosen) + len(aliases)
    check = _check_head if quick else _check
    checked = chain(
        (check(file, rules) for file in chosen), (_check_alias(file, rules) for file in aliases)
    )
    findings = []
    for done, finding in enumerate(checked, 1):
        if finding.verdict != ABSENT:
            findings.append(finding)
        if progress is not None:
            progress(done, total)
    findings += _misplaced(directory)
    problem = files.DirectoryState(directory, rules).problem
    return VerifyReport(tuple(findings), tuple(leftovers(directory)), problem)


def _misplaced(directory: str) -> Iterator[Finding]:
    for found in folders.misplaced(directory):
        if found.name:
            file = listed(found.name, os.path.join(directory, found.name))
        else:
            # Which may be out of reach, where there is nothing to be seen.
            file = ListedFile("", directory, 0, 0, is_regular=False)
        if file is not None:
            yield Finding(file, found.reason, found.detail)


def check_again(file: ListedFile, rules: Rules = DEFAULT_RULES) -> Finding:
    """The verdict on one listed entry or alias, as it is now."""
    return (_check_alias if is_alias_name(file.name) else _check)(file, rules)


def check_entry(file: ListedFile, rules: Rules = DEFAULT_RULES) -> tuple[Finding, Entry | None]:
    """Check every byte of an entry, whatever its name; the entry itself if that is sound."""
    try:
        with files.EntryFile(file.path, MAX_ENTRY_SIZE, rules) as opened:
            _, key = _read_head(opened)
            entry = read(opened, key, secret=rules.secret)
        check_raw_digest(entry)
    except EntryError as error:
        return Finding(file, error.reason, error.detail), None
    if key.entry_name != file.name and parse_entry_name(file.name) is not None:
        return Finding(file, WRONG_KEY, f"it is the entry {key.entry_name}"), None
    return Finding(file, OK), entry


def key_of(pairs: Mapping[str, str | int]) -> ArtifactKey:
    """The key that a manifest tells. Raises EntryError(CORRUPT)."""
    wasm_digest, compat, isa, tier = (str(pairs.get(name, "")) for name in KEY_PAIRS)
    try:
        return ArtifactKey(bytes.fromhex(wasm_digest), bytes.fromhex(compat), isa, tier)
    except (ValueError, InternalError):
        raise EntryError(CORRUPT, "the manifest does not tell the key") from None


def _check(file: ListedFile, rules: Rules) -> Finding:
    return _problem_by_name(file) or check_entry(file, rules)[0]


def _check_head(file: ListedFile, rules: Rules) -> Finding:
    finding = _problem_by_name(file)
    if finding is not None:
        return finding
    try:
        with files.EntryFile(file.path, MAX_ENTRY_SIZE, rules) as opened:
            header, key = _read_head(opened)
    except EntryError as error:
        return Finding(file, error.reason, error.detail)
    if header.key_digest != key.digest or key.entry_name != file.name:
        return Finding(file, WRONG_KEY, f"its manifest is of the entry {key.entry_name}")
    return Finding(file, OK)


def _problem_by_name(file: ListedFile) -> Finding | None:
    if parse_entry_name(file.name) is None:
        return Finding(file, FOREIGN, "its name is not that of an entry")
    if not file.is_regular:
        return Finding(file, UNTRUSTED, "it is not a regular file")
    return None


def _read_head(opened: files.EntryFile) -> tuple[Header, ArtifactKey]:
    """The header, and the key that the manifest tells. Raises EntryError."""
    header = Header.from_bytes(opened.read(0, min(opened.size, HEADER_SIZE)), opened.size)
    manifest = opened.read(header.manifest_offset, header.manifest_size)
    return header, key_of(decode(manifest))


def _check_alias(file: ListedFile, rules: Rules) -> Finding:
    if not is_alias_name(file.name):
        return Finding(file, FOREIGN, "its name is not that of an alias")
    if not file.is_regular:
        return Finding(file, UNTRUSTED, "it is not a regular file")
    try:
        read_alias(file, rules)
    except EntryError as error:
        return Finding(file, error.reason, error.detail)
    return Finding(file, OK)
