"""Modules in the text format, and the aliases that spare a warm start the parsing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wasmtime

import cachewasm
from cachewasm.cache.survey.verify import verify
from cachewasm.errors import TextError, UnsupportedModule
from cachewasm.runtime import artifacts, text

# Aliases and the errors' places are our own.
pytestmark = pytest.mark.usefixtures("own")

ANSWER = '(module (func (export "f") (result i32) (i32.const 42)))'
INVALID = '(module (func (export "f") (result i32)))'


@pytest.fixture
def cached(tmp_path: Path) -> cachewasm.Engine:
    """An engine with a cache of the test's own."""
    config = cachewasm.Config()
    config.cache = str(tmp_path / "cache")
    config.strategy = "baseline"
    return cachewasm.Engine(config)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The texts that are parsed from now on."""
    texts: list[bytes] = []
    convert = text.to_binary

    def record(source: bytes) -> bytes:
        texts.append(source)
        return convert(source)

    monkeypatch.setattr(text, "to_binary", record)
    return texts


@pytest.fixture(autouse=True)
def unchanged_sources(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Aliases are written although somebody may be editing the sources."""
    monkeypatch.setattr("cachewasm.engine.identity.sources_changed", lambda: False)
    return


def _counts(engine: cachewasm.Engine) -> dict[str, int]:
    store = engine._cache
    assert store is not None
    return store.counters.snapshot()


def _answer(engine: cachewasm.Engine, module: cachewasm.Module) -> object:
    store = cachewasm.Store(engine)
    function: Any = cachewasm.Instance(store, module, []).exports(store)["f"]
    return function(store)


def test_wat2wasm_is_what_the_oracle_makes() -> None:
    for source in (ANSWER, ANSWER.encode(), bytearray(ANSWER.encode())):
        binary = cachewasm.wat2wasm(source)
        assert type(binary) is bytearray
        assert binary == wasmtime.wat2wasm(ANSWER)


@pytest.mark.parametrize("source", [None, 5, memoryview(b"(module)")])
def test_wat2wasm_of_no_text_is_a_type_error(source: Any) -> None:
    with pytest.raises(TypeError, match="expected wat text"):
        cachewasm.wat2wasm(source)


@pytest.mark.parametrize("source", ["(module", "(module (func (i32.frob)))", "\0asm", "\ud800"])
def test_wat2wasm_malformed_text_is_a_text_error(source: str) -> None:
    with pytest.raises(TextError) as caught:
        cachewasm.wat2wasm(source)
    assert caught.value.line == 1


def test_wat2wasm_bytes_that_are_not_utf8_are_a_text_error() -> None:
    with pytest.raises(TextError, match="malformed UTF-8"):
        cachewasm.wat2wasm(b'(module (func (export "\xff")))')


@pytest.mark.parametrize("form", [str, str.encode, lambda source: bytearray(source.encode())])
def test_module_from_text_of_any_kind_runs(cached: cachewasm.Engine, form: Any) -> None:
    assert _answer(cached, cachewasm.Module(cached, form(ANSWER))) == 42


def test_module_from_file_of_text_runs(cached: cachewasm.Engine, tmp_path: Path) -> None:
    path = tmp_path / "answer.wat"
    path.write_text(f";; żółw\n{ANSWER}", encoding="utf-8")
    assert _answer(cached, cachewasm.Module.from_file(cached, path)) == 42


def test_module_from_text_is_that_of_its_binary(cached: cachewasm.Engine) -> None:
    binary = cachewasm.wat2wasm(ANSWER)
    expected = cachewasm.Module(cached, binary).serialize()
    assert cachewasm.Module(cached, ANSWER).serialize() == expected
    assert cached.precompile_module(ANSWER.encode()) == expected


def test_module_validate_takes_text(cached: cachewasm.Engine) -> None:
    cachewasm.Module.validate(cached, ANSWER.encode())
    with pytest.raises(cachewasm.InvalidModule):
        cachewasm.Module.validate(cached, INVALID.encode())


def test_module_compiled_code_is_not_taken_for_text(cached: cachewasm.Engine) -> None:
    artifact = cachewasm.Module(cached, ANSWER).serialize()
    with pytest.raises(UnsupportedModule, match=r"use Module\.deserialize"):
        cachewasm.Module(cached, artifact)


def test_text_second_time_is_not_parsed(cached: cachewasm.Engine, parsed: list[bytes]) -> None:
    cachewasm.Module(cached, ANSWER)
    assert parsed == [ANSWER.encode()]
    assert _counts(cached)["alias-store"] == 1
    assert _answer(cached, cachewasm.Module(cached, ANSWER)) == 42
    assert len(parsed) == 1
    assert _counts(cached)["alias-hit"] == 1


def test_text_of_a_known_binary_gets_an_alias_and_no_compile(
    cached: cachewasm.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    cachewasm.Module(cached, ANSWER)
    monkeypatch.setattr(
        "cachewasm.compiler.client.compile_module", lambda *_: pytest.fail("compiled")
    )
    cachewasm.Module(cached, ANSWER.replace(" ", "\n"))
    assert _counts(cached)["alias-store"] == 2


def test_text_alias_of_another_encoder_is_not_used(
    cached: cachewasm.Engine, parsed: list[bytes], tmp_path: Path
) -> None:
    cachewasm.Module(cached, ANSWER)
    (path,) = (tmp_path / "cache" / "aliases" / "v1").glob("*/*")
    path.rename(path.with_name(path.name[:-1] + ("0" if path.name[-1] != "0" else "1")))
    cachewasm.Module(cached, ANSWER)
    assert len(parsed) == 2


def test_text_damaged_alias_is_a_counted_miss_and_healed(
    cached: cachewasm.Engine, parsed: list[bytes], tmp_path: Path
) -> None:
    cachewasm.Module(cached, ANSWER)
    (path,) = (tmp_path / "cache" / "aliases" / "v1").glob("*/*")
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert _answer(cached, cachewasm.Module(cached, ANSWER)) == 42
    counts = _counts(cached)
    assert (counts["alias-miss.corrupt"], counts["alias-store"], len(parsed)) == (1, 2, 2)
    assert verify(str(tmp_path / "cache")).is_sound


def test_text_alias_without_its_entry_compiles_again(
    cached: cachewasm.Engine, parsed: list[bytes], tmp_path: Path
) -> None:
    cachewasm.Module(cached, ANSWER)
    for path in (tmp_path / "cache" / "entries").rglob("*.baseline"):
        path.unlink()
    assert _answer(cached, cachewasm.Module(cached, ANSWER)) == 42
    assert len(parsed) == 2
    # The alias was right all along.
    assert _counts(cached)["alias-store"] == 1


def test_text_of_an_invalid_module_leaves_no_alias(
    cached: cachewasm.Engine, tmp_path: Path
) -> None:
    with pytest.raises(cachewasm.InvalidModule):
        cachewasm.Module(cached, INVALID)
    assert not list((tmp_path / "cache").rglob("aliases"))


def test_text_parsed_by_changed_sources_leaves_no_alias(
    cached: cachewasm.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cachewasm.engine.identity.sources_changed", lambda: True)
    cachewasm.Module(cached, ANSWER)
    assert "alias-store" not in _counts(cached)


def test_text_without_a_cache_runs() -> None:
    config = cachewasm.Config()
    config.cache = False
    engine = cachewasm.Engine(config)
    assert text.text_artifact(engine, ANSWER.encode()).data == (
        artifacts.module_artifact(engine, bytes(cachewasm.wat2wasm(ANSWER))).data
    )
