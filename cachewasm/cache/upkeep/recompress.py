"""Compress entries again, at another level.

An entry is read and checked in every byte, compressed, and published by the same steps as a new one,
under the lock of its key, so nobody compiles it meanwhile. Its time stays, so it is evicted when it would
have been. Raw entries stay raw, and a bad one is left to verify. A file that would be as it is already
is not written.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from cachewasm.cache import entry, files, layout, publish
from cachewasm.cache.byte_lock import has_turn
from cachewasm.cache.reasons import ABSENT, UNTRUSTED, EntryError
from cachewasm.cache.survey.inspect import ListedFile, read_entry
from cachewasm.cache.survey.verify import check_entry
from cachewasm.cache.trust import DEFAULT_RULES, Rules

RECOMPRESSED, UNCHANGED, RAW, GONE = "recompressed", "unchanged", "raw", "gone"
BUSY, FAILED = "busy", "failed"


@dataclass(frozen=True, slots=True)
class Recompressed:
    """What became of one entry: its size now, or as it would be in a dry run; why it failed."""

    file: ListedFile
    done: str
    size: int
    detail: str = ""


def recompress(
    directory: str,
    listed: Iterable[ListedFile],
    level: int,
    rules: Rules = DEFAULT_RULES,
    *,
    sync: bool = False,
    dry_run: bool = False,
    turns: Iterable[object] = (),
) -> Iterator[Recompressed]:
    """Compress each of `listed` at `level`, and say what became of it; BUSY if another process has the
    lock of its key. It is tried again after each of `turns`.
    """
    for file in listed:
        with ExitStack() as stack:
            if not dry_run and not has_turn(stack, directory, file.name, rules, turns):
                yield Recompressed(file, BUSY, file.size)
                continue
            try:
                yield _recompressed(directory, file, level, rules, sync=sync, dry_run=dry_run)
            except EntryError as error:
                done = GONE if error.reason == ABSENT else FAILED
                yield Recompressed(file, done, file.size, f"{error.reason}: {error.detail}")
            except OSError as error:
                yield Recompressed(file, FAILED, file.size, error.strerror or str(error))


def _recompressed(
    directory: str, file: ListedFile, level: int, rules: Rules, *, sync: bool, dry_run: bool
) -> Recompressed:
    """Raises EntryError, OSError."""
    state = files.DirectoryState(directory, rules)
    if state.problem is not None:
        raise EntryError(UNTRUSTED, f"the cache directory is not trusted: {state.problem}")
    header = read_entry(file, rules).header
    if header is not None and header.codec == entry.CODEC_RAW:
        return Recompressed(file, RAW, file.size)
    finding, found = check_entry(file, rules)
    if found is None:
        raise EntryError(finding.verdict, finding.detail)
    manifest = {
        name: value for name, value in found.manifest.items() if name not in entry.KEY_PAIRS
    }
    new = entry.pack(found.key, found.raw, manifest, level=level, secret=rules.secret)
    status = files.status_of(file.path)
    with files.EntryFile(file.path, entry.MAX_ENTRY_SIZE, rules) as opened:
        if new == opened.read(0, opened.size):
            return Recompressed(file, UNCHANGED, len(new))
    if not dry_run:
        path = os.path.join(state.path, layout.ENTRIES, file.name)
        publish.make_directory_inside(os.path.join(state.path, layout.TEMPORARY), rules)
        temporary = layout.temporary_path(state.path, path, os.getpid(), os.urandom(8))
        publish.write_atomic(temporary, path, new, sync=sync, mode=rules.file_mode)
        if status is not None:
            publish.set_time(path, status.st_mtime_ns)
    return Recompressed(file, RECOMPRESSED, len(new))
