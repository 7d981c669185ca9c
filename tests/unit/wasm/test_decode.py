"""Decoding of whole modules: framing, order, counts, hostile bytes."""

import random
from collections.abc import Callable

import pytest
import wasmtime

from cachewasm.errors import InvalidModule, MalformedModule, ModuleError, UnsupportedModule
from cachewasm.wasm import constexpr, features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.leb128 import unsigned
from cachewasm.wasm.module import Module, SegmentMode
from cachewasm.wasm.types import EXTERNREF, FUNCREF, Limits
from cachewasm.wasm.validate import validate, validate_bodies

HEADER = b"\0asm\1\0\0\0"
VOID_TYPE = "01 04 01 60 00 00"


def decode_hex(sections: str) -> Module:
    return decode(HEADER + bytes.fromhex(sections), features.DEFAULT)


def validate_all(binary: bytes) -> None:
    validate_bodies(validate(decode(binary, features.DEFAULT)))


def test_decode_sample_gives_every_section(sample: bytes) -> None:
    module = decode(sample, features.DEFAULT)
    assert [item.name for item in module.imports] == ["log", "base", "table", "memory"]
    assert (module.imported_funcs, module.imported_tables) == (1, 1)
    assert (module.imported_memories, module.imported_globals) == (1, 1)
    assert [table.element for table in module.table_types] == [EXTERNREF, FUNCREF]
    assert module.memory_type(1).limits == Limits(1, 3)
    assert str(module.func_type(1)) == "[i32 i32] -> [i32]"
    assert module.globals[2].init == (
        (constexpr.GLOBAL_GET, 0),
        (constexpr.I32_CONST, 3),
        (constexpr.I32_ADD, 0),
    )
    assert [export.name for export in module.exports] == ["add", "memory", "table", "g"]
    assert module.start == 2
    assert [segment.mode.value for segment in module.elements] == [
        "active",
        "passive",
        "declarative",
    ]
    assert module.elements[0].inits == (1, 2)
    assert module.data_count == 2
    active, passive = module.data_segments
    assert (active.mode, active.memory) == (SegmentMode.ACTIVE, 1)
    assert sample[passive.start : passive.start + passive.size] == b"passive bytes"
    assert module.names.module == "sample"
    assert module.names.funcs[1] == "add"
    assert all(sample[body.end - 1] == 0x0B for body in module.code)


@pytest.mark.parametrize(
    ("binary", "message"),
    [
        (b"", "unexpected end"),
        (b"\1", "unexpected end"),
        (b"asm\0", "magic header not detected"),
        (b"\0asm\1\0\0", "unexpected end"),
        (b"\0asm\2\0\0\0", "unknown binary version"),
    ],
)
def test_decode_bad_header_is_malformed(binary: bytes, message: str) -> None:
    with pytest.raises(MalformedModule, match=f"^{message}"):
        decode(binary, features.DEFAULT)


