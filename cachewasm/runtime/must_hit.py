"""What is said where nothing may be compiled, and the cache does not have what is needed.

Imported by such a miss only.
"""

from collections.abc import Sequence

from cachewasm.cache.keys import ArtifactKey, wasm_prefix
from cachewasm.cache.reasons import ABSENT, Miss
from cachewasm.cache.store import ArtifactStore
from cachewasm.cache.survey.nearest import nearest_to_any, summary
from cachewasm.engine import ingredients
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
    subject = f"the module{named} (digest {wasm_prefix(keys[0].wasm_digest)})"
    return _refused(store, environment, keys, subject)


def refused_support(
    store: ArtifactStore, environment: CompileEnvironment, key: ArtifactKey
) -> CacheMiss:
    """The error for the support image, which every process needs that runs wasm code."""
    return _refused(store, environment, [key], "the support image")


def _refused(
    store: ArtifactStore,
    environment: CompileEnvironment,
    keys: Sequence[ArtifactKey],
    subject: str,
) -> CacheMiss:
    peeked = [store.peek(key) for key in keys]
    found = [miss for miss in peeked if isinstance(miss, Miss) and miss.reason != ABSENT]
    if found:
        why = f"the entry is {found[0].reason}: {found[0].detail}"
    elif not all(isinstance(miss, Miss) for miss in peeked):
        why = "the entry was made for another engine"
    elif store.directory is None:
        why = summary(())
    else:
        known = ingredients.of_environment(environment)
        why = summary(nearest_to_any(store.directory, keys, known, store.rules))
    message = f"{subject} is not in the cache {store.place}, and nothing may be compiled: {why}"
    return CacheMiss(message, reason=found[0].reason if found else ABSENT)
