"""The one table of instructions: bytes, mnemonic, types, immediates, memory access, proposal.

Decoder, validator, translator, encoder and the text format derive from these rows, and a test
proves each row decodable, validatable and encodable. A row whose types are written `...` is
polymorphic or depends on the module: it has a hand-written validation rule. The opcode bytes of the
binary format appear here and nowhere else.

Specification: sections 5.4 (bytes) and 3.4 (types).
"""

from cachewasm.record import dataclass
from cachewasm.wasm import features
from cachewasm.wasm.types import EXNREF, EXTERNREF, F32, F64, FUNCREF, I32, I64, V128, ValType

# Kinds of immediates, and the Python value that the body decoder yields for each.
IMM_NONE = 0  # None
# A single index: int. Kept contiguous, so that the decoder tells them by one comparison.
IMM_LABEL = 1
IMM_FUNC = 2
IMM_LOCAL = 3
IMM_GLOBAL = 4
IMM_TABLE = 5
IMM_ELEM = 6
IMM_DATA = 7
IMM_MEMORY = 8
IMM_TAG = 9
# Two indices: (first, second).
IMM_CALL_INDIRECT = 10  # (typeidx, tableidx)
IMM_TABLE_TABLE = 11  # (destination, source)
IMM_ELEM_TABLE = 12  # (elemidx, tableidx)
IMM_MEMORY_MEMORY = 13  # (destination, source)
IMM_DATA_MEMORY = 14  # (dataidx, memidx)
# All others.
IMM_LABELS = 15  # (labels as a tuple, default label)
IMM_BLOCKTYPE = 16  # None, a ValType (the one result), or a typeidx
IMM_MEMARG = 17  # (memidx, log2 of the alignment, offset)
IMM_I32 = 18  # signed int
IMM_I64 = 19  # signed int
IMM_F32 = 20  # the 32 raw bits, as int
IMM_F64 = 21  # the 64 raw bits, as int
IMM_REFTYPE = 22  # ValType
IMM_VALTYPES = 23  # tuple of ValType
IMM_DELEGATE = 24  # a label; closes the block that it ends
IMM_TRY_TABLE = 25  # TryTable
IMM_V128 = 26  # the 128 raw bits, as int
IMM_LANE = 27  # int below Op.lanes
IMM_SHUFFLE = 28  # bytes: 16 lanes, each below Op.lanes
IMM_MEMARG_LANE = 29  # (memidx, log2 of the alignment, offset, lane)

LAST_INDEX_IMM = IMM_TAG
LAST_PAIR_IMM = IMM_DATA_MEMORY

EMPTY_BLOCK = 0x40  # the block type without parameters and results
MEMARG_HAS_MEMIDX = 0x40  # the bit of a memarg's alignment that says that a memidx follows

# Kinds of catch clauses, as encoded; bit 0: also the exception itself, bit 1: whatever its tag.
CATCH, CATCH_REF, CATCH_ALL, CATCH_ALL_REF = range(4)
CATCH_NAMES = ("catch", "catch_ref", "catch_all", "catch_all_ref")


@dataclass(frozen=True, slots=True)
class Catch:
    """A clause of try_table; `tag` is 0 where the kind catches all. The label counts from outside."""

    kind: int
    tag: int
    label: int

    @property
    def has_tag(self) -> bool:
        """Whether the clause catches exceptions of one tag only."""
        return self.kind < CATCH_ALL

    @property
    def has_ref(self) -> bool:
        """Whether the clause hands over the exception itself."""
        return bool(self.kind & 1)


@dataclass(frozen=True, slots=True)
class TryTable:
    """The immediate of try_table: its block type as for IMM_BLOCKTYPE, and its clauses in order."""

    blocktype: "ValType | int | None"
    catches: tuple[Catch, ...]


Imm = (
    int
    | ValType
    | tuple[int, int]
    | tuple[tuple[int, ...], int]
    | tuple[int, int, int]
    | tuple[int, int, int, int]
    | tuple[ValType, ...]
    | TryTable
    | bytes
    | None
)


@dataclass(frozen=True, slots=True)
class Access:
    """How an instruction touches linear memory: `bytes` wide; `signed` if a load sign-extends."""

    bytes: int
    signed: bool = False
    is_store: bool = False

    @property
    def align_log2(self) -> int:
        """The natural alignment: no alignment hint may be larger."""
        return self.bytes.bit_length() - 1


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """One instruction. Compared by identity.

    `code` is the byte, or `prefix << 16 | sub-opcode`; `index` the position in `OPS`. `params` and
    `results` are None where the operands are not the same for every use. `lanes` is what a lane index
    must be below, where the immediate has one.
    """

    index: int
    code: int
    name: str
    params: tuple[ValType, ...] | None
    results: tuple[ValType, ...] | None
    imm: int
    access: Access | None
    proposal: int
    lanes: int

    def __repr__(self) -> str:
        return self.name


_TYPES = {t.name: t for t in (I32, I64, F32, F64, V128, FUNCREF, EXTERNREF, EXNREF)}
_rows: list[Op] = []
# What rows say of their operands, read once.
_signatures: dict[str, tuple[tuple[ValType, ...] | None, tuple[ValType, ...] | None]] = {
    "...": (None, None)
}


def _op(
    code: int,
    name: str,
    types: str,
    imm: int = IMM_NONE,
    *,
    access: Access | None = None,
    proposal: int = 0,
    lanes: int = 0,
) -> Op:
    """Append a row; `types` reads "i32 i32 -> i32", or "..." where a rule is written by hand."""
    found = _signatures.get(types)
    if found is None:
        before, _, after = types.partition("->")
        found = tuple(_TYPES[t] for t in before.split()), tuple(_TYPES[t] for t in after.split())
        _signatures[types] = found
    params, results = found
    row = Op(len(_rows), code, name, params, results, imm, access, proposal, lanes)
    _rows.append(row)
    return row


PREFIX_GC = 0xFB
PREFIX_MISC = 0xFC
PREFIX_SIMD = 0xFD
PREFIX_THREADS = 0xFE
PREFIXES = (PREFIX_GC, PREFIX_MISC, PREFIX_SIMD, PREFIX_THREADS)

