"""From wasm bytes to a checked artifact: out of the cache, or compiled and stored.

Whatever is wrong with the cache is a miss; whatever is wrong with a fresh compile is an error. On
the warm path; the compiler is imported by a miss only.
"""

from cachewasm.abi.support import OFFSETS
from cachewasm.artifact.reader import Artifact
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import Miss
from cachewasm.cache.payload import Memory
from cachewasm.cache.reasons import ABSENT, INCOMPATIBLE
from cachewasm.engine import compat, host
from cachewasm.engine.config import Config
from cachewasm.engine.environment import from_config
from cachewasm.errors import IncompatibleArtifact
from cachewasm.hashing import digest_of
from cachewasm.loader.image import new_copy
from cachewasm.log import WARNING, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cachewasm.cache.entry import Entry
    from cachewasm.cache.payload import MakePlace
    from cachewasm.cache.store import ArtifactStore
    from cachewasm.compiler.client import CompileResult
    from cachewasm.engine.environment import CompileEnvironment
    from cachewasm.runtime.engine import Engine

# Tiers that a strategy may find in the cache, best first. What `auto` compiles is decided by the
# worker, which knows the size of the code.
_TIERS = {
    "auto": ("optimized", "baseline"),
    "optimized": ("optimized",),
    "baseline": ("baseline",),
}
_SUPPORT_TIER = "support"


def module_artifact(
    engine: "Engine", wasm: bytes, *, to_run: bool = False, again: bool = False
) -> Artifact:
    """The artifact of a module in binary format. Raises ModuleError, CompileError.

    If it is `to_run`, a miss may compile the support image along with it. `again` if it has just been
    missed: then that is not counted once more.
    """
    environment = engine._environment
    digest = digest_of(wasm)
    found = cached_artifact(engine, digest, again=again, to_load=to_run)
    if found is not None:
        return found
    store = engine._cache

    def compile() -> Artifact:
        from cachewasm.compiler import client

        client.start()
        wanted = _wanted_support(store) if to_run else None
        compiled = client.compile_module(
            environment,
            engine._strategy,
            wasm,
            jobs=engine._jobs,
            executor=engine._executor,
            progress=engine._progress,
            support=wanted,
            verify=engine._verify,
        )
        if wanted is not None and compiled.support is not None:
            _keep(store, wanted, _support_digest(), _SUPPORT_TIER, compiled.support)
            _support.artifact = Artifact(compiled.support.artifact)
        return _keep(store, environment, digest, compiled.tier, compiled)

    if store is None or not store.writes:
        if store is not None and store.must_hit:
            from cachewasm.runtime.must_hit import refused_module

            raise refused_module(store, environment, keys_of(engine, digest), wasm)
        # Nobody would find what is compiled, so there are no turns to take.
        return compile()
    from cachewasm.cache.single_flight import Patience, compile_once

    def look_again() -> Artifact | None:
        return cached_artifact(engine, digest, again=True, to_load=to_run)

    patience = Patience(timeout=store.config.lock_timeout)
    return compile_once(store, keys_of(engine, digest), look_again, compile, patience)


def cached_artifact(
    engine: "Engine", digest: bytes, *, again: bool = False, to_load: bool = False
) -> Artifact | None:
    """The artifact of the module whose binary has this digest, if the engine's cache has it.

    `again` if it has just been missed: then this lookup is not counted. If it is `to_load`, its
    bytes go straight to where they will be mapped, and code for less than the engine's target will
    do: see runtime/fleet.py.
    """
    make_place: MakePlace = new_copy if to_load else Memory
    store = engine._cache
    if store is None:
        return None
    environment = engine._environment
    # One lookup is one hit or one miss, whose reason is the first that is more than absence.
    keys, telling, is_told = [], None, again
    tiers = _TIERS[engine._strategy]
    for tier in tiers:
        key = _key(environment, digest, tier)
        keys.append(key)
        if tier is not tiers[-1] and not store.may_have(key):
            continue
        entry = (
            store.peek(key, make_place=make_place)
            if again
            else store.get(key, is_last=False, make_place=make_place)
        )
        if not isinstance(entry, Miss):
            found = artifact_in(entry, store, environment, is_news=not again)
            if found is not None:
                return found
            is_told = True
        elif telling is None and entry.reason != ABSENT:
            telling = (key, entry.reason)
    if is_told:
        return None
    if telling is None and to_load:
        from cachewasm.runtime import fleet

        usable = fleet.usable_features(engine._config, environment.target, host.host_features)
        return _fitting(store, environment, keys, usable)
    from cachewasm.cache.outcomes import count_miss

    key, reason = telling or (keys[-1], ABSENT)
    count_miss(store, key, reason)
    return None


def _fitting(
    store: "ArtifactStore",
    environment: "CompileEnvironment",
    keys: "Sequence[ArtifactKey]",
    usable: frozenset[str],
) -> Artifact | None:
    """Code to load for less than what was asked for; a use of it, or else the miss of `keys`."""
    from cachewasm.runtime import fleet

    fitting = fleet.fitting_entry(store, environment, keys, usable, make_place=new_copy)
    if fitting is None:
        entry = store.get(keys[-1], make_place=new_copy)
        return artifact_in(entry, store, environment, is_news=True)
    store.hit(fitting.entry.key, fitting.entry, fleet.SUBSET_HIT)
    return fitting.artifact


