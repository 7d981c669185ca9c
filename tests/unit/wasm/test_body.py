"""Function bodies as instructions: ends, immediates, limits, refusals."""

import pytest

from cachewasm.errors import MalformedModule, ModuleError, UnsupportedModule
from cachewasm.wasm import features, opcodes
from cachewasm.wasm.body import instructions, read_locals
from cachewasm.wasm.decode import decode
from cachewasm.wasm.leb128 import unsigned
from cachewasm.wasm.opcodes import Imm
from cachewasm.wasm.types import F64, I32


def names(code: str, enabled: int = features.DEFAULT) -> list[str]:
    data = bytes.fromhex(code)
    return [op.name for _, op, _ in instructions(data, 0, len(data), enabled)]


def first_imm(code: str) -> Imm:
    return next(instructions(bytes.fromhex(code), 0, None, features.DEFAULT))[2]


def test_instructions_offsets_are_those_of_the_module() -> None:
    data = bytes.fromhex("ffff 2000 1a 0b ff")
    stream = instructions(data, 2, 6, features.DEFAULT)
    assert [(offset, op.name) for offset, op, _ in stream] == [
        (2, "local.get"),
        (4, "drop"),
        (5, "end"),
    ]


def test_instructions_stop_at_the_end_that_closes_the_body() -> None:
    assert names("02 40 03 40 0b 0b 0b") == ["block", "loop", "end", "end", "end"]


@pytest.mark.parametrize(
    ("code", "end", "message"),
    [
        ("01 0b 01", 3, "section size mismatch"),  # ends before its size
        ("01 0b", 1, "section size mismatch"),  # ends after its size
        ("01 01", 2, "unexpected end of section or function"),
        ("41", 1, "unexpected end of section or function"),
        ("44 00 00", 3, "unexpected end of section or function"),
        ("43 00 00", 3, "unexpected end of section or function"),
        ("0e 02 00", 3, "unexpected end of section or function"),
        ("0e 05 00", 3, "length out of bounds"),
        ("fc", 1, "unexpected end of section or function"),
        ("28 80 01 00 0b", 5, "malformed memop flags"),
        ("28 00 80 80 80 80 80 80 80 80 80 80 00 0b", 13, "integer representation too long"),
        ("20 ff ff ff ff 1f 0b", 7, "integer too large"),
        ("41 80 80 80 80 70 0b", 7, "integer too large"),
        ("02 ff 7f 0b", 4, "malformed block type"),
        ("02 41 0b 0b", 4, "malformed value type"),
        ("d0 7f 0b", 3, "malformed reference type"),
        ("ff 00 0b", 3, "illegal opcode ff"),
        ("fc 80 02 0b", 4, "illegal opcode fc 100"),
        ("27 00 0b", 3, "illegal opcode 27"),
        ("fd 9a 01 0b", 4, "illegal opcode fd 9a"),
        ("fd 94 02 0b", 4, "illegal opcode fd 114"),
        ("fd", 1, "unexpected end"),
        ("fd 80", 2, "unexpected end"),
        ("fd 80 80", 3, "unexpected end"),
        ("fd ff ff ff ff 7f", 6, "integer too large"),
        # Not v128.not, whose prefix is another.
        ("fc cd 80 04 0b", 5, "illegal opcode fc 1004d"),
        ("fd 0c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", 18, "unexpected end"),
        ("fd 0d 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", 18, "unexpected end"),
        ("fd 15", 2, "unexpected end"),
        ("fd 54 00 00", 4, "unexpected end"),
        ("fd 54 80 01 00 00 0b", 7, "malformed memop flags"),
    ],
)
def test_instructions_malformed_bytes_name_the_fault(code: str, end: int, message: str) -> None:
    with pytest.raises(MalformedModule, match=f"^{message}"):
        list(instructions(bytes.fromhex(code), 0, end, features.DEFAULT))