_BULK = features.BULK_MEMORY
_EXN = features.EXCEPTIONS
_LEGACY = features.EXCEPTIONS | features.LEGACY_EXCEPTIONS  # tags belong to the former
_REF = features.REFERENCE_TYPES


def _misc(code: int) -> int:
    return PREFIX_MISC << 16 | code


def _simd(
    code: int,
    name: str,
    types: str,
    imm: int = IMM_NONE,
    *,
    access: Access | None = None,
    lanes: int = 0,
) -> Op:
    code |= PREFIX_SIMD << 16
    return _op(code, name, types, imm, access=access, proposal=features.SIMD, lanes=lanes)


def _relaxed(code: int, name: str, types: str) -> Op:
    return _op(PREFIX_SIMD << 16 | code, name, types, proposal=features.RELAXED_SIMD)


# Control (5.4.1). The opcodes that decoder, validator and translator single out have names.
UNREACHABLE = _op(0x00, "unreachable", "...")
_op(0x01, "nop", "->")
BLOCK = _op(0x02, "block", "...", IMM_BLOCKTYPE)
LOOP = _op(0x03, "loop", "...", IMM_BLOCKTYPE)
IF = _op(0x04, "if", "...", IMM_BLOCKTYPE)
ELSE = _op(0x05, "else", "...")
TRY = _op(0x06, "try", "...", IMM_BLOCKTYPE, proposal=_LEGACY)
CATCH_OP = _op(0x07, "catch", "...", IMM_TAG, proposal=_LEGACY)
_op(0x08, "throw", "...", IMM_TAG, proposal=_EXN)
_op(0x09, "rethrow", "...", IMM_LABEL, proposal=_LEGACY)
_op(0x0A, "throw_ref", "...", proposal=_EXN)
END = _op(0x0B, "end", "...")
_op(0x0C, "br", "...", IMM_LABEL)
_op(0x0D, "br_if", "...", IMM_LABEL)
_op(0x0E, "br_table", "...", IMM_LABELS)
_op(0x0F, "return", "...")
_op(0x10, "call", "...", IMM_FUNC)
_op(0x11, "call_indirect", "...", IMM_CALL_INDIRECT)
DELEGATE = _op(0x18, "delegate", "...", IMM_DELEGATE, proposal=_LEGACY)
CATCH_ALL_OP = _op(0x19, "catch_all", "...", proposal=_LEGACY)
TRY_TABLE = _op(0x1F, "try_table", "...", IMM_TRY_TABLE, proposal=_EXN)

# Parametric, variables, tables (5.4.3 to 5.4.5).
_op(0x1A, "drop", "...")
_op(0x1B, "select", "...")
# `select` with types has the same mnemonic in text; the name here only keeps the rows apart.
_op(0x1C, "select t", "...", IMM_VALTYPES, proposal=_REF)
_op(0x20, "local.get", "...", IMM_LOCAL)
_op(0x21, "local.set", "...", IMM_LOCAL)
_op(0x22, "local.tee", "...", IMM_LOCAL)
GLOBAL_GET = _op(0x23, "global.get", "...", IMM_GLOBAL)
_op(0x24, "global.set", "...", IMM_GLOBAL)
_op(0x25, "table.get", "...", IMM_TABLE, proposal=_REF)
_op(0x26, "table.set", "...", IMM_TABLE, proposal=_REF)

# Memory (5.4.6).
_op(0x28, "i32.load", "i32 -> i32", IMM_MEMARG, access=Access(4))
_op(0x29, "i64.load", "i32 -> i64", IMM_MEMARG, access=Access(8))
_op(0x2A, "f32.load", "i32 -> f32", IMM_MEMARG, access=Access(4))
_op(0x2B, "f64.load", "i32 -> f64", IMM_MEMARG, access=Access(8))
_op(0x2C, "i32.load8_s", "i32 -> i32", IMM_MEMARG, access=Access(1, signed=True))
_op(0x2D, "i32.load8_u", "i32 -> i32", IMM_MEMARG, access=Access(1))
_op(0x2E, "i32.load16_s", "i32 -> i32", IMM_MEMARG, access=Access(2, signed=True))
_op(0x2F, "i32.load16_u", "i32 -> i32", IMM_MEMARG, access=Access(2))
_op(0x30, "i64.load8_s", "i32 -> i64", IMM_MEMARG, access=Access(1, signed=True))
_op(0x31, "i64.load8_u", "i32 -> i64", IMM_MEMARG, access=Access(1))
_op(0x32, "i64.load16_s", "i32 -> i64", IMM_MEMARG, access=Access(2, signed=True))
_op(0x33, "i64.load16_u", "i32 -> i64", IMM_MEMARG, access=Access(2))
_op(0x34, "i64.load32_s", "i32 -> i64", IMM_MEMARG, access=Access(4, signed=True))
_op(0x35, "i64.load32_u", "i32 -> i64", IMM_MEMARG, access=Access(4))
_op(0x36, "i32.store", "i32 i32 ->", IMM_MEMARG, access=Access(4, is_store=True))
_op(0x37, "i64.store", "i32 i64 ->", IMM_MEMARG, access=Access(8, is_store=True))
_op(0x38, "f32.store", "i32 f32 ->", IMM_MEMARG, access=Access(4, is_store=True))
_op(0x39, "f64.store", "i32 f64 ->", IMM_MEMARG, access=Access(8, is_store=True))
_op(0x3A, "i32.store8", "i32 i32 ->", IMM_MEMARG, access=Access(1, is_store=True))
_op(0x3B, "i32.store16", "i32 i32 ->", IMM_MEMARG, access=Access(2, is_store=True))
_op(0x3C, "i64.store8", "i32 i64 ->", IMM_MEMARG, access=Access(1, is_store=True))
_op(0x3D, "i64.store16", "i32 i64 ->", IMM_MEMARG, access=Access(2, is_store=True))
_op(0x3E, "i64.store32", "i32 i64 ->", IMM_MEMARG, access=Access(4, is_store=True))
_op(0x3F, "memory.size", "-> i32", IMM_MEMORY)
_op(0x40, "memory.grow", "i32 -> i32", IMM_MEMORY)

