"""Why a module is or is not in the cache: the keys under which it is looked for, against what is there.

Nothing is compiled, counted or logged. The answer is for an engine's environment, which may be that of
another machine, or for a miss that some process has recorded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cachewasm.artifact.format import ENGINE_SECTION
from cachewasm.artifact.reader import Artifact
from cachewasm.cache.entry import Entry
from cachewasm.cache.history.misses import MissRecord
from cachewasm.cache.keys import ArtifactKey, parse_entry_name, wasm_prefix
from cachewasm.cache.local import LocalStore, Miss
from cachewasm.cache.reasons import ABSENT, INCOMPATIBLE
from cachewasm.cache.survey import inspect, nearest
from cachewasm.cache.survey.inspect import EntryInfo
from cachewasm.cache.survey.nearest import Difference, Nearest
from cachewasm.cache.trust import DEFAULT_RULES, Rules
from cachewasm.engine import ingredients
from cachewasm.engine.environment import CompileEnvironment
from cachewasm.errors import IncompatibleArtifact
from cachewasm.runtime.artifacts import keys_under
from cachewasm.runtime.fleet import fitting_entry

Ingredients = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A hit if `reason` is empty, and `key` is that of the entry; not one of `keys` if the entry was
    made for less than the engine's target.

    Else `key` is the first under which there is an entry that cannot be used, and `reason` and `detail`
    say why; or the one that is tried last, and absent. `nearest` are the entries of the module that are not under any of the `keys`, nearest first.
    """

    keys: tuple[ArtifactKey, ...]
    key: ArtifactKey
    reason: str
    detail: str
    nearest: tuple[Nearest, ...]

    @property
    def is_hit(self) -> bool:
        """Whether the artifact is there, and right in every byte."""
        return not self.reason

    @property
    def made_for(self) -> str:
        """The instruction set of what is hit, if it is less than the engine's target."""
        return self.key.isa.partition(":")[0] if self.is_hit and self.key not in self.keys else ""


@dataclass(frozen=True, slots=True)
class ExplainedMiss:
    """A recorded miss. `made` is the entry that it has led to, if that is still there; `is_known`
    says whether it is known what the key was made of, or only its parts.
    """

    miss: MissRecord
    made: EntryInfo | None
    is_known: bool
    nearest: tuple[Nearest, ...]


def explain(
    store: LocalStore,
    environment: CompileEnvironment,
    strategy: str,
    wasm_digest: bytes,
    *,
    usable: frozenset[str] | None = None,
    limit: int = 3,
) -> Explanation:
    """Look up the module with this digest as such an engine would, and compare. Raises HostError.

    `usable` are the features that other entries may need, by default those of the target.
    """
    keys = tuple(keys_under(environment, strategy, wasm_digest))
    key, miss = keys[-1], Miss(ABSENT, "no entry")
    for each in keys:
        found = store.peek(each)
        if isinstance(found, Entry):
            if _is_made_for(found, environment):
                return Explanation(keys, each, "", "", ())
            found = Miss(INCOMPATIBLE, "the entry was made for another engine")
        if miss.reason == ABSENT and found.reason != ABSENT:
            key, miss = each, found
    if miss.reason == ABSENT:
        features = frozenset(environment.target.features) if usable is None else usable
        fitting = fitting_entry(store, environment, keys, features)
        if fitting is not None:
            return Explanation(keys, fitting.entry.key, "", "", ())
    known = ingredients.of_environment(environment)
    near = nearest.nearest_to_any(store.directory, keys, known, store.rules, limit=limit)
    return Explanation(keys, key, miss.reason, miss.detail, tuple(near))


def against(
    explanation: Explanation, environment: CompileEnvironment, entry: EntryInfo
) -> tuple[Difference, ...]:
    """What tells one entry, which has a manifest, from the key that it agrees with best."""
    known = ingredients.of_environment(environment)
    manifest = entry.manifest or {}
    found = [nearest.differences_of(key, known, manifest) for key in explanation.keys]
    return min(found, key=len)


def explain_misses(
    directory: str,
    misses: Sequence[MissRecord],
    rules: Rules = DEFAULT_RULES,
    *,
    limit: int = 3,
) -> list[ExplainedMiss]:
    """Compare each miss with the entries that were there at the time.

    What its key was made of is in the manifest of any entry with the same compat hash and ISA: first
    of the one that the miss has led to.
    """
    known = _ingredients_by_engine(directory, misses, rules)
    explained = []
    for miss in misses:
        key, theirs = miss.key, known.get(_engine_of(miss.key), {})
        made = _made_by(directory, miss, rules)
        if made is not None and made.parts is not None:
            # A strategy of several tiers has missed them all: what it made is what it wanted.
            key = ArtifactKey(key.wasm_digest, key.compat, key.isa, made.parts.tier)
        near = nearest.nearest(directory, key, theirs, rules, limit=limit, before=miss.time + 1)
        explained.append(ExplainedMiss(miss, made, bool(theirs), tuple(near)))
    return explained


def _is_made_for(entry: Entry, environment: CompileEnvironment) -> bool:
    try:
        section = bytes(Artifact(entry.raw).section(ENGINE_SECTION))
    except IncompatibleArtifact:
        return False
    return section.startswith(environment.engine_section)


def _engine_of(key: ArtifactKey) -> tuple[str, str]:
    """What the names of all entries of one environment have in common."""
    parts = parse_entry_name(key.entry_name)
    return (parts.compat, parts.isa) if parts is not None else ("", "")


def _ingredients_by_engine(
    directory: str, misses: Sequence[MissRecord], rules: Rules
) -> dict[tuple[str, str], Ingredients]:
    """What the keys of `misses` were made of, as far as an entry tells; one listing for all."""
    wanted = {_engine_of(miss.key): miss.key for miss in misses}
    found: dict[tuple[str, str], Ingredients] = {}
    for file in inspect.listing(directory):
        parts = parse_entry_name(file.name)
        engine = (parts.compat, parts.isa) if parts is not None else ("", "")
        key = wanted.get(engine)
        if key is not None:
            manifest = inspect.read_entry(file, rules).manifest or {}
            # The name has prefixes only.
            if manifest.get("compat") == key.compat.hex() and manifest.get("isa") == key.isa:
                found[engine] = {name: value for name, value in manifest.items() if "." in name}
                del wanted[engine]
        if not wanted:
            break
    return found


def _made_by(directory: str, miss: MissRecord, rules: Rules) -> EntryInfo | None:
    """The entry that was made after the miss: under its key, or of another tier of the strategy."""
    made = None
    for file in inspect.listing_of(directory, wasm_prefix(miss.key.wasm_digest)):
        parts = parse_entry_name(file.name)
        if parts is not None and (parts.compat, parts.isa) == _engine_of(miss.key):
            info = inspect.read_entry(file, rules)
            created = (info.manifest or {}).get("created", -1)
            if isinstance(created, int) and created >= miss.time:
                made = info
                if file.name == miss.key.entry_name:
                    break
    return made
