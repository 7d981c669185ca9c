"""Printed modules parse back to what they were, by our parser and by the oracle's."""

from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime

from cachewasm.errors import MalformedModule
from cachewasm.wasm import constexpr as ce
from cachewasm.wasm import features, opcodes
from cachewasm.wasm.decode import decode
from cachewasm.wasm.encode import CustomSource, DataSource, ModuleSource, encode
from cachewasm.wasm.encode_body import FunctionBody, Instruction, LocalGroup
from cachewasm.wasm.module import ElementSegment, Global, Import, Names, SegmentMode, Tag
from cachewasm.wasm.opcodes import BLOCK, BY_NAME, ELSE, END, OPS, Catch, Imm, Op, TryTable
from cachewasm.wasm.text.parser import wat2wasm
from cachewasm.wasm.text.printer import wasm2wat
from cachewasm.wasm.types import (
    EXTERNREF,
    F32,
    F64,
    FUNC,
    FUNCREF,
    I32,
    I64,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
)

NOTHING = FuncType((), ())
ZERO = ((ce.I32_CONST, 0),)
SUM = ((ce.GLOBAL_GET, 0), (ce.I32_CONST, -3), (ce.I32_MUL, 0))
NULL = ((ce.REF_NULL, EXTERNREF),)

PARSERS: list[Callable[[str], bytes]] = [wat2wasm, lambda text: bytes(wasmtime.wat2wasm(text))]
parsers = pytest.mark.parametrize("parse", PARSERS, ids=["own", "oracle"])

# An immediate of each kind, with indices that are not the default.
IMMEDIATES: dict[int, list[Imm]] = {
    opcodes.IMM_NONE: [None],
    opcodes.IMM_LABEL: [0, 1],
    opcodes.IMM_FUNC: [1],
    opcodes.IMM_LOCAL: [1],
    opcodes.IMM_GLOBAL: [1],
    opcodes.IMM_TABLE: [0, 1],
    opcodes.IMM_ELEM: [1],
    opcodes.IMM_DATA: [1],
    opcodes.IMM_TAG: [0, 1],
    opcodes.IMM_DELEGATE: [0, 1],
    opcodes.IMM_TRY_TABLE: [
        TryTable(None, ()),
        TryTable(F64, (Catch(opcodes.CATCH, 1, 1), Catch(opcodes.CATCH_REF, 0, 0))),
        TryTable(3, (Catch(opcodes.CATCH_ALL, 0, 1), Catch(opcodes.CATCH_ALL_REF, 0, 0))),
    ],
    opcodes.IMM_MEMORY: [0, 1],
    opcodes.IMM_CALL_INDIRECT: [(1, 0), (1, 1), (3, 1)],
    opcodes.IMM_TABLE_TABLE: [(0, 0), (1, 0), (0, 1)],
    opcodes.IMM_ELEM_TABLE: [(1, 0), (0, 1)],
    opcodes.IMM_MEMORY_MEMORY: [(0, 0), (1, 0), (0, 1)],
    opcodes.IMM_DATA_MEMORY: [(1, 0), (0, 1)],
    opcodes.IMM_LABELS: [((), 0), ((0, 1, 0), 1)],
    opcodes.IMM_BLOCKTYPE: [None, F64, 1, 3],
    opcodes.IMM_MEMARG: [(0, 0, 0), (1, 0, 300), (0, 0, (1 << 32) - 1)],
    opcodes.IMM_I32: [-(2**31), 2**31 - 1],
    opcodes.IMM_I64: [-(2**63), 2**63 - 1],
    opcodes.IMM_F32: [0x7FA0_0001, 0x3DCC_CCCD],
    opcodes.IMM_F64: [0x7FF4_0000_0000_0001, 0x3FB9_9999_9999_999A],
    opcodes.IMM_REFTYPE: [FUNCREF, EXTERNREF],
    opcodes.IMM_VALTYPES: [(I64,)],
    opcodes.IMM_V128: [0, 0x7FA0_0001_FFFF_FFFF_8000_0000_0123_4567],
    opcodes.IMM_LANE: [0, 1],
    opcodes.IMM_SHUFFLE: [bytes(range(16, 32))],
    opcodes.IMM_MEMARG_LANE: [(0, 0, 0, 1), (1, 0, 300, 0), (1, 0, 0, 1), (0, 0, (1 << 32) - 1, 0)],
}


def _printed(source: ModuleSource) -> tuple[bytes, str]:
    binary = encode(source)
    return binary, wasm2wat(binary, features.IMPLEMENTED)


def _body(*instructions: Instruction, locals: tuple[LocalGroup, ...] = ()) -> FunctionBody:
    return FunctionBody(locals, (*instructions, Instruction(END)))


