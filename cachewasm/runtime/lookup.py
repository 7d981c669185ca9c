"""Whether the cache has a module, without compiling it: for whoever plans, warms or explains.

A lookup is no event: it is neither counted nor logged, and never starts the compiler. Text is parsed.
"""

from dataclasses import dataclass

from cachewasm.cache.reasons import ABSENT, INCOMPATIBLE, Miss
from cachewasm.engine import host
from cachewasm.hashing import digest_of
from cachewasm.runtime import fleet
from cachewasm.runtime.artifacts import cached_artifact, keys_of
from cachewasm.runtime.engine import Engine, require_open
from cachewasm.runtime.module import binary_of

# Besides the reasons of the store.
NO_CACHE = "no-cache"


@dataclass(frozen=True, slots=True)
class Lookup:
    """A hit if `reason` is empty; else why not, for people in `detail`.

    `made_for` is the name of the instruction set of what was hit, if it was made for less than the
    engine's target: for a lower level, or for other features that this machine has, too.
    """

    reason: str = ""
    detail: str = ""
    made_for: str = ""

    @property
    def is_hit(self) -> bool:
        """Whether the artifact is there, and right in every byte."""
        return not self.reason


def lookup(engine: Engine, wasm: "str | bytes | bytearray") -> Lookup:
    """Whether `Module(engine, wasm)` would be a hit now. Raises TextError, UnsupportedModule, and
    ValueError if the engine is closed.

    The reason of a miss is that of the key that is tried last, as the counters tell it.
    """
    require_open(engine)
    store = engine._cache
    if store is None:
        return Lookup(NO_CACHE, "the engine has no cache")
    digest = digest_of(binary_of(wasm))
    if cached_artifact(engine, digest, again=True) is not None:
        return Lookup()
    keys = keys_of(engine, digest)
    missed = [store.peek(key) for key in keys]
    if all(isinstance(each, Miss) and each.reason == ABSENT for each in missed):
        environment = engine._environment
        usable = fleet.usable_features(engine._config, environment.target, host.host_features)
        fitting = fleet.fitting_entry(store, environment, keys, usable)
        if fitting is not None:
            return Lookup(made_for=fitting.entry.key.isa.partition(":")[0])
    last = missed[-1]
    if isinstance(last, Miss):
        return Lookup(last.reason, last.detail)
    return Lookup(INCOMPATIBLE, "the entry was made for another engine")
