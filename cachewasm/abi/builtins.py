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
)

BUILTIN_INDEX = {name: index for index, (name, _, _) in enumerate(BUILTINS)}