# Numeric (5.4.7).
I32_CONST = _op(0x41, "i32.const", "-> i32", IMM_I32)
I64_CONST = _op(0x42, "i64.const", "-> i64", IMM_I64)
F32_CONST = _op(0x43, "f32.const", "-> f32", IMM_F32)
F64_CONST = _op(0x44, "f64.const", "-> f64", IMM_F64)

_op(0x45, "i32.eqz", "i32 -> i32")
_op(0x46, "i32.eq", "i32 i32 -> i32")
_op(0x47, "i32.ne", "i32 i32 -> i32")
_op(0x48, "i32.lt_s", "i32 i32 -> i32")
_op(0x49, "i32.lt_u", "i32 i32 -> i32")
_op(0x4A, "i32.gt_s", "i32 i32 -> i32")
_op(0x4B, "i32.gt_u", "i32 i32 -> i32")
_op(0x4C, "i32.le_s", "i32 i32 -> i32")
_op(0x4D, "i32.le_u", "i32 i32 -> i32")
_op(0x4E, "i32.ge_s", "i32 i32 -> i32")
_op(0x4F, "i32.ge_u", "i32 i32 -> i32")

_op(0x50, "i64.eqz", "i64 -> i32")
_op(0x51, "i64.eq", "i64 i64 -> i32")
_op(0x52, "i64.ne", "i64 i64 -> i32")
_op(0x53, "i64.lt_s", "i64 i64 -> i32")
_op(0x54, "i64.lt_u", "i64 i64 -> i32")
_op(0x55, "i64.gt_s", "i64 i64 -> i32")
_op(0x56, "i64.gt_u", "i64 i64 -> i32")
_op(0x57, "i64.le_s", "i64 i64 -> i32")
_op(0x58, "i64.le_u", "i64 i64 -> i32")
_op(0x59, "i64.ge_s", "i64 i64 -> i32")
_op(0x5A, "i64.ge_u", "i64 i64 -> i32")

_op(0x5B, "f32.eq", "f32 f32 -> i32")
_op(0x5C, "f32.ne", "f32 f32 -> i32")
_op(0x5D, "f32.lt", "f32 f32 -> i32")
_op(0x5E, "f32.gt", "f32 f32 -> i32")
_op(0x5F, "f32.le", "f32 f32 -> i32")
_op(0x60, "f32.ge", "f32 f32 -> i32")

_op(0x61, "f64.eq", "f64 f64 -> i32")
_op(0x62, "f64.ne", "f64 f64 -> i32")
_op(0x63, "f64.lt", "f64 f64 -> i32")
_op(0x64, "f64.gt", "f64 f64 -> i32")
_op(0x65, "f64.le", "f64 f64 -> i32")
_op(0x66, "f64.ge", "f64 f64 -> i32")

_op(0x67, "i32.clz", "i32 -> i32")
_op(0x68, "i32.ctz", "i32 -> i32")
_op(0x69, "i32.popcnt", "i32 -> i32")
I32_ADD = _op(0x6A, "i32.add", "i32 i32 -> i32")
I32_SUB = _op(0x6B, "i32.sub", "i32 i32 -> i32")
I32_MUL = _op(0x6C, "i32.mul", "i32 i32 -> i32")
_op(0x6D, "i32.div_s", "i32 i32 -> i32")
_op(0x6E, "i32.div_u", "i32 i32 -> i32")
_op(0x6F, "i32.rem_s", "i32 i32 -> i32")
_op(0x70, "i32.rem_u", "i32 i32 -> i32")
_op(0x71, "i32.and", "i32 i32 -> i32")
_op(0x72, "i32.or", "i32 i32 -> i32")
_op(0x73, "i32.xor", "i32 i32 -> i32")
_op(0x74, "i32.shl", "i32 i32 -> i32")
_op(0x75, "i32.shr_s", "i32 i32 -> i32")
_op(0x76, "i32.shr_u", "i32 i32 -> i32")
_op(0x77, "i32.rotl", "i32 i32 -> i32")
_op(0x78, "i32.rotr", "i32 i32 -> i32")

_op(0x79, "i64.clz", "i64 -> i64")
_op(0x7A, "i64.ctz", "i64 -> i64")
_op(0x7B, "i64.popcnt", "i64 -> i64")
I64_ADD = _op(0x7C, "i64.add", "i64 i64 -> i64")
I64_SUB = _op(0x7D, "i64.sub", "i64 i64 -> i64")
I64_MUL = _op(0x7E, "i64.mul", "i64 i64 -> i64")
_op(0x7F, "i64.div_s", "i64 i64 -> i64")
_op(0x80, "i64.div_u", "i64 i64 -> i64")
_op(0x81, "i64.rem_s", "i64 i64 -> i64")
_op(0x82, "i64.rem_u", "i64 i64 -> i64")
_op(0x83, "i64.and", "i64 i64 -> i64")
_op(0x84, "i64.or", "i64 i64 -> i64")
_op(0x85, "i64.xor", "i64 i64 -> i64")
_op(0x86, "i64.shl", "i64 i64 -> i64")
_op(0x87, "i64.shr_s", "i64 i64 -> i64")
_op(0x88, "i64.shr_u", "i64 i64 -> i64")
_op(0x89, "i64.rotl", "i64 i64 -> i64")
_op(0x8A, "i64.rotr", "i64 i64 -> i64")

_op(0x8B, "f32.abs", "f32 -> f32")
_op(0x8C, "f32.neg", "f32 -> f32")
_op(0x8D, "f32.ceil", "f32 -> f32")
_op(0x8E, "f32.floor", "f32 -> f32")
_op(0x8F, "f32.trunc", "f32 -> f32")
_op(0x90, "f32.nearest", "f32 -> f32")
_op(0x91, "f32.sqrt", "f32 -> f32")
_op(0x92, "f32.add", "f32 f32 -> f32")
_op(0x93, "f32.sub", "f32 f32 -> f32")
_op(0x94, "f32.mul", "f32 f32 -> f32")
_op(0x95, "f32.div", "f32 f32 -> f32")
_op(0x96, "f32.min", "f32 f32 -> f32")
_op(0x97, "f32.max", "f32 f32 -> f32")
_op(0x98, "f32.copysign", "f32 f32 -> f32")

