"""The VM context: every structure that compiled code reads or writes, field by field.

Compiled code gets a pointer to an InstanceContext (or, for a host function, a HostContext) as its
first argument and reaches all else from there. Both begin with the same fields, so code that only
needs the store does not care which of the two it has.

All structures hold native pointers and live in memory that the store owns; none is ever moved.
"""

from cachewasm.abi.layout import Layout

# The head of InstanceContext and HostContext.
CONTEXT = Layout(
    "Context",
    ("store", 8),  # StoreContext*
    ("builtins", 8),  # table of code addresses, in the order of builtins.BUILTINS
)

INSTANCE = Layout(
    "InstanceContext",
    ("store", 8),
    ("builtins", 8),
    ("type_ids", 8),  # u32[]: process-wide id of each type of the module
)

HOST = Layout(
    "HostContext",
    ("store", 8),
    ("builtins", 8),
    ("callable", 8),  # PyObject*, kept alive by the store
    ("signature", 8),  # Signature*
    ("wants_caller", 8),  # nonzero: the first argument is the address of the caller's context
)

STORE = Layout(
    "StoreContext",
    ("thread", 8),  # Thread* that is inside this store, or null
    ("stack_limit", 8),  # lowest frame address that wasm code may use
    ("caller", 8),  # InstanceContext* of whoever last called out of its instance
    ("results", 8),  # result area: RESULT_SLOTS slots
    ("memories", 8),  # Reservation[]: where a fault may be an out-of-bounds access
    ("memory_count", 8),
    ("max_wasm_stack", 8),  # bytes of stack that one entry may use
    ("object", 8),  # the Store itself (borrowed)
    ("backtrace", 8),  # how many return addresses a trap notes
    ("fuel", 8),  # i64: what is left, as of the last call or return; not above 0: out of fuel
    ("epoch", 8),  # u64*: the engine's epoch; null if no code asks for it
    ("epoch_deadline", 8),  # u64: code traps from this epoch on
    ("exceptions", 8),  # KeptExceptions*
)

RESERVATION = Layout(
    "Reservation",
    ("start", 8),
    ("end", 8),
    ("memory", 8),  # MemoryDefinition*
)

# The head of MemoryDefinition, TableDefinition and Segment.
SPAN = Layout(
    "Span",
    ("base", 8),
    ("length", 8),  # bytes of a memory or data segment, elements of a table or element segment
)

MEMORY = Layout(
    "MemoryDefinition",
    ("base", 8),
    ("length", 8),  # bytes that are accessible to wasm code now
    ("maximum", 8),  # bytes that it may grow to
    ("capacity", 8),  # bytes of address space held at base that may become accessible
    ("page_size_log2", 8),
    ("movable", 8),  # nonzero: growing may change base; then every access is checked explicitly
    ("guard_before", 8),  # bytes without access that are held in front of base
    ("guard_after", 8),  # and behind the capacity
    ("growth", 8),  # bytes of capacity to add when it moves
)

TABLE = Layout(
    "TableDefinition",
    ("base", 8),  # u64[]: Funcref* or externref handles; 0 is null
    ("length", 8),  # elements that code may touch: all, or none while they are pending
    ("maximum", 8),  # elements
    ("count", 8),  # elements
    ("pending", 8),  # PendingElements* that are not in the table yet; null: all are
    ("context", 8),  # InstanceContext* whose functions they name
)

# Where an artifact says what the functions are that may be referenced, for `init_funcrefs`.
FUNCTIONS = Layout(
    "Functions",
    ("escapes", 8),  # u32[]: their indices
    ("count", 8),
    ("imported", 8),  # how many functions are imported
    ("code_ranges", 8),  # u32[2][]: offset and size of each defined function's code
    ("typeidx", 8),  # u32[]
    ("flags", 8),  # u8[]: FUNC_* of each defined function
    ("text", 8),  # where their code begins
    ("imported_funcs", 8),  # offsets in the context, as in InstanceLayout
    ("funcrefs", 8),
)

