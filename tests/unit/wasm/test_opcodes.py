"""The instruction table is total: every row can be encoded, decoded and validated."""

import pytest

from cachewasm.errors import InvalidModule
from cachewasm.wasm import features, opcodes
from cachewasm.wasm.body import instructions
from cachewasm.wasm.decode import decode
from cachewasm.wasm.encode import DataSource, ModuleSource, encode
from cachewasm.wasm.encode_body import FunctionBody, Instruction, LocalGroup, encode_instruction
from cachewasm.wasm.function_validator import FunctionValidator
from cachewasm.wasm.module import ElementSegment, Global, SegmentMode, Tag
from cachewasm.wasm.opcodes import BY_CODE, BY_NAME, OPS, Catch, Imm, Op, TryTable
from cachewasm.wasm.types import (
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    VALTYPES,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    ValType,
)
from cachewasm.wasm.validate import validate, validate_bodies

IMMEDIATES: dict[int, Imm] = {
    opcodes.IMM_NONE: None,
    opcodes.IMM_LABEL: 0,
    opcodes.IMM_FUNC: 0,
    opcodes.IMM_LOCAL: 0,
    opcodes.IMM_GLOBAL: 0,
    opcodes.IMM_TABLE: 0,
    opcodes.IMM_ELEM: 0,
    opcodes.IMM_DATA: 0,
    opcodes.IMM_MEMORY: 1,
    opcodes.IMM_TAG: 0,
    opcodes.IMM_DELEGATE: 0,
    opcodes.IMM_TRY_TABLE: TryTable(
        None, (Catch(opcodes.CATCH, 0, 0), Catch(opcodes.CATCH_ALL, 0, 0))
    ),
    opcodes.IMM_CALL_INDIRECT: (0, 0),
    opcodes.IMM_TABLE_TABLE: (0, 0),
    opcodes.IMM_ELEM_TABLE: (0, 0),
    opcodes.IMM_MEMORY_MEMORY: (1, 0),
    opcodes.IMM_DATA_MEMORY: (0, 1),
    opcodes.IMM_LABELS: ((0, 0), 0),
    opcodes.IMM_BLOCKTYPE: None,
    opcodes.IMM_MEMARG: (1, 0, 300),
    opcodes.IMM_I32: -(2**31),
    opcodes.IMM_I64: -(2**63),
    opcodes.IMM_F32: 0x7FA0_0001,
    opcodes.IMM_F64: 0x7FF4_0000_0000_0001,
    opcodes.IMM_REFTYPE: FUNCREF,
    opcodes.IMM_VALTYPES: (I64,),
    opcodes.IMM_V128: 1 << 127 | 0x0123_4567_89AB_CDEF,
    opcodes.IMM_LANE: 1,
    opcodes.IMM_SHUFFLE: bytes(range(16, 32)),
    opcodes.IMM_MEMARG_LANE: (1, 0, 300, 1),
}
MORE_IMMEDIATES: list[tuple[str, Imm]] = [
    ("block", I32),
    ("block", 0x12345),
    ("loop", 63),
    ("loop", 64),
    ("try_table", TryTable(0x12345, ())),
    ("try_table", TryTable(I32, tuple(Catch(kind, 0, 300) for kind in range(4)))),
    ("i32.const", 63),
    ("i32.const", 64),
    ("i32.const", -64),
    ("i32.const", 2**31 - 1),
    ("i64.const", 2**63 - 1),
    ("local.get", 2**32 - 1),
    ("br_table", ((), 5)),
    ("br_table", ((1, 200, 3), 70000)),
    ("i64.load", (0, 3, 2**64 - 1)),
    ("i64.load", (130, 3, 0)),
    ("v128.load", (0, 4, 2**64 - 1)),
    ("v128.store8_lane", (130, 0, 0, 255)),
    ("i8x16.replace_lane", 255),
    ("select t", ()),
    ("select t", (I32, F32, F64, FUNCREF)),
]


def module_with(*code: Instruction, results: tuple[ValType, ...] = ()) -> bytes:
    """A module with one function of locals of all types, and one thing of each kind."""
    return encode(
        ModuleSource(
            types=(FuncType((), results), FuncType((), ())),
            tags=(Tag(1),),
            funcs=(0,),
            tables=(TableType(FUNCREF, Limits(1)),),
            memories=(MemoryType(Limits(1)), MemoryType(Limits(1))),
            globals=(Global(GlobalType(I32, True), ((0, 0),)),),
            elements=(ElementSegment(SegmentMode.PASSIVE, 0, None, FUNCREF, (0,)),),
            data_segments=(DataSource(SegmentMode.PASSIVE, 0, None, b""),),
            has_data_count=True,
            bodies=(
                FunctionBody(
                    tuple(LocalGroup(1, valtype) for valtype in VALTYPES),
                    (*code, Instruction(opcodes.END)),
                ),
            ),
        )
    )