_op(0x99, "f64.abs", "f64 -> f64")
_op(0x9A, "f64.neg", "f64 -> f64")
_op(0x9B, "f64.ceil", "f64 -> f64")
_op(0x9C, "f64.floor", "f64 -> f64")
_op(0x9D, "f64.trunc", "f64 -> f64")
_op(0x9E, "f64.nearest", "f64 -> f64")
_op(0x9F, "f64.sqrt", "f64 -> f64")
_op(0xA0, "f64.add", "f64 f64 -> f64")
_op(0xA1, "f64.sub", "f64 f64 -> f64")
_op(0xA2, "f64.mul", "f64 f64 -> f64")
_op(0xA3, "f64.div", "f64 f64 -> f64")
_op(0xA4, "f64.min", "f64 f64 -> f64")
_op(0xA5, "f64.max", "f64 f64 -> f64")
_op(0xA6, "f64.copysign", "f64 f64 -> f64")

_op(0xA7, "i32.wrap_i64", "i64 -> i32")
_op(0xA8, "i32.trunc_f32_s", "f32 -> i32")
_op(0xA9, "i32.trunc_f32_u", "f32 -> i32")
_op(0xAA, "i32.trunc_f64_s", "f64 -> i32")
_op(0xAB, "i32.trunc_f64_u", "f64 -> i32")
_op(0xAC, "i64.extend_i32_s", "i32 -> i64")
_op(0xAD, "i64.extend_i32_u", "i32 -> i64")
_op(0xAE, "i64.trunc_f32_s", "f32 -> i64")
_op(0xAF, "i64.trunc_f32_u", "f32 -> i64")
_op(0xB0, "i64.trunc_f64_s", "f64 -> i64")
_op(0xB1, "i64.trunc_f64_u", "f64 -> i64")
_op(0xB2, "f32.convert_i32_s", "i32 -> f32")
_op(0xB3, "f32.convert_i32_u", "i32 -> f32")
_op(0xB4, "f32.convert_i64_s", "i64 -> f32")
_op(0xB5, "f32.convert_i64_u", "i64 -> f32")
_op(0xB6, "f32.demote_f64", "f64 -> f32")
_op(0xB7, "f64.convert_i32_s", "i32 -> f64")
_op(0xB8, "f64.convert_i32_u", "i32 -> f64")
_op(0xB9, "f64.convert_i64_s", "i64 -> f64")
_op(0xBA, "f64.convert_i64_u", "i64 -> f64")
_op(0xBB, "f64.promote_f32", "f32 -> f64")
_op(0xBC, "i32.reinterpret_f32", "f32 -> i32")
_op(0xBD, "i64.reinterpret_f64", "f64 -> i64")
_op(0xBE, "f32.reinterpret_i32", "i32 -> f32")
_op(0xBF, "f64.reinterpret_i64", "i64 -> f64")

_op(0xC0, "i32.extend8_s", "i32 -> i32")
_op(0xC1, "i32.extend16_s", "i32 -> i32")
_op(0xC2, "i64.extend8_s", "i64 -> i64")
_op(0xC3, "i64.extend16_s", "i64 -> i64")
_op(0xC4, "i64.extend32_s", "i64 -> i64")

# References (5.4.2).
REF_NULL = _op(0xD0, "ref.null", "...", IMM_REFTYPE, proposal=_REF)
_op(0xD1, "ref.is_null", "...", proposal=_REF)
REF_FUNC = _op(0xD2, "ref.func", "...", IMM_FUNC, proposal=_REF)

# Prefix FC: saturating conversions, bulk memory, tables.
_op(_misc(0), "i32.trunc_sat_f32_s", "f32 -> i32")
_op(_misc(1), "i32.trunc_sat_f32_u", "f32 -> i32")
_op(_misc(2), "i32.trunc_sat_f64_s", "f64 -> i32")
_op(_misc(3), "i32.trunc_sat_f64_u", "f64 -> i32")
_op(_misc(4), "i64.trunc_sat_f32_s", "f32 -> i64")
_op(_misc(5), "i64.trunc_sat_f32_u", "f32 -> i64")
_op(_misc(6), "i64.trunc_sat_f64_s", "f64 -> i64")
_op(_misc(7), "i64.trunc_sat_f64_u", "f64 -> i64")
_op(_misc(8), "memory.init", "i32 i32 i32 ->", IMM_DATA_MEMORY, proposal=_BULK)
_op(_misc(9), "data.drop", "->", IMM_DATA, proposal=_BULK)
_op(_misc(10), "memory.copy", "i32 i32 i32 ->", IMM_MEMORY_MEMORY, proposal=_BULK)
_op(_misc(11), "memory.fill", "i32 i32 i32 ->", IMM_MEMORY, proposal=_BULK)
_op(_misc(12), "table.init", "i32 i32 i32 ->", IMM_ELEM_TABLE, proposal=_BULK)
_op(_misc(13), "elem.drop", "->", IMM_ELEM, proposal=_BULK)
_op(_misc(14), "table.copy", "i32 i32 i32 ->", IMM_TABLE_TABLE, proposal=_BULK)
_op(_misc(15), "table.grow", "...", IMM_TABLE, proposal=_REF)
_op(_misc(16), "table.size", "-> i32", IMM_TABLE, proposal=_REF)
_op(_misc(17), "table.fill", "...", IMM_TABLE, proposal=_REF)