# What the active segments of a table say: runs, each of which is a u32 index in the table, the u32
# number of its elements, and a u32 row of the instance's Funcrefs for each.
PENDING = Layout(
    "PendingElements",
    ("functions", 8),  # Functions*
    ("count", 8),  # runs; they start here
)

# What tells ours from the exceptions of others: "CWSMWASM".
EXCEPTION_CLASS = 0x4357534D_5741534D

# An exception: what the unwinder demands (32 bytes, aligned to 16), then what it carries as slots. A
# reference to it is its address. `exception_new` makes it; it is freed when a clause catches it that
# does not hand over a reference, else it is kept (linked) and freed once nothing can refer to it.
EXCEPTION = Layout(
    "Exception",
    ("unwinder", 16),  # class, clean-up function
    ("in_flight", 8),  # nonzero once the unwinder has been asked to find who catches it
    ("unwinder_private", 8),
    ("personality", 8),  # __gcc_personality_v0
    ("tag", 8),  # Tag*
    ("kept", 8),  # nonzero once it is linked
    ("next", 8),  # Exception*
    ("total_size", 8),  # bytes of all of it
    ("padding", 8),
    align=16,
)

# A tag: exceptions are of the same tag if they have its address.
TAG = Layout("Tag", ("type_id", 4), ("unused", 4))

# The exceptions of a store that references may exist to.
KEPT_EXCEPTIONS = Layout(
    "KeptExceptions",
    ("first", 8),
    ("count", 8),
    ("limit", 8),  # when the next one is kept beyond it, the unreachable ones are freed
)

# A global variable; imported ones are reached through a pointer to the cell.
GLOBAL_CELL_SIZE = 16

# A data or element segment; dropping it sets the length to 0.
SEGMENT = Layout("Segment", ("base", 8), ("length", 8))

IMPORTED_FUNC = Layout("ImportedFunction", ("code", 8), ("context", 8))

FUNCREF = Layout(
    "Funcref",
    ("code", 8),
    ("context", 8),
    ("type_id", 4),
    ("flags", 4),  # FUNC_*
    ("tail_code", 8),  # null: callable by the C convention only
)

# The function contains neither loop nor call nor bulk operation: it ends soon, so an entry keeps
# the GIL instead of paying for its release.
FUNC_BOUNDED = 1
# The function took the baseline pipeline though the module's tier is another: its body is too large for
# that, or the opt level is `none`.
FUNC_BASELINE = 2
# The function makes references to functions by itself, which must be there before it runs. Known only
# where tables are filled lazily.
FUNC_REFERS = 4

SIGNATURE = Layout(
    "Signature",
    ("param_count", 4),
    ("result_count", 4),
    ("slots", 4),  # max of the two, at least 1: length of the argument buffer
    ("kinds", 4),  # u8[]: kinds of the parameters, then of the results; starts here
)

# What a `Func` object points at.
DESCRIPTOR = Layout(
    "FuncDescriptor",
    ("store_object", 8),  # the only first argument that the quick path accepts
    ("store", 8),  # StoreContext*
    ("funcref", 8),
    ("thunk", 8),  # array-call thunk of the function's type
    ("signature", 8),
)

# The Python object `Func`: PyObject head, then these.
FUNC_OBJECT = Layout(
    "Func",
    ("head", 16),
    ("vectorcall", 8),
    ("descriptor", 8),
    ("store", 8),  # the Store (owned): keeps descriptor, code and contexts alive
    ("weakrefs", 8),
)

# Most frames of wasm functions that a trap may list. On the stack each may come with others, if host
# functions are in between: thunk, entry, stub and host call, and those of whatever began it all.
MAX_BACKTRACE = 1000
_NATIVE_FRAMES, _SPARE_FRAMES = 5, 16


