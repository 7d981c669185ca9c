"""Sockets: a program can be given none, so no descriptor is one.

The functions exist because toolchains import them into every program that could use a socket. A
stream that this process inherited as a socket is read and written as a stream.
"""

from cachewasm.wasi.errno import NOTSOCK, WasiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasi.ctx import WasiCtx
    from cachewasm.wasi.memory import GuestMemory


def sock_accept(ctx: "WasiCtx", mem: "GuestMemory", fd: int, *_: int) -> None:
    ctx.get(fd)
    raise WasiError(NOTSOCK)


sock_recv = sock_send = sock_shutdown = sock_accept