def _module(*instructions: Instruction, names: Names | None = None) -> ModuleSource:
    """Two functions, of which the second has the instructions; two of all that has an index."""
    return ModuleSource(
        types=(
            NOTHING,
            FuncType((I32, F32), (I64, I64)),
            FuncType((), (I32,)),
            FuncType((I32,), ()),
        ),
        funcs=(0, 2),
        bodies=(_body(), _body(*instructions, locals=(LocalGroup(2, I32),))),
        tables=(TableType(FUNCREF, Limits(1)), TableType(FUNCREF, Limits(1, 9))),
        memories=(MemoryType(Limits(1)), MemoryType(Limits(1, 2))),
        tags=(Tag(0), Tag(3)),
        globals=(Global(GlobalType(I32, False), ZERO), Global(GlobalType(I32, True), ZERO)),
        elements=tuple(
            ElementSegment(SegmentMode.PASSIVE, 0, None, FUNCREF, (each,)) for each in (0, 1)
        ),
        data_segments=tuple(
            DataSource(SegmentMode.PASSIVE, 0, None, each) for each in (b"a", b"b" * 200)
        ),
        names=names or Names(),
    )


@parsers
@pytest.mark.parametrize("op", OPS, ids=repr)
def test_printer_row_parses_back(op: Op, parse: Callable[[str], bytes]) -> None:
    if op.proposal & features.LEGACY_EXCEPTIONS and parse is not wat2wasm:
        pytest.skip("the oracle's parser does not know the legacy instructions")
    if op in (ELSE, END):
        pytest.skip("does not stand alone: the blocks' rows have it")
    for imm in IMMEDIATES[op.imm]:
        code = [Instruction(op, imm)]
        if op is opcodes.DELEGATE:
            code = [Instruction(BLOCK), Instruction(opcodes.TRY), *code, Instruction(END)]
        elif op in (opcodes.CATCH_OP, opcodes.CATCH_ALL_OP):
            code = [Instruction(opcodes.TRY), *code, Instruction(END)]
        elif op.imm in (opcodes.IMM_BLOCKTYPE, opcodes.IMM_TRY_TABLE):
            code += [Instruction(ELSE)] if op is opcodes.IF else []
            code.append(Instruction(END))
        else:
            code = [Instruction(BLOCK), *code, Instruction(END)]
        source = _module(*code)
        if op.name in ("memory.init", "data.drop"):
            # These demand the data count section, which has no text of its own.
            binary = encode(ModuleSource(**{**_fields(source), "has_data_count": True}))
        else:
            binary = encode(source)
        assert parse(wasm2wat(binary, features.IMPLEMENTED)) == binary, imm


def _fields(source: ModuleSource) -> dict[str, object]:
    return {name: getattr(source, name) for name in ModuleSource.__slots__}


@parsers
@pytest.mark.parametrize(
    "segment",
    [
        ElementSegment(SegmentMode.ACTIVE, 0, ZERO, FUNCREF, (0, 1)),
        ElementSegment(SegmentMode.ACTIVE, 1, SUM, FUNCREF, (0,)),
        ElementSegment(SegmentMode.ACTIVE, 0, ZERO, FUNCREF, ()),
        ElementSegment(SegmentMode.ACTIVE, 0, ZERO, FUNCREF, (((ce.REF_FUNC, 0),),)),
        ElementSegment(SegmentMode.ACTIVE, 2, SUM, EXTERNREF, (NULL, NULL)),
        ElementSegment(SegmentMode.PASSIVE, 0, None, FUNCREF, (1,)),
        ElementSegment(SegmentMode.PASSIVE, 0, None, EXTERNREF, (NULL,)),
        ElementSegment(SegmentMode.PASSIVE, 0, None, EXTERNREF, ()),
        ElementSegment(SegmentMode.PASSIVE, 0, None, FUNCREF, (((ce.GLOBAL_GET, 1),),)),
        ElementSegment(SegmentMode.DECLARATIVE, 0, None, FUNCREF, (0, 1)),
        ElementSegment(SegmentMode.DECLARATIVE, 0, None, FUNCREF, (((ce.REF_FUNC, 0),),)),
    ],
)
def test_printer_element_segment_parses_back(
    segment: ElementSegment, parse: Callable[[str], bytes]
) -> None:
    fields = _fields(_module())
    fields["tables"] = (*_module().tables, TableType(EXTERNREF, Limits(3)))
    fields["elements"] = (segment,)
    binary, text = _printed(ModuleSource(**fields))
    assert parse(text) == binary


@parsers
def test_printer_sample_parses_back(sample: bytes, parse: Callable[[str], bytes]) -> None:
    binary = encode(ModuleSource.from_module(decode(sample, features.IMPLEMENTED)))
    assert parse(wasm2wat(sample, features.IMPLEMENTED)) == binary


@parsers
@pytest.mark.parametrize("name", ["icepll.wasm", "quickjs.wasm"])
def test_printer_real_module_parses_back(
    name: str, parse: Callable[[str], bytes], module_path: Callable[[str], Path]
) -> None:
    original = module_path(name).read_bytes()
    source = ModuleSource.from_module(decode(original, features.IMPLEMENTED))
    parsed = parse(wasm2wat(original, features.IMPLEMENTED))
    # A data count that nothing demands has no text.
    expected = encode(ModuleSource(**{**_fields(source), "has_data_count": False}))
    assert parsed == expected


def test_printer_empty_module_is_one_line() -> None:
    assert wasm2wat(encode(ModuleSource()), features.IMPLEMENTED) == "(module)\n"


