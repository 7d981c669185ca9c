"""Reading, writing, seeking; descriptors themselves; the list of preopened directories.

Reads and writes go straight between linear memory and the host's file, without a copy, and may be
partial as the host's are. What the guest's vectors name is bounded by its memory.
"""

import os

from cachewasm.wasi import witx
from cachewasm.wasi.descriptor import Directory, File
from cachewasm.wasi.errno import BADF, INVAL, NAMETOOLONG, NOTDIR, SPIPE, WasiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasi.ctx import WasiCtx
    from cachewasm.wasi.memory import GuestMemory

# The most buffers that the host takes in one call; the guest sees a partial transfer.
_MAX_BUFFERS = 1024

# File offsets are signed on the host.
MAX_OFFSET = (1 << 63) - 1

_WHENCES = (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END)

_CHANGEABLE_FLAGS = witx.FDFLAGS_APPEND | witx.FDFLAGS_NONBLOCK


def fd_read(ctx: "WasiCtx", mem: "GuestMemory", fd: int, iovs: int, count: int, nread: int) -> None:
    mem.check(nread, 4)
    mem.store_u32(nread, ctx.get(fd).read(_buffers(mem, iovs, count)))


def fd_write(
    ctx: "WasiCtx", mem: "GuestMemory", fd: int, iovs: int, count: int, nwritten: int
) -> None:
    mem.check(nwritten, 4)
    mem.store_u32(nwritten, ctx.get(fd).write(_buffers(mem, iovs, count)))


def fd_pread(
    ctx: "WasiCtx", mem: "GuestMemory", fd: int, iovs: int, count: int, offset: int, nread: int
) -> None:
    mem.check(nread, 4)
    file, buffers = _seekable(ctx, fd, witx.RIGHT_FD_READ), _buffers(mem, iovs, count)
    check_offset(offset)
    mem.store_u32(nread, os.preadv(file.fd, buffers, offset) if buffers else 0)


def fd_pwrite(
    ctx: "WasiCtx", mem: "GuestMemory", fd: int, iovs: int, count: int, offset: int, nwritten: int
) -> None:
    mem.check(nwritten, 4)
    file, buffers = _seekable(ctx, fd, witx.RIGHT_FD_WRITE), _buffers(mem, iovs, count)
    check_offset(offset)
    mem.store_u32(nwritten, os.pwritev(file.fd, buffers, offset) if buffers else 0)


def fd_seek(
    ctx: "WasiCtx", mem: "GuestMemory", fd: int, offset: int, whence: int, position: int
) -> None:
    mem.check(position, 8)
    if whence >= len(_WHENCES):
        raise WasiError(INVAL)
    mem.store_u64(position, os.lseek(_seekable(ctx, fd).fd, offset, _WHENCES[whence]))


def fd_tell(ctx: "WasiCtx", mem: "GuestMemory", fd: int, position: int) -> None:
    mem.store_u64(position, os.lseek(_seekable(ctx, fd).fd, 0, os.SEEK_CUR))


def fd_close(ctx: "WasiCtx", mem: "GuestMemory", fd: int) -> None:
    ctx.close_fd(fd)


def fd_renumber(ctx: "WasiCtx", mem: "GuestMemory", fd: int, to: int) -> None:
    ctx.renumber(fd, to)


def fd_fdstat_get(ctx: "WasiCtx", mem: "GuestMemory", fd: int, stat: int) -> None:
    d = ctx.get(fd)
    mem.write(stat, witx.FDSTAT.pack(d.filetype, d.flags, d.rights, d.inheriting))


def fd_fdstat_set_flags(ctx: "WasiCtx", mem: "GuestMemory", fd: int, flags: int) -> None:
    """Change `append` and `nonblock`; the host cannot change the others of an open file."""
    file = ctx.get(fd)
    # The flags of an inherited stream belong to every process that has it.
    if not isinstance(file, File) or not file.is_owned:
        raise WasiError(BADF)
    if (flags ^ file.flags) & ~_CHANGEABLE_FLAGS:
        raise WasiError(INVAL)
    import fcntl

    fcntl.fcntl(file.fd, fcntl.F_SETFL, host_flags(flags))
    file.flags = flags


def fd_prestat_get(ctx: "WasiCtx", mem: "GuestMemory", fd: int, prestat: int) -> None:
    directory = ctx.get(fd)
    # wasi-libc asks for 3, 4, ... until it is told `badf`.
    if not isinstance(directory, Directory) or directory.name is None:
        raise WasiError(BADF)
    mem.write(prestat, witx.PRESTAT.pack(0, len(directory.name)))


def fd_prestat_dir_name(
    ctx: "WasiCtx", mem: "GuestMemory", fd: int, path: int, path_len: int
) -> None:
    directory = ctx.get(fd)
    if not isinstance(directory, Directory) or directory.name is None:
        raise WasiError(NOTDIR)
    if len(directory.name) > path_len:
        raise WasiError(NAMETOOLONG)
    mem.write(path, directory.name)


def host_flags(fdflags: int) -> int:
    """The host's flags of open(2) for `fdflags`."""
    flags = 0
    if fdflags & witx.FDFLAGS_APPEND:
        flags |= os.O_APPEND
    if fdflags & witx.FDFLAGS_NONBLOCK:
        flags |= os.O_NONBLOCK
    if fdflags & witx.FDFLAGS_DSYNC:
        flags |= os.O_DSYNC
    if fdflags & (witx.FDFLAGS_SYNC | witx.FDFLAGS_RSYNC):
        flags |= os.O_SYNC
    return flags


def check_offset(offset: int) -> None:
    """Fail with `inval` for an offset or size that no file of the host can have."""
    if offset > MAX_OFFSET:
        raise WasiError(INVAL)


def _buffers(mem: "GuestMemory", iovs: int, count: int) -> list[memoryview]:
    """The buffers that an array of `count` vectors names, without empty ones."""
    buffers: list[memoryview] = []
    for pointer, size in witx.IOVEC.iter_unpack(mem.slice(iovs, count * witx.IOVEC.size)):
        buffer = mem.slice(pointer, size)
        if size:
            buffers.append(buffer)
            if len(buffers) == _MAX_BUFFERS:
                break
    return buffers


def _seekable(ctx: "WasiCtx", fd: int, right: int = 0) -> File:
    """The file `fd`, which must have `right`; the host knows whether it can seek."""
    descriptor = ctx.get(fd)
    if isinstance(descriptor, Directory) or right & ~descriptor.rights:
        raise WasiError(BADF)
    if not isinstance(descriptor, File):
        raise WasiError(SPIPE)
    return descriptor
