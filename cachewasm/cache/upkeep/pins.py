"""Pins: which entries only an explicit order removes.

A pin is an empty file in pins/v1/ with the name of the entry. There is nothing in it to be torn or
misread, and making it is one step. It stays when its entry goes, and holds for the next one of that
name, until it is removed. Format: docs/format/cache.md.
"""

import os
import stat

from cachewasm.cache import files, layout, publish, scan
from cachewasm.cache.keys import parse_entry_name
from cachewasm.cache.reasons import UNTRUSTED, DirectoryError
from cachewasm.cache.trust import DEFAULT_RULES, Rules


def pin(directory: str, name: str, rules: Rules = DEFAULT_RULES) -> bool:
    """Pin the entry `name`, "<2 hex>/<file name>"; False if it was pinned.

    Raises EntryError(UNTRUSTED) if the directory is not trusted, OSError.
    """
    state = files.DirectoryState(directory, rules)
    if state.problem is not None:
        raise DirectoryError(UNTRUSTED, f"the cache directory is not trusted: {state.problem}")
    path = os.path.join(state.path, layout.PINS, name)
    files.check_leads_nowhere_else(os.path.dirname(path))
    publish.make_directory_inside(os.path.dirname(path), rules)
    return publish.create_empty(path, rules)


def unpin(directory: str, name: str) -> bool:
    """Remove a pin; False if there was none, or it cannot be removed."""
    return publish.remove(os.path.join(directory, layout.PINS, name))


def pinned(directory: str) -> frozenset[str]:
    """The names of all pinned entries, also of those that are not there."""
    root = os.path.join(directory, layout.PINS)
    return frozenset(
        f"{shard}/{file_name}"
        for shard in scan.names_below(directory, layout.PINS)
        for file_name in scan.names_in(os.path.join(root, shard))
        if parse_entry_name(f"{shard}/{file_name}") is not None
        and _is_pin(os.path.join(root, shard, file_name))
    )


def _is_pin(path: str) -> bool:
    status = files.status_of(path)
    return status is not None and stat.S_ISREG(status.st_mode)
