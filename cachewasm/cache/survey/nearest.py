"""The entries that come nearest to a key, and what tells them from it: why a lookup missed.

All entries of a module lie in one directory and begin alike, and the manifest of each has what its key
was made of by name: pairs whose names have a dot. So the answer is a listing and a few manifests, and
needs to know nothing of what the ingredients mean. Only the manifests of the names that agree best are
read, so a directory full of files costs no more than its listing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cachewasm.cache.keys import ArtifactKey, parse_entry_name, wasm_prefix
from cachewasm.cache.survey import inspect
from cachewasm.cache.survey.inspect import EntryInfo, ListedFile
from cachewasm.cache.trust import DEFAULT_RULES, Rules

# How many manifests are read at most. A module has an entry for each build and target in use.
MAX_READ = 256
# A set with more words than this is compared as one text: no engine knows as many features.
_MAX_WORDS = 256
# How many differences a sentence tells of.
_MAX_SAID = 4
_SHOWN_DIGITS = 12

Value = str | int


@dataclass(frozen=True, slots=True)
class Difference:
    """An ingredient of the key, or a part of it, that an entry has otherwise; None if it lacks it."""

    name: str
    wanted: Value | None
    found: Value | None

    def __str__(self) -> str:
        return f"{self.name} ({_shown(self.wanted)} here, {_shown(self.found)} there)"


@dataclass(frozen=True, slots=True)
class Nearest:
    """An entry of the same module, and what tells it from the key that was looked for."""

    entry: EntryInfo
    differences: tuple[Difference, ...]

    @property
    def name(self) -> str:
        """The entry's path below entries/v1/."""
        return self.entry.file.name


def nearest(
    directory: str,
    key: ArtifactKey,
    ingredients: Mapping[str, Value],
    rules: Rules = DEFAULT_RULES,
    *,
    limit: int = 3,
    before: int | None = None,
) -> list[Nearest]:
    """The entries of the key's module with the fewest differences, at most `limit`; nothing raises.

    `ingredients` are those that the key was made of, empty if they are not known: then only its parts
    are compared. The key's own entry is left out, and so are entries whose manifests cannot be read,
    and those that were made at the time `before` or later. Of equally near ones the latest used come
    first.
    """
    found = []
    for file in _candidates(directory, key):
        info = inspect.read_entry(file, rules)
        if info.manifest is not None and not _is_made_since(info.manifest, before):
            differences = differences_of(key, ingredients, info.manifest)
            if differences:
                found.append(Nearest(info, differences))
    found.sort(key=lambda each: (len(each.differences), -each.entry.file.mtime_ns, each.name))
    return found[:limit]


def nearest_to_any(
    directory: str,
    keys: Sequence[ArtifactKey],
    ingredients: Mapping[str, Value],
    rules: Rules = DEFAULT_RULES,
    *,
    limit: int = 3,
) -> list[Nearest]:
    """The same for a lookup that tries several keys, which differ in the tier: nearest to any of them.

    Entries under one of the keys are left out.
    """
    own = {key.entry_name for key in keys}
    best: dict[str, Nearest] = {}
    for key in keys:
        for near in nearest(directory, key, ingredients, rules, limit=limit + len(keys)):
            known = best.get(near.name)
            if near.name not in own and (
                known is None or len(near.differences) < len(known.differences)
            ):
                best[near.name] = near
    return sorted(best.values(), key=lambda near: len(near.differences))[:limit]


def differences_of(
    key: ArtifactKey, ingredients: Mapping[str, Value], manifest: Mapping[str, Value]
) -> tuple[Difference, ...]:
    """What tells the entry with this manifest from `key`, by name.

    A part of the key that differs although none of its ingredients does is told as the part.
    """
    theirs = {name: value for name, value in manifest.items() if "." in name}
    differences: list[Difference] = []
    if ingredients and theirs:
        for name in sorted(ingredients.keys() | theirs.keys()):
            differences += _compare(name, ingredients.get(name), theirs.get(name))
    is_isa = [difference.name.startswith("isa.") for difference in differences]
    parts = (
        ("tier", key.tier, True),
        ("isa", key.isa, not any(is_isa)),
        ("compat", key.compat.hex(), all(is_isa)),
        ("wasm_digest", key.wasm_digest.hex(), True),
    )
    for name, value, is_told in parts:
        if is_told and manifest.get(name) != value:
            differences.append(Difference(name, value, manifest.get(name)))
    return tuple(differences)


def summary(found: Sequence[Nearest]) -> str:
    """What `nearest` has found, as a clause for a message."""
    if not found:
        return "no entry of this module"
    differences = found[0].differences
    said = ", ".join(str(difference) for difference in differences[:_MAX_SAID])
    more = len(differences) - _MAX_SAID
    return f"the nearest entry differs in: {said}" + (f" and {more} more" if more > 0 else "")


def _candidates(directory: str, key: ArtifactKey) -> list[ListedFile]:
    """The entries of the module, those whose names agree best first, at most MAX_READ."""
    own = key.entry_name
    wanted = parse_entry_name(own)
    ranked: list[tuple[int, str, ListedFile]] = []
    for file in inspect.listing_of(directory, wasm_prefix(key.wasm_digest)):
        parts = parse_entry_name(file.name)
        if file.name == own or parts is None or wanted is None:
            continue
        agreeing = (
            4 * (parts.compat == wanted.compat)
            + 2 * (parts.isa == wanted.isa)
            + (parts.tier == wanted.tier)
        )
        ranked.append((-agreeing, file.name, file))
    ranked.sort(key=lambda each: each[:2])
    return [file for _, _, file in ranked[:MAX_READ]]


def _is_made_since(manifest: Mapping[str, Value], before: int | None) -> bool:
    created = manifest.get("created", 0)
    return before is not None and isinstance(created, int) and created >= before


def _compare(name: str, wanted: Value | None, found: Value | None) -> list[Difference]:
    # 1 and "1" are different values, though no ingredient has both.
    if wanted == found:
        return []
    if name.endswith(".features") and isinstance(wanted, str) and isinstance(found, str):
        ours, theirs = set(wanted.split()), set(found.split())
        if max(len(ours), len(theirs)) <= _MAX_WORDS and ours != theirs:
            return [
                Difference(f"{name}.{word}", _truth(word in ours), _truth(word in theirs))
                for word in sorted(ours ^ theirs)
            ]
    return [Difference(name, wanted, found)]


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _shown(value: Value | None) -> str:
    """A value in a sentence: digests, which nobody reads to the end, by their first digits."""
    if value is None:
        return "missing"
    text = str(value)
    if len(text) > 3 * _SHOWN_DIGITS:
        return f"{text[:_SHOWN_DIGITS]}..."
    return text or "none"
