"""Locks on single bytes of files, which the kernel gives back however their holder ends.

They belong to open files, not to processes: a descriptor's copies share them, and closing the last one
unlocks. On the path of every miss.
"""

import os
from struct import pack

from cachewasm.cache import files, trust
from cachewasm.cache.reasons import UNTRUSTED, EntryError
from cachewasm.cache.trust import DEFAULT_RULES, Rules

_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_lock_file(path: str, rules: Rules = DEFAULT_RULES) -> int:
    """A descriptor of the file at `path`, made if it is missing, for try_lock(); nothing is written.

    Raises EntryError(UNTRUSTED) if somebody else could hold its locks at will; OSError.
    """
    descriptor = files.create_file(path, _LOCK_FLAGS, rules.file_mode)
    try:
        problem = trust.file_problem(os.fstat(descriptor), rules)
        if problem is not None:
            raise EntryError(UNTRUSTED, f"{path}: {problem}")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def try_lock(descriptor: int, offset: int) -> bool:
    """Lock one byte for the open file `descriptor`; False if another open file has it locked.

    The lock goes with unlock_all() or with the last descriptor of the open file, however its
    process ends. Raises OSError where the file system has no locks.
    """
    import fcntl

    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _lock_request(fcntl.F_WRLCK, offset, 1))
    except (BlockingIOError, PermissionError):
        # POSIX allows either of EAGAIN and EACCES.
        return False
    return True


def unlock_all(descriptor: int) -> None:
    """Give back all locks of the open file, also those that a copy of the descriptor would keep."""
    import fcntl

    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _lock_request(fcntl.F_UNLCK, 0, 0))


def is_held(path: str) -> bool:
    """Whether some writer may have the file open; in doubt it has."""
    try:
        descriptor = os.open(path, _LOCK_FLAGS & ~os.O_CREAT)
    except OSError:
        return True
    try:
        return not try_lock(descriptor, 0)
    except OSError:
        return True
    finally:
        files.close(descriptor)


def _lock_request(kind: int, start: int, length: int) -> bytes:
    """struct flock of 64-bit Linux: type, whence, start, length (0: to the end), process (none)."""
    return pack("hhqqi4x", kind, os.SEEK_SET, start, length, 0)
