"""The modules that a command is given: files, and folders with all modules in and below them."""

import os
from collections.abc import Iterator, Sequence

from .failure import Failure, printable

_SUFFIXES = (".wasm", ".wat")


def modules(paths: Sequence[str]) -> list[str]:
    """The files to take: each path that is no folder, and what ends in .wasm or .wat in the others.

    Sorted within a folder, each once. Symbolic links to folders are not followed below a folder. What
    is missing is left to whoever reads it; raises Failure for a folder without modules or that cannot
    be read.
    """
    found: dict[str, None] = {}
    for path in paths:
        if not os.path.isdir(path):
            found[os.path.normpath(path)] = None
            continue
        inside = dict.fromkeys(_inside(path))
        if not inside:
            raise Failure(f"{printable(path)}: there is no module in this folder (.wasm, .wat)")
        found |= inside
    return list(found)


def _inside(folder: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            path = os.path.normpath(os.path.join(place, name))
            if name.endswith(_SUFFIXES) and os.path.isfile(path):
                yield path
