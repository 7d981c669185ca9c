"""Engines that may not compile: what they run, and what they say of what they cannot."""

import sys
from pathlib import Path

import pytest

import cachewasm
from cachewasm import Cache, CacheConfig, CacheMiss, Config, Engine, Module

TEXT = '(module $demo (func (export "f") (result i32) (i32.const 42)))'
WASM = bytes(cachewasm.wat2wasm(TEXT))


def engine_with(directory: Path, mode: str, **options: object) -> Engine:
    cache = CacheConfig(environ={"CACHEWASM_DIR": str(directory)})
    cache.mode = mode
    config = Config()
    config.cache = Cache(cache)
    for name, value in options.items():
        setattr(config, name, value)
    return Engine(config)


@pytest.fixture
def baked(tmp_path: Path) -> Path:
    """A cache directory with the module."""
    Module(engine_with(tmp_path / "cache", "read-write"), TEXT)
    return tmp_path / "cache"


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import of the compiler would fail."""
    monkeypatch.setitem(sys.modules, "cachewasm.compiler.client", None)


@pytest.mark.parametrize("source", [TEXT, WASM], ids=["text", "binary"])
def test_must_hit_module_that_is_there_is_loaded(
    baked: Path, source: "str | bytes", no_compiler: None
) -> None:
    engine = engine_with(baked, "must-hit")
    assert [export.name for export in Module(engine, source).exports] == ["f"]
    assert engine.cache is not None and engine.cache.hits == 1


def test_must_hit_text_without_an_alias_is_parsed(baked: Path, no_compiler: None) -> None:
    (alias,) = (path for path in (baked / "aliases").rglob("*") if path.is_file())
    alias.unlink()
    assert Module(engine_with(baked, "must-hit"), TEXT).name == "demo"
    assert not alias.exists()


def test_must_hit_unknown_module_is_an_error_that_names_it(baked: Path, no_compiler: None) -> None:
    engine = engine_with(baked, "must-hit")
    other = cachewasm.wat2wasm('(module $other (func (export "g")))')
    with pytest.raises(CacheMiss) as raised:
        Module(engine, other)
    message = str(raised.value)
    assert message.startswith("the module `other` (digest ")
    assert f"is not in the cache {baked}, and nothing may be compiled: " in message
    assert message.endswith("no entry of this module")
    assert raised.value.reason == "absent"
    assert isinstance(raised.value, cachewasm.WasmtimeError)
    with pytest.raises(CacheMiss, match=r"^the module \(digest [0-9a-f]{32}\) is not"):
        Module(engine, "(module)")


@pytest.mark.parametrize(
    ("name", "value", "ingredient"),
    [
        ("strategy", "baseline", r"tier \(baseline here, optimized there\)"),
        ("target", "x86-64-v1", r"isa\.\w+"),
        ("wasm_memory64", False, ""),
        (
            "generate_address_map",
            False,
            r"tunables\.generate_address_map \(false here, true there\)",
        ),
    ],
)
def test_must_hit_other_key_is_an_error_that_names_the_ingredient(
    baked: Path, name: str, value: object, ingredient: str, no_compiler: None
) -> None:
    engine = engine_with(baked, "must-hit", **{name: value})
    if not ingredient:
        # What is the default anyway is no other key.
        assert Module(engine, TEXT)
        return
    with pytest.raises(CacheMiss, match=f"the nearest entry differs in: .*{ingredient}"):
        Module(engine, TEXT)


def test_must_hit_damaged_entry_is_an_error_with_its_reason(baked: Path, no_compiler: None) -> None:
    (entry,) = (path for path in (baked / "entries").rglob("*") if "." in path.name)
    entry.write_bytes(entry.read_bytes()[:-1])
    with pytest.raises(CacheMiss, match="the entry is torn: ") as raised:
        Module(engine_with(baked, "must-hit"), TEXT)
    assert raised.value.reason == "torn"


def test_must_hit_of_an_untrusted_directory_says_so(baked: Path, no_compiler: None) -> None:
    baked.chmod(0o777)
    with pytest.raises(CacheMiss, match="the cache directory is not trusted: ") as raised:
        Module(engine_with(baked, "must-hit"), TEXT)
    assert raised.value.reason == "untrusted"


def test_must_hit_of_what_is_no_module_is_the_error_that_compiling_gives(baked: Path) -> None:
    with pytest.raises(cachewasm.MalformedModule):
        Module(engine_with(baked, "must-hit"), WASM[:-1])


def test_must_hit_precompile_is_an_error_too(tmp_path: Path, no_compiler: None) -> None:
    with pytest.raises(CacheMiss):
        engine_with(tmp_path / "cache", "must-hit").precompile_module(WASM)
    assert list(tmp_path.iterdir()) == []


def test_must_hit_without_a_place_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config()
    config.cache = CacheConfig()
    config.cache.mode = "must-hit"
    config.cache._values["directory"] = None
    with pytest.raises(cachewasm.ConfigError, match="no place for a cache"):
        Engine(config)


def test_read_only_miss_compiles_and_stores_nothing(tmp_path: Path) -> None:
    engine = engine_with(tmp_path / "cache", "read-only")
    assert Module(engine, TEXT).name == "demo"
    assert list(tmp_path.iterdir()) == []
    assert engine.cache is not None and engine.cache.counts() == {
        "alias-miss.absent": 1,
        "miss.absent": 1,
    }


def test_in_memory_second_module_is_a_hit(no_directory: None) -> None:
    config = Config()
    config.cache = cache = Cache.in_memory(1 << 20)
    engine = Engine(config)
    for source in (TEXT, TEXT, WASM):
        assert Module(engine, source).name == "demo"
    assert cache.counts() == {
        "alias-miss.absent": 1,
        "miss.absent": 1,
        "store": 1,
        "alias-store": 1,
        "alias-hit": 1,
        "hit": 2,
    }
    assert (cache.directory, cache.statistics().counts) == (None, {})


@pytest.fixture
def no_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The directory of the environment, in which nothing may appear."""
    monkeypatch.setenv("CACHEWASM_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"
