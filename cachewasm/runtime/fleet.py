"""Code that was made for less than this machine has: what one directory for unlike machines offers.

Where the entry for exactly the engine's target is missing, one for a lower level, or for other
features that this machine has as well, runs just as right. Lower levels have names that are known;
of others the manifest tells what they need. A candidate is looked up by its key like any entry, and
compared with what an engine for its target would have made; before it is mapped, the features in
the artifact itself are held against the host (engine/compat.py).

Imported by a miss only.
"""

from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.payload import Memory
from cachewasm.cache.reasons import Miss
from cachewasm.cache.siblings import manifests, names_of
from cachewasm.engine.isa import LEVELS
from cachewasm.engine.options import TargetName
from cachewasm.engine.target import Target
from cachewasm.errors import ConfigError
from cachewasm.runtime.artifacts import artifact_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cachewasm.artifact.reader import Artifact
    from cachewasm.cache.entry import Entry
    from cachewasm.cache.payload import MakePlace
    from cachewasm.cache.store import ArtifactStore
    from cachewasm.engine.config import Config
    from cachewasm.engine.environment import CompileEnvironment

# The event of such a hit, and the name of its counter.
SUBSET_HIT = "subset-hit"


class Fitting:
    """An entry, and its artifact."""

    __slots__ = ("artifact", "entry")

    def __init__(self, entry: "Entry", artifact: "Artifact") -> None:
        self.entry = entry
        self.artifact = artifact


def usable_features(
    config: "Config", target: Target, available: "Callable[[], frozenset[str]]"
) -> frozenset[str]:
    """The features that code for an engine with this Config may need; `available` tells the host's.

    What the host has, where the Config leaves the target to the host. Who names a target or single
    features gets nothing beyond them: their artifacts may be meant for others.
    """
    if config.target in (None, TargetName.NATIVE) and config.target_features is None:
        return available()
    return frozenset(target.features)


# By target; a process has few, and making one takes as long as a lookup.
_lower: "dict[Target, list[Target]]" = {}


def lower_targets(target: Target) -> "Sequence[Target]":
    """The levels all of whose features a target has, but for itself; highest first."""
    known = _lower.get(target)
    if known is None:
        levels = LEVELS[target.arch].values()
        fitting = [Target(target.triple, each) for each in levels if each <= set(target.features)]
        known = _lower[target] = [each for each in reversed(fitting) if each != target]
    return known


def fitting_entry(
    store: "ArtifactStore",
    environment: "CompileEnvironment",
    keys: "Sequence[ArtifactKey]",
    usable: frozenset[str],
    *,
    make_place: "MakePlace" = Memory,
) -> Fitting | None:
    """The best entry that can stand in for the missing ones of `keys`, which differ in the tier.

    It needs no feature but `usable` ones. No event: who uses it counts it.
    """
    listed = None if store.directory is None else names_of(store.directory, keys)
    if listed is not None and not listed:
        return None
    left = set(listed or ()).difference(key.entry_name for key in keys)
    for target in lower_targets(environment.target):
        for key in keys if usable.issuperset(target.features) else ():
            other = _under(key, target)
            if listed is None or other.entry_name in left:
                left.discard(other.entry_name)
                found = _look_up(store, other, environment, target, make_place)
                if found is not None:
                    return found
    if store.directory is None or not left:
        return None
    tiers = [key.tier for key in keys]
    for name, manifest in manifests(store.directory, left, tiers, store.rules):
        candidate = _target_of(manifest, environment.target)
        if candidate is None or not usable.issuperset(candidate.features):
            continue
        for key in keys:
            other = _under(key, candidate)
            if other.entry_name == name:
                found = _look_up(store, other, environment, candidate, make_place)
                if found is not None:
                    return found
    return None


def _under(key: ArtifactKey, target: Target) -> ArtifactKey:
    return ArtifactKey(key.wasm_digest, key.compat, target.isa, key.tier)


def _target_of(manifest: "Mapping[str, str | int]", own: Target) -> Target | None:
    """What a manifest says that an entry was made for; None if it says nothing that can be."""
    triple, features = manifest.get("target.triple"), manifest.get("isa.features")
    tune = manifest.get("isa.tune")
    if triple != own.triple or not isinstance(features, str) or not isinstance(tune, str):
        return None
    try:
        return Target(own.triple, features.split(), tune or None)
    except ConfigError:
        return None


def _look_up(
    store: "ArtifactStore",
    key: ArtifactKey,
    environment: "CompileEnvironment",
    target: Target,
    make_place: "MakePlace",
) -> Fitting | None:
    entry = store.peek(key, make_place=make_place)
    if isinstance(entry, Miss):
        return None
    artifact = artifact_in(entry, store, environment.for_target(target), is_news=False)
    return None if artifact is None else Fitting(entry, artifact)
