"""Hold the cache of a process that must not compile to a lock file, when its first engine is made.

An image that lacks something says so when it starts, not when the module is first needed. Imported
where the settings name a lock file only.
"""

from cachewasm.cache.carry.lock_file import MAX_SIZE, Lock, LockedArtifact, check_lock
from cachewasm.cache.reasons import INCOMPATIBLE
from cachewasm.engine.config import Config
from cachewasm.engine.environment import from_config
from cachewasm.errors import CacheMiss, ConfigError
from cachewasm.runtime.fleet import lower_targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.cache.store import ArtifactStore
    from cachewasm.engine.environment import CompileEnvironment
    from cachewasm.engine.target import Target

# What has been found in order: engines are made often, a process starts once.
_in_order: set[tuple[str, str, str, bytes]] = set()


def require_lock(store: "ArtifactStore", environment: "CompileEnvironment", path: str) -> None:
    """See to it that `store` has all that the lock file at `path` names for the engine's target.

    Once for each of these in a process. Raises CacheMiss, which names the first artifact that is
    not as it should be, and why; ConfigError if there is nothing for the target or no such file.
    """
    mark = (store.place, path, environment.target.isa, environment.identity)
    if mark in _in_order:
        return
    lock = read_lock(path)
    wanted = chosen(lock, environment)
    if all(each.is_support for each in wanted):
        there = sorted({each.label for each in lock.artifacts})
        raise ConfigError(
            f"{path}: there is nothing for {environment.target.isa_label}"
            f" ({environment.target.triple}), only for {', '.join(there) or 'no target'}"
        )
    for each in wanted:
        if each.compiler != environment.identity:
            message = (
                f"{path}: {each.module}: made by the compiler {each.compiler.hex()[:16]}, "
                f"this one is {environment.identity.hex()[:16]}: its code cannot be used"
            )
            raise CacheMiss(message, reason=INCOMPATIBLE)
    problems = check_lock(store, wanted)
    if problems:
        others = f" (and {len(problems) - 1} more)" if problems[1:] else ""
        raise CacheMiss(f"{path}: {problems[0]}{others}", reason=problems[0].reason)
    _in_order.add(mark)


def read_lock(path: str) -> Lock:
    """The lock file at `path`. Raises ConfigError."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise ConfigError(f"failed to read lock file: {path}: {error.strerror}") from None
    if len(data) > MAX_SIZE:
        raise ConfigError(f"failed to read lock file: {path}: more than {MAX_SIZE} bytes")
    try:
        return Lock.from_text(data.decode(), path)
    except UnicodeDecodeError:
        raise ConfigError(f"failed to read lock file: {path}: it is no UTF-8") from None


def chosen(lock: Lock, environment: "CompileEnvironment") -> list[LockedArtifact]:
    """What engines with this environment load: modules of their target, support images of the host's.

    Where the lock names none for it, those of the highest lower level that it does name.
    """
    return [
        *_for_target(lock, environment.target, is_support=False),
        *_for_target(lock, from_config(Config()).target, is_support=True),
    ]


def _for_target(lock: Lock, target: "Target", *, is_support: bool) -> list[LockedArtifact]:
    candidates = [
        each
        for each in lock.artifacts
        if each.is_support == is_support and each.target == target.triple
    ]
    for fitting in (target, *lower_targets(target)):
        found = [each for each in candidates if each.isa == fitting.isa]
        if found:
            return found
    return []