def test_decode_component_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedModule, match="component_model"):
        decode(b"\0asm\x0d\0\1\0", features.DEFAULT)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ("0e 01 00", "malformed section id"),
        ("01 07 02 60 00 00", "length out of bounds"),
        ("01 04 01 60 00", "unexpected end"),
        ("01 07 01 60 00 00 60 00 00", "section size mismatch"),
        ("01 05 01 e0 7f 00 00", "integer representation too long"),
        ("01 01 00 01 01 00", "unexpected content after last section"),
        ("03 01 00 01 01 00", "unexpected content after last section"),
        ("0a 01 00 0c 01 00", "unexpected content after last section"),
        (VOID_TYPE + "03 02 01 00", "function and code section have inconsistent lengths"),
        ("0a 04 01 02 00 0b", "function and code section have inconsistent lengths"),
        ("0c 01 01", "data count and data section have inconsistent lengths"),
        ("0c 01 01 0b 05 02 01 00 01 00", "data count and data section have inconsistent lengths"),
        ("02 04 01 00 00 05", "malformed import kind"),
        ("02 06 01 00 00 03 7f 02", "malformed mutability"),
        ("04 03 01 70 08", "malformed limits flags"),
        ("05 02 01 08", "malformed limits flags"),
        ("04 04 01 7f 00 00", "malformed reference type"),
        ("01 05 01 60 01 00 00", "malformed value type"),
        ("02 05 01 01 ff 00 00", "malformed UTF-8 encoding"),
        ("00 04 03 ed a0 80", "malformed UTF-8 encoding"),
        ("00 02 05 61", "length out of bounds"),
        ("00 00 00", "unexpected end"),
        ("06 05 01 7f 00 41 00 0a 01 00", "unexpected end of section or function"),
        ("06 06 01 7f 00 f3 00 0b", "illegal opcode f3"),
        ("09 02 01 08", "malformed elements segment kind"),
        ("09 04 01 01 01 00", "malformed element kind"),
        ("0b 02 01 03", "malformed data segment kind"),
        ("0b 0c 01 00 41 03 0b 07 61 62 63 64 65 66", "unexpected end of section or function"),
        ("07 05 01 00 05 00 00", "malformed export kind"),
    ],
)
def test_decode_malformed_sections_name_the_fault(sections: str, message: str) -> None:
    with pytest.raises(MalformedModule, match=f"^{message}") as caught:
        decode_hex(sections)
    assert caught.value.offset is not None


@pytest.mark.parametrize(
    ("sections", "feature"),
    [
        ("01 03 01 5f 00", "gc"),
        ("05 04 01 03 01 01", "threads"),
        ("05 03 01 04 00", "memory64"),
        ("04 04 01 70 04 00", "memory64"),
        ("04 09 01 40 00 70 00 00 d0 70 0b", "function_references"),
        ("0d 03 01 00 00", "exceptions"),
        ("02 06 01 00 00 04 00 00", "exceptions"),
    ],
)
def test_decode_proposal_not_implemented_is_refused_by_name(sections: str, feature: str) -> None:
    with pytest.raises(UnsupportedModule, match=f"`{feature}`"):
        decode_hex(sections)


@pytest.mark.parametrize(
    ("sections", "disabled"),
    [
        ("01 06 01 60 00 02 7f 7f", features.MULTI_VALUE),
        ("01 05 01 60 01 6f 00", features.REFERENCE_TYPES),
        ("01 05 01 60 01 7b 00", features.SIMD),
        ("0c 01 00", features.BULK_MEMORY),
        ("0b 03 01 01 00", features.BULK_MEMORY),
        ("06 09 01 7f 00 41 00 41 00 6a 0b", features.EXTENDED_CONST),
    ],
)
def test_decode_disabled_feature_is_refused_by_name(sections: str, disabled: int) -> None:
    name = next(features.features_in(disabled)).name
    with pytest.raises(UnsupportedModule, match=f"`{name}`, which is not enabled"):
        decode(HEADER + bytes.fromhex(sections), features.DEFAULT & ~disabled)


def test_decode_instruction_that_is_not_constant_is_invalid() -> None:
    with pytest.raises(InvalidModule, match=r"^constant expression required"):
        decode_hex("06 06 01 7f 00 41 00 01 0b")


@pytest.mark.parametrize("section", [1, 2, 3, 4, 5, 6, 7, 9, 10, 11])
@pytest.mark.parametrize("count", [2**32 - 1, 20_000_000, 1000])
def test_decode_count_beyond_the_bytes_is_malformed(section: int, count: int) -> None:
    content = unsigned(count)
    binary = HEADER + bytes([section]) + unsigned(len(content)) + content
    with pytest.raises(MalformedModule, match=r"^length out of bounds"):
        decode(binary, features.DEFAULT)


def test_decode_count_beyond_the_limit_is_unsupported() -> None:
    content = unsigned(101) + b"\0\0" * 101
    with pytest.raises(UnsupportedModule, match="too many memories: 101"):
        decode(HEADER + b"\x05" + unsigned(len(content)) + content, features.DEFAULT)