# Vectors (prefix FD): memory.
_simd(0x00, "v128.load", "i32 -> v128", IMM_MEMARG, access=Access(16))
_simd(0x01, "v128.load8x8_s", "i32 -> v128", IMM_MEMARG, access=Access(8, signed=True))
_simd(0x02, "v128.load8x8_u", "i32 -> v128", IMM_MEMARG, access=Access(8))
_simd(0x03, "v128.load16x4_s", "i32 -> v128", IMM_MEMARG, access=Access(8, signed=True))
_simd(0x04, "v128.load16x4_u", "i32 -> v128", IMM_MEMARG, access=Access(8))
_simd(0x05, "v128.load32x2_s", "i32 -> v128", IMM_MEMARG, access=Access(8, signed=True))
_simd(0x06, "v128.load32x2_u", "i32 -> v128", IMM_MEMARG, access=Access(8))
_simd(0x07, "v128.load8_splat", "i32 -> v128", IMM_MEMARG, access=Access(1))
_simd(0x08, "v128.load16_splat", "i32 -> v128", IMM_MEMARG, access=Access(2))
_simd(0x09, "v128.load32_splat", "i32 -> v128", IMM_MEMARG, access=Access(4))
_simd(0x0A, "v128.load64_splat", "i32 -> v128", IMM_MEMARG, access=Access(8))
_simd(0x0B, "v128.store", "i32 v128 ->", IMM_MEMARG, access=Access(16, is_store=True))
_simd(0x5C, "v128.load32_zero", "i32 -> v128", IMM_MEMARG, access=Access(4))
_simd(0x5D, "v128.load64_zero", "i32 -> v128", IMM_MEMARG, access=Access(8))
_simd(0x54, "v128.load8_lane", "i32 v128 -> v128", IMM_MEMARG_LANE, access=Access(1), lanes=16)
_simd(0x55, "v128.load16_lane", "i32 v128 -> v128", IMM_MEMARG_LANE, access=Access(2), lanes=8)
_simd(0x56, "v128.load32_lane", "i32 v128 -> v128", IMM_MEMARG_LANE, access=Access(4), lanes=4)
_simd(0x57, "v128.load64_lane", "i32 v128 -> v128", IMM_MEMARG_LANE, access=Access(8), lanes=2)
_simd(
    0x58,
    "v128.store8_lane",
    "i32 v128 ->",
    IMM_MEMARG_LANE,
    access=Access(1, is_store=True),
    lanes=16,
)
_simd(
    0x59,
    "v128.store16_lane",
    "i32 v128 ->",
    IMM_MEMARG_LANE,
    access=Access(2, is_store=True),
    lanes=8,
)
_simd(
    0x5A,
    "v128.store32_lane",
    "i32 v128 ->",
    IMM_MEMARG_LANE,
    access=Access(4, is_store=True),
    lanes=4,
)
_simd(
    0x5B,
    "v128.store64_lane",
    "i32 v128 ->",
    IMM_MEMARG_LANE,
    access=Access(8, is_store=True),
    lanes=2,
)

# Vectors: constants and lanes.
V128_CONST = _simd(0x0C, "v128.const", "-> v128", IMM_V128)
_simd(0x0D, "i8x16.shuffle", "v128 v128 -> v128", IMM_SHUFFLE, lanes=32)
_simd(0x0E, "i8x16.swizzle", "v128 v128 -> v128")
_simd(0x0F, "i8x16.splat", "i32 -> v128")
_simd(0x10, "i16x8.splat", "i32 -> v128")
_simd(0x11, "i32x4.splat", "i32 -> v128")
_simd(0x12, "i64x2.splat", "i64 -> v128")
_simd(0x13, "f32x4.splat", "f32 -> v128")
_simd(0x14, "f64x2.splat", "f64 -> v128")
_simd(0x15, "i8x16.extract_lane_s", "v128 -> i32", IMM_LANE, lanes=16)
_simd(0x16, "i8x16.extract_lane_u", "v128 -> i32", IMM_LANE, lanes=16)
_simd(0x17, "i8x16.replace_lane", "v128 i32 -> v128", IMM_LANE, lanes=16)
_simd(0x18, "i16x8.extract_lane_s", "v128 -> i32", IMM_LANE, lanes=8)
_simd(0x19, "i16x8.extract_lane_u", "v128 -> i32", IMM_LANE, lanes=8)
_simd(0x1A, "i16x8.replace_lane", "v128 i32 -> v128", IMM_LANE, lanes=8)
_simd(0x1B, "i32x4.extract_lane", "v128 -> i32", IMM_LANE, lanes=4)
_simd(0x1C, "i32x4.replace_lane", "v128 i32 -> v128", IMM_LANE, lanes=4)
_simd(0x1D, "i64x2.extract_lane", "v128 -> i64", IMM_LANE, lanes=2)
_simd(0x1E, "i64x2.replace_lane", "v128 i64 -> v128", IMM_LANE, lanes=2)
_simd(0x1F, "f32x4.extract_lane", "v128 -> f32", IMM_LANE, lanes=4)
_simd(0x20, "f32x4.replace_lane", "v128 f32 -> v128", IMM_LANE, lanes=4)
_simd(0x21, "f64x2.extract_lane", "v128 -> f64", IMM_LANE, lanes=2)
_simd(0x22, "f64x2.replace_lane", "v128 f64 -> v128", IMM_LANE, lanes=2)

