"""Who could have written a file: the rules of trust, apart from any I/O.

There are two. By *ownership* a file or directory is believed if it belongs to this process's
effective user, to root or to an owner that the configuration names, and nobody else can write to it.
Root therefore does not trust a user's directory, while what root has written serves every user.
Directories above the cache may also be sticky (/tmp), or writable by the group that has the number
of the owner: such a group is the owner's alone where umask is 002.

By *authentication* a file is believed because it is sealed with a secret (secret.py), whoever owns
it. Which of the two holds is for the reader's configuration to say, never for the file.

The rules decide about code that will run, so in doubt the answer is no. On the warm path.
"""

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.cache.secret import Secret

# What follows a sealed entry or alias: the number of its secret, and the tag.
SECRET_ID_SIZE = 8
SEAL_SIZE = SECRET_ID_SIZE + 32

DEFAULT_FILE_MODE = 0o600

_FORMAT_AND_WRITERS = stat.S_IFMT(0xFFFF) | stat.S_IWGRP | stat.S_IWOTH


class Rules:
    """Whom a reader believes, and what a writer does so that others can. Immutable by convention.

    With a `secret` only what is sealed with it is believed, and owners and modes do not matter.
    `owners` are believed like root. If there are any and `file_mode` lets the group write, so is the
    group of a cache directory that hands its group on (set-group-ID).
    """

    __slots__ = ("file_mode", "group_writes", "owners", "secret")

    def __init__(
        self,
        owners: tuple[int, ...] = (),
        secret: "Secret | None" = None,
        file_mode: int = DEFAULT_FILE_MODE,
    ) -> None:
        self.owners = owners
        self.secret = secret
        self.file_mode = file_mode
        self.group_writes = bool(owners) and bool(file_mode & stat.S_IWGRP)

    @property
    def directory_mode(self) -> int:
        """The mode of new directories: who may read a file may also search for it."""
        return self.file_mode | (self.file_mode & 0o444) >> 2


DEFAULT_RULES = Rules()


def file_problem(status: os.stat_result, rules: Rules = DEFAULT_RULES) -> str | None:
    """Why the open file must not be believed, as a clause; None if it may.

    With a secret that is still to be seen from what the file contains.
    """
    mode = status.st_mode
    if mode & _FORMAT_AND_WRITERS == stat.S_IFREG and status.st_uid == os.geteuid():
        # Its owner's alone: whatever the rules are, they are met.
        return None
    if not stat.S_ISREG(mode):
        return "it is not a regular file"
    if rules.secret is not None:
        return None
    allowed = stat.S_IWGRP if rules.group_writes else 0
    return owner_problem(status, rules) or writers_problem(status, allowed=allowed)


def directory_problem(status: os.stat_result, rules: Rules = DEFAULT_RULES) -> str | None:
    """Why what lies in this directory must not be believed; None if it may."""
    if not stat.S_ISDIR(status.st_mode):
        return "it is not a directory"
    if rules.secret is not None:
        return None
    # Without the bit a file could belong to another group, with more members than this one.
    is_shared = rules.group_writes and status.st_mode & stat.S_ISGID
    allowed = stat.S_IWGRP if is_shared else 0
    return owner_problem(status, rules) or writers_problem(status, allowed=allowed)


def parent_problem(status: os.stat_result, rules: Rules = DEFAULT_RULES) -> str | None:
    """Why a directory below this one might be exchanged by others; None if it cannot."""
    if not stat.S_ISDIR(status.st_mode):
        return "it is not a directory"
    if rules.secret is not None:
        return None
    if status.st_mode & stat.S_ISVTX:
        return owner_problem(status, rules)
    allowed = stat.S_IWGRP if status.st_gid == status.st_uid else 0
    return owner_problem(status, rules) or writers_problem(status, allowed=allowed)


def owner_problem(status: os.stat_result, rules: Rules = DEFAULT_RULES) -> str | None:
    """Why the owner alone is reason not to believe; None if the owner is believed."""
    if status.st_uid in (0, os.geteuid()) or status.st_uid in rules.owners:
        return None
    others = ", to root nor to a trusted owner" if rules.owners else " nor to root"
    return f"it belongs to user {status.st_uid}, neither to this one{others}"


def writers_problem(status: os.stat_result, *, allowed: int = 0) -> str | None:
    """Who else can write, unless `allowed` by a bit; None if nobody can."""
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) & ~allowed == 0:
        return None
    return f"others can write to it (mode {stat.S_IMODE(status.st_mode):04o})"
