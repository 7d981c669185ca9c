"""A process that must not compile is held to its lock file when it makes an engine."""

from dataclasses import replace
from pathlib import Path

import pytest

import cachewasm
from cachewasm.cache.carry.lock_file import MAX_SIZE, Lock, LockedArtifact
from cachewasm.cache.local import LocalStore
from cachewasm.engine.isa import LEVELS
from cachewasm.errors import CacheMiss, ConfigError
from cachewasm.runtime import kept
from cachewasm.runtime.fleet import lower_targets
from cachewasm.runtime.locked import chosen, read_lock, require_lock

WASM = bytes(cachewasm.wat2wasm('(module (func (export "f")))'))


@pytest.fixture(autouse=True)
def anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has just started."""
    monkeypatch.setattr("cachewasm.runtime.locked._in_order", set())


@pytest.fixture
def engine(tmp_path: Path) -> cachewasm.Engine:
    """An engine whose cache has a module and the support image."""
    config = cachewasm.Config()
    config.cache = str(tmp_path / "cache")
    engine = cachewasm.Engine(config)
    kept.keep(engine, WASM)
    kept.keep_support(engine, None)
    return engine


@pytest.fixture
def lock(engine: cachewasm.Engine) -> Lock:
    """What is in the cache, as it is."""
    found = (kept.kept(engine, WASM), kept.kept_support(engine, None))
    return Lock(tuple(locked(each, engine) for each in found if each is not None))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.lock"


def locked(found: kept.Kept, engine: cachewasm.Engine) -> LockedArtifact:
    key = found.key
    return LockedArtifact(
        module="support image" if key.tier == "support" else "app.wasm",
        wasm=key.wasm_digest,
        text=None,
        target=engine._environment.target.triple,
        isa=key.isa,
        tier=key.tier,
        compat=key.compat,
        compiler=engine._environment.identity,
        artifact=found.artifact,
        size=found.size,
    )


def require(engine: cachewasm.Engine, lock: Lock, path: Path) -> None:
    path.write_text(lock.to_text())
    assert isinstance(engine._cache, LocalStore)
    require_lock(engine._cache, engine._environment, str(path))


def test_lock_that_the_cache_satisfies_is_read_once(
    engine: cachewasm.Engine, lock: Lock, path: Path
) -> None:
    assert len(lock.artifacts) == 2
    require(engine, lock, path)
    require(engine, Lock(()), path)


def test_lock_names_the_module_that_is_missing(
    engine: cachewasm.Engine, lock: Lock, path: Path
) -> None:
    other = replace(lock.artifacts[0], module="other.wasm", wasm=bytes(32))
    with pytest.raises(CacheMiss) as caught:
        require(engine, Lock((*lock.artifacts, other)), path)
    label = other.label
    said = f"{path}: other.wasm: {label}, tier optimized: absent: no entry"
    assert str(caught.value) == said


def test_lock_names_another_artifact_and_how_many_more(
    engine: cachewasm.Engine, lock: Lock, path: Path
) -> None:
    others = tuple(replace(each, artifact=bytes(32)) for each in lock.artifacts)
    with pytest.raises(CacheMiss, match=r"app\.wasm: .*: different: .* \(and 1 more\)$"):
        require(engine, Lock(others), path)


def test_lock_of_another_compiler_is_an_error(
    engine: cachewasm.Engine, lock: Lock, path: Path
) -> None:
    others = tuple(replace(each, compiler=bytes(32)) for each in lock.artifacts)
    with pytest.raises(CacheMiss, match=r"app\.wasm: made by the compiler 0000000000000000, "):
        require(engine, Lock(others), path)


def test_lock_for_other_targets_only_is_an_error(
    engine: cachewasm.Engine, lock: Lock, path: Path
) -> None:
    module, support = lock.artifacts
    foreign = replace(module, isa="x86-64-v9:00")
    with pytest.raises(ConfigError, match=r"there is nothing for .*, only for .*x86-64-v9"):
        require(engine, Lock((foreign, support)), path)


def test_lock_for_other_targets_besides_is_none_of_this_host(
    engine: cachewasm.Engine, lock: Lock, path: Path
) -> None:
    foreign = replace(lock.artifacts[0], isa="x86-64-v9:00", artifact=bytes(32))
    both = Lock((*lock.artifacts, foreign))
    assert chosen(both, engine._environment) == list(lock.artifacts)
    require(engine, both, path)


def test_lock_for_a_lower_level_is_held_where_it_names_nothing_higher(
    engine: cachewasm.Engine, lock: Lock, path: Path
) -> None:
    if not lower_targets(engine.target):
        pytest.skip("this host has the lowest level")
    lowest = next(iter(LEVELS[engine.target.arch]))
    config = engine.config
    config.target = lowest
    weaker = cachewasm.Engine(config)
    kept.keep(weaker, WASM)
    kept.keep_support(weaker, lowest)
    found = (kept.kept(weaker, WASM), kept.kept_support(weaker, lowest))
    lower = tuple(locked(each, weaker) for each in found if each is not None)
    assert {each.label for each in lower} == {lowest}
    assert chosen(Lock(lower), engine._environment) == list(lower)
    require(engine, Lock(lower), path)
    assert chosen(Lock((*lower, *lock.artifacts)), engine._environment) == list(lock.artifacts)
    # Nothing higher than what the engine is for.
    with pytest.raises(ConfigError, match=f"there is nothing for {lowest}"):
        require(weaker, Lock(lock.artifacts), path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"\xff", "it is no UTF-8"),
        (bytes(MAX_SIZE + 1), f"more than {MAX_SIZE} bytes"),
        (b"version = 2", "line 1: expected `version = 1`"),
    ],
)
def test_lock_that_cannot_be_read_is_an_error(path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_lock(str(path))


def test_engine_of_a_cache_that_must_hit_reads_the_lock(
    engine: cachewasm.Engine, lock: Lock, path: Path
) -> None:
    path.write_text(Lock((replace(lock.artifacts[0], artifact=bytes(32)),)).to_text())
    settings = cachewasm.CacheConfig()
    settings.directory = engine._cache.directory if engine._cache else None
    settings.lock_file = path
    config = cachewasm.Config()
    config.cache = settings
    # Where something may be compiled, nothing has to be there.
    cachewasm.Engine(config)
    settings.mode = "must-hit"
    with pytest.raises(CacheMiss, match=r"app\.wasm: .*: different"):
        cachewasm.Engine(config)
    path.write_text(lock.to_text())
    cachewasm.Engine(config)
