"""One cache directory for machines that differ: code for less is used, code for more never."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import cachewasm
from cachewasm import Cache, Config, Engine, Module
from cachewasm.artifact.format import ENGINE_SECTION
from cachewasm.artifact.reader import Artifact
from cachewasm.cache import scan, siblings
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.engine import host, metadata
from cachewasm.engine.environment import from_config
from cachewasm.engine.isa import LEVELS, X86_64, without
from cachewasm.engine.target import changed_target, parse_changes, parse_target
from cachewasm.hashing import digest_of
from cachewasm.runtime import artifacts, explain
from cachewasm.runtime.fleet import lower_targets, usable_features
from cachewasm.runtime.lookup import lookup
from cachewasm.runtime.module import artifact_of

pytestmark = pytest.mark.skipif(host.machine() != X86_64, reason="is about levels of x86-64")

WASM = bytes(cachewasm.wat2wasm('(module (func (export "f") (result i32) (i32.const 42)))'))
DIGEST = digest_of(WASM)
V1, V2, V3, V4 = LEVELS[X86_64].values()
# What a host of v4 has left without the feature and all that needs it.
NO_AVX512 = without(X86_64, V4, ["avx512f"])
NO_AVX2 = without(X86_64, V4, ["avx2"])
NO_SSE41 = without(X86_64, V4, ["sse4.1"])

HostWith = Callable[[frozenset[str]], None]


@pytest.fixture(autouse=True)
def support_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """No compile brings the support image along."""
    monkeypatch.setattr(artifacts._support, "settled", True)


@pytest.fixture
def directory(tmp_path: Path) -> str:
    return str(tmp_path / "cache")


@pytest.fixture
def make(directory: str) -> Callable[..., Engine]:
    """Makes engines whose stores share the directory, but not their counters."""

    def engine(**options: object) -> Engine:
        config = Config()
        settings = cachewasm.CacheConfig()
        settings.directory = directory
        config.cache = Cache(settings)
        for name, value in options.items():
            setattr(config, name, value)
        return Engine(config)

    return engine


@pytest.fixture
def cannot_compile(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From then on nothing can be compiled in this process."""
    return lambda: monkeypatch.setitem(sys.modules, "cachewasm.compiler.client", None)


def made_for(artifact: Artifact) -> frozenset[str]:
    """The features that an artifact needs by its own word."""
    return frozenset(metadata.decode(bytes(artifact.section(ENGINE_SECTION)))[1].isa_flags)


def loaded(engine: Engine) -> frozenset[str]:
    """The features that the code needs which an engine loads for the module."""
    # The artifact is a view of what the module has mapped.
    module = Module(engine, WASM)
    return made_for(module._image.artifact)


def counts(engine: Engine) -> dict[str, int]:
    assert engine.cache is not None
    return engine.cache.counts()


def names(directory: str) -> list[str]:
    return sorted(path.name for path in Path(directory, "entries").rglob("*.*.*.*"))


def test_lower_level_is_used_where_the_exact_one_is_missing(
    make: Callable[..., Engine], host_with: HostWith, cannot_compile: Callable[[], None]
) -> None:
    make(target="x86-64-v2").precompile_module(WASM)
    host_with(NO_AVX512)
    cannot_compile()
    engine = make()
    assert engine.target.level == "x86-64-v3"
    assert lookup(engine, WASM) == cachewasm.Lookup(made_for="x86-64-v2")
    assert counts(engine) == {}
    assert loaded(engine) == V2
    assert counts(engine) == {"subset-hit": 1}
    assert engine.cache is not None and (engine.cache.hits, engine.cache.misses) == (1, 0)


def test_highest_of_the_lower_levels_is_used(
    make: Callable[..., Engine], host_with: HostWith
) -> None:
    for level in ("x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4"):
        make(target=level).precompile_module(WASM)
    host_with(NO_AVX512 - {"movbe"})
    engine = make()
    assert (engine.target.level, loaded(engine)) == ("x86-64-v2", V2)
    assert counts(engine) == {"hit": 1}
    host_with(V4 - {"crc32"})
    engine = make(target="native")
    assert (engine.target.level, loaded(engine)) == ("x86-64-v1", V1)
    assert counts(engine) == {"subset-hit": 1}


