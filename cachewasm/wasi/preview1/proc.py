"""The end of a program, and its turn on the processor."""

import os

from cachewasm.errors import ExitTrap, WasmtimeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasi.ctx import WasiCtx
    from cachewasm.wasi.memory import GuestMemory

# As in Wasmtime: exit statuses from here on mean death by a signal, or that a shell failed.
_FIRST_INVALID_STATUS = 126


def proc_exit(ctx: "WasiCtx", mem: "GuestMemory", status: int) -> None:
    """Raise `ExitTrap`: the program is over."""
    if status >= _FIRST_INVALID_STATUS:
        raise WasmtimeError("exit with invalid exit status outside of [0..126)")
    raise ExitTrap(f"Exited with i32 exit status {status}", status)


def sched_yield(ctx: "WasiCtx", mem: "GuestMemory") -> None:
    os.sched_yield()
