"""Functions outside a module's image that its code may call, in the order of the builtins table.

Code reaches them as `context->builtins[index]`, never by symbol, so images need no relocation when
they are loaded. Those of the support image check bounds and trap themselves.
"""

TYPE_CHECKING = False

# name, LLVM result type, LLVM parameter types
BUILTINS: tuple[tuple[str, str, str], ...] = (
    ("trap", "void", "ptr, i32"),
    ("host_call", "void", "ptr, ptr"),
    ("memory_grow", "i64", "ptr, i64"),
    ("memory_copy", "void", "ptr, ptr, ptr, i64, i64, i64"),
    ("memory_fill", "void", "ptr, ptr, i64, i32, i64"),
    ("memory_init", "void", "ptr, ptr, ptr, i64, i64, i64"),
    ("table_grow", "i64", "ptr, i64, i64"),
    ("table_copy", "void", "ptr, ptr, ptr, i64, i64, i64"),
    ("table_fill", "void", "ptr, ptr, i64, i64, i64"),
    ("table_init", "void", "ptr, ptr, ptr, i64, i64, i64"),
    ("exception_new", "ptr", "ptr, ptr, i64"),
    ("exception_keep", "i64", "ptr, ptr"),
    ("exception_drop", "void", "ptr"),
    ("exception_backtrace", "void", "ptr, ptr"),
    ("exception_stop", "i32", "i32, i32, i64, ptr, ptr, ptr"),
    ("table_ready", "void", "ptr, ptr, i64"),
)

# Functions of the unwinder (libgcc_s), behind the builtins in their table. Its addresses are there once
# a module with tags has been registered: nobody else throws or catches. _Unwind_GetCFA says where the
# stack pointer of a frame is.
UNWINDER = ("_Unwind_ForcedUnwind", "__gcc_personality_v0", "_Unwind_GetCFA")

BUILTIN_INDEX = {
    name: index for index, name in enumerate((*(name for name, _, _ in BUILTINS), *UNWINDER))
}
