"""Hit or miss, told without compiling."""

import sys
from pathlib import Path

import pytest

import cachewasm
from cachewasm.cache.local import LocalStore
from cachewasm.errors import TextError
from cachewasm.runtime.lookup import Lookup, lookup

TEXT = '(module (func (export "f") (result i32) (i32.const 42)))'


@pytest.fixture
def engine(tmp_path: Path) -> cachewasm.Engine:
    """An engine with an empty cache of its own."""
    config = cachewasm.Config()
    config.cache = str(tmp_path / "cache")
    return cachewasm.Engine(config)


def store_of(engine: cachewasm.Engine) -> LocalStore:
    store = engine._cache
    assert isinstance(store, LocalStore)
    return store


def test_lookup_is_a_miss_before_and_a_hit_after(engine: cachewasm.Engine) -> None:
    assert lookup(engine, TEXT).reason == "absent"
    cachewasm.Module(engine, TEXT)
    assert lookup(engine, TEXT) == Lookup()
    assert lookup(engine, cachewasm.wat2wasm(TEXT)).is_hit


def test_lookup_of_a_closed_engine_is_refused(engine: cachewasm.Engine) -> None:
    engine.close()
    with pytest.raises(ValueError, match=r"^already closed$"):
        lookup(engine, TEXT)


def test_lookup_counts_and_compiles_nothing(
    engine: cachewasm.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An import of it would fail.
    monkeypatch.setitem(sys.modules, "cachewasm.compiler.client", None)
    lookup(engine, TEXT)
    assert store_of(engine).counters.snapshot() == {}
    assert not (tmp_path / "cache").exists()


def test_lookup_of_a_damaged_entry_tells_the_reason(
    engine: cachewasm.Engine, tmp_path: Path
) -> None:
    cachewasm.Module(engine, TEXT)
    (entry,) = (tmp_path / "cache" / "entries").rglob("*.*")
    # Under the name of the tier that is looked for last.
    last = entry.rename(entry.with_name(entry.name.rpartition(".")[0] + ".baseline"))
    last.write_bytes(last.read_bytes()[:-1])
    found = lookup(engine, TEXT)
    assert (found.is_hit, found.reason) == (False, "torn")
    assert found.detail


def test_lookup_without_a_cache_is_a_miss(tmp_path: Path) -> None:
    config = cachewasm.Config()
    config.cache = False
    assert lookup(cachewasm.Engine(config), TEXT).reason == "no-cache"


def test_lookup_of_no_text_is_an_error(engine: cachewasm.Engine) -> None:
    with pytest.raises(TextError):
        lookup(engine, "(module")


def test_hit_of_a_later_tier_is_one_hit_and_no_miss(engine: cachewasm.Engine) -> None:
    config = cachewasm.Config()
    config.cache = store_of(engine).directory
    config.strategy = "baseline"
    wasm = cachewasm.wat2wasm(TEXT)
    cachewasm.Module(cachewasm.Engine(config), wasm)
    before = store_of(engine).counters.snapshot()
    cachewasm.Module(engine, wasm)
    after = store_of(engine).counters.snapshot()
    assert {name: count - before.get(name, 0) for name, count in after.items()} == {
        **dict.fromkeys(before, 0),
        "hit": 1,
    }


def test_lookup_without_an_engine_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="expected an Engine"):
        lookup(None, TEXT)  # type: ignore[arg-type]