def noted_frames(limit: int) -> int:
    """How many return addresses must be noted for `limit` frames of wasm functions."""
    return _NATIVE_FRAMES * limit + _SPARE_FRAMES if limit else 0


THREAD = Layout(
    "Thread",
    ("activation", 8),  # the innermost Activation on this thread, or null
    ("stack_floor", 8),  # lowest address that wasm code may reach; below is left for host code
    ("guard_start", 8),  # a fault in [guard_start, guard_end) is a stack overflow
    ("guard_end", 8),
    ("alternate_stack", 8),  # mapping that belongs to this record, or null
    ("alternate_stack_size", 8),
    ("trap_code", 8),
    ("fault_address", 8),  # of an out-of-bounds access that faulted
    ("fault_memory", 8),  # the MemoryDefinition it missed; null if the trap was no fault
    ("frame_count", 8),
    ("frames", 8 * noted_frames(MAX_BACKTRACE)),  # return addresses, innermost first
)

# One per entry from Python, on the native stack of `invoke`.
ACTIVATION = Layout(
    "Activation",
    ("jump_buffer", 512),  # glibc's jmp_buf needs 200 bytes on x86-64 and 312 on AArch64
    ("previous", 8),
    ("store", 8),
    ("previous_thread", 8),  # value of StoreContext.thread before this entry
    ("previous_limit", 8),
    ("thread_state", 8),  # PyThreadState* while the GIL is released, else null
    ("float_control", 8),  # MXCSR or FPCR of the caller
    ("entry_frame", 8),  # frame address of `invoke`: where a backtrace ends
    ("exit_frame", 8),  # frame address of the last call out to the host: where it resumes
    align=16,
)

RESULT_SLOTS = 1000
SLOT_SIZE = 16

# Kinds of values in a Signature.
KIND_I32, KIND_I64, KIND_F32, KIND_F64, KIND_FUNCREF, KIND_EXTERNREF, KIND_EXNREF, KIND_V128 = (
    range(8)
)
KIND_BY_NAME = {
    "i32": KIND_I32,
    "i64": KIND_I64,
    "f32": KIND_F32,
    "f64": KIND_F64,
    "funcref": KIND_FUNCREF,
    "externref": KIND_EXTERNREF,
    "exnref": KIND_EXNREF,
    "v128": KIND_V128,
}


class InstanceLayout:
    """Offsets of the variable part of an InstanceContext, which depend on the module's counts."""

    __slots__ = (
        "data",
        "defined_globals",
        "elements",
        "funcrefs",
        "imported_funcs",
        "imported_globals",
        "memories",
        "size",
        "tables",
        "tags",
    )

    def __init__(
        self,
        *,
        imported_funcs: int,
        imported_globals: int,
        memories: int,
        tables: int,
        defined_globals: int,
        data: int,
        elements: int,
        funcrefs: int,
        tags: int = 0,
    ) -> None:
        """`memories`, `tables` and `tags` count imported and defined ones together.

        `funcrefs` counts the functions that may be referenced (the module info's escapes).
        """
        # What the runtime writes as one run of words: no gap from here to the imported globals.
        end = INSTANCE.size
        self.imported_funcs = end  # ImportedFunction[]
        end += imported_funcs * IMPORTED_FUNC.size
        self.memories = end  # MemoryDefinition*[]
        end += memories * 8
        self.tables = end  # TableDefinition*[]
        end += tables * 8
        self.imported_globals = end  # cell*[]
        end += imported_globals * 8
        end = (end + GLOBAL_CELL_SIZE - 1) & -GLOBAL_CELL_SIZE
        self.defined_globals = end  # cell[]
        end += defined_globals * GLOBAL_CELL_SIZE
        self.data = end  # Segment[]
        end += data * SEGMENT.size
        self.elements = end  # Segment[]
        end += elements * SEGMENT.size
        self.funcrefs = end  # Funcref[]
        end += funcrefs * FUNCREF.size
        self.tags = end  # Tag*[]
        end += tags * 8
        self.size = end
