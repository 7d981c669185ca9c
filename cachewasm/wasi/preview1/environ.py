"""The program's environment variables, as strings `name=value`."""

from cachewasm.wasi.preview1.args import store_sizes, store_strings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasi.ctx import WasiCtx
    from cachewasm.wasi.memory import GuestMemory


def environ_sizes_get(ctx: "WasiCtx", mem: "GuestMemory", count: int, size: int) -> None:
    store_sizes(mem, ctx.environ, count, size)


def environ_get(ctx: "WasiCtx", mem: "GuestMemory", environ: int, buffer: int) -> None:
    store_strings(mem, ctx.environ, environ, buffer)
