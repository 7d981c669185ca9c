"""Where a child process may write what it has to say: an anonymous file, gone with its last user.

In memory if the system has such files; else in the temporary directory; where neither works, the
words are lost and compiling goes on.
"""

import os

_TAIL = 2000


def scratch_file() -> int:
    """The descriptor of an empty file without a name, or of one that forgets what it is told."""
    try:
        return os.memfd_create("cachewasm-stderr")
    except OSError:
        import tempfile  # costs more to import than the common way takes

        try:
            with tempfile.TemporaryFile() as file:
                return os.dup(file.fileno())
        except OSError:
            return os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)


def tail(fd: int) -> str:
    """The last of what was written to a scratch file, on one line."""
    size = os.fstat(fd).st_size
    end = os.pread(fd, _TAIL, max(0, size - _TAIL)) if size else b""
    return " ".join(end.decode("utf-8", "replace").split())
