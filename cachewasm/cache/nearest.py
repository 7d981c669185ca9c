"""What keeps a lookup from being a hit: the nearest entry, and what of its key differs.

The name of an entry tells the parts of its key, and all entries of a module begin alike and lie in one
directory: finding the nearest one is a listing. Names hold prefixes, so what is found here is for
people. Off the warm path.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from cachewasm.cache import files, layout
from cachewasm.cache.keys import ArtifactKey, EntryName, parse_entry_name

# The parts of a key besides the module, by what people call them.
_PARTS = (("compat", "environment"), ("isa", "instruction set"), ("tier", "tier"))


@dataclass(frozen=True, slots=True)
class Difference:
    """One ingredient of the key: as the nearest entry has it, and as it was looked for."""

    ingredient: str
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.ingredient} {self.found}, not {self.wanted}"


def differences(directory: str, keys: Sequence[ArtifactKey]) -> tuple[Difference, ...] | None:
    """In what the entry of the same module that is nearest to one of `keys` differs from it.

    `keys` are all that a lookup tries. None if there is no entry of the module; nothing if there is
    one with the very name.
    """
    nearest: tuple[Difference, ...] | None = None
    for key in keys:
        wanted = parse_entry_name(key.entry_name)
        shard = os.path.dirname(key.entry_name)
        for file_name in files.names_in(os.path.join(directory, layout.ENTRIES, shard)):
            found = parse_entry_name(f"{shard}/{file_name}")
            if wanted is None or found is None or found.wasm != wanted.wasm:
                continue
            differing = _differences(found, wanted)
            if nearest is None or len(differing) < len(nearest):
                nearest = differing
    return nearest


def _differences(found: EntryName, wanted: EntryName) -> tuple[Difference, ...]:
    pairs = [(name, getattr(found, part), getattr(wanted, part)) for part, name in _PARTS]
    return tuple(Difference(name, have, want) for name, have, want in pairs if have != want)
