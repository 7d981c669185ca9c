"""Artifacts whose own digest is right and whose parts do not fit together: refused before anything is mapped."""

import struct
from collections.abc import Callable

import pytest

from cachewasm import Config, Engine, IncompatibleArtifact, Module
from cachewasm.artifact import digest, info
from cachewasm.artifact.format import DATA_SECTION, INFO_SECTION, TEXT_SECTION
from cachewasm.artifact.reader import Artifact
from cachewasm.loader import image

from .forged import with_header

TEXT = """(module $named
  (import "a" "f" (func $f (param i32) (result i64)))
  (import "a" "g" (global $g i32))
  (tag $t (param i32))
  (memory 1) (data (global.get $g) "relative") (data "passive")
  (table 4 funcref) (elem (i32.const 0) $f $h)
  (global funcref (ref.func $h))
  (func $h (export "h") (result i32) (i32.const 7))
  (func (export "throw") (throw $t (i32.const 1)))
  (export "memory" (memory 0)))"""
LARGE = 0x7FFF_FFFF

Refused = Callable[[bytes], str]


@pytest.fixture(scope="module")
def engine() -> Engine:
    config = Config()
    config.cache, config.wasm_exceptions = False, True
    return Engine(config)


@pytest.fixture(scope="module")
def encoded(engine: Engine) -> bytes:
    return engine.precompile_module(TEXT)


@pytest.fixture
def refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """The sentence with which bytes are refused, which are never mapped."""

    def refuse(*arguments: object, **keywords: object) -> None:
        raise AssertionError("it was mapped")

    def sentence(data: bytes) -> str:
        with monkeypatch.context() as patch, pytest.raises(IncompatibleArtifact) as caught:
            patch.setattr(image, "load", refuse)
            Module.deserialize(engine, data)
        return str(caught.value)

    return sentence


def with_info(encoded: bytes, part: int, at: int, value: int) -> bytes:
    """The artifact with another word at byte `at` of a part of its module info; its digest is right."""
    start, _ = Artifact(encoded).sections[INFO_SECTION]
    place, size = info.PARTS.unpack_from(encoded, start)[2 * part : 2 * part + 2]
    assert at + 4 <= size
    data = bytearray(encoded)
    struct.pack_into("<I", data, start + place + at, value)
    return digest.seal(bytes(data))


def test_deserialize_of_an_artifact_that_was_not_altered_loads_it(
    engine: Engine, encoded: bytes
) -> None:
    same = with_info(encoded, info.PART_FUNC_TYPEIDX, 0, 0)
    assert same == encoded
    assert [each.name for each in Module.deserialize(engine, same).exports] == [
        *("h", "throw", "memory")
    ]


@pytest.mark.parametrize("size", [0, 1])
def test_deserialize_with_less_code_than_functions_is_refused(
    encoded: bytes, refused: Refused, size: int
) -> None:
    data = digest.seal(with_header(encoded, TEXT_SECTION, "size", size))
    sentence = "module info does not fit the artifact: a function ends behind the code"
    assert refused(data) == sentence


@pytest.mark.parametrize("offset", [0, 4096])
def test_deserialize_with_sections_out_of_order_is_refused(
    encoded: bytes, refused: Refused, offset: int
) -> None:
    data = with_header(encoded, DATA_SECTION, "offset", offset)
    assert refused(data) == "failed to parse sections table"


def test_deserialize_with_less_data_than_segments_is_refused(
    encoded: bytes, refused: Refused
) -> None:
    data = digest.seal(with_header(encoded, DATA_SECTION, "size", 3))
    sentence = "module info does not fit the artifact: a data segment is not in the file"
    assert refused(data) == sentence


@pytest.mark.parametrize(
    ("part", "at", "what"),
    [
        (info.PART_CODE_RANGES, 0, "a function ends behind the code"),
        (info.PART_CODE_RANGES, 4, "a function ends behind the code"),
        (info.PART_TRAMPOLINES, 0, "a trampoline is not in the code"),
        (info.PART_TRAMPOLINES, 4, "a trampoline is not in the code"),
        (info.PART_FUNC_TYPEIDX, 0, "a function has no type"),
        (info.PART_FUNC_TYPEIDX, 8, "a function has no type"),
        (info.PART_TAG_TYPEIDX, 0, "a tag has no type"),
        (info.PART_ESCAPES, 0, "a reference has no function"),
    ],
)
def test_deserialize_with_a_number_beyond_its_bound_is_refused(
    encoded: bytes, refused: Refused, part: int, at: int, what: str
) -> None:
    data = with_info(encoded, part, at, LARGE)
    assert refused(data) == f"module info does not fit the artifact: {what}"


def test_deserialize_with_references_out_of_order_is_refused(
    encoded: bytes, refused: Refused
) -> None:
    data = with_info(encoded, info.PART_ESCAPES, 0, 2)
    assert refused(data) == (
        "module info does not fit the artifact: "
        "the functions that may be referenced are not in order"
    )


def test_deserialize_with_overlapping_functions_is_refused(
    encoded: bytes, refused: Refused
) -> None:
    start, _ = Artifact(encoded).sections[INFO_SECTION]
    place = info.PARTS.unpack_from(encoded, start)[2 * info.PART_CODE_RANGES]
    first = int.from_bytes(encoded[start + place : start + place + 4], "little")
    data = with_info(encoded, info.PART_CODE_RANGES, 8, first)
    assert refused(data) == "module info does not fit the artifact: functions overlap"


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_deserialize_with_any_byte_of_the_info_altered_is_refused_or_describes_a_module(
    engine: Engine, encoded: bytes, flip: int
) -> None:
    start, size = Artifact(encoded).sections[INFO_SECTION]
    refusals = 0
    for at in range(start, start + size):
        data = bytearray(encoded)
        data[at] ^= flip
        try:
            module = Module.deserialize(engine, digest.seal(bytes(data)))
            assert len([*module.imports, *module.exports]) <= size
        except IncompatibleArtifact:
            refusals += 1
    assert refusals > size // 4
