"""The entries of directories: list, make, link, move, remove.

Nothing here follows a link at the end of a path, except where WASI's `path_link` asks for it.
"""

import os

from cachewasm.wasi import witx
from cachewasm.wasi.descriptor import READ, WRITE, Directory
from cachewasm.wasi.errno import ISDIR, PERM, WasiError
from cachewasm.wasi.preview1.path import read_path
from cachewasm.wasi.sandbox import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasi.ctx import WasiCtx
    from cachewasm.wasi.memory import GuestMemory


def fd_readdir(
    ctx: "WasiCtx",
    mem: "GuestMemory",
    fd: int,
    buffer: int,
    buffer_len: int,
    cookie: int,
    used: int,
) -> None:
    """Fill the buffer with entries from `cookie` on; one that does not fit is cut, which tells the
    guest that there are more. Cookies count in the listing made when it last started at 0."""
    directory = ctx.directory(fd, READ)
    mem.check(used, 4)
    mem.check(buffer, buffer_len)
    if cookie == 0 or not directory.entries:
        directory.entries = _list(directory)
    left = buffer_len
    for position in range(cookie, len(directory.entries)):
        name, inode, filetype = directory.entries[position]
        entry = witx.DIRENT.pack(position + 1, inode, len(name), filetype) + name
        entry = entry[:left]
        mem.write(buffer + buffer_len - left, entry)
        left -= len(entry)
        if not left:
            break
    mem.store_u32(used, buffer_len - left)


def path_create_directory(
    ctx: "WasiCtx", mem: "GuestMemory", fd: int, path: int, path_len: int
) -> None:
    with _place(ctx, mem, fd, path, path_len) as place:
        os.mkdir(place.name, dir_fd=place.dir_fd)


def path_remove_directory(
    ctx: "WasiCtx", mem: "GuestMemory", fd: int, path: int, path_len: int
) -> None:
    with _place(ctx, mem, fd, path, path_len) as place:
        os.rmdir(place.name, dir_fd=place.dir_fd)


def path_unlink_file(ctx: "WasiCtx", mem: "GuestMemory", fd: int, path: int, path_len: int) -> None:
    with _place(ctx, mem, fd, path, path_len) as place:
        if place.wants_directory:
            place.stat(follow=True)
            raise WasiError(ISDIR)
        os.unlink(place.name, dir_fd=place.dir_fd)


def path_rename(
    ctx: "WasiCtx",
    mem: "GuestMemory",
    fd: int,
    old: int,
    old_len: int,
    new_fd: int,
    new: int,
    new_len: int,
) -> None:
    _check_no_gain(ctx, fd, new_fd)
    with (
        _place(ctx, mem, fd, old, old_len) as source,
        _place(ctx, mem, new_fd, new, new_len) as target,
    ):
        if target.wants_directory:
            source.wants_directory = True
        if source.wants_directory:
            source.stat(follow=False)
        os.rename(source.name, target.name, src_dir_fd=source.dir_fd, dst_dir_fd=target.dir_fd)


def path_link(
    ctx: "WasiCtx",
    mem: "GuestMemory",
    fd: int,
    old_flags: int,
    old: int,
    old_len: int,
    new_fd: int,
    new: int,
    new_len: int,
) -> None:
    _check_no_gain(ctx, fd, new_fd)
    with (
        _place(ctx, mem, fd, old, old_len) as source,
        _place(ctx, mem, new_fd, new, new_len) as target,
    ):
        follow = bool(old_flags & witx.LOOKUP_SYMLINK_FOLLOW)
        if follow or source.wants_directory:
            source.stat(follow=True)
        os.link(
            source.name,
            target.name,
            src_dir_fd=source.dir_fd,
            dst_dir_fd=target.dir_fd,
            follow_symlinks=False,
        )


def path_symlink(
    ctx: "WasiCtx", mem: "GuestMemory", old: int, old_len: int, fd: int, new: int, new_len: int
) -> None:
    """Make a link to a relative path. Whether it leads out shows when it is followed."""
    target = read_path(mem, old, old_len)
    if target.startswith(b"/"):
        raise WasiError(PERM)
    with _place(ctx, mem, fd, new, new_len) as place:
        os.symlink(target, place.name, dir_fd=place.dir_fd)


def _place(ctx: "WasiCtx", mem: "GuestMemory", fd: int, path: int, path_len: int) -> Place:
    """The place of an entry to change."""
    return Place(ctx.directory(fd, WRITE).fd, read_path(mem, path, path_len))


def _check_no_gain(ctx: "WasiCtx", fd: int, new_fd: int) -> None:
    """Fail with `perm` if what `fd` forbids to do with a file would be allowed in `new_fd`."""
    old, new = ctx.directory(fd), ctx.directory(new_fd)
    if new.permissions & ~old.permissions or new.file_permissions & ~old.file_permissions:
        raise WasiError(PERM)


def _list(directory: Directory) -> list[tuple[bytes, int, int]]:
    """Name, inode and filetype of every entry. `..` has the inode of `.`: it may be outside."""
    inode = os.fstat(directory.fd).st_ino
    entries = [(b".", inode, witx.DIRECTORY), (b"..", inode, witx.DIRECTORY)]
    # The descriptor may be one for paths only, which cannot be read; the position in it is shared.
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory.fd)
    try:
        with os.scandir(fd) as found:
            for entry in found:
                entries.append((os.fsencode(entry.name), entry.inode(), _filetype(entry)))
    finally:
        os.close(fd)
    return entries


def _filetype(entry: "os.DirEntry[str]") -> int:
    if entry.is_symlink():
        return witx.SYMBOLIC_LINK
    if entry.is_dir(follow_symlinks=False):
        return witx.DIRECTORY
    if entry.is_file(follow_symlinks=False):
        return witx.REGULAR_FILE
    try:
        return witx.filetype(entry.stat(follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return witx.UNKNOWN
