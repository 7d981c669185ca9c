"""From wasm bytes to a checked artifact: out of the cache, or compiled and stored.

Whatever is wrong with the cache is a miss; whatever is wrong with a fresh compile is an error. On
the warm path; the compiler is imported by a miss only.
"""

from cachewasm.abi.support import OFFSETS
from cachewasm.artifact.format import ENGINE_SECTION, INFO_SECTION
from cachewasm.artifact.reader import Artifact
from cachewasm.cache.keys import ArtifactKey
from cachewasm.errors import IncompatibleArtifact
from cachewasm.log import WARNING, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.cache.local import LocalStore
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


def module_artifact(engine: "Engine", wasm: bytes) -> Artifact:
    """The artifact of a module in binary format. Raises ModuleError, CompileError."""
    from blake3 import blake3

    environment = engine._environment
    digest = blake3(wasm).digest()
    found = cached_artifact(engine, digest)
    if found is not None:
        return found
    store = engine._cache

    def compile() -> Artifact:
        from cachewasm.compiler import client

        compiled = client.compile_module(environment, engine._strategy, wasm)
        if store is not None and compiled.storable:
            key = _key(environment, digest, compiled.tier)
            store.put(key, compiled.artifact, compiled.manifest)
        return Artifact(compiled.artifact)

    if store is None:
        return compile()
    from cachewasm.cache.single_flight import compile_once

    def look_again() -> Artifact | None:
        return cached_artifact(engine, digest, again=True)

    return compile_once(store, keys_of(engine, digest), look_again, compile)


def cached_artifact(engine: "Engine", digest: bytes, *, again: bool = False) -> Artifact | None:
    """The artifact of the module whose binary has this digest, if the engine's cache has it.

    `again` if it has just been missed: then this lookup is not counted.
    """
    store = engine._cache
    if store is not None:
        tiers = _TIERS[engine._strategy]
        for tier in tiers:
            is_last = tier == tiers[-1]
            found = _lookup(store, engine._environment, digest, tier, again=again, is_last=is_last)
            if found is not None:
                return found
    return None


def keys_of(engine: "Engine", digest: bytes) -> list[ArtifactKey]:
    """The keys under which the engine looks for a module, in this order."""
    return [_key(engine._environment, digest, tier) for tier in _TIERS[engine._strategy]]


def support_artifact(environment: "CompileEnvironment", store: "LocalStore | None") -> Artifact:
    """The artifact of the support image for an environment's target."""
    from blake3 import blake3

    digest = blake3(b"cachewasm support image").digest()
    key = _key(environment, digest, _SUPPORT_TIER)

    def compile() -> Artifact:
        from cachewasm.compiler import client

        compiled = client.compile_support(environment)
        if store is not None and compiled.storable:
            store.put(key, compiled.artifact, compiled.manifest)
        return Artifact(compiled.artifact)

    if store is None:
        return compile()
    found = _cached_support(environment, store, digest)
    if found is not None:
        return found
    from cachewasm.cache.single_flight import compile_once

    def look_again() -> Artifact | None:
        return _cached_support(environment, store, digest, again=True)

    return compile_once(store, [key], look_again, compile)


def _cached_support(
    environment: "CompileEnvironment", store: "LocalStore", digest: bytes, *, again: bool = False
) -> Artifact | None:
    found = _lookup(store, environment, digest, _SUPPORT_TIER, again=again)
    is_whole = found is not None and len(found.section(INFO_SECTION)) == OFFSETS.size
    return found if is_whole else None


def _key(environment: "CompileEnvironment", digest: bytes, tier: str) -> ArtifactKey:
    target = environment.target
    isa = f"{target.isa_label}:{target.isa_digest.hex()}"
    return ArtifactKey(digest, environment.compat_hash, isa, tier)


def _lookup(
    store: "LocalStore",
    environment: "CompileEnvironment",
    digest: bytes,
    tier: str,
    *,
    again: bool,
    is_last: bool = True,
) -> Artifact | None:
    key = _key(environment, digest, tier)
    entry = store.peek(key) if again else store.get(key, is_last=is_last)
    raw: bytes | None = getattr(entry, "raw", None)
    if raw is None:
        return None
    try:
        artifact = Artifact(raw)
        made_for = bytes(artifact.section(ENGINE_SECTION))
    except IncompatibleArtifact:
        made_for = b""
    if not made_for.startswith(environment.engine_section):
        # Intact, under the right key, and yet not what the key says: a fault of whoever stored it.
        if not again:
            store.counters.add("miss.incompatible")
            log(WARNING, "cache miss for %s: made for another engine", key)
        return None
    return artifact
