"""Memory instructions.

With guard pages, an index of 32 bits plus an offset within the guard cannot leave the reservation
of the memory, so an access is a plain load or store whose fault becomes the trap; only an offset
beyond the guard is checked by code. Without them every access compares with the length. Where
memories may move, every access reads the base. Accesses are volatile, so that one out of bounds
traps even if nobody uses its value, and in order with what went before (4.4.7); align 1, since
alignment is a hint.
"""

from cachewasm.abi import traps
from cachewasm.abi.vmctx import MEMORY, SEGMENT
from cachewasm.compiler.translate.ir import LLVM_TYPES
from cachewasm.compiler.translate.registry import Family, Lowering
from cachewasm.compiler.translate.table import range_arguments
from cachewasm.wasm.features import SIMD
from cachewasm.wasm.opcodes import OPS, Access
from cachewasm.wasm.types import F32, F64, ValType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

FAMILY = Family()


def access_address(t: "FunctionTranslator", memidx: int, offset: int, size: int) -> str:
    """Pop an index; the address of `size` bytes at it plus `offset`, checked where necessary."""
    return t.value(_address(t, memidx, offset, size))


def _address(t: "FunctionTranslator", memidx: int, offset: int, size: int) -> str:
    """The instruction that makes such an address."""
    wide = t.widened(t.stack.pop())
    guard_size = t.context.guard_size
    if guard_size is None or offset + size > guard_size:
        _check(t, memidx, wide, offset + size)
    if t.context.bases_move:
        base = t.field(t.memory(memidx), MEMORY.base, flags="volatile")
    else:
        base = t.memory_base(memidx)
    if offset:  # of an element of size 1: base + wide + offset
        return f"getelementptr [1 x i8], ptr {base}, i64 {wide}, i64 {offset}"
    return f"getelementptr i8, ptr {base}, i64 {wide}"


def _check(t: "FunctionTranslator", memidx: int, index: str, extent: int) -> None:
    """Trap unless index + extent <= length. Neither has more than 33 bits: the sum is exact."""
    end = t.value(f"add i64 {index}, {extent}")
    length = t.field(t.memory(memidx), MEMORY.length, "i64", flags="volatile")
    t.trap_if(t.value(f"icmp ugt i64 {end}, {length}"), traps.MEMORY_OUT_OF_BOUNDS)


def _stored_type(valtype: ValType, access: Access) -> str:
    return LLVM_TYPES[valtype] if valtype in (F32, F64) else f"i{8 * access.bytes}"


def _load(valtype: ValType, access: Access) -> Lowering:
    llvm_type, stored, size = LLVM_TYPES[valtype], _stored_type(valtype, access), access.bytes
    extension = "sext" if access.signed else "zext"

    def lower(t: "FunctionTranslator", imm: tuple[int, int, int]) -> None:
        memidx, _, offset = imm
        address = _address(t, memidx, offset, size)
        t.n = n = t.n + 2
        t.emit(
            f"  %{n - 1} = {address}\n"
            f"  %{n} = load volatile {stored}, ptr %{n - 1}, align 1{t.dbg()}"
        )
        if stored == llvm_type:
            t.stack.append(f"%{n}")
        else:
            t.stack.append(t.value(f"{extension} {stored} %{n} to {llvm_type}"))

    return lower


def _store(valtype: ValType, access: Access) -> Lowering:
    llvm_type, stored, size = LLVM_TYPES[valtype], _stored_type(valtype, access), access.bytes
    mask = (1 << 8 * size) - 1

    def lower(t: "FunctionTranslator", imm: tuple[int, int, int]) -> None:
        memidx, _, offset = imm
        value = t.stack.pop()
        if stored != llvm_type:
            if value[0] == "%":
                value = t.value(f"trunc {llvm_type} {value} to {stored}")
            else:
                value = str(int(value) & mask)
        address = _address(t, memidx, offset, size)
        t.n = n = t.n + 1
        t.emit(f"  %{n} = {address}\n  store volatile {stored} {value}, ptr %{n}, align 1{t.dbg()}")

    return lower


for _op in OPS:
    if _op.access and _op.proposal != SIMD and _op.params and _op.results is not None:
        if _op.access.is_store:
            FAMILY.add(_op.name, _store(_op.params[-1], _op.access))
        else:
            FAMILY.add(_op.name, _load(_op.results[0], _op.access))


@FAMILY.lowers("memory.size")
def _memory_size(t: "FunctionTranslator", memidx: int) -> None:
    length = t.field(t.memory(memidx), MEMORY.length, "i64", flags="volatile")
    page_size_log2 = t.module.memory_types[memidx].page_size_log2
    pages = t.value(f"lshr i64 {length}, {page_size_log2}")
    t.stack.append(t.value(f"trunc i64 {pages} to i32"))


@FAMILY.lowers("memory.grow")
def _memory_grow(t: "FunctionTranslator", memidx: int) -> None:
    delta = t.widened(t.stack.pop())
    before = t.call_builtin("memory_grow", "i64", f"ptr {t.memory(memidx)}, i64 {delta}")
    t.stack.append(t.value(f"trunc i64 {before} to i32"))


@FAMILY.lowers("memory.fill")
def _memory_fill(t: "FunctionTranslator", memidx: int) -> None:
    count, value, start = t.widened(t.stack.pop()), t.stack.pop(), t.widened(t.stack.pop())
    t.call_builtin(
        "memory_fill",
        "void",
        f"ptr %vmctx, ptr {t.memory(memidx)}, i64 {start}, i32 {value}, i64 {count}",
    )


@FAMILY.lowers("memory.copy")
def _memory_copy(t: "FunctionTranslator", imm: tuple[int, int]) -> None:
    destination, source = imm
    t.call_builtin(
        "memory_copy",
        "void",
        f"ptr %vmctx, ptr {t.memory(destination)}, ptr {t.memory(source)}, {range_arguments(t)}",
    )


@FAMILY.lowers("memory.init")
def _memory_init(t: "FunctionTranslator", imm: tuple[int, int]) -> None:
    dataidx, memidx = imm
    segment = t.address("%vmctx", t.context.layout.data + SEGMENT.size * dataidx)
    t.call_builtin(
        "memory_init",
        "void",
        f"ptr %vmctx, ptr {t.memory(memidx)}, ptr {segment}, {range_arguments(t)}",
    )


@FAMILY.lowers("data.drop")
def _data_drop(t: "FunctionTranslator", dataidx: int) -> None:
    offset = t.context.layout.data + SEGMENT.size * dataidx + SEGMENT.length
    t.emit(f"  store volatile i64 0, ptr {t.address('%vmctx', offset)}")