# Vectors: comparisons, whose result is a lane of all ones or all zeros.
_simd(0x23, "i8x16.eq", "v128 v128 -> v128")
_simd(0x24, "i8x16.ne", "v128 v128 -> v128")
_simd(0x25, "i8x16.lt_s", "v128 v128 -> v128")
_simd(0x26, "i8x16.lt_u", "v128 v128 -> v128")
_simd(0x27, "i8x16.gt_s", "v128 v128 -> v128")
_simd(0x28, "i8x16.gt_u", "v128 v128 -> v128")
_simd(0x29, "i8x16.le_s", "v128 v128 -> v128")
_simd(0x2A, "i8x16.le_u", "v128 v128 -> v128")
_simd(0x2B, "i8x16.ge_s", "v128 v128 -> v128")
_simd(0x2C, "i8x16.ge_u", "v128 v128 -> v128")
_simd(0x2D, "i16x8.eq", "v128 v128 -> v128")
_simd(0x2E, "i16x8.ne", "v128 v128 -> v128")
_simd(0x2F, "i16x8.lt_s", "v128 v128 -> v128")
_simd(0x30, "i16x8.lt_u", "v128 v128 -> v128")
_simd(0x31, "i16x8.gt_s", "v128 v128 -> v128")
_simd(0x32, "i16x8.gt_u", "v128 v128 -> v128")
_simd(0x33, "i16x8.le_s", "v128 v128 -> v128")
_simd(0x34, "i16x8.le_u", "v128 v128 -> v128")
_simd(0x35, "i16x8.ge_s", "v128 v128 -> v128")
_simd(0x36, "i16x8.ge_u", "v128 v128 -> v128")
_simd(0x37, "i32x4.eq", "v128 v128 -> v128")
_simd(0x38, "i32x4.ne", "v128 v128 -> v128")
_simd(0x39, "i32x4.lt_s", "v128 v128 -> v128")
_simd(0x3A, "i32x4.lt_u", "v128 v128 -> v128")
_simd(0x3B, "i32x4.gt_s", "v128 v128 -> v128")
_simd(0x3C, "i32x4.gt_u", "v128 v128 -> v128")
_simd(0x3D, "i32x4.le_s", "v128 v128 -> v128")
_simd(0x3E, "i32x4.le_u", "v128 v128 -> v128")
_simd(0x3F, "i32x4.ge_s", "v128 v128 -> v128")
_simd(0x40, "i32x4.ge_u", "v128 v128 -> v128")
_simd(0xD6, "i64x2.eq", "v128 v128 -> v128")
_simd(0xD7, "i64x2.ne", "v128 v128 -> v128")
_simd(0xD8, "i64x2.lt_s", "v128 v128 -> v128")
_simd(0xD9, "i64x2.gt_s", "v128 v128 -> v128")
_simd(0xDA, "i64x2.le_s", "v128 v128 -> v128")
_simd(0xDB, "i64x2.ge_s", "v128 v128 -> v128")
_simd(0x41, "f32x4.eq", "v128 v128 -> v128")
_simd(0x42, "f32x4.ne", "v128 v128 -> v128")
_simd(0x43, "f32x4.lt", "v128 v128 -> v128")
_simd(0x44, "f32x4.gt", "v128 v128 -> v128")
_simd(0x45, "f32x4.le", "v128 v128 -> v128")
_simd(0x46, "f32x4.ge", "v128 v128 -> v128")
_simd(0x47, "f64x2.eq", "v128 v128 -> v128")
_simd(0x48, "f64x2.ne", "v128 v128 -> v128")
_simd(0x49, "f64x2.lt", "v128 v128 -> v128")
_simd(0x4A, "f64x2.gt", "v128 v128 -> v128")
_simd(0x4B, "f64x2.le", "v128 v128 -> v128")
_simd(0x4C, "f64x2.ge", "v128 v128 -> v128")

# Vectors: bits.
_simd(0x4D, "v128.not", "v128 -> v128")
_simd(0x4E, "v128.and", "v128 v128 -> v128")
_simd(0x4F, "v128.andnot", "v128 v128 -> v128")
_simd(0x50, "v128.or", "v128 v128 -> v128")
_simd(0x51, "v128.xor", "v128 v128 -> v128")
_simd(0x52, "v128.bitselect", "v128 v128 v128 -> v128")
_simd(0x53, "v128.any_true", "v128 -> i32")

