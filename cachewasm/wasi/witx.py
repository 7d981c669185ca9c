"""The numbers and record layouts of WASI preview 1.

Names are those of the specification (its witx files) in capitals. Enumerations that say what kind
of thing a file is or what may be done with it live here; error numbers are in `errno`.
"""

import stat
from struct import Struct

# filetype
UNKNOWN, BLOCK_DEVICE, CHARACTER_DEVICE, DIRECTORY, REGULAR_FILE = range(5)
SOCKET_STREAM, SYMBOLIC_LINK = 6, 7

# fdflags
FDFLAGS_APPEND, FDFLAGS_DSYNC, FDFLAGS_NONBLOCK, FDFLAGS_RSYNC, FDFLAGS_SYNC = 1, 2, 4, 8, 16

# oflags and lookupflags
OFLAGS_CREAT, OFLAGS_DIRECTORY, OFLAGS_EXCL, OFLAGS_TRUNC = 1, 2, 4, 8
LOOKUP_SYMLINK_FOLLOW = 1

# fstflags
FST_ATIM, FST_ATIM_NOW, FST_MTIM, FST_MTIM_NOW = 1, 2, 4, 8

# clockid
CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME, CLOCK_THREAD_CPUTIME = range(4)

# eventtype, eventrwflags, subclockflags
EVENT_CLOCK, EVENT_FD_READ, EVENT_FD_WRITE = range(3)
EVENT_HANGUP = 1
SUBCLOCK_ABSTIME = 1

# rights
RIGHT_FD_DATASYNC = 1 << 0
RIGHT_FD_READ = 1 << 1
RIGHT_FD_SEEK = 1 << 2
RIGHT_FD_FDSTAT_SET_FLAGS = 1 << 3
RIGHT_FD_SYNC = 1 << 4
RIGHT_FD_TELL = 1 << 5
RIGHT_FD_WRITE = 1 << 6
RIGHT_FD_ADVISE = 1 << 7
RIGHT_FD_ALLOCATE = 1 << 8
RIGHT_PATH_CREATE_DIRECTORY = 1 << 9
RIGHT_PATH_CREATE_FILE = 1 << 10
RIGHT_PATH_LINK_SOURCE = 1 << 11
RIGHT_PATH_LINK_TARGET = 1 << 12
RIGHT_PATH_OPEN = 1 << 13
RIGHT_FD_READDIR = 1 << 14
RIGHT_PATH_READLINK = 1 << 15
RIGHT_PATH_RENAME_SOURCE = 1 << 16
RIGHT_PATH_RENAME_TARGET = 1 << 17
RIGHT_PATH_FILESTAT_GET = 1 << 18
RIGHT_PATH_FILESTAT_SET_SIZE = 1 << 19
RIGHT_PATH_FILESTAT_SET_TIMES = 1 << 20
RIGHT_FD_FILESTAT_GET = 1 << 21
RIGHT_FD_FILESTAT_SET_SIZE = 1 << 22
RIGHT_FD_FILESTAT_SET_TIMES = 1 << 23
RIGHT_PATH_SYMLINK = 1 << 24
RIGHT_PATH_REMOVE_DIRECTORY = 1 << 25
RIGHT_PATH_UNLINK_FILE = 1 << 26
RIGHT_POLL_FD_READWRITE = 1 << 27

# Records. Padding is written as zeros.
IOVEC = Struct("<II")  # buf, buf_len
PRESTAT = Struct("<B3xI")  # tag (0: directory), pr_name_len
FDSTAT = Struct("<BxH4xQQ")  # fs_filetype, fs_flags, fs_rights_base, fs_rights_inheriting
FILESTAT = Struct("<QQB7xQQQQQ")  # dev, ino, filetype, nlink, size, atim, mtim, ctim
DIRENT = Struct("<QQIB3x")  # d_next, d_ino, d_namlen, d_type
SUBSCRIPTION = Struct("<QB7xI4xQQH6x")  # userdata, tag, id or fd, timeout, precision, flags
EVENT = Struct("<QHB5xQH6x")  # userdata, error, type, nbytes, flags

_FILETYPES = {
    stat.S_IFBLK: BLOCK_DEVICE,
    stat.S_IFCHR: CHARACTER_DEVICE,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFREG: REGULAR_FILE,
    stat.S_IFSOCK: SOCKET_STREAM,
    stat.S_IFLNK: SYMBOLIC_LINK,
}


def filetype(mode: int) -> int:
    """The filetype for a host's `st_mode`; a pipe is `UNKNOWN`, since WASI has no name for it."""
    return _FILETYPES.get(stat.S_IFMT(mode), UNKNOWN)
