"""Bundles: entries and aliases in one file, for another directory, machine or image.

    marker | entries, by name | aliases, by name            a ustar archive of one form (ustar.py)

A bundle is made of what its maker's policy believes, and says nothing of trust itself: digests find
damage, not forgery. Who imports one makes what is in it their own, under their own rules: every member
is checked in every byte, then stored like anything that was compiled here. A lock file, which people
can review, says which artifacts are to be had and none else. Format: docs/format/bundle.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cachewasm.cache import layout
from cachewasm.cache.alias import ALIAS_SIZE, Alias, AliasKey, is_alias_name
from cachewasm.cache.carry import ustar
from cachewasm.cache.carry.lock_file import Lock
from cachewasm.cache.entry import (
    HEADER_SIZE,
    KEY_PAIRS,
    MAX_ENTRY_SIZE,
    Entry,
    Header,
    check_raw_digest,
    pack,
    unpack,
)
from cachewasm.cache.keys import ArtifactKey, parse_entry_name
from cachewasm.cache.local import LocalStore, Miss, StoreFailure
from cachewasm.cache.manifest import decode
from cachewasm.cache.reasons import CORRUPT, WRONG_KEY, EntryError
from cachewasm.cache.survey.verify import key_of

MARKER = "cachewasm-bundle"
CONTENT = b"cachewasm bundle 1\n"

# What becomes of a member.
IMPORTED = "imported"
PRESENT = "present"  # the directory has it already
DIFFERENT = "different"  # the directory has another artifact or digest under this key, and keeps it
UNLISTED = "unlisted"  # the lock file does not ask for it
REFUSED = "refused"  # damaged, or not what the lock file asks for
FAILED = "failed"  # it cannot be stored

OUTCOMES = (IMPORTED, PRESENT, DIFFERENT, UNLISTED, REFUSED, FAILED)

_KINDS = (f"{layout.ENTRIES}/", f"{layout.ALIASES}/")


@dataclass(frozen=True, slots=True)
class Member:
    """What became of one member, and of how many bytes; `detail` is a clause where there is more to say.

    `name` is its path below the cache directory.
    """

    name: str
    outcome: str
    size: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A member of a bundle that was written, or what there was to write it from and why it was not."""

    name: str
    size: int
    problem: str = ""


def write(
    stream: BinaryIO,
    store: LocalStore,
    keys: Iterable[ArtifactKey],
    aliases: Iterable[AliasKey],
) -> Iterator[Written]:
    """Write a bundle of what `store` has under these keys; equal contents make equal bytes.

    What the store does not have, or does not believe, is left out and told of. Entries are compressed,
    however the store keeps them, and bear no mark of its secret. Raises OSError.
    """
    _add(stream, MARKER, CONTENT)
    for key in sorted(set(keys), key=lambda key: key.entry_name):
        name = _KINDS[0] + key.entry_name
        entry = store.peek(key)
        if isinstance(entry, Miss):
            yield Written(name, 0, f"{entry.reason}: {entry.detail}")
            continue
        try:
            data = pack(key, entry.raw, _facts(entry))
        except EntryError as error:
            yield Written(name, 0, f"{error.reason}: {error.detail}")
            continue
        yield _add(stream, name, data)
    by_name = {alias.alias_name: alias for alias in aliases}
    for alias_name, alias in sorted(by_name.items()):
        name = _KINDS[1] + alias_name
        known = store.peek_alias(alias)
        if isinstance(known, Miss):
            yield Written(name, 0, f"{known.reason}: {known.detail}")
            continue
        data = Alias(alias, known).to_bytes()
        yield _add(stream, name, data)
    stream.write(ustar.END)


def read(
    stream: BinaryIO, store: LocalStore, *, lock: Lock | None = None, dry_run: bool = False
) -> Iterator[Member]:
    """Put the members of a bundle into `store`, and tell what became of each.

    What the store has already stays as it is. With a `lock`, nothing is taken that is not in it. Under
    `dry_run` all is checked and nothing stored. Raises ArchiveError where the bundle as such is
    damaged: members before that place have been stored; OSError.
    """
    reader = ustar.Reader(stream)
    found = reader.files()
    if next(found, None) != (MARKER, len(CONTENT)) or reader.read(len(CONTENT)) != CONTENT:
        raise ustar.ArchiveError("this is no bundle of a version that is known", 0)
    importer = _Importer(store, lock, dry_run=dry_run)
    last = (0, "")
    for name, size in found:
        kind = next((i for i, prefix in enumerate(_KINDS) if name.startswith(prefix)), len(_KINDS))
        # In order, so that no name comes twice and aliases come after what they lead to.
        if kind == len(_KINDS) or (kind, name) <= last or size > MAX_ENTRY_SIZE:
            problem = "the bundle has a file out of its place, or too large a one"
            raise ustar.ArchiveError(problem, reader.offset - ustar.BLOCK)
        last = kind, name
        try:
            take = importer.entry if kind == 0 else importer.alias
            yield take(reader, name, size)
        except EntryError as error:
            yield Member(name, REFUSED, size, f"{error.reason}: {error.detail}")


