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
    from cachewasm.compiler import client

    compiled = client.compile_module(environment, engine._strategy, wasm)
    if store is not None and compiled.storable:
        key = _key(environment, digest, compiled.tier)
        store.put(key, compiled.artifact, compiled.manifest)
    return Artifact(compiled.artifact)


def cached_artifact(engine: "Engine", digest: bytes) -> Artifact | None:
    """The artifact of the module whose binary has this digest, if the engine's cache has it."""
    store = engine._cache
    if store is not None:
        for tier in _TIERS[engine._strategy]:
            found = _lookup(store, engine._environment, digest, tier)
            if found is not None:
                return found
    return None


def support_artifact(environment: "CompileEnvironment", store: "LocalStore | None") -> Artifact:
    """The artifact of the support image for an environment's target."""
    from blake3 import blake3

    digest = blake3(b"cachewasm support image").digest()
    if store is not None:
        found = _lookup(store, environment, digest, _SUPPORT_TIER)
        if found is not None and len(found.section(INFO_SECTION)) == OFFSETS.size:
            return found
    from cachewasm.compiler import client

    compiled = client.compile_support(environment)
    if store is not None and compiled.storable:
        key = _key(environment, digest, _SUPPORT_TIER)
        store.put(key, compiled.artifact, compiled.manifest)
    return Artifact(compiled.artifact)


def _key(environment: "CompileEnvironment", digest: bytes, tier: str) -> ArtifactKey:
    target = environment.target
    isa = f"{target.isa_label}:{target.isa_digest.hex()}"
    return ArtifactKey(digest, environment.compat_hash, isa, tier)


def _lookup(
    store: "LocalStore", environment: "CompileEnvironment", digest: bytes, tier: str
) -> Artifact | None:
    key = _key(environment, digest, tier)
    entry = store.get(key)
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
        store.counters.add("miss.incompatible")
        log(WARNING, "cache miss for %s: made for another engine", key)
        return None
    return artifact
