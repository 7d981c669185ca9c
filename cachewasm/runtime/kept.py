"""What the cache keeps of a module: for whoever fills a directory, or writes down what is in it.

Nothing is loaded, so the engine's target may be another machine's. What runs needs the support image
of its host besides its modules; it is kept and named like one of them.
"""

from dataclasses import dataclass

from cachewasm.artifact.format import ENGINE_SECTION
from cachewasm.cache.alias import AliasKey
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import Miss
from cachewasm.engine import metadata
from cachewasm.engine.config import Config
from cachewasm.engine.environment import CompileEnvironment, from_config
from cachewasm.engine.options import TargetName
from cachewasm.hashing import digest_of
from cachewasm.runtime import artifacts
from cachewasm.runtime.engine import Engine
from cachewasm.runtime.module import artifact_of, source_of


@dataclass(frozen=True, slots=True)
class Kept:
    """An artifact in the cache: its key, its digest and its size in bytes.

    `text` is the digest of a module in text format, whose alias is in the cache, too.
    """

    key: ArtifactKey
    artifact: bytes
    size: int
    text: bytes | None = None


def kept(engine: Engine, wasm: "str | bytes") -> Kept | None:
    """What the engine's cache has of a module; None unless all that a hit needs is there.

    No event to the statistics. Raises UnsupportedModule for compiled code.
    """
    source, is_text = source_of(wasm)
    store = engine._cache
    if store is None:
        return None
    digest = digest_of(source)
    text = None
    if is_text:
        text = digest
        known = store.peek_alias(AliasKey(text, engine._environment.identity))
        if not isinstance(known, bytes):
            return None
        digest = known
    found = artifacts.cached_artifact(engine, digest, again=True)
    if found is None:
        return None
    tier = metadata.decode(bytes(found.section(ENGINE_SECTION)))[1].tier
    (key,) = (key for key in artifacts.keys_of(engine, digest) if key.tier == tier)
    return Kept(key, digest_of(found.data), len(found.data), text)


def kept_support(engine: Engine, target: str | None) -> Kept | None:
    """The same of the support image of hosts with `target`, a value of Config.target."""
    if engine._cache is None:
        return None
    key = artifacts.support_key(_support_environment(target))
    found = engine._cache.peek(key)
    return None if isinstance(found, Miss) else Kept(key, digest_of(found.raw), len(found.raw))


def keep(engine: Engine, wasm: "str | bytes") -> None:
    """See to it that the engine's cache has a module; whether it could be stored, kept() tells.

    Raises TextError, ModuleError, CompileError.
    """
    artifact_of(engine, wasm)


def keep_support(engine: Engine, target: str | None) -> None:
    """The same of the support image of hosts with `target`. Raises CompileError."""
    artifacts.kept_support(_support_environment(target), engine._cache)


def _support_environment(target: str | None) -> CompileEnvironment:
    """That of a process on such a host, whose default target is the level of the host."""
    config = Config()
    if target is not None and target != TargetName.NATIVE:
        config.target = target
    return from_config(config)
