"""An artifact's own digest: any changed byte is noticed before anything is loaded."""

import pytest
from wasmtime import wat2wasm

import cachewasm
from cachewasm.artifact import digest
from cachewasm.artifact.reader import Artifact
from cachewasm.errors import IncompatibleArtifact, InternalError


@pytest.fixture(scope="module")
def engine() -> cachewasm.Engine:
    return cachewasm.Engine()


@pytest.fixture(scope="module")
def encoded(engine: cachewasm.Engine) -> bytes:
    wasm = bytes(wat2wasm('(module (func (export "f") (result i32) i32.const 7))'))
    return engine.precompile_module(wasm)


def test_digest_of_a_fresh_artifact_matches(encoded: bytes) -> None:
    digest.check(Artifact(encoded))


def test_deserialize_any_changed_byte_is_refused(engine: cachewasm.Engine, encoded: bytes) -> None:
    # Every place that holds something, and a sample of the padding.
    places = [i for i, byte in enumerate(encoded) if byte or not i % 997]
    for place in places:
        damaged = bytearray(encoded)
        damaged[place] ^= 0x10
        with pytest.raises(cachewasm.WasmtimeError) as caught:
            cachewasm.Module.deserialize(engine, damaged)
        assert type(caught.value) is not InternalError


def test_check_artifact_without_a_digest_is_refused(encoded: bytes) -> None:
    renamed = encoded.replace(b".cachewasm.digest\0", b".cachewasm.digesT\0")
    with pytest.raises(IncompatibleArtifact, match=r"section `\.cachewasm\.digest`"):
        digest.check(Artifact(renamed))