class _Importer:
    """Checks members and stores them."""

    def __init__(self, store: LocalStore, lock: Lock | None, *, dry_run: bool) -> None:
        self._store = store
        self._dry_run = dry_run
        self._lock = lock
        artifacts = () if lock is None else lock.artifacts
        self._wanted = {each.key: each for each in artifacts}
        self._wanted_aliases = {
            each.alias.alias_name: each for each in artifacts if each.alias is not None
        }

    def entry(self, reader: ustar.Reader, name: str, size: int) -> Member:
        """Take an entry. Raises EntryError, ArchiveError, OSError."""
        file_name = name.removeprefix(_KINDS[0])
        if parse_entry_name(file_name) is None:
            raise EntryError(CORRUPT, "no entry has this name")
        # Nothing of its size is allocated before its first bytes agree with it.
        head = reader.read(min(size, HEADER_SIZE))
        header = Header.from_bytes(head, size)
        if header.entry_size != size:
            raise EntryError(CORRUPT, f"{size} bytes are not those of an entry without a seal")
        data = head + reader.read(size - len(head))
        key = key_of(decode(data[header.manifest_offset :][: header.manifest_size]))
        entry = unpack(data, key)
        # A lock file tells the digest of the artifact: the header's word for it is not enough.
        check_raw_digest(entry)
        if key.entry_name != file_name:
            raise EntryError(WRONG_KEY, f"it is the entry {key.entry_name}")
        if self._lock is not None:
            wanted = self._wanted.get(key)
            if wanted is None:
                return Member(name, UNLISTED, size)
            if wanted.artifact != entry.raw_digest:
                detail = f"its artifact is {entry.raw_digest.hex()}, not the one of the lock file"
                return Member(name, REFUSED, size, detail)
        there = self._store.peek(key)
        if not isinstance(there, Miss):
            if there.raw_digest == entry.raw_digest:
                return Member(name, PRESENT, size)
            return Member(name, DIFFERENT, size, "another artifact is kept under this key")
        failure = None
        if not self._dry_run:
            failure = self._store.put(key, entry.raw, _facts(entry))
        return _stored(name, size, failure)

    def alias(self, reader: ustar.Reader, name: str, size: int) -> Member:
        """Take an alias. Raises EntryError, ArchiveError, OSError."""
        file_name = name.removeprefix(_KINDS[1])
        if not is_alias_name(file_name) or size != ALIAS_SIZE:
            raise EntryError(CORRUPT, f"no alias has this name or {size} bytes")
        alias = Alias.from_bytes(reader.read(size))
        if alias.key.alias_name != file_name:
            raise EntryError(WRONG_KEY, f"it is the alias {alias.key.alias_name}")
        if self._lock is not None:
            wanted = self._wanted_aliases.get(file_name)
            if wanted is None or wanted.alias is None:
                return Member(name, UNLISTED, size)
            key = wanted.alias
            is_same = (key.text_digest, key.encoder) == (alias.key.text_digest, alias.key.encoder)
            if not is_same or alias.wasm_digest != wanted.wasm:
                return Member(name, REFUSED, size, "it leads to another module than the lock file")
        known = self._store.peek_alias(alias.key)
        if isinstance(known, bytes):
            if known == alias.wasm_digest:
                return Member(name, PRESENT, size)
            return Member(name, DIFFERENT, size, "another module is known for this text")
        failure = None
        if not self._dry_run:
            failure = self._store.put_alias(alias.key, alias.wasm_digest)
        return _stored(name, size, failure)


def _stored(name: str, size: int, failure: StoreFailure | None) -> Member:
    if failure is None:
        return Member(name, IMPORTED, size)
    return Member(name, FAILED, size, f"{failure.reason}: {failure.detail}")


def _facts(entry: Entry) -> dict[str, str | int]:
    """The manifest without what pack() adds by itself."""
    return {name: value for name, value in entry.manifest.items() if name not in KEY_PAIRS}


def _add(stream: BinaryIO, name: str, content: bytes) -> Written:
    try:
        header = ustar.header(name, len(content))
    except ValueError:
        return Written(name, 0, "its name is too long for a bundle")
    stream.write(header)
    stream.write(content)
    stream.write(ustar.padding(len(content)))
    return Written(name, len(content))
