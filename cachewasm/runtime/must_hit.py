"""What is said where nothing may be compiled, and the cache does not have what is needed.

Imported by such a miss only.
"""

from collections.abc import Sequence

from cachewasm.cache.keys import ArtifactKey, wasm_prefix
from cachewasm.cache.nearest import differences
from cachewasm.cache.reasons import ABSENT, Miss
from cachewasm.cache.store import ArtifactStore
from cachewasm.engine.environment import CompileEnvironment
from cachewasm.errors import CacheMiss, ModuleError
from cachewasm.wasm.decode import decode


def refused_module(
    store: ArtifactStore,
    environment: CompileEnvironment,
    keys: Sequence[ArtifactKey],
    wasm: bytes,
) -> CacheMiss | ModuleError:
    """The error for a module in binary format that was looked for under `keys`.

    What is no module at all is a ModuleError, as where modules are compiled.
    """
    try:
        name = decode(wasm, environment.features).names.module
    except ModuleError as error:
        return error
    named = f" `{name}`" if name else ""
    return _refused(store, keys, f"the module{named} (digest {wasm_prefix(keys[0].wasm_digest)})")


def refused_support(store: ArtifactStore, key: ArtifactKey) -> CacheMiss:
    """The error for the support image, which every process needs that runs wasm code."""
    return _refused(store, [key], "the support image")


def _refused(store: ArtifactStore, keys: Sequence[ArtifactKey], subject: str) -> CacheMiss:
    reasons = [miss for miss in map(store.peek, keys) if isinstance(miss, Miss)]
    found = [miss for miss in reasons if miss.reason != ABSENT]
    reason = found[0].reason if found else ABSENT
    why = f"the entry is {reason}: {found[0].detail}" if found else _nearest(store, keys)
    message = f"{subject} is not in the cache {store.place}, and nothing may be compiled: {why}"
    return CacheMiss(message, reason=reason)


def _nearest(store: ArtifactStore, keys: Sequence[ArtifactKey]) -> str:
    differing = None if store.directory is None else differences(store.directory, keys)
    if differing is None:
        return "it has no entry of that digest"
    if not differing:
        return "the entry was made for another engine"
    return f"the nearest entry has {' and '.join(map(str, differing))}"
