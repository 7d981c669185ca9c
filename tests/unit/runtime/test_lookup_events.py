"""A lookup of a module is one hit or one miss, however many tiers it tries."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cachewasm import Cache, CacheConfig, Config, Engine, wat2wasm
from cachewasm.cache import layout
from cachewasm.cache.history import misses
from cachewasm.cache.local import LocalStore
from cachewasm.hashing import digest_of
from cachewasm.runtime.artifacts import cached_artifact, keys_of

WASM = bytes(wat2wasm('(module (func (export "f") (result i32) (i32.const 42)))'))
DIGEST = digest_of(WASM)


@pytest.fixture
def directory(tmp_path: Path) -> str:
    """A cache with the entries of both tiers of a module."""
    found = str(tmp_path / "cache")
    for strategy in ("optimized", "baseline"):
        Engine(_config(_cache(found), strategy)).precompile_module(WASM)
    return found


def _cache(directory: str) -> Cache:
    settings = CacheConfig()
    settings.directory = directory
    return Cache(settings)


def _config(cache: Cache, strategy: str = "auto") -> Config:
    config = Config()
    config.cache, config.strategy = cache, strategy
    return config


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _distrust(path: Path) -> None:
    path.chmod(0o666)


def _remove(path: Path) -> None:
    path.unlink()


def _keep(path: Path) -> None:
    assert path.exists()


Harm = Callable[[Path], None]


@pytest.mark.parametrize("to_load", [False, True])
@pytest.mark.parametrize(
    ("optimized", "baseline", "told"),
    [
        (_flip, _remove, ("optimized", "corrupt")),
        (_distrust, _remove, ("optimized", "untrusted")),
        (_remove, _flip, ("baseline", "corrupt")),
        (_remove, _distrust, ("baseline", "untrusted")),
        (_flip, _distrust, ("optimized", "corrupt")),
        (_distrust, _flip, ("optimized", "untrusted")),
        (_remove, _remove, ("baseline", "absent")),
        (_flip, _keep, None),
        (_remove, _keep, None),
    ],
)
def test_lookup_of_two_tiers_is_one_event_with_the_reason_that_tells_most(
    directory: str,
    optimized: Harm,
    baseline: Harm,
    told: tuple[str, str] | None,
    to_load: bool,
) -> None:
    cache = _cache(directory)
    engine = Engine(_config(cache))
    for key, harm in zip(keys_of(engine, DIGEST), (optimized, baseline), strict=True):
        harm(Path(layout.entry_path(directory, key)))
    found = cached_artifact(engine, DIGEST, to_load=to_load)
    assert isinstance(cache.store, LocalStore)
    cache.store.record()
    last = [(each.key.tier, each.reason) for each in misses.last(directory, 9)]
    if told is None:
        assert found is not None
        assert (cache.counts(), last) == ({"hit": 1}, [])
    else:
        assert found is None
        assert (cache.counts(), last) == ({f"miss.{told[1]}": 1}, [told])


def test_module_whose_entry_is_damaged_is_one_miss_of_that_reason(directory: str) -> None:
    for path in Path(directory, layout.ENTRIES).glob("*/*.optimized"):
        _flip(path)
    for path in Path(directory, layout.ENTRIES).glob("*/*.baseline"):
        path.unlink()
    cache = _cache(directory)
    Engine(_config(cache)).precompile_module(WASM)
    counts = cache.counts()
    assert {name: counts[name] for name in counts if "miss" in name} == {"miss.corrupt": 1}
    # What is damaged was put out of the way, and is there anew.
    assert (counts["quarantined"], counts["store"]) == (1, 1)


def test_module_in_an_untrusted_directory_is_one_miss(directory: str) -> None:
    os.chmod(directory, 0o777)
    cache = _cache(directory)
    assert cached_artifact(Engine(_config(cache)), DIGEST) is None
    assert cache.counts() == {"miss.untrusted": 1, "degraded": 1}
