"""What entries say of how they were made, and why a lookup misses them."""

from pathlib import Path

import pytest

import cachewasm
from cachewasm.cache.history import misses
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.survey import inspect
from cachewasm.engine import ingredients
from cachewasm.engine.environment import from_config
from cachewasm.hashing import digest_of
from cachewasm.runtime import explain
from cachewasm.runtime.artifacts import keys_under

TEXT = '(module $demo (func (export "f") (result i32) (i32.const 42)))'
WASM = bytes(cachewasm.wat2wasm(TEXT))
DIGEST = digest_of(WASM)


@pytest.fixture
def config(tmp_path: Path) -> cachewasm.Config:
    """A configuration with a cache of its own."""
    config = cachewasm.Config()
    config.cache = str(tmp_path / "cache")
    return config


@pytest.fixture
def store(config: cachewasm.Config) -> LocalStore:
    assert isinstance(config.cache, str)
    return LocalStore(config.cache)


def _explain(store: LocalStore, config: cachewasm.Config) -> explain.Explanation:
    return explain.explain(store, from_config(config), config.strategy, DIGEST)


def _manifests(store: LocalStore) -> list[dict[str, str | int]]:
    return [dict(entry.manifest or {}) for entry in inspect.entries(store.directory)]


def test_manifest_has_every_ingredient_and_the_facts(
    config: cachewasm.Config, store: LocalStore
) -> None:
    config.signals_based_traps = False
    cachewasm.Engine(config).precompile_module(WASM)
    (manifest,) = _manifests(store)
    expected = ingredients.of_environment(from_config(config))
    assert {name: value for name, value in manifest.items() if "." in name} == expected
    assert manifest["tunables.signals_based_traps"] == "false"
    facts = ("module_name", "wasm_size", "strategy", "tier")
    assert [manifest[name] for name in facts] == ["demo", len(WASM), "auto", "optimized"]
    for name in ("created", "compile_ms", "artifact_size", "cachewasm"):
        assert manifest[name]


def test_manifest_of_a_module_with_an_endless_name_has_its_beginning(
    config: cachewasm.Config, store: LocalStore
) -> None:
    name = "n" * 70_000
    cachewasm.Engine(config).precompile_module(f"(module ${name})".encode())
    (manifest,) = _manifests(store)
    assert manifest["module_name"] == name[:1024]


def test_explain_is_a_hit_where_the_engine_would_hit(
    config: cachewasm.Config, store: LocalStore
) -> None:
    assert _explain(store, config).reason == "absent"
    cachewasm.Engine(config).precompile_module(WASM)
    found = _explain(store, config)
    assert (found.is_hit, found.key.tier) == (True, "optimized")


def test_explain_names_the_option_that_differs(config: cachewasm.Config, store: LocalStore) -> None:
    cachewasm.Engine(config).precompile_module(WASM)
    config.wasm_backtrace = False
    config.wasm_bulk_memory = False
    (near,) = _explain(store, config).nearest
    assert [str(difference) for difference in near.differences] == [
        "tunables.wasm_backtrace (false here, true there)",
        "wasm.features.bulk_memory (false here, true there)",
    ]


def test_explain_tells_of_the_tier_that_is_there_and_damaged(
    config: cachewasm.Config, store: LocalStore
) -> None:
    cachewasm.Engine(config).precompile_module(WASM)
    (file,) = inspect.listing(store.directory)
    Path(file.path).write_bytes(Path(file.path).read_bytes()[:-1])
    found = _explain(store, config)
    assert (found.key.tier, found.reason, found.nearest) == ("optimized", "torn", ())


def test_explain_tells_of_an_entry_that_is_not_what_its_key_says(
    config: cachewasm.Config, store: LocalStore
) -> None:
    other = cachewasm.Config()
    other.wasm_backtrace = False
    artifact = cachewasm.Engine(other).precompile_module(WASM)
    key = keys_under(from_config(config), "optimized", DIGEST)[0]
    store.put(key, artifact, {})
    assert _explain(store, config).reason == "incompatible"
    store.put(key, b"no artifact", {})
    assert _explain(store, config).reason == "incompatible"


def test_explain_misses_compares_with_what_was_there_before(
    config: cachewasm.Config, store: LocalStore
) -> None:
    environment = from_config(config)
    known = ingredients.of_environment(environment)
    wanted = keys_under(environment, "optimized", DIGEST)[0]
    older = ArtifactKey(DIGEST, bytes(32), wanted.isa, "optimized")
    newer = ArtifactKey(DIGEST, bytes([1] * 32), wanted.isa, "optimized")
    theirs = known | {"tunables.wasm_backtrace": "false"}
    store.put(older, b"x", theirs | {"created": 10})
    store.put(newer, b"x", theirs | {"created": 30})
    store.put(wanted, b"x", known | {"created": 21})
    misses.append(store.directory, [(20, "absent", wanted)])
    (found,) = explain.explain_misses(store.directory, misses.last(store.directory, 9))
    assert found.made is not None and found.made.file.name == wanted.entry_name
    assert found.is_known
    (near,) = found.nearest
    assert near.name == older.entry_name
    assert [each.name for each in near.differences] == ["tunables.wasm_backtrace"]


def test_explain_misses_of_an_engine_without_entries_compares_parts(
    config: cachewasm.Config, store: LocalStore
) -> None:
    wanted = keys_under(from_config(config), "baseline", DIGEST)[0]
    other = ArtifactKey(DIGEST, bytes(32), wanted.isa, "baseline")
    store.put(other, b"x", {"tunables.x": 1, "created": 1})
    misses.append(store.directory, [(20, "absent", wanted)])
    (found,) = explain.explain_misses(store.directory, misses.last(store.directory, 9))
    assert (found.made, found.is_known) == (None, False)
    assert [each.name for each in found.nearest[0].differences] == ["compat"]
