"""The table of the functions of WASI preview 1, and how the guest's calls reach them.

A row names a function, its parameters and the module with its implementation, which is imported
when the function is first called: a program pays for what it uses. A function that is not in the
table does not exist; a module that imports it fails to link.
"""

from _operator import and_

from cachewasm.wasi.errno import SUCCESS, WasiError, from_host
from cachewasm.wasm.types import I32, I64, FuncType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cachewasm.wasi.ctx import WasiCtx
    from cachewasm.wasi.memory import GuestMemory

    Implementation = Callable[..., None]

# The name by which modules import these functions.
MODULE_NAME = "wasi_snapshot_preview1"

# Calls deliver integers as signed. A parameter's letter says how the function takes it: u is an
# i32 taken as unsigned (all pointers, sizes, flags and descriptors), U an i64 taken as unsigned, S
# an i64 that is signed.
_TYPES = {"u": I32, "U": I64, "S": I64}
_MASKS = {"u": 0xFFFF_FFFF, "U": 0xFFFF_FFFF_FFFF_FFFF, "S": -1}


class WasiFunction:
    """A function of the table.

    Calling it as `function(ctx, mem, *args)` returns the errno. Only what ends the program leaves
    it as an exception: `ExitTrap`, and whatever a Python signal handler raises.
    """

    __slots__ = ("_implementation", "_masks", "_module", "_parameters", "_returns", "name")

    def __init__(self, name: str, parameters: str, module: str, *, returns: bool = True) -> None:
        self.name = name
        self._parameters = parameters
        self._returns = returns
        self._module = module
        self._masks: tuple[int, ...] = ()
        self._implementation: Implementation | None = None

    @property
    def type(self) -> FuncType:
        """What a module must import it with."""
        return FuncType([_TYPES[p] for p in self._parameters], [I32] if self._returns else [])

    def __call__(self, ctx: "WasiCtx", mem: "GuestMemory", *args: int) -> int:
        implementation = self._implementation or self._load()
        try:
            implementation(ctx, mem, *map(and_, args, self._masks))
        except WasiError as e:
            return e.errno
        except OSError as e:
            return from_host(e.errno)
        return SUCCESS

    def _load(self) -> "Implementation":
        module = __import__("cachewasm.wasi.preview1." + self._module, fromlist=(self.name,))
        implementation: Implementation = getattr(module, self.name)
        self._masks = tuple([_MASKS[p] for p in self._parameters])
        self._implementation = implementation
        return implementation


FUNCTIONS = {
    function.name: function
    for function in (
        WasiFunction("args_get", "uu", "args"),
        WasiFunction("args_sizes_get", "uu", "args"),
        WasiFunction("clock_res_get", "uu", "clock"),
        WasiFunction("clock_time_get", "uUu", "clock"),
        WasiFunction("environ_get", "uu", "environ"),
        WasiFunction("environ_sizes_get", "uu", "environ"),
        WasiFunction("fd_advise", "uUUu", "file"),
        WasiFunction("fd_allocate", "uUU", "file"),
        WasiFunction("fd_close", "u", "fd"),
        WasiFunction("fd_datasync", "u", "file"),
        WasiFunction("fd_fdstat_get", "uu", "fd"),
        WasiFunction("fd_fdstat_set_flags", "uu", "fd"),
        WasiFunction("fd_filestat_get", "uu", "file"),
        WasiFunction("fd_filestat_set_size", "uU", "file"),
        WasiFunction("fd_filestat_set_times", "uUUu", "file"),
        WasiFunction("fd_pread", "uuuUu", "fd"),
        WasiFunction("fd_prestat_dir_name", "uuu", "fd"),
        WasiFunction("fd_prestat_get", "uu", "fd"),
        WasiFunction("fd_pwrite", "uuuUu", "fd"),
        WasiFunction("fd_read", "uuuu", "fd"),
        WasiFunction("fd_readdir", "uuuUu", "directory"),
        WasiFunction("fd_renumber", "uu", "fd"),
        WasiFunction("fd_seek", "uSuu", "fd"),
        WasiFunction("fd_sync", "u", "file"),
        WasiFunction("fd_tell", "uu", "fd"),
        WasiFunction("fd_write", "uuuu", "fd"),
        WasiFunction("path_create_directory", "uuu", "directory"),
        WasiFunction("path_filestat_get", "uuuuu", "path"),
        WasiFunction("path_filestat_set_times", "uuuuUUu", "path"),
        WasiFunction("path_link", "uuuuuuu", "directory"),
        WasiFunction("path_open", "uuuuuUUuu", "path"),
        WasiFunction("path_readlink", "uuuuuu", "path"),
        WasiFunction("path_remove_directory", "uuu", "directory"),
        WasiFunction("path_rename", "uuuuuu", "directory"),
        WasiFunction("path_symlink", "uuuuu", "directory"),
        WasiFunction("path_unlink_file", "uuu", "directory"),
        WasiFunction("poll_oneoff", "uuuu", "poll"),
        WasiFunction("proc_exit", "u", "proc", returns=False),
        WasiFunction("random_get", "uu", "random"),
        WasiFunction("sched_yield", "", "proc"),
        WasiFunction("sock_accept", "uuu", "sock"),
        WasiFunction("sock_recv", "uuuuuu", "sock"),
        WasiFunction("sock_send", "uuuuu", "sock"),
        WasiFunction("sock_shutdown", "uu", "sock"),
    )
}
