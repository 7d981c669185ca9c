"""Which entries a person means: by path, by name, or by what a name begins with."""

import os
import stat
from collections.abc import Iterator

from cachewasm.cache.entry import MAGIC
from cachewasm.cache.keys import is_hex, parse_entry_name, wasm_prefix
from cachewasm.cache.survey import inspect
from cachewasm.cache.survey.inspect import EntryInfo, ListedFile
from cachewasm.cache.trust import Rules
from cachewasm.hashing import digest_of
from cachewasm.runtime.module import binary_of

from ..failure import Failure, about, printable
from ..files import read

# Fewer digits than this are hardly meant.
_MIN_DIGITS = 4
_DIGEST_DIGITS = 64


def find_entry(directory: str, given: str, rules: Rules) -> EntryInfo:
    """The one entry that is meant. Raises Failure if there is none, or more than one."""
    found = find_entries(directory, given, rules)
    if len(found) > 1:
        names = ", ".join(entry.file.name for entry in found[:3])
        raise Failure(f"{printable(given)}: {len(found)} entries begin so: {printable(names)}")
    return found[0]


def find_entries(directory: str, given: str, rules: Rules) -> list[EntryInfo]:
    """All that are meant, by name: `given` is the path of a file; a name, with or without its folder;
    4 or more characters that names begin with, as those of a wasm digest do; or a key's digest.

    Raises Failure if there is none.
    """
    if os.path.lexists(given):
        return [inspect.read_entry(_listed(given), rules)]
    shard, slash, file_name = given.rpartition("/")
    beginning = file_name if slash else given
    if len(beginning) < _MIN_DIGITS or not is_hex(beginning[:2], 2):
        raise Failure(
            f"{printable(given)}: neither a file nor {_MIN_DIGITS} or more digits of a key or digest"
        )
    is_digest = is_hex(beginning, _DIGEST_DIGITS)
    # A name has half the digits of the wasm digest.
    prefix = beginning[: _DIGEST_DIGITS // 2] if is_digest else beginning
    found = [
        inspect.read_entry(file, rules)
        for file in inspect.listing_of(directory, prefix)
        if not shard or file.name.startswith(f"{shard}/")
    ]
    if not found and is_digest:
        found = list(_under_key(directory, bytes.fromhex(beginning), rules))
    if not found:
        raise Failure(f"{printable(given)}: no such entry in {printable(directory)}")
    return found


def beginning_of(given: str, min_size: int = _MIN_DIGITS) -> str:
    """How the names of the entries begin that are meant: `given` is the path of a module, for all of
    its entries, or of an entry under its own name; or it is such a beginning.

    Raises Failure for what is neither.
    """
    if not os.path.isfile(given):
        if len(given) < min_size:
            raise Failure(f"{printable(given)}: neither a file nor {min_size} characters of a key")
        return given
    if not is_entry(given):
        with about(given):
            return wasm_prefix(digest_of(binary_of(read(given))))
    name = os.path.basename(given)
    if parse_entry_name(f"{name[:2]}/{name}") is None:
        raise Failure(f"{printable(given)}: an entry, but not under its name")
    return name


def is_entry(path: str) -> bool:
    """Whether a file begins as an entry does."""
    with about(path), open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _under_key(directory: str, key_digest: bytes, rules: Rules) -> Iterator[EntryInfo]:
    """The entries with this digest of the key in their headers: all headers are read."""
    for entry in inspect.entries(directory, rules):
        if entry.header is not None and entry.header.key_digest == key_digest:
            yield entry


def _listed(path: str) -> ListedFile:
    """A file anywhere; its name is that of the entry that it was, if it is called so."""
    status = os.lstat(path)
    file_name = os.path.basename(path)
    name = f"{file_name[:2]}/{file_name}"
    if parse_entry_name(name) is None:
        name = file_name
    is_regular = stat.S_ISREG(status.st_mode)
    return ListedFile(name, os.path.abspath(path), status.st_size, status.st_mtime_ns, is_regular)