def test_printer_function_is_flat_and_indented() -> None:
    br_if = BY_NAME["br_if"]
    _, text = _printed(
        ModuleSource(
            types=(FuncType((I32,), (I32,)),),
            imports=(Import("env", "f", FUNC, 0),),
            funcs=(0,),
            bodies=(
                _body(
                    Instruction(BLOCK, I32),
                    Instruction(opcodes.I32_CONST, -1),
                    Instruction(BY_NAME["local.get"], 0),
                    Instruction(br_if, 1),
                    Instruction(END),
                    locals=(LocalGroup(2, I64), LocalGroup(1, F32)),
                ),
            ),
            names=Names("m", {1: "main"}),
        )
    )
    assert (
        text
        == """\
(module $m
  (type (;0;) (func (param i32) (result i32)))
  (import "env" "f" (func (;0;) (type 0) (param i32) (result i32)))
  (func $main (;1;) (type 0) (param i32) (result i32)
    (local i64 i64 f32)
    block (;@1;) (result i32)
      i32.const -1
      local.get 0
      br_if 1 (;@0;)
    end
  )
)
"""
    )


@parsers
def test_printer_names_become_identifiers(parse: Callable[[str], bytes]) -> None:
    names = Names("a module", {0: "plain::<T>", 1: "with space"})
    binary, text = _printed(_module(Instruction(BY_NAME["call"], 0), names=names))
    assert "call $plain::<T>" in text
    assert '(func $"with space" (;1;)' in text
    assert parse(text) == binary


def test_printer_name_that_is_taken_or_empty_is_an_annotation() -> None:
    _, text = _printed(_module(names=Names("", {0: "twice", 1: "twice"})))
    assert text.startswith('(module (@name "")')
    assert '(func (;1;) (@name "twice") (type 2)' in text
    assert decode(bytes(wasmtime.wat2wasm(text)), features.IMPLEMENTED).names == Names(
        "", {0: "twice", 1: "twice"}
    )


@parsers
def test_printer_long_name_is_spelled_out_once(parse: Callable[[str], bytes]) -> None:
    name = "n" * 100_000
    calls = [Instruction(BY_NAME["call"], 1)] * 1000
    binary, text = _printed(_module(*calls, names=Names(None, {1: name})))
    assert len(text) < 2 * len(name)
    assert parse(text) == binary


def test_printer_name_of_no_function_is_left_out() -> None:
    _, text = _printed(_module(names=Names(None, {99: "nobody"})))
    assert "nobody" not in text


@parsers
def test_printer_long_type_is_spelled_out_once(parse: Callable[[str], bytes]) -> None:
    functype = FuncType([I64] * 1000, [I64] * 1000)
    body = _body(*[Instruction(BLOCK, 0)] * 1000, *[Instruction(END)] * 1000)
    binary, text = _printed(ModuleSource(types=(functype,), funcs=(0,), bodies=(body,)))
    assert len(text) < 200_000
    assert parse(text) == binary


@parsers
def test_printer_hundred_thousand_nested_blocks_stay_linear(parse: Callable[[str], bytes]) -> None:
    depth = 100_000 if parse is wat2wasm else 1000  # the oracle has a limit
    body = _body(
        *[Instruction(BLOCK)] * depth,
        Instruction(BY_NAME["br"], depth - 1),
        *[Instruction(END)] * depth,
    )
    binary, text = _printed(ModuleSource(types=(NOTHING,), funcs=(0,), bodies=(body,)))
    assert len(text) < 200 * depth
    assert parse(text) == binary


def test_printer_custom_sections_keep_their_places() -> None:
    header, rest = _printed(_module())[0][:8], _printed(_module())[0][8:]
    binary = header + b"\0\7\6dylink" + rest + b'\0\4\1z"\xff'
    text = wasm2wat(binary, features.IMPLEMENTED)
    assert '(@custom "dylink" (before first) "")' in text
    assert '(@custom "z" "\\"\\ff")' in text
    assert bytes(wasmtime.wat2wasm(text)) == binary


def test_printer_custom_sections_do_not_hinder_our_parser() -> None:
    source = _module()
    customs = (CustomSource("producers", b"(;"), CustomSource('"', b"\0"))
    _, text = _printed(ModuleSource(**{**_fields(source), "customs": customs}))
    assert wat2wasm(text) == encode(source)


def test_printer_module_that_is_not_valid_is_printed() -> None:
    source = ModuleSource(
        types=(NOTHING,),
        funcs=(7,),
        bodies=(_body(Instruction(BY_NAME["br"], 9), Instruction(ELSE)),),
        start=5,
    )
    _, text = _printed(source)
    assert "(type 7)" in text and "br 9\n" in text and "(start 5)" in text


def test_printer_malformed_body_raises() -> None:
    body = FunctionBody((), (Instruction(BLOCK), Instruction(END)))
    binary = encode(ModuleSource(types=(NOTHING,), funcs=(0,), bodies=(body,)))
    with pytest.raises(MalformedModule):
        wasm2wat(binary, features.IMPLEMENTED)