def test_exact_entry_of_the_other_tier_comes_first(make: Callable[..., Engine]) -> None:
    make(target="x86-64-v2", strategy="baseline").precompile_module(WASM)
    make(target="x86-64-v1", strategy="optimized").precompile_module(WASM)
    engine = make(target="x86-64-v2")
    assert loaded(engine) == V2
    assert counts(engine) == {"hit": 1}


def test_lower_level_of_the_better_tier_comes_first(
    make: Callable[..., Engine], cannot_compile: Callable[[], None]
) -> None:
    for tier in ("baseline", "optimized"):
        make(target="x86-64-v1", strategy=tier).precompile_module(WASM)
    cannot_compile()
    artifact = artifact_of(make(target="x86-64-v2"), WASM, to_run=True)
    assert metadata.decode(bytes(artifact.section(ENGINE_SECTION)))[1].tier == "optimized"


@pytest.mark.parametrize("features", [NO_AVX512, NO_AVX2, NO_SSE41])
def test_code_that_needs_more_is_never_used(
    make: Callable[..., Engine], host_with: HostWith, directory: str, features: frozenset[str]
) -> None:
    above = [level for level, needed in LEVELS[X86_64].items() if not needed <= features]
    for level in above:
        make(target=level).precompile_module(WASM)
    make(target="x86-64-v1", target_features="+sse4.1,+avx512vl,+gfni").precompile_module(WASM)
    host_with(features)
    engine = make()
    assert not lookup(engine, WASM).is_hit
    assert loaded(engine) <= features
    assert {name: counts(engine)[name] for name in ("miss.absent", "store")} == {
        "miss.absent": 1,
        "store": 1,
    }
    assert "subset-hit" not in counts(engine)
    assert len(names(directory)) == len(above) + 2


def test_fleet_of_unlike_hosts_shares_what_each_can_run(
    make: Callable[..., Engine], host_with: HostWith, directory: str
) -> None:
    # The weakest host comes first, and everybody after it uses what it has compiled.
    for features in (NO_SSE41, NO_AVX2, NO_AVX512, V4):
        host_with(features)
        engine = make()
        assert loaded(engine) == V1
        assert counts(engine).get("store", 0) == (features == NO_SSE41)
        assert counts(engine).get("subset-hit", 0) == (features != NO_SSE41)
    (made,) = names(directory)
    assert ".x86-64-v1-" in made


def test_subset_of_the_features_is_found_by_listing(
    make: Callable[..., Engine], host_with: HostWith, cannot_compile: Callable[[], None]
) -> None:
    make(target="x86-64-v2", target_features="+avx,+movbe", tune_cpu="znver4").precompile_module(
        WASM
    )
    host_with(V2 | {"avx", "movbe", "lzcnt"})
    cannot_compile()
    engine = make()
    assert engine.target.level == "x86-64-v2"
    assert loaded(engine) == V2 | {"avx", "movbe"}
    assert counts(engine) == {"subset-hit": 1}
    found = lookup(engine, WASM)
    assert found.made_for.startswith("x86-64-v2-")
    # Whoever names a target wants code for it, however much this host has.
    assert not lookup(make(target="x86-64-v2"), WASM).is_hit
    assert not lookup(make(target_features="+lzcnt"), WASM).is_hit


def test_precompiled_code_is_for_exactly_the_target(
    make: Callable[..., Engine], directory: str
) -> None:
    make(target="x86-64-v1").precompile_module(WASM)
    engine = make(target="x86-64-v2")
    assert made_for(Artifact(engine.precompile_module(WASM))) == V2
    assert counts(engine) == {"miss.absent": 1, "store": 1}
    assert len(names(directory)) == 2


