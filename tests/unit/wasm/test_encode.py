"""Encoding is the inverse of decoding."""

import pytest
import wasmtime

from cachewasm.wasm import constexpr as ce
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.encode import CustomSource, DataSource, ModuleSource, encode
from cachewasm.wasm.encode_body import FunctionBody, Instruction
from cachewasm.wasm.module import ElementSegment, Names, SegmentMode
from cachewasm.wasm.opcodes import END
from cachewasm.wasm.types import EXTERNREF, FUNCREF, FuncType, Limits, MemoryType, TableType

ZERO = ((ce.I32_CONST, 0),)


def source_of(binary: bytes) -> ModuleSource:
    return ModuleSource.from_module(decode(binary, features.DEFAULT))


def test_encode_sample_round_trips(sample: bytes) -> None:
    source = source_of(sample)
    encoded = encode(source)
    assert source_of(encoded) == source
    assert encode(source_of(encoded)) == encoded


def test_encode_sample_is_valid_to_the_oracle(sample: bytes) -> None:
    wasmtime.Module.validate(wasmtime.Engine(), encode(source_of(sample)))


def test_encode_empty_module_is_the_header() -> None:
    assert encode(ModuleSource()) == b"\0asm\1\0\0\0"


@pytest.mark.parametrize(
    "segment",
    [
        ElementSegment(SegmentMode.ACTIVE, 0, ZERO, FUNCREF, (0, 0)),
        ElementSegment(SegmentMode.ACTIVE, 1, ZERO, FUNCREF, (0,)),
        ElementSegment(SegmentMode.ACTIVE, 0, ZERO, FUNCREF, (((ce.REF_NULL, FUNCREF),),)),
        ElementSegment(SegmentMode.ACTIVE, 1, ZERO, FUNCREF, (((ce.REF_FUNC, 0),),)),
        ElementSegment(SegmentMode.ACTIVE, 2, ZERO, EXTERNREF, (((ce.REF_NULL, EXTERNREF),),)),
        ElementSegment(SegmentMode.PASSIVE, 0, None, FUNCREF, (0,)),
        ElementSegment(SegmentMode.PASSIVE, 0, None, EXTERNREF, (((ce.REF_NULL, EXTERNREF),),)),
        ElementSegment(SegmentMode.DECLARATIVE, 0, None, FUNCREF, (0,)),
        ElementSegment(SegmentMode.DECLARATIVE, 0, None, FUNCREF, (((ce.REF_FUNC, 0),),)),
    ],
)
def test_encode_element_segment_round_trips_and_is_valid(segment: ElementSegment) -> None:
    source = ModuleSource(
        types=(FuncType((), ()),),
        funcs=(0,),
        bodies=(FunctionBody((), (Instruction(END),)),),
        tables=(
            TableType(FUNCREF, Limits(2, 2)),
            TableType(FUNCREF, Limits(2)),
            TableType(EXTERNREF, Limits(2)),
        ),
        elements=(segment,),
    )
    binary = encode(source)
    assert source_of(binary) == source
    wasmtime.Module.validate(wasmtime.Engine(), binary)


def test_encode_active_externref_segment_of_table_0_names_its_type() -> None:
    segment = ElementSegment(SegmentMode.ACTIVE, 0, ZERO, EXTERNREF, ())
    source = ModuleSource(tables=(TableType(EXTERNREF, Limits(1)),), elements=(segment,))
    assert source_of(encode(source)) == source


@pytest.mark.parametrize(
    "segment",
    [
        DataSource(SegmentMode.ACTIVE, 0, ZERO, b"a"),
        DataSource(SegmentMode.ACTIVE, 1, ZERO, b""),
        DataSource(SegmentMode.PASSIVE, 0, None, b"abc"),
    ],
)
def test_encode_data_segment_round_trips(segment: DataSource) -> None:
    source = ModuleSource(
        memories=(MemoryType(Limits(1)), MemoryType(Limits(1, 2))),
        data_segments=(segment,),
        has_data_count=True,
    )
    assert source_of(encode(source)) == source


def test_encode_names_and_custom_sections_round_trip() -> None:
    source = ModuleSource(
        names=Names("m", {0: "zéro", 7: "seven"}),
        customs=(CustomSource("producers", b"\1\2"), CustomSource("", b"")),
    )
    assert source_of(encode(source)) == source
