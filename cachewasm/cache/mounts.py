"""Which file system a path lies on, by the kernel's table of mounts."""

import os

_TABLE = "/proc/self/mountinfo"
_MAX_SIZE = 1 << 22

# On these, locks and renames mean what one machine's kernel says; of others nobody has looked.
LOCAL = frozenset(
    (
        *("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs"),
        *("overlay", "ramfs", "tmpfs", "xfs", "zfs"),
    )
)


def file_system(path: str) -> str | None:
    """The type of the file system of `path`, which need not exist; None if it cannot be told."""
    try:
        with open(_TABLE, "rb") as file:
            table = file.read(_MAX_SIZE)
    except OSError:
        return None
    return _type_of(os.fsencode(os.path.realpath(path)), table)


def _type_of(path: bytes, table: bytes) -> str | None:
    """The type of the deepest mount above `path`; of several at one place the last hides the others."""
    deepest, found = -1, None
    for line in table.splitlines():
        place, separator, kind = line.partition(b" - ")
        fields = place.split(b" ")
        if not separator or len(fields) < 5:
            continue
        # Blanks, tabs, line ends and backslashes in a name stand as \ and three octal digits.
        mount = fields[4].decode("unicode_escape").encode("latin-1").rstrip(b"/")
        if (path + b"/").startswith(mount + b"/") and len(mount) >= deepest:
            deepest, found = len(mount), kind.partition(b" ")[0].decode("ascii", "replace")
    return found
