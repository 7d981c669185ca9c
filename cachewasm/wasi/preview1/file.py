"""The attributes and the stored contents of an open file: size, times, space, durability."""

import os
import time

from cachewasm.wasi import witx
from cachewasm.wasi.descriptor import WRITE, Directory, File
from cachewasm.wasi.errno import BADF, INVAL, PERM, WasiError
from cachewasm.wasi.preview1.fd import check_offset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasi.ctx import WasiCtx
    from cachewasm.wasi.memory import GuestMemory

_U64 = 0xFFFF_FFFF_FFFF_FFFF

# In the order of the numbers of WASI's `advice`.
_ADVICE = (
    os.POSIX_FADV_NORMAL,
    os.POSIX_FADV_SEQUENTIAL,
    os.POSIX_FADV_RANDOM,
    os.POSIX_FADV_WILLNEED,
    os.POSIX_FADV_DONTNEED,
    os.POSIX_FADV_NOREUSE,
)


def fd_filestat_get(ctx: "WasiCtx", mem: "GuestMemory", fd: int, filestat: int) -> None:
    descriptor = ctx.get(fd)
    found = descriptor.stat()
    if found is None:
        mem.write(filestat, witx.FILESTAT.pack(0, 0, descriptor.filetype, 0, 0, 0, 0, 0))
    else:
        mem.write(filestat, pack_filestat(found))


def fd_filestat_set_size(ctx: "WasiCtx", mem: "GuestMemory", fd: int, size: int) -> None:
    check_offset(size)
    os.ftruncate(_file(ctx, fd).fd, size)


def fd_filestat_set_times(
    ctx: "WasiCtx", mem: "GuestMemory", fd: int, atim: int, mtim: int, flags: int
) -> None:
    descriptor = ctx.get(fd)
    if isinstance(descriptor, Directory):
        if not descriptor.permissions & WRITE:
            raise WasiError(PERM)
        times = new_times(os.fstat(descriptor.fd), atim, mtim, flags)
        # The host's descriptor may be one for paths only, which cannot be changed through itself.
        os.utime(".", ns=times, dir_fd=descriptor.fd)
        return
    file = _file(ctx, fd)
    if not file.may_touch:
        raise WasiError(PERM)
    os.utime(file.fd, ns=new_times(os.fstat(file.fd), atim, mtim, flags))


def fd_allocate(ctx: "WasiCtx", mem: "GuestMemory", fd: int, offset: int, size: int) -> None:
    check_offset(offset + size)
    os.posix_fallocate(_file(ctx, fd).fd, offset, size)


def fd_advise(
    ctx: "WasiCtx", mem: "GuestMemory", fd: int, offset: int, size: int, advice: int
) -> None:
    if advice >= len(_ADVICE):
        raise WasiError(INVAL)
    check_offset(offset)
    check_offset(size)
    os.posix_fadvise(_file(ctx, fd).fd, offset, size, _ADVICE[advice])


def fd_datasync(ctx: "WasiCtx", mem: "GuestMemory", fd: int) -> None:
    os.fdatasync(_file(ctx, fd).fd)


def fd_sync(ctx: "WasiCtx", mem: "GuestMemory", fd: int) -> None:
    os.fsync(_file(ctx, fd).fd)


def pack_filestat(found: os.stat_result) -> bytes:
    """The record `filestat`. Times before 1970 wrap, as WASI's timestamps are unsigned."""
    return witx.FILESTAT.pack(
        found.st_dev & _U64,
        found.st_ino,
        witx.filetype(found.st_mode),
        found.st_nlink,
        found.st_size,
        found.st_atime_ns & _U64,
        found.st_mtime_ns & _U64,
        found.st_ctime_ns & _U64,
    )


def new_times(found: os.stat_result, atim: int, mtim: int, flags: int) -> tuple[int, int]:
    """Access and modification time in ns to set on a file that now has `found`."""
    if flags & witx.FST_ATIM and flags & witx.FST_ATIM_NOW:
        raise WasiError(INVAL)
    if flags & witx.FST_MTIM and flags & witx.FST_MTIM_NOW:
        raise WasiError(INVAL)
    now = time.time_ns()
    if not flags & witx.FST_ATIM:
        atim = now if flags & witx.FST_ATIM_NOW else found.st_atime_ns
    if not flags & witx.FST_MTIM:
        mtim = now if flags & witx.FST_MTIM_NOW else found.st_mtime_ns
    return atim, mtim


def _file(ctx: "WasiCtx", fd: int) -> File:
    """The file `fd`; an inherited stream is not the guest's to change."""
    descriptor = ctx.get(fd)
    if not isinstance(descriptor, File) or not descriptor.is_owned:
        raise WasiError(BADF)
    return descriptor
