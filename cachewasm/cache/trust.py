"""Who could have written a file: the rule of trust by ownership, apart from any I/O.

A file or directory is trusted if it belongs to this process's effective user or to root and nobody
else can write to it. Root therefore does not trust a user's directory, while what root has written
serves every user. Directories above the cache may also be sticky (/tmp), or writable by the group
that has the number of the owner: such a group is the owner's alone where umask is 002.

The rule decides about code that will run, so in doubt the answer is no. On the warm path.
"""

import os
import stat


def file_problem(status: os.stat_result) -> str | None:
    """Why the open file must not be believed, as a clause; None if it may."""
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    return _owner_problem(status) or _writers_problem(status)


def directory_problem(status: os.stat_result) -> str | None:
    """Why what lies in this directory must not be believed; None if it may."""
    if not stat.S_ISDIR(status.st_mode):
        return "it is not a directory"
    return _owner_problem(status) or _writers_problem(status)


def parent_problem(status: os.stat_result) -> str | None:
    """Why a directory below this one might be exchanged by others; None if it cannot."""
    if not stat.S_ISDIR(status.st_mode):
        return "it is not a directory"
    if status.st_mode & stat.S_ISVTX:
        return _owner_problem(status)
    allowed = stat.S_IWGRP if status.st_gid == status.st_uid else 0
    return _owner_problem(status) or _writers_problem(status, allowed=allowed)


def _owner_problem(status: os.stat_result) -> str | None:
    if status.st_uid in (0, os.geteuid()):
        return None
    return f"it belongs to user {status.st_uid}, neither to this one nor to root"


def _writers_problem(status: os.stat_result, *, allowed: int = 0) -> str | None:
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) & ~allowed == 0:
        return None
    return f"others can write to it (mode {stat.S_IMODE(status.st_mode):04o})"
