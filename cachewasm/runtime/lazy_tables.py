"""What `Config.table_lazy_init` puts off: elements of tables, and the Funcrefs that they refer to.

A table whose elements are pending is as long as its size says, but compiled code takes it for empty
and has it filled at its first look (compiler/translate/table.py); so has everything else that looks
at a table. All tables of a module are left pending or none: none if a segment could fail, has values
that must be computed, or goes to a table of another instance, so that what instantiation does is done
in the order of the specification.

A store runs code on one thread at a time, so code fills a table alone. From Python a table is filled
with the interpreter lock held, and not while another thread runs code of the store.

On the warm path of engines with that option only.
"""

import ctypes
import struct

from cachewasm.abi.vmctx import FUNC_REFERS, PENDING
from cachewasm.artifact.info import ACTIVE, PASSIVE
from cachewasm.loader import native
from cachewasm.wasm import constexpr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.artifact.info import ElementDef, ModuleInfo

# SAFETY: prototype of the support image's fill_table. The interpreter lock is held meanwhile, so no
# other thread begins to run code of the store.
FILL_TABLE = ctypes.PYFUNCTYPE(None, ctypes.c_size_t)

_RUN = struct.Struct("<II")  # where it starts in the table, how many elements it has


class LazyElements:
    """`tables`: the tables that an instance leaves pending, with the address of their PendingElements.
    `funcrefs_wait`: whether its Funcrefs are made with them; one that is asked for before is made then.
    """

    __slots__ = ("funcrefs_wait", "tables")

    def __init__(self, tables: tuple[tuple[int, int], ...], *, funcrefs_wait: bool) -> None:
        self.tables = tables
        self.funcrefs_wait = funcrefs_wait


def lazy_elements(info: "ModuleInfo", functions: int) -> LazyElements:
    """What instances of a module may put off."""
    runs: dict[int, list[bytes]] = {}
    for element in info.elements:
        if element.mode != ACTIVE:
            continue
        run = _run(info, element)
        if run is None:
            return LazyElements((), funcrefs_wait=False)
        if element.count:
            runs.setdefault(element.table, []).append(run)
    tables = tuple([(table, _pending(functions, runs[table])) for table in runs])
    # Segments that instructions copy, and bodies that make references, need the Funcrefs themselves.
    needed = any(element.mode == PASSIVE for element in info.elements) or any(
        flags & FUNC_REFERS for flags in set(bytes(info.func_flags))
    )
    return LazyElements(tables, funcrefs_wait=not needed)


def _run(info: "ModuleInfo", element: "ElementDef") -> bytes | None:
    """The run of an active segment, if it names functions and is sure to fit into a table of ours."""
    if element.rows is None or element.table < info.imported_tables:
        return None
    match element.offset:
        case ((constexpr.I32_CONST, int() as value),):
            start = value & 0xFFFF_FFFF
            if start + element.count <= info.tables[element.table].limits.min:
                return _RUN.pack(start, element.count) + element.rows
    return None


def _pending(functions: int, runs: list[bytes]) -> native.Block:
    content = b"".join(runs)
    block = native.Block.make(PENDING.size + len(content))
    native.write_u64(block + PENDING.functions, functions)
    native.write_u64(block + PENDING.count, len(runs))
    # SAFETY: the block has room for as much behind its head.
    ctypes.memmove(block + PENDING.size, content, len(content))
    return block
