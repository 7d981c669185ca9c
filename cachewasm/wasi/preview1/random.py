"""Random bytes, from the host's generator for cryptography."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasi.ctx import WasiCtx
    from cachewasm.wasi.memory import GuestMemory

# The most bytes that exist twice at a time, in the host and in linear memory.
_CHUNK = 1 << 20


def random_get(ctx: "WasiCtx", mem: "GuestMemory", buffer: int, size: int) -> None:
    mem.check(buffer, size)
    for offset in range(0, size, _CHUNK):
        mem.write(buffer + offset, os.urandom(min(_CHUNK, size - offset)))
