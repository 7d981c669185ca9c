"""What the cache keeps of a module and of the support image, by key and digest."""

import os
from pathlib import Path

import pytest

import cachewasm
from cachewasm.errors import UnsupportedModule
from cachewasm.hashing import digest_of
from cachewasm.runtime import kept

TEXT = '(module (func (export "f") (result i32) (i32.const 42)))'
AARCH64 = "aarch64-unknown-linux-gnu"


def engine_for(directory: Path, target: str | None = None) -> cachewasm.Engine:
    config = cachewasm.Config()
    config.cache = str(directory / "cache")
    if target is not None:
        config.target = target
    return cachewasm.Engine(config)


def test_kept_is_none_before_and_the_artifact_after(tmp_path: Path) -> None:
    engine = engine_for(tmp_path)
    wasm = bytes(cachewasm.wat2wasm(TEXT))
    assert kept.kept(engine, wasm) is None
    kept.keep(engine, wasm)
    found = kept.kept(engine, wasm)
    artifact = engine.precompile_module(wasm)
    assert found is not None
    assert (found.artifact, found.size, found.text) == (digest_of(artifact), len(artifact), None)
    assert (found.key.wasm_digest, found.key.tier) == (digest_of(wasm), "optimized")


def test_kept_of_a_text_needs_its_alias(tmp_path: Path) -> None:
    engine = engine_for(tmp_path)
    kept.keep(engine, bytes(cachewasm.wat2wasm(TEXT)))
    assert kept.kept(engine, TEXT) is None
    kept.keep(engine, TEXT)
    found = kept.kept(engine, TEXT)
    assert found is not None and found.text == digest_of(TEXT.encode())
    assert engine.cache is not None
    # To look is no event: these are of keeping the text.
    counts = engine.cache.counts()
    assert (counts["alias-miss.absent"], counts["alias-store"], counts.get("alias-hit")) == (
        1,
        1,
        None,
    )


@pytest.mark.parametrize("target", [None, "native", "x86-64-v1", AARCH64])
def test_support_image_is_kept_for_every_target(tmp_path: Path, target: str | None) -> None:
    engine = engine_for(tmp_path, target)
    assert kept.kept_support(engine, target) is None
    kept.keep_support(engine, target)
    found = kept.kept_support(engine, target)
    assert found is not None and found.key.tier == "support"
    assert found.key.isa.startswith("armv8-a:") is (
        target == AARCH64 or (target != "x86-64-v1" and os.uname().machine == "aarch64")
    )


def test_kept_without_a_cache_is_none() -> None:
    config = cachewasm.Config()
    config.cache = False
    assert kept.kept(cachewasm.Engine(config), TEXT) is None


def test_kept_compiled_code_is_refused(tmp_path: Path) -> None:
    engine = engine_for(tmp_path)
    with pytest.raises(UnsupportedModule, match="found compiled code"):
        kept.kept(engine, engine.precompile_module(bytes(cachewasm.wat2wasm(TEXT))))