@pytest.mark.parametrize(
    ("code", "feature"),
    [
        ("12 00 0b", "tail_call"),
        ("14 00 0b", "function_references"),
        ("fb 00 0b", "gc"),
        ("fe 03 00 0b", "threads"),
        ("fc 13 0b", "wide_arithmetic"),
        ("e0 00 0b", "stack_switching"),
        ("d0 01 0b", "function_references"),
    ],
)
def test_instructions_of_a_proposal_are_refused_by_its_name(code: str, feature: str) -> None:
    with pytest.raises(UnsupportedModule, match=f"`{feature}`, which is not implemented"):
        names(code)


@pytest.mark.parametrize(
    ("code", "disabled"),
    [
        ("fc 0b 00 0b", features.BULK_MEMORY),
        ("25 00 0b", features.REFERENCE_TYPES),
        ("08 00 0b", features.EXCEPTIONS),
        ("0a 0b", features.EXCEPTIONS),
        ("1f 40 00 0b 0b", features.EXCEPTIONS),
        ("d0 69 0b", features.EXCEPTIONS),
        ("06 40 0b 0b", features.EXCEPTIONS),
        ("02 05 0b 0b", features.MULTI_VALUE),
        ("28 40 01 00 0b", features.MULTI_MEMORY),
        ("fd 0c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 0b", features.SIMD),
        ("02 7b 0b 0b", features.SIMD),
        ("fd 80 02 0b", features.RELAXED_SIMD),
    ],
)
def test_instructions_of_a_disabled_feature_are_refused_by_its_name(
    code: str, disabled: int
) -> None:
    name = next(features.features_in(disabled)).name
    with pytest.raises(UnsupportedModule, match=f"`{name}`, which is not enabled"):
        names(code, features.DEFAULT & ~disabled)


@pytest.mark.parametrize(
    ("code", "imm"),
    [
        ("28 02 08 0b", (0, 2, 8)),
        ("28 42 03 08 0b", (3, 2, 8)),
        ("28 02 80 80 80 80 10 0b", (0, 2, 2**32)),
        ("28 82 00 08 0b", (0, 2, 8)),  # a padded alignment
        ("02 40 0b", None),
        ("02 7f 0b", I32),
        ("02 ff 00 0b", 127),
        ("0e 02 80 01 00 03 0b", ((128, 0), 3)),
        ("1c 02 7f 7c 0b", (I32, F64)),
    ],
)
def test_instructions_immediates_have_their_documented_form(code: str, imm: Imm) -> None:
    assert first_imm(code) == imm


def test_instructions_nesting_of_100000_blocks_is_read() -> None:
    assert len(names("02 40" * 100_000 + "0b" * 100_001)) == 200_001


def test_instructions_br_table_beyond_the_limit_is_unsupported() -> None:
    data = b"\x0e" + unsigned(65_521) + bytes(65_522) + b"\x0b"
    with pytest.raises(UnsupportedModule, match="br_table: 65521 labels"):
        list(instructions(data, 0, len(data), features.DEFAULT))


def test_read_locals_gives_groups_and_position() -> None:
    data = bytes.fromhex("02 03 7f 01 7c 0b")
    assert read_locals(data, 0, len(data), features.DEFAULT) == ([(3, I32), (1, F64)], 5)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ("02 ff ff ff ff 0f 7f 02 7e 0b", MalformedModule, "too many locals"),
        ("01 ff ff ff ff 0f 7f 0b", UnsupportedModule, "too many locals"),
        ("01 d1 86 03 7f 0b", UnsupportedModule, "too many locals: 50001"),
        ("ff ff ff ff 0f", MalformedModule, "length out of bounds"),
        ("01 01 00 0b", MalformedModule, "malformed value type"),
        ("01 01", MalformedModule, "unexpected end"),
    ],
)
def test_read_locals_that_lie_are_refused(
    data: str, error: type[ModuleError], message: str
) -> None:
    encoded = bytes.fromhex(data)
    with pytest.raises(error, match=f"^{message}"):
        read_locals(encoded, 0, len(encoded), features.DEFAULT)


def test_instructions_sample_bodies_cover_every_byte(sample: bytes) -> None:
    module = decode(sample, features.DEFAULT)
    for body in module.code:
        _, start = read_locals(sample, body.start, body.end, features.DEFAULT)
        *_, last = instructions(sample, start, body.end, features.DEFAULT)
        assert last == (body.end - 1, opcodes.END, None)