# Vectors: integers.
_simd(0x60, "i8x16.abs", "v128 -> v128")
_simd(0x61, "i8x16.neg", "v128 -> v128")
_simd(0x62, "i8x16.popcnt", "v128 -> v128")
_simd(0x63, "i8x16.all_true", "v128 -> i32")
_simd(0x64, "i8x16.bitmask", "v128 -> i32")
_simd(0x65, "i8x16.narrow_i16x8_s", "v128 v128 -> v128")
_simd(0x66, "i8x16.narrow_i16x8_u", "v128 v128 -> v128")
_simd(0x6B, "i8x16.shl", "v128 i32 -> v128")
_simd(0x6C, "i8x16.shr_s", "v128 i32 -> v128")
_simd(0x6D, "i8x16.shr_u", "v128 i32 -> v128")
_simd(0x6E, "i8x16.add", "v128 v128 -> v128")
_simd(0x6F, "i8x16.add_sat_s", "v128 v128 -> v128")
_simd(0x70, "i8x16.add_sat_u", "v128 v128 -> v128")
_simd(0x71, "i8x16.sub", "v128 v128 -> v128")
_simd(0x72, "i8x16.sub_sat_s", "v128 v128 -> v128")
_simd(0x73, "i8x16.sub_sat_u", "v128 v128 -> v128")
_simd(0x76, "i8x16.min_s", "v128 v128 -> v128")
_simd(0x77, "i8x16.min_u", "v128 v128 -> v128")
_simd(0x78, "i8x16.max_s", "v128 v128 -> v128")
_simd(0x79, "i8x16.max_u", "v128 v128 -> v128")
_simd(0x7B, "i8x16.avgr_u", "v128 v128 -> v128")
_simd(0x7C, "i16x8.extadd_pairwise_i8x16_s", "v128 -> v128")
_simd(0x7D, "i16x8.extadd_pairwise_i8x16_u", "v128 -> v128")
_simd(0x80, "i16x8.abs", "v128 -> v128")
_simd(0x81, "i16x8.neg", "v128 -> v128")
_simd(0x82, "i16x8.q15mulr_sat_s", "v128 v128 -> v128")
_simd(0x83, "i16x8.all_true", "v128 -> i32")
_simd(0x84, "i16x8.bitmask", "v128 -> i32")
_simd(0x85, "i16x8.narrow_i32x4_s", "v128 v128 -> v128")
_simd(0x86, "i16x8.narrow_i32x4_u", "v128 v128 -> v128")
_simd(0x87, "i16x8.extend_low_i8x16_s", "v128 -> v128")
_simd(0x88, "i16x8.extend_high_i8x16_s", "v128 -> v128")
_simd(0x89, "i16x8.extend_low_i8x16_u", "v128 -> v128")
_simd(0x8A, "i16x8.extend_high_i8x16_u", "v128 -> v128")
_simd(0x8B, "i16x8.shl", "v128 i32 -> v128")
_simd(0x8C, "i16x8.shr_s", "v128 i32 -> v128")
_simd(0x8D, "i16x8.shr_u", "v128 i32 -> v128")
_simd(0x8E, "i16x8.add", "v128 v128 -> v128")
_simd(0x8F, "i16x8.add_sat_s", "v128 v128 -> v128")
_simd(0x90, "i16x8.add_sat_u", "v128 v128 -> v128")
_simd(0x91, "i16x8.sub", "v128 v128 -> v128")
_simd(0x92, "i16x8.sub_sat_s", "v128 v128 -> v128")
_simd(0x93, "i16x8.sub_sat_u", "v128 v128 -> v128")
_simd(0x95, "i16x8.mul", "v128 v128 -> v128")
_simd(0x96, "i16x8.min_s", "v128 v128 -> v128")
_simd(0x97, "i16x8.min_u", "v128 v128 -> v128")
_simd(0x98, "i16x8.max_s", "v128 v128 -> v128")
_simd(0x99, "i16x8.max_u", "v128 v128 -> v128")
_simd(0x9B, "i16x8.avgr_u", "v128 v128 -> v128")
_simd(0x9C, "i16x8.extmul_low_i8x16_s", "v128 v128 -> v128")
_simd(0x9D, "i16x8.extmul_high_i8x16_s", "v128 v128 -> v128")
_simd(0x9E, "i16x8.extmul_low_i8x16_u", "v128 v128 -> v128")
_simd(0x9F, "i16x8.extmul_high_i8x16_u", "v128 v128 -> v128")
_simd(0x7E, "i32x4.extadd_pairwise_i16x8_s", "v128 -> v128")
_simd(0x7F, "i32x4.extadd_pairwise_i16x8_u", "v128 -> v128")
_simd(0xA0, "i32x4.abs", "v128 -> v128")
_simd(0xA1, "i32x4.neg", "v128 -> v128")
_simd(0xA3, "i32x4.all_true", "v128 -> i32")
_simd(0xA4, "i32x4.bitmask", "v128 -> i32")
_simd(0xA7, "i32x4.extend_low_i16x8_s", "v128 -> v128")
_simd(0xA8, "i32x4.extend_high_i16x8_s", "v128 -> v128")
_simd(0xA9, "i32x4.extend_low_i16x8_u", "v128 -> v128")
_simd(0xAA, "i32x4.extend_high_i16x8_u", "v128 -> v128")
_simd(0xAB, "i32x4.shl", "v128 i32 -> v128")
_simd(0xAC, "i32x4.shr_s", "v128 i32 -> v128")
_simd(0xAD, "i32x4.shr_u", "v128 i32 -> v128")
_simd(0xAE, "i32x4.add", "v128 v128 -> v128")
_simd(0xB1, "i32x4.sub", "v128 v128 -> v128")
_simd(0xB5, "i32x4.mul", "v128 v128 -> v128")
_simd(0xB6, "i32x4.min_s", "v128 v128 -> v128")
_simd(0xB7, "i32x4.min_u", "v128 v128 -> v128")
_simd(0xB8, "i32x4.max_s", "v128 v128 -> v128")
_simd(0xB9, "i32x4.max_u", "v128 v128 -> v128")
_simd(0xBA, "i32x4.dot_i16x8_s", "v128 v128 -> v128")
_simd(0xBC, "i32x4.extmul_low_i16x8_s", "v128 v128 -> v128")
_simd(0xBD, "i32x4.extmul_high_i16x8_s", "v128 v128 -> v128")
_simd(0xBE, "i32x4.extmul_low_i16x8_u", "v128 v128 -> v128")
_simd(0xBF, "i32x4.extmul_high_i16x8_u", "v128 v128 -> v128")
_simd(0xC0, "i64x2.abs", "v128 -> v128")
_simd(0xC1, "i64x2.neg", "v128 -> v128")
_simd(0xC3, "i64x2.all_true", "v128 -> i32")
_simd(0xC4, "i64x2.bitmask", "v128 -> i32")
_simd(0xC7, "i64x2.extend_low_i32x4_s", "v128 -> v128")
_simd(0xC8, "i64x2.extend_high_i32x4_s", "v128 -> v128")
_simd(0xC9, "i64x2.extend_low_i32x4_u", "v128 -> v128")
_simd(0xCA, "i64x2.extend_high_i32x4_u", "v128 -> v128")
_simd(0xCB, "i64x2.shl", "v128 i32 -> v128")
_simd(0xCC, "i64x2.shr_s", "v128 i32 -> v128")
_simd(0xCD, "i64x2.shr_u", "v128 i32 -> v128")
_simd(0xCE, "i64x2.add", "v128 v128 -> v128")
_simd(0xD1, "i64x2.sub", "v128 v128 -> v128")
_simd(0xD5, "i64x2.mul", "v128 v128 -> v128")
_simd(0xDC, "i64x2.extmul_low_i32x4_s", "v128 v128 -> v128")
_simd(0xDD, "i64x2.extmul_high_i32x4_s", "v128 v128 -> v128")
_simd(0xDE, "i64x2.extmul_low_i32x4_u", "v128 v128 -> v128")
_simd(0xDF, "i64x2.extmul_high_i32x4_u", "v128 v128 -> v128")