def keys_of(engine: "Engine", digest: bytes) -> list[ArtifactKey]:
    """The keys under which the engine looks for a module, in this order."""
    return keys_under(engine._environment, engine._strategy, digest)


def keys_under(
    environment: "CompileEnvironment", strategy: str, digest: bytes
) -> list[ArtifactKey]:
    """The keys under which an engine of this environment and strategy would look for a module."""
    return [_key(environment, digest, tier) for tier in _TIERS[strategy]]


def support_artifact(environment: "CompileEnvironment", store: "ArtifactStore | None") -> Artifact:
    """The artifact of the support image for the target of the default environment, to be loaded."""
    _support.settled = True
    artifact, _support.artifact = _support.artifact, None
    return _any_support(environment, store, to_load=True) if artifact is None else artifact


def kept_support(environment: "CompileEnvironment", store: "ArtifactStore | None") -> Artifact:
    """The same out of the store, or compiled and stored, whatever this process has already."""
    return _any_support(environment, store, to_load=False)


def _any_support(
    environment: "CompileEnvironment", store: "ArtifactStore | None", *, to_load: bool
) -> Artifact:
    found = _cached_support(environment, store, to_load=to_load)
    if found is not None:
        return found

    def compile() -> Artifact:
        from cachewasm.compiler import client

        compiled = client.compile_support(environment)
        return _keep(store, environment, _support_digest(), _SUPPORT_TIER, compiled)

    key = support_key(environment)
    if store is None or not store.writes:
        if store is not None and store.must_hit:
            from cachewasm.runtime.must_hit import refused_support

            raise refused_support(store, environment, key)
        return compile()
    from cachewasm.cache.single_flight import Patience, compile_once

    patience = Patience(timeout=store.config.lock_timeout)
    return compile_once(
        store, [key], lambda: _cached_support(environment, store, again=True), compile, patience
    )


def support_key(environment: "CompileEnvironment") -> ArtifactKey:
    """The key of the support image for the target of a default environment."""
    return _key(environment, _support_digest(), _SUPPORT_TIER)


class _Support:
    """The support image that a module's compile brought along, until it is asked for.

    `settled` once nobody need bring it: this process has it, or its cache does.
    """

    __slots__ = ("artifact", "settled")

    def __init__(self) -> None:
        self.artifact: Artifact | None = None
        self.settled = False


_support = _Support()


def _wanted_support(store: "ArtifactStore | None") -> "CompileEnvironment | None":
    """The environment of the support image if this process will need it and nobody has it."""
    if _support.settled:
        return None
    _support.settled = True
    environment = from_config(Config())
    _support.artifact = _cached_support(environment, store, to_load=True)
    return environment if _support.artifact is None else None


def _cached_support(
    environment: "CompileEnvironment",
    store: "ArtifactStore | None",
    *,
    again: bool = False,
    to_load: bool = False,
) -> Artifact | None:
    """The support image out of the store; `again` and `to_load` as of `cached_artifact`."""
    if store is None:
        return None
    key = support_key(environment)
    entry = store.peek(key) if again else store.get(key, is_last=not to_load)
    found = None
    if not (to_load and isinstance(entry, Miss)):
        found = artifact_in(entry, store, environment, is_news=not again)
    elif entry.reason == ABSENT:
        usable = frozenset(environment.target.features)
        found = _fitting(store, environment, [key], usable)
    else:
        from cachewasm.cache.outcomes import count_miss

        count_miss(store, key, entry.reason)
    is_whole = found is not None and found.info_range[1] == OFFSETS.size
    return found if is_whole else None


def _support_digest() -> bytes:
    return digest_of(b"cachewasm support image")


def _keep(
    store: "ArtifactStore | None",
    environment: "CompileEnvironment",
    digest: bytes,
    tier: str,
    compiled: "CompileResult",
) -> Artifact:
    """Store what was compiled, if there is a store and it may be kept."""
    if store is not None and compiled.storable:
        store.put(_key(environment, digest, tier), compiled.artifact, compiled.manifest)
    return Artifact(compiled.artifact)


def _key(environment: "CompileEnvironment", digest: bytes, tier: str) -> ArtifactKey:
    return ArtifactKey(digest, environment.compat_hash, environment.target.isa, tier)


def artifact_in(
    found: "Entry | Miss",
    store: "ArtifactStore",
    environment: "CompileEnvironment",
    *,
    is_news: bool,
) -> Artifact | None:
    """The artifact of an entry that was found, unless it is not what its key says."""
    if isinstance(found, Miss):
        return None
    try:
        artifact = Artifact(found.raw, found.place, is_own=True)
        is_right = compat.is_own(artifact.part(artifact.engine_range), environment)
    except IncompatibleArtifact:
        is_right = False
    if not is_right:
        # Intact, under the right key, and yet not what the key says: a fault of whoever stored it.
        if is_news:
            store.counters.add(f"miss.{INCOMPATIBLE}")
            log(WARNING, "cache miss for %s: made for another engine", found.key)
        return None
    return artifact