def test_entry_whose_manifest_lies_is_not_used(
    make: Callable[..., Engine], host_with: HostWith, directory: str
) -> None:
    for target, features in (("x86-64-v2", None), ("x86-64-v2", "+avx")):
        # Whole and under the right key, but the code is that of another target.
        config = make(target=target, target_features=features).config
        environment = from_config(config)
        (key, _) = artifacts.keys_under(environment, "auto", DIGEST)
        more = make(target="x86-64-v3", cache=False).precompile_module(WASM)
        manifest: dict[str, str | int] = {
            "target.triple": environment.target.triple,
            "isa.features": " ".join(environment.target.features),
            "isa.tune": "",
        }
        assert LocalStore(directory).put(key, more, manifest) is None
    host_with(NO_AVX512 - {"movbe"})
    engine = make(target="native")
    assert len(names(directory)) == 2
    assert loaded(engine) == set(engine.target.features)
    assert "subset-hit" not in counts(engine)


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"target.triple": "x86_64-unknown-linux-gnu", "isa.features": 7, "isa.tune": ""},
        {"target.triple": "x86_64-unknown-linux-gnu", "isa.features": "warp", "isa.tune": ""},
        {"target.triple": "x86_64-unknown-linux-gnu", "isa.features": "avx", "isa.tune": ""},
        {"target.triple": "aarch64-unknown-linux-gnu", "isa.features": "neon", "isa.tune": ""},
    ],
)
def test_entry_whose_manifest_says_nothing_useful_is_not_used(
    make: Callable[..., Engine], directory: str, manifest: dict[str, str | int]
) -> None:
    engine = make(target="x86-64-v3")
    (key, _) = artifacts.keys_of(engine, DIGEST)
    other = ArtifactKey(key.wasm_digest, key.compat, "x86-64-v2-odd:00", key.tier)
    assert LocalStore(directory).put(other, b"artifact", manifest) is None
    assert lookup(engine, WASM).reason == "absent"


