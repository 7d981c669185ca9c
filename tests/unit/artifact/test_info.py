"""Module info gives back what a module says, lazily, and never fails but by refusing."""

from array import array
from dataclasses import replace

import pytest

from cachewasm.abi.vmctx import FUNC_BOUNDED
from cachewasm.artifact.info import ACTIVE, DECLARATIVE, PASSIVE, ModuleInfo
from cachewasm.artifact.info_writer import (
    CodeLayout,
    CodeRange,
    Trampolines,
    encode_info,
)
from cachewasm.errors import IncompatibleArtifact, InternalError
from cachewasm.wasm import constexpr
from cachewasm.wasm.module import (
    ByteRange,
    DataSegment,
    ElementSegment,
    Export,
    Global,
    Import,
    Module,
    Names,
    SegmentMode,
)
from cachewasm.wasm.types import (
    EXTERNREF,
    F32,
    F64,
    FUNC,
    FUNCREF,
    GLOBAL,
    I32,
    I64,
    MEMORY,
    TABLE,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
)

ZERO = ((constexpr.I32_CONST, 0),)
MINUS = ((constexpr.I32_CONST, -16), (constexpr.GLOBAL_GET, 0), (constexpr.I32_ADD, 0))
NULL = ((constexpr.REF_NULL, FUNCREF),)

MODULE = Module(
    data=b"",
    features=0,
    types=(FuncType((), ()), FuncType((I32, I64, F32, F64), (FUNCREF, EXTERNREF))),
    imports=(
        Import("env", "print", FUNC, 1),
        Import("env", "größe", GLOBAL, GlobalType(I32, False)),
        Import("env", "memory", MEMORY, MemoryType(Limits(1, 3), is_64=True, shared=True)),
        Import("env", "table", TABLE, TableType(FUNCREF, Limits(0))),
        Import("", "", FUNC, 0),
    ),
    funcs=(0, 1, 0),
    tables=(TableType(EXTERNREF, Limits(2, 2**32 - 1)),),
    memories=(MemoryType(Limits(2**47), is_64=True), MemoryType(Limits(5, 5), page_size_log2=0)),
    globals=(Global(GlobalType(I64, True), ((constexpr.I64_CONST, -1),)),),
    exports=(Export("run", FUNC, 2), Export("", GLOBAL, 1), Export("mem", MEMORY, 2)),
    start=4,
    elements=(
        ElementSegment(SegmentMode.ACTIVE, 0, MINUS, FUNCREF, (2, 3, 0)),
        ElementSegment(SegmentMode.PASSIVE, 0, None, FUNCREF, (NULL, 3)),
        ElementSegment(SegmentMode.DECLARATIVE, 0, None, EXTERNREF, ()),
    ),
    data_count=2,
    code=(ByteRange(70, 10), ByteRange(81, 3), ByteRange(85, 40)),
    data_segments=(
        DataSegment(SegmentMode.ACTIVE, 1, ZERO, 900, 4),
        DataSegment(SegmentMode.PASSIVE, 0, None, 950, 0),
    ),
    names=Names(module="größe"),
)
LAYOUT = CodeLayout(
    functions=(CodeRange(0, 16), CodeRange(16, 5), CodeRange(32, 7)),
    func_flags=bytes([0, FUNC_BOUNDED, 0]),
    trampolines=(Trampolines(48, 64), Trampolines(80, 96)),
    escapes=frozenset({4, 0, 2, 3}),
    data=(0, 4),
)
EMPTY = CodeLayout((), b"", (), frozenset(), ())
ATTRIBUTES = (
    "types",
    "imports",
    "exports",
    "tables",
    "memories",
    "globals",
    "global_inits",
    "elements",
    "data_segments",
    "name",
)


def info() -> ModuleInfo:
    return ModuleInfo(memoryview(encode_info(MODULE, LAYOUT)))


def test_info_types_imports_and_exports_round_trip() -> None:
    decoded = info()
    assert decoded.types == MODULE.types
    assert decoded.imports == [(i.module, i.name, i.kind, i.type) for i in MODULE.imports]
    assert decoded.exports == [(e.name, e.kind, e.index) for e in MODULE.exports]
    assert decoded.name == "größe"
    assert decoded.body_starts.tolist() == [70, 81, 85]


def test_info_index_spaces_hold_imports_first() -> None:
    decoded = info()
    assert list(decoded.func_typeidx) == list(MODULE.func_typeidxs)
    assert decoded.tables == MODULE.table_types
    assert decoded.memories == MODULE.memory_types
    assert decoded.globals == MODULE.global_types
    assert (decoded.imported_funcs, decoded.imported_tables) == (2, 1)
    assert (decoded.imported_memories, decoded.imported_globals) == (1, 1)


@pytest.mark.parametrize("first", ["globals", "global_inits"])
def test_info_global_inits_are_found_in_any_order(first: str) -> None:
    decoded = info()
    getattr(decoded, first)
    assert decoded.global_inits == (((constexpr.I64_CONST, -1),),)
    assert len(decoded.globals) == 2


def test_info_scalars_round_trip() -> None:
    decoded = info()
    assert (decoded.start, decoded.data_count) == (4, 2)


def test_info_code_tables_are_views_of_the_section() -> None:
    section = memoryview(bytearray(encode_info(MODULE, LAYOUT)))
    decoded = ModuleInfo(section)
    assert decoded.code_ranges.tolist() == [0, 16, 16, 5, 32, 7]
    assert decoded.trampolines.tolist() == [48, 64, 80, 96]
    assert decoded.escapes.tolist() == [0, 2, 3, 4]
    assert decoded.func_flags.tolist() == [0, FUNC_BOUNDED, 0]
    assert decoded.code_ranges.obj is section.obj


