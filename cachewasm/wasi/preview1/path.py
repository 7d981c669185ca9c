"""Opening and inspecting what a path names, below an open directory.

How a path is resolved, and that it cannot leave the directory, is the sandbox's; here is what
the flags and permissions mean.
"""

import os
from stat import S_ISDIR

from cachewasm.wasi import witx
from cachewasm.wasi.descriptor import READ, WRITE, Directory, File
from cachewasm.wasi.errno import ILSEQ, INVAL, ISDIR, NAMETOOLONG, PERM, WasiError
from cachewasm.wasi.preview1.fd import host_flags
from cachewasm.wasi.sandbox import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasi.ctx import WasiCtx
    from cachewasm.wasi.memory import GuestMemory

# The host's limit without the final NUL.
_MAX_PATH = 4095

_CHANGING_OFLAGS = witx.OFLAGS_CREAT | witx.OFLAGS_TRUNC


def path_open(
    ctx: "WasiCtx",
    mem: "GuestMemory",
    fd: int,
    dirflags: int,
    path: int,
    path_len: int,
    oflags: int,
    rights: int,
    inheriting: int,
    fdflags: int,
    opened: int,
) -> None:
    """Open a file or directory; of `rights` only reading and writing count, as in Wasmtime."""
    # All that can be refused is refused before a file is created.
    mem.check(opened, 4)
    ctx.reserve()
    directory = ctx.directory(fd, READ)
    name = read_path(mem, path, path_len)
    write = bool(rights & witx.RIGHT_FD_WRITE)
    read = bool(rights & witx.RIGHT_FD_READ) or not write
    if (write or oflags & _CHANGING_OFLAGS) and not directory.may_write_files:
        raise WasiError(PERM)
    with Place(directory.fd, name) as place:
        if oflags & witx.OFLAGS_CREAT and place.wants_directory:
            raise WasiError(ISDIR)
        flags = _open_flags(oflags, read=read, write=write) | host_flags(fdflags)
        host = place.open(flags, follow=bool(dirflags & witx.LOOKUP_SYMLINK_FOLLOW))
    descriptor = _descriptor(directory, host, read=read, write=write, fdflags=fdflags)
    mem.store_u32(opened, ctx.insert(descriptor))


def path_filestat_get(
    ctx: "WasiCtx",
    mem: "GuestMemory",
    fd: int,
    flags: int,
    path: int,
    path_len: int,
    filestat: int,
) -> None:
    from cachewasm.wasi.preview1.file import pack_filestat

    directory = ctx.directory(fd, READ)
    with Place(directory.fd, read_path(mem, path, path_len)) as place:
        found = place.stat(follow=bool(flags & witx.LOOKUP_SYMLINK_FOLLOW))
    mem.write(filestat, pack_filestat(found))


def path_filestat_set_times(
    ctx: "WasiCtx",
    mem: "GuestMemory",
    fd: int,
    flags: int,
    path: int,
    path_len: int,
    atim: int,
    mtim: int,
    fst_flags: int,
) -> None:
    from cachewasm.wasi.preview1.file import new_times

    directory = ctx.directory(fd, WRITE)
    with Place(directory.fd, read_path(mem, path, path_len)) as place:
        found = place.stat(follow=bool(flags & witx.LOOKUP_SYMLINK_FOLLOW))
        if not (S_ISDIR(found.st_mode) or directory.may_write_files):
            raise WasiError(PERM)
        times = new_times(found, atim, mtim, fst_flags)
        os.utime(place.name, ns=times, dir_fd=place.dir_fd, follow_symlinks=False)


def path_readlink(
    ctx: "WasiCtx",
    mem: "GuestMemory",
    fd: int,
    path: int,
    path_len: int,
    buffer: int,
    buffer_len: int,
    used: int,
) -> None:
    """Store the target of a link, cut to the buffer. An absolute one fails with `perm`: it names a
    place of the host."""
    directory = ctx.directory(fd, READ)
    with Place(directory.fd, read_path(mem, path, path_len)) as place:
        if place.wants_directory:
            place.stat(follow=True)
        target = os.readlink(place.name, dir_fd=place.dir_fd)
    if target.startswith(b"/"):
        raise WasiError(PERM)
    mem.write(buffer, target[:buffer_len])
    mem.store_u32(used, min(len(target), buffer_len))


def read_path(mem: "GuestMemory", path: int, path_len: int) -> bytes:
    """A path from the guest: UTF-8 without NUL, as WASI demands, of a length the host takes."""
    if path_len > _MAX_PATH:
        raise WasiError(NAMETOOLONG)
    data = mem.read(path, path_len)
    if b"\0" in data:
        raise WasiError(INVAL)
    try:
        data.decode()
    except UnicodeDecodeError:
        raise WasiError(ILSEQ) from None
    return data


def _open_flags(oflags: int, *, read: bool, write: bool) -> int:
    if oflags & witx.OFLAGS_DIRECTORY and oflags & _CHANGING_OFLAGS:
        raise WasiError(INVAL)
    flags = (os.O_RDWR if read else os.O_WRONLY) if write else os.O_RDONLY
    if oflags & witx.OFLAGS_CREAT:
        flags |= os.O_CREAT
    if oflags & witx.OFLAGS_DIRECTORY:
        flags |= os.O_DIRECTORY
    if oflags & witx.OFLAGS_EXCL:
        flags |= os.O_EXCL
    if oflags & witx.OFLAGS_TRUNC:
        flags |= os.O_TRUNC
    return flags


def _descriptor(
    directory: Directory, host: int, *, read: bool, write: bool, fdflags: int
) -> File | Directory:
    """What `host`, opened below `directory`, becomes for the guest."""
    if S_ISDIR(os.fstat(host).st_mode):
        return Directory(
            host,
            permissions=directory.permissions,
            file_permissions=directory.file_permissions,
        )
    may_touch = directory.may_write_files
    file = File(host, read=read, write=write, flags=fdflags, may_touch=may_touch)
    if read and not directory.file_permissions & READ:
        file.close()
        raise WasiError(PERM)
    return file
