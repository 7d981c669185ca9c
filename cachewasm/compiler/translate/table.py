"""Table instructions.

Tables may grow and move, so base and length are read at each access. What touches many elements is
a builtin, which checks bounds and traps itself.

Where tables of functions are filled lazily, one that is not filled yet has a length of 0: an index that
misses it makes a detour, which fills the table and comes back, or traps. Its count is always right.
"""

from cachewasm.abi import traps
from cachewasm.abi.vmctx import SEGMENT, TABLE
from cachewasm.compiler.translate.ir import fill_table_call
from cachewasm.compiler.translate.registry import Family
from cachewasm.wasm.types import FUNCREF

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

FAMILY = Family()


def element_address(t: "FunctionTranslator", tableidx: int, index: str) -> str:
    """The address of a table's element; traps if there is none."""
    table = t.table(tableidx)
    wide = t.widened(index)
    length = t.field(table, TABLE.length, "i64", flags="volatile")
    beyond = t.value(f"icmp uge i64 {wide}, {length}")
    if t.context.lazy_tables and t.module.table_types[tableidx].element is FUNCREF:
        t.detour_if(beyond, fill_table_call(table, wide, baseline=t.context.baseline))
    else:
        t.trap_if(beyond, traps.TABLE_OUT_OF_BOUNDS)
    base = t.field(table, TABLE.base, flags="volatile")
    return t.value(f"getelementptr i64, ptr {base}, i64 {wide}")


def count_offset(t: "FunctionTranslator") -> int:
    """Where a table's definition says how many elements it has."""
    return TABLE.count if t.context.lazy_tables else TABLE.length


@FAMILY.lowers("table.get")
def _table_get(t: "FunctionTranslator", tableidx: int) -> None:
    element = element_address(t, tableidx, t.stack.pop())
    t.stack.append(t.value(f"load volatile i64, ptr {element}"))


@FAMILY.lowers("table.set")
def _table_set(t: "FunctionTranslator", tableidx: int) -> None:
    value, index = t.stack.pop(), t.stack.pop()
    element = element_address(t, tableidx, index)
    t.emit(f"  store volatile i64 {value}, ptr {element}")


@FAMILY.lowers("table.size")
def _table_size(t: "FunctionTranslator", tableidx: int) -> None:
    length = t.field(t.table(tableidx), count_offset(t), "i64", flags="volatile")
    t.stack.append(t.value(f"trunc i64 {length} to i32"))


@FAMILY.lowers("table.grow")
def _table_grow(t: "FunctionTranslator", tableidx: int) -> None:
    delta, initial = t.widened(t.stack.pop()), t.stack.pop()
    arguments = f"ptr {t.table(tableidx)}, i64 {initial}, i64 {delta}"
    before = t.call_builtin("table_grow", "i64", arguments)
    t.stack.append(t.value(f"trunc i64 {before} to i32"))


@FAMILY.lowers("table.fill")
def _table_fill(t: "FunctionTranslator", tableidx: int) -> None:
    count, value, start = t.widened(t.stack.pop()), t.stack.pop(), t.widened(t.stack.pop())
    t.call_builtin(
        "table_fill",
        "void",
        f"ptr %vmctx, ptr {t.table(tableidx)}, i64 {start}, i64 {value}, i64 {count}",
    )


@FAMILY.lowers("table.copy")
def _table_copy(t: "FunctionTranslator", imm: tuple[int, int]) -> None:
    destination, source = imm
    t.call_builtin(
        "table_copy",
        "void",
        f"ptr %vmctx, ptr {t.table(destination)}, ptr {t.table(source)}, {range_arguments(t)}",
    )


@FAMILY.lowers("table.init")
def _table_init(t: "FunctionTranslator", imm: tuple[int, int]) -> None:
    elemidx, tableidx = imm
    segment = t.address("%vmctx", t.context.layout.elements + SEGMENT.size * elemidx)
    t.call_builtin(
        "table_init",
        "void",
        f"ptr %vmctx, ptr {t.table(tableidx)}, ptr {segment}, {range_arguments(t)}",
    )


@FAMILY.lowers("elem.drop")
def _elem_drop(t: "FunctionTranslator", elemidx: int) -> None:
    offset = t.context.layout.elements + SEGMENT.size * elemidx + SEGMENT.length
    t.emit(f"  store volatile i64 0, ptr {t.address('%vmctx', offset)}")


def range_arguments(t: "FunctionTranslator") -> str:
    """Pop destination, source and count of a bulk operation: `i64 D, i64 S, i64 N`."""
    count, source, destination = (t.widened(t.stack.pop()) for _ in range(3))
    return f"i64 {destination}, i64 {source}, i64 {count}"