# Vectors: floats.
_simd(0x67, "f32x4.ceil", "v128 -> v128")
_simd(0x68, "f32x4.floor", "v128 -> v128")
_simd(0x69, "f32x4.trunc", "v128 -> v128")
_simd(0x6A, "f32x4.nearest", "v128 -> v128")
_simd(0x74, "f64x2.ceil", "v128 -> v128")
_simd(0x75, "f64x2.floor", "v128 -> v128")
_simd(0x7A, "f64x2.trunc", "v128 -> v128")
_simd(0x94, "f64x2.nearest", "v128 -> v128")
_simd(0xE0, "f32x4.abs", "v128 -> v128")
_simd(0xE1, "f32x4.neg", "v128 -> v128")
_simd(0xE3, "f32x4.sqrt", "v128 -> v128")
_simd(0xE4, "f32x4.add", "v128 v128 -> v128")
_simd(0xE5, "f32x4.sub", "v128 v128 -> v128")
_simd(0xE6, "f32x4.mul", "v128 v128 -> v128")
_simd(0xE7, "f32x4.div", "v128 v128 -> v128")
_simd(0xE8, "f32x4.min", "v128 v128 -> v128")
_simd(0xE9, "f32x4.max", "v128 v128 -> v128")
_simd(0xEA, "f32x4.pmin", "v128 v128 -> v128")
_simd(0xEB, "f32x4.pmax", "v128 v128 -> v128")
_simd(0xEC, "f64x2.abs", "v128 -> v128")
_simd(0xED, "f64x2.neg", "v128 -> v128")
_simd(0xEF, "f64x2.sqrt", "v128 -> v128")
_simd(0xF0, "f64x2.add", "v128 v128 -> v128")
_simd(0xF1, "f64x2.sub", "v128 v128 -> v128")
_simd(0xF2, "f64x2.mul", "v128 v128 -> v128")
_simd(0xF3, "f64x2.div", "v128 v128 -> v128")
_simd(0xF4, "f64x2.min", "v128 v128 -> v128")
_simd(0xF5, "f64x2.max", "v128 v128 -> v128")
_simd(0xF6, "f64x2.pmin", "v128 v128 -> v128")
_simd(0xF7, "f64x2.pmax", "v128 v128 -> v128")

# Vectors: conversions.
_simd(0x5E, "f32x4.demote_f64x2_zero", "v128 -> v128")
_simd(0x5F, "f64x2.promote_low_f32x4", "v128 -> v128")
_simd(0xF8, "i32x4.trunc_sat_f32x4_s", "v128 -> v128")
_simd(0xF9, "i32x4.trunc_sat_f32x4_u", "v128 -> v128")
_simd(0xFA, "f32x4.convert_i32x4_s", "v128 -> v128")
_simd(0xFB, "f32x4.convert_i32x4_u", "v128 -> v128")
_simd(0xFC, "i32x4.trunc_sat_f64x2_s_zero", "v128 -> v128")
_simd(0xFD, "i32x4.trunc_sat_f64x2_u_zero", "v128 -> v128")
_simd(0xFE, "f64x2.convert_low_i32x4_s", "v128 -> v128")
_simd(0xFF, "f64x2.convert_low_i32x4_u", "v128 -> v128")

# Relaxed vectors: the result is one of a few, as the target has it.
_relaxed(0x100, "i8x16.relaxed_swizzle", "v128 v128 -> v128")
_relaxed(0x101, "i32x4.relaxed_trunc_f32x4_s", "v128 -> v128")
_relaxed(0x102, "i32x4.relaxed_trunc_f32x4_u", "v128 -> v128")
_relaxed(0x103, "i32x4.relaxed_trunc_f64x2_s_zero", "v128 -> v128")
_relaxed(0x104, "i32x4.relaxed_trunc_f64x2_u_zero", "v128 -> v128")
_relaxed(0x105, "f32x4.relaxed_madd", "v128 v128 v128 -> v128")
_relaxed(0x106, "f32x4.relaxed_nmadd", "v128 v128 v128 -> v128")
_relaxed(0x107, "f64x2.relaxed_madd", "v128 v128 v128 -> v128")
_relaxed(0x108, "f64x2.relaxed_nmadd", "v128 v128 v128 -> v128")
_relaxed(0x109, "i8x16.relaxed_laneselect", "v128 v128 v128 -> v128")
_relaxed(0x10A, "i16x8.relaxed_laneselect", "v128 v128 v128 -> v128")
_relaxed(0x10B, "i32x4.relaxed_laneselect", "v128 v128 v128 -> v128")
_relaxed(0x10C, "i64x2.relaxed_laneselect", "v128 v128 v128 -> v128")
_relaxed(0x10D, "f32x4.relaxed_min", "v128 v128 -> v128")
_relaxed(0x10E, "f32x4.relaxed_max", "v128 v128 -> v128")
_relaxed(0x10F, "f64x2.relaxed_min", "v128 v128 -> v128")
_relaxed(0x110, "f64x2.relaxed_max", "v128 v128 -> v128")
_relaxed(0x111, "i16x8.relaxed_q15mulr_s", "v128 v128 -> v128")
_relaxed(0x112, "i16x8.relaxed_dot_i8x16_i7x16_s", "v128 v128 -> v128")
_relaxed(0x113, "i32x4.relaxed_dot_i8x16_i7x16_add_s", "v128 v128 v128 -> v128")

OPS: tuple[Op, ...] = tuple(_rows)
BY_CODE: dict[int, Op] = {op.code: op for op in OPS}
BY_NAME: dict[str, Op] = {op.name: op for op in OPS}

# Opcodes that belong to a proposal without rows above: refused by the proposal's name.
PROPOSAL_BY_CODE: dict[int, int] = {
    0x12: features.TAIL_CALL,  # return_call
    0x13: features.TAIL_CALL,  # return_call_indirect
    0x14: features.FUNCTION_REFERENCES,  # call_ref
    0x15: features.FUNCTION_REFERENCES,  # return_call_ref
    0xD3: features.GC,  # ref.eq
    0xD4: features.FUNCTION_REFERENCES,  # ref.as_non_null
    0xD5: features.FUNCTION_REFERENCES,  # br_on_null
    0xD6: features.FUNCTION_REFERENCES,  # br_on_non_null
    0xE0: features.STACK_SWITCHING,  # cont.new
    0xE1: features.STACK_SWITCHING,  # cont.bind
    0xE2: features.STACK_SWITCHING,  # suspend
    0xE3: features.STACK_SWITCHING,  # resume
    0xE4: features.STACK_SWITCHING,  # resume_throw
    0xE5: features.STACK_SWITCHING,  # switch
    _misc(19): features.WIDE_ARITHMETIC,  # i64.add128
    _misc(20): features.WIDE_ARITHMETIC,  # i64.sub128
    _misc(21): features.WIDE_ARITHMETIC,  # i64.mul_wide_s
    _misc(22): features.WIDE_ARITHMETIC,  # i64.mul_wide_u
}

# The same for a prefix with all its sub-opcodes.
PROPOSAL_BY_PREFIX: dict[int, int] = {
    PREFIX_GC: features.GC,
    PREFIX_THREADS: features.THREADS,
}