def test_info_segments_round_trip() -> None:
    decoded = info()
    active, passive, declarative = decoded.elements
    assert (active.mode, active.table, active.offset, active.type) == (ACTIVE, 0, MINUS, FUNCREF)
    assert active.rows == bytes(
        [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]
    )  # of 2, 3 and 0 in the escapes
    assert (passive.mode, passive.offset, passive.rows) == (PASSIVE, None, None)
    assert passive.inits == (NULL, ((constexpr.REF_FUNC, 3),))
    assert (declarative.mode, declarative.type) == (DECLARATIVE, EXTERNREF)
    assert [segment.count for segment in decoded.elements] == [3, 2, 0]
    first, second = decoded.data_segments
    assert (first.mode, first.memory, first.offset) == (ACTIVE, 1, ZERO)
    assert (first.start, first.size) == (0, 4)
    assert (second.mode, second.offset, second.start, second.size) == (PASSIVE, None, 4, 0)


def _copies(*segments: tuple[int, "constexpr.ConstExpr", int]) -> list[int]:
    """The data copies of active segments, given as memory, offset and size."""
    places, end = [], 0
    for _, _, size in segments:
        places.append(end)
        end += size
    module = Module(
        data=b"",
        features=0,
        data_segments=tuple(
            DataSegment(SegmentMode.ACTIVE, memory, offset, 0, size)
            for memory, offset, size in segments
        ),
    )
    decoded = ModuleInfo(memoryview(encode_info(module, replace(EMPTY, data=tuple(places)))))
    assert decoded.data_segment_count == len(segments)
    return decoded.data_copies.tolist()


def _at(offset: int) -> "constexpr.ConstExpr":
    return ((constexpr.I32_CONST, offset),)


def test_info_data_copies_join_segments_that_follow_each_other() -> None:
    assert _copies((0, _at(8), 4), (0, _at(12), 6), (0, _at(19), 1)) == [0, 8, 0, 10, 0, 19, 10, 1]


def test_info_data_copies_of_different_memories_stay_apart() -> None:
    assert _copies((0, _at(8), 4), (1, _at(12), 6)) == [0, 8, 0, 4, 1, 12, 4, 6]


def test_info_data_copies_offsets_are_unsigned_and_empty_segments_stay() -> None:
    assert _copies((0, _at(-1), 0)) == [0, 0xFFFF_FFFF, 0, 0]


def test_info_data_copies_are_left_out_if_an_offset_is_no_constant() -> None:
    assert _copies((0, _at(8), 4), (0, ((constexpr.GLOBAL_GET, 0),), 6)) == []


def test_info_passive_segments_are_counted() -> None:
    assert (info().data_segment_count, info().passive_data_count) == (2, 1)


def test_info_empty_module_round_trips() -> None:
    decoded = ModuleInfo(memoryview(encode_info(Module(data=b"", features=0), EMPTY)))
    assert (decoded.start, decoded.data_count, decoded.name) == (None, None, None)
    assert not any(getattr(decoded, name) for name in ATTRIBUTES)
    assert not len(decoded.func_typeidx)


def test_info_is_decoded_once() -> None:
    decoded = info()
    assert decoded.imports is decoded.imports


def test_info_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'ModuleInfo' object has no attribute 'bodies'"):
        getattr(info(), "bodies")  # noqa: B009 - mypy knows that it does not exist


def test_encode_info_foreign_layout_is_an_internal_error() -> None:
    with pytest.raises(InternalError):
        encode_info(MODULE, EMPTY)


def read_everything(section: bytes) -> None:
    decoded = ModuleInfo(memoryview(section))
    for name in ATTRIBUTES:
        getattr(decoded, name)


def test_info_truncated_anywhere_is_refused() -> None:
    section = encode_info(MODULE, LAYOUT)
    for length in range(len(section)):
        with pytest.raises(IncompatibleArtifact):
            read_everything(section[:length])


def test_info_flipped_byte_is_refused_or_harmless() -> None:
    section = encode_info(MODULE, LAYOUT)
    refused = 0
    for position in range(len(section)):
        for mask in (0x01, 0x80, 0xFF):
            damaged = bytearray(section)
            damaged[position] ^= mask
            try:
                read_everything(bytes(damaged))
            except IncompatibleArtifact:
                refused += 1
    assert refused > len(section)


@pytest.mark.parametrize(
    "exports", [(Export("x", FUNC, 5),), (Export("x", MEMORY, 3),), (Export("x", TABLE, 2),)]
)
def test_info_export_outside_its_index_space_is_refused(exports: tuple[Export, ...]) -> None:
    lying = Module(
        data=b"",
        features=0,
        types=MODULE.types,
        imports=MODULE.imports,
        funcs=MODULE.funcs,
        tables=MODULE.tables,
        memories=MODULE.memories,
        exports=exports,
    )
    layout = CodeLayout(LAYOUT.functions, LAYOUT.func_flags, LAYOUT.trampolines, frozenset(), ())
    with pytest.raises(IncompatibleArtifact, match="module info is damaged"):
        _ = ModuleInfo(memoryview(encode_info(lying, layout))).exports


def test_info_arrays_are_little_endian_32_bit() -> None:
    assert array("I").itemsize == 4