def test_siblings_reads_only_a_few_manifests(
    make: Callable[..., Engine], directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make(target="x86-64-v3")
    (key, _) = artifacts.keys_of(engine, DIGEST)
    store = LocalStore(directory)
    for number in range(3 * siblings.MAX_READ):
        other = ArtifactKey(key.wasm_digest, key.compat, f"x86-64-v2-odd:{number}", key.tier)
        assert store.put(other, b"artifact", {}) is None
    read = []
    manifest_of = siblings._manifest
    monkeypatch.setattr(
        siblings, "_manifest", lambda *args: read.append(args[0]) or manifest_of(*args)
    )
    assert not lookup(engine, WASM).is_hit
    assert len(read) == siblings.MAX_READ


def test_siblings_are_those_of_the_module_and_compat_hash(directory: str) -> None:
    own = ArtifactKey(bytes(32), bytes(32), "x86-64-v3:a", "optimized")
    store = LocalStore(directory)
    assert siblings.names_of(directory, [own]) == []
    lower, higher, other_tier, *others = keys = (
        ArtifactKey(bytes(32), bytes(32), "x86-64-v1-aa:b", "optimized"),
        ArtifactKey(bytes(32), bytes(32), "x86-64-v2-aa:b", "optimized"),
        ArtifactKey(bytes(32), bytes(32), "x86-64-v4-aa:b", "baseline"),
        ArtifactKey(bytes(32), bytes([1] * 32), "x86-64-v2-aa:b", "optimized"),
        ArtifactKey(bytes([0] * 15 + [1] * 17), bytes(32), "x86-64-v2-aa:b", "optimized"),
    )
    for key in keys:
        assert store.put(key, b"artifact", {"of": key.entry_name}) is None
    names = siblings.names_of(directory, [own])
    assert names == sorted(key.entry_name for key in keys if key not in others)
    found = list(siblings.manifests(directory, names, ["optimized", "baseline"], store.rules))
    expected = [higher.entry_name, lower.entry_name, other_tier.entry_name]
    assert [(name, pairs["of"]) for name, pairs in found] == list(
        zip(expected, expected, strict=True)
    )
    path = Path(directory, "entries", "v1", higher.entry_name)
    path.write_bytes(path.read_bytes()[:100])
    found = list(siblings.manifests(directory, names, ["optimized"], store.rules))
    assert [name for name, _ in found] == [lower.entry_name]


def test_folder_that_cannot_be_listed_is_probed_by_name(
    make: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(target="x86-64-v1").precompile_module(WASM)
    # What a folder does that may be searched only: the tests may run as root, who may list all.
    monkeypatch.setattr(scan, "names_in", lambda path: [])
    monkeypatch.setattr(scan, "may_list", lambda path: False)
    engine = make(target="x86-64-v2")
    assert loaded(engine) == V1
    assert counts(engine) == {"subset-hit": 1}


def test_damaged_exact_entry_is_compiled_again(make: Callable[..., Engine], directory: str) -> None:
    make(target="x86-64-v1").precompile_module(WASM)
    make(target="x86-64-v2", strategy="optimized").precompile_module(WASM)
    (path,) = (p for p in Path(directory, "entries").rglob("*.x86-64-v2-*"))
    path.write_bytes(path.read_bytes()[:-1])
    engine = make(target="x86-64-v2")
    assert loaded(engine) == V2
    assert counts(engine)["store"] == 1
    assert "subset-hit" not in counts(engine)


def test_store_in_memory_finds_lower_levels() -> None:
    cache = Cache.in_memory()
    config = Config()
    config.cache, config.target = cache, "x86-64-v1"
    Engine(config).precompile_module(WASM)
    config.target = "x86-64-v2"
    assert loaded(Engine(config)) == V1
    assert cache.counts() == {"miss.absent": 1, "store": 1, "subset-hit": 1}


def test_explain_names_what_would_be_used(make: Callable[..., Engine], directory: str) -> None:
    make(target="x86-64-v1").precompile_module(WASM)
    config = make(target="x86-64-v2").config
    environment = from_config(config)
    found = explain.explain(LocalStore(directory), environment, "auto", DIGEST)
    assert (found.is_hit, found.made_for, found.key.tier) == (True, "x86-64-v1", "optimized")
    assert found.key not in found.keys
    exact = explain.explain(
        LocalStore(directory),
        environment.for_target(lower_targets(environment.target)[0]),
        "auto",
        DIGEST,
    )
    assert (exact.is_hit, exact.made_for) == (True, "")


@pytest.mark.parametrize(
    ("options", "usable"),
    [
        ({}, V3),
        ({"target": "native"}, V3),
        ({"tune_cpu": "znver4"}, V3),
        ({"target": "x86-64-v2"}, V2),
        ({"target": "x86-64-v2", "tune_cpu": "znver4"}, V2),
        ({"target_features": "-avx"}, V2 | {"bmi"}),
    ],
)
def test_usable_features_are_the_hosts_unless_a_target_is_named(
    make: Callable[..., Engine], options: dict[str, str], usable: frozenset[str]
) -> None:
    config = make(**options).config
    target = parse_target("x86-64-v2")
    if "target_features" in options:
        target = changed_target(target, parse_changes("+bmi"))
    assert usable_features(config, target, lambda: V3) == usable


def test_lower_targets_are_the_levels_within_a_target() -> None:
    native = from_config(Config()).target
    assert [each.level for each in lower_targets(native)] == list(
        reversed(
            [level for level, needed in LEVELS[X86_64].items() if needed < set(native.features)]
        )
    )


def test_events_of_a_subset_are_told_as_such(make: Callable[..., Engine]) -> None:
    make(target="x86-64-v1").precompile_module(WASM)
    engine = make(target="x86-64-v2")
    store = engine._cache
    assert store is not None
    events: list[tuple[str, str]] = []
    store.on_event = lambda event, key, reason: events.append((event, reason))
    loaded(engine)
    assert events == [("subset-hit", "")]
    assert store.amounts.snapshot()["hit-bytes"] > 0