def validate_all(binary: bytes) -> None:
    validate_bodies(validate(decode(binary, features.IMPLEMENTED)))


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_row_encoded_decodes_to_itself(op: Op) -> None:
    imm = IMMEDIATES[op.imm]
    # Another end closes the sequence if the op opens a block; if it is the end itself, it is one.
    opens = op.imm in (opcodes.IMM_BLOCKTYPE, opcodes.IMM_TRY_TABLE)
    closing = [opcodes.END] * (1 + opens - (op is opcodes.END))
    before = [opcodes.TRY] * (op is opcodes.DELEGATE)  # it ends a block as well
    start = b"".join(encode_instruction(o, None) for o in before)
    end = b"".join(encode_instruction(o, None) for o in closing)
    encoded = start + encode_instruction(op, imm) + end
    decoded = list(instructions(encoded, 0, len(encoded), features.IMPLEMENTED))
    assert decoded[len(before)] == (len(start), op, imm)
    assert [row[1] for row in decoded[len(before) + 1 :]] == closing


@pytest.mark.parametrize(("name", "imm"), MORE_IMMEDIATES)
def test_immediate_encoded_decodes_to_itself(name: str, imm: Imm) -> None:
    encoded = encode_instruction(BY_NAME[name], imm) + encode_instruction(opcodes.END, None) * 2
    assert next(instructions(encoded, 0, None, features.IMPLEMENTED)) == (0, BY_NAME[name], imm)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_row_on_unknown_operands_validates(op: Op) -> None:
    unreachable = Instruction(opcodes.UNREACHABLE)
    used = [Instruction(op, IMMEDIATES[op.imm])]
    if op is opcodes.ELSE:
        used = [Instruction(opcodes.IF), *used]
    if op is opcodes.END:
        used = [Instruction(opcodes.BLOCK), *used]
    elif op is opcodes.DELEGATE:
        used = [Instruction(opcodes.TRY), *used]
    elif op in (opcodes.CATCH_OP, opcodes.CATCH_ALL_OP):
        used = [Instruction(opcodes.TRY), *used, Instruction(opcodes.END)]
    elif op.name == "rethrow":
        arm = Instruction(opcodes.CATCH_ALL_OP)
        used = [Instruction(opcodes.TRY), arm, *used, Instruction(opcodes.END)]
    elif op is opcodes.ELSE or op.imm in (opcodes.IMM_BLOCKTYPE, opcodes.IMM_TRY_TABLE):
        used.append(Instruction(opcodes.END))
    validate_all(module_with(unreachable, *used, unreachable))


FIXED = [op for op in OPS if op.params is not None]


@pytest.mark.parametrize("op", FIXED, ids=lambda op: op.name)
def test_fixed_row_turns_params_into_results(op: Op) -> None:
    assert op.params is not None
    code = [Instruction(BY_NAME["local.get"], VALTYPES.index(t)) for t in op.params]
    code.append(Instruction(op, IMMEDIATES[op.imm]))
    module = validate(decode(module_with(*code, results=op.results or ()), features.IMPLEMENTED))
    validator = FunctionValidator(module, 0)
    for count, (offset, used, imm) in enumerate(validator.instructions(), start=1):
        validator.step(offset, used, imm)
        if count == len(code):
            assert tuple(validator.vals) == op.results
    validator.finish(validator.body.end)


@pytest.mark.parametrize("op", [op for op in FIXED if op.params], ids=lambda op: op.name)
def test_fixed_row_wrong_operand_is_type_mismatch(op: Op) -> None:
    assert op.params is not None
    wrong = F64 if op.params[-1] is not F64 else I64
    code = [Instruction(BY_NAME["local.get"], VALTYPES.index(t)) for t in op.params[:-1]]
    code.append(Instruction(BY_NAME["local.get"], VALTYPES.index(wrong)))
    code.append(Instruction(op, IMMEDIATES[op.imm]))
    with pytest.raises(InvalidModule, match=f"^type mismatch: expected .*, found {wrong}"):
        validate_all(module_with(*code))


@pytest.mark.parametrize("op", [op for op in FIXED if op.params], ids=lambda op: op.name)
def test_fixed_row_missing_operand_is_type_mismatch(op: Op) -> None:
    assert op.params is not None
    code = [Instruction(BY_NAME["local.get"], VALTYPES.index(t)) for t in op.params[1:]]
    code.append(Instruction(op, IMMEDIATES[op.imm]))
    with pytest.raises(InvalidModule, match=r"^type mismatch: .*(found|nothing on stack)"):
        validate_all(module_with(*code))


def test_table_codes_and_names_are_unique() -> None:
    assert len(OPS) == len(BY_CODE) == len(BY_NAME)
    assert [op.index for op in OPS] == list(range(len(OPS)))


def test_table_no_opcode_is_also_refused_by_proposal() -> None:
    assert not set(BY_CODE) & set(opcodes.PROPOSAL_BY_CODE)