def test_decode_imports_count_towards_the_limit_of_their_space() -> None:
    content = unsigned(101) + b"\0\0\2\0\0" * 101
    with pytest.raises(UnsupportedModule, match="too many memories: 101"):
        decode(HEADER + b"\x02" + unsigned(len(content)) + content, features.DEFAULT)


def test_decode_error_in_a_body_precedes_what_follows_it() -> None:
    # The body of two bytes has an overlong local count, and the section a wrong size.
    binary = VOID_TYPE + "03 02 01 00" + "0a 04 01 02 80 80 80 80 80 00"
    with pytest.raises(MalformedModule, match=r"^integer representation too long"):
        decode_hex(binary)


def test_decode_custom_sections_are_allowed_anywhere() -> None:
    module = decode_hex("00 03 01 61 ff" + VOID_TYPE + "00 02 01 62")
    assert [(custom.name, custom.size) for custom in module.customs] == [("a", 1), ("b", 0)]


@pytest.mark.parametrize(
    "content",
    [
        "00 05 01 61",  # size beyond the section
        "00 02 01 ff",  # not UTF-8
        "01 04 01 00 05 61",  # a name beyond its subsection
        "00 03 01 61 61",  # a subsection with a byte too many
        "01 80 80 80 80 80 00",  # an overlong size
        "00 02 01 ff 00 02 01 61",  # what follows a fault
    ],
)
def test_decode_malformed_name_section_gives_no_names(content: str) -> None:
    module = decode(HEADER + name_section(content), features.DEFAULT)
    assert (module.names.module, module.names.funcs) == (None, {})


def test_decode_names_before_a_fault_are_kept() -> None:
    content = "00 02 01 6d" + "01 08 03 00 01 61 01 01 ff 02"
    module = decode(HEADER + name_section(content), features.DEFAULT)
    assert (module.names.module, module.names.funcs) == ("m", {0: "a"})


def test_decode_several_name_sections_add_up_and_the_last_wins() -> None:
    first, second = "00 02 01 6d" + "01 07 02 00 01 61 01 01 62", "01 04 01 01 01 63"
    module = decode(HEADER + name_section(first) + name_section(second), features.DEFAULT)
    assert (module.names.module, module.names.funcs) == ("m", {0: "a", 1: "c"})


def name_section(content: str) -> bytes:
    payload = b"\x04name" + bytes.fromhex(content)
    return b"\0" + unsigned(len(payload)) + payload


def accepts(check: Callable[[bytes], None], binary: bytes, refusal: type[Exception]) -> bool:
    try:
        check(binary)
    except refusal:
        return False
    return True


def test_decode_sample_cut_anywhere_raises_only_module_errors(sample: bytes) -> None:
    accepted = [n for n in range(len(sample)) if accepts(validate_all, sample[:n], ModuleError)]
    # A prefix is a module where it ends with a section and no later one is missed: after the
    # header, the types, the imports, and the data (only names follow).
    module = decode(sample, features.DEFAULT)
    data_end = module.data_segments[-1].start + module.data_segments[-1].size
    assert accepted[0] == len(HEADER)
    assert accepted[3:] == [data_end]


def test_decode_flipped_bytes_agree_with_the_oracle(sample: bytes) -> None:
    engine = wasmtime.Engine()
    rng = random.Random(20)
    for _ in range(600):
        mutated = bytearray(sample)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            mutated[rng.randrange(8, len(sample))] = rng.randrange(256)
        binary = bytes(mutated)
        oracle = accepts(
            lambda wasm: wasmtime.Module.validate(engine, wasm), binary, wasmtime.WasmtimeError
        )
        try:
            ours = accepts(validate_all, binary, (MalformedModule, InvalidModule))
        except UnsupportedModule:
            continue  # the oracle has more features
        assert ours == oracle, binary.hex()
