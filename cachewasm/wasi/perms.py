"""The public enumerations of permissions. Apart from `config` because enum is slow to import."""

from enum import Enum

from cachewasm.wasi.descriptor import READ, WRITE


class DirPerms(Enum):
    """What a guest may do with the entries of a preopened directory."""

    READ_ONLY = READ
    WRITE_ONLY = WRITE
    READ_WRITE = READ | WRITE


class FilePerms(Enum):
    """What a guest may do with the files below a preopened directory."""

    READ_ONLY = READ
    WRITE_ONLY = WRITE
    READ_WRITE = READ | WRITE
