"""The program's arguments, and the layout of string arrays, which the environment shares.

A string array is told by its count and its size; then the guest passes room for an array of
pointers and for the strings, each of which ends in a NUL.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cachewasm.wasi.ctx import WasiCtx
    from cachewasm.wasi.memory import GuestMemory


def args_sizes_get(ctx: "WasiCtx", mem: "GuestMemory", count: int, size: int) -> None:
    store_sizes(mem, ctx.args, count, size)


def args_get(ctx: "WasiCtx", mem: "GuestMemory", argv: int, buffer: int) -> None:
    store_strings(mem, ctx.args, argv, buffer)


def store_sizes(mem: "GuestMemory", strings: "Sequence[bytes]", count: int, size: int) -> None:
    """Store at `count` the number of strings, at `size` the bytes they take with their NULs."""
    mem.store_u32(count, len(strings))
    mem.store_u32(size, sum(map(len, strings)) + len(strings))


def store_strings(
    mem: "GuestMemory", strings: "Sequence[bytes]", pointers: int, buffer: int
) -> None:
    """Store the strings from `buffer` on, and their addresses from `pointers` on."""
    for string in strings:
        mem.store_u32(pointers, buffer)
        mem.write(buffer, string + b"\0")
        pointers += 4
        buffer += len(string) + 1
