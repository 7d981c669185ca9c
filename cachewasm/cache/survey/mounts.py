"""Which file system a path is on, as /proc/self/mountinfo tells it (proc_pid_mountinfo(5))."""

import os
from dataclasses import dataclass

from cachewasm.cache import files

_TABLE = "/proc/self/mountinfo"
_MAX_SIZE = 1 << 22

# On these, locks and renames mean what one machine's kernel says.
_LOCAL = frozenset(
    {
        *("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs"),
        *("overlay", "ramfs", "tmpfs", "xfs", "zfs"),
    }
)

# Shared between machines: what one has written another may see later, and locks may have no effect.
_NETWORK = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.glusterfs", "fuse.s3fs"),
        *("fuse.sshfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2"),
        *("orangefs", "smb3", "smbfs", "virtiofs"),
    }
)


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system: its place, its type and its options."""

    place: str
    type: str
    options: frozenset[str]

    @property
    def is_network(self) -> bool:
        """Whether other machines may have it mounted, too."""
        return self.type in _NETWORK

    @property
    def is_local(self) -> bool:
        """Whether this machine alone has it; False if nobody has looked at file systems of its kind."""
        return self.type in _LOCAL


def mount_of(path: str) -> Mount | None:
    """The mount that `path` is on, which is absolute, has no symbolic links and need not exist.

    None if it is not told.
    """
    try:
        table = files.read_judged(_TABLE, _MAX_SIZE, lambda status: None)
    except OSError:
        return None
    return mount_in(os.fsdecode(table), path)


def mount_in(mountinfo: str, path: str) -> Mount | None:
    """The same by a table that the kernel has told."""
    found: Mount | None = None
    for line in mountinfo.splitlines():
        mount = _parsed(line)
        # Of two at one place the later one covers the other.
        if mount is not None and (found is None or len(mount.place) >= len(found.place)):
            inside = mount.place.rstrip("/") + "/"
            if path == mount.place or path.startswith(inside):
                found = mount
    return found


def _parsed(line: str) -> Mount | None:
    before, dash, after = line.partition(" - ")
    fields, rest = before.split(" "), after.split(" ")
    if not dash or len(fields) < 6:
        return None
    options = frozenset(fields[5].split(","))
    return Mount(_unescaped(fields[4]), rest[0], options)


def _unescaped(field: str) -> str:
    """A path in which blanks and backslashes are written as a backslash and three octal digits."""
    head, *pieces = field.split("\\")
    text = head
    for piece in pieces:
        digits = piece[:3]
        is_octal = len(digits) == 3 and all(digit in "01234567" for digit in digits)
        text += chr(int(digits, 8)) + piece[3:] if is_octal else "\\" + piece
    return text
