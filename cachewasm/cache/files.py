"""Every file-system call of the cache.

A file is visible under its name whole or not at all: it is written under an exclusive name in tmp/
and renamed. A crash leaves nothing but files in tmp/. What is opened for reading is judged by its
open descriptor, so it cannot be exchanged between the check and the use; symbolic links are never
followed to an entry, and a FIFO in its place cannot block. One function makes every file and one
every directory, with the mode that the rules say, less what the umask takes away; a directory with
the set-group-ID bit hands it and its group on, as the kernel does by itself.

On the warm path. Functions raise EntryError where a reason is expected, else OSError.
"""

import os
import stat
import time
from struct import pack

from cachewasm.cache import layout, trust
from cachewasm.cache.reasons import (
    ABSENT,
    CORRUPT,
    TORN,
    UNREADABLE,
    UNTRUSTED,
    DirectoryError,
    EntryError,
)
from cachewasm.cache.trust import DEFAULT_RULES, Rules
from cachewasm.parallel import on_two_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from cachewasm.cache.payload import Place

_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_APPEND_FLAGS = (
    os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
)
_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# A link to a configuration file is followed: many people keep theirs elsewhere and link to it.
_FOLLOW_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_LIST_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

# The mode of directories that are not the cache's own.
_PRIVATE = 0o700

# What a thread reads at a time into memory that two of them fill.
_PIECE = 1 << 20

# A hit writes nothing more often than this, so a hot cache costs no writes; prune's order is no
# finer.
TOUCH_INTERVAL = 3600.0


class EntryFile:
    """A trusted, open file of bounded size. Owns its descriptor; close it, or use `with`."""

    __slots__ = ("_descriptor", "mtime", "size")

    def __init__(self, path: str, max_size: int, rules: Rules = DEFAULT_RULES) -> None:
        """Open `path`. Raises EntryError: absent, untrusted, unreadable, or corrupt if too large."""
        try:
            self._descriptor = os.open(path, _READ_FLAGS)
        except FileNotFoundError:
            raise EntryError(ABSENT, "no entry") from None
        except OSError as error:
            status = status_of(path)
            if status is not None and not stat.S_ISREG(status.st_mode):
                # A symbolic link, which O_NOFOLLOW refuses, or a socket.
                raise EntryError(UNTRUSTED, "it is not a regular file") from None
            if status is None and isinstance(error, PermissionError):
                detail = f"{os.path.dirname(path)} may not be searched"
                raise DirectoryError(UNREADABLE, detail) from None
            raise EntryError(UNREADABLE, f"it cannot be opened: {error.strerror}") from None
        try:
            status = os.fstat(self._descriptor)
            problem = trust.file_problem(status, rules)
            if problem is not None:
                raise EntryError(UNTRUSTED, problem)
            if status.st_size > max_size:
                raise EntryError(CORRUPT, f"{status.st_size} bytes are too many")
        except OSError as error:
            self.close()
            raise EntryError(UNREADABLE, f"it cannot be examined: {error.strerror}") from None
        except BaseException:
            self.close()
            raise
        self.size = status.st_size
        self.mtime = status.st_mtime

    def read(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes from `offset`. Raises EntryError: torn, or unreadable."""
        pieces: list[bytes] = []
        while size:
            try:
                piece = os.pread(self._descriptor, size, offset)
            except OSError as error:
                raise EntryError(UNREADABLE, f"it cannot be read: {error.strerror}") from None
            except MemoryError:
                raise EntryError(UNREADABLE, f"there is no memory for {size} bytes") from None
            if len(piece) == size and not pieces:
                return piece
            if not piece:
                raise EntryError(TORN, f"the file ends at {offset}, {size} bytes too early")
            pieces.append(piece)
            offset += len(piece)
            size -= len(piece)
        return b"".join(pieces)

    def copy(self, place: "Place", offset: int, size: int) -> None:
        """Put exactly `size` bytes from `offset` into `place`. Raises EntryError as `read` does."""
        view = place.writable()
        if view is not None:
            self._fill(view[:size], offset)
            return
        done = 0
        try:
            while place.fd is not None and done < size:
                moved = os.sendfile(place.fd, self._descriptor, offset + done, size - done)
                if not moved:
                    break
                done += moved
        except OSError:
            # Not every file system can; a real fault comes again.
            pass
        if done < size:
            place.write(done, self.read(offset + done, size - done))

    def _fill(self, view: memoryview, offset: int) -> None:
        """Fill `view` from `offset`, on two threads if it is large."""
        starts = iter(range(0, len(view), _PIECE))

        def fill() -> None:
            for start in starts:
                self._read_into(view[start : start + _PIECE], offset + start)

        if len(view) <= _PIECE:
            fill()
        else:
            on_two_threads(fill)

    def _read_into(self, view: memoryview, offset: int) -> None:
        while view:
            try:
                count = os.preadv(self._descriptor, [view], offset)
            except OSError as error:
                raise EntryError(UNREADABLE, f"it cannot be read: {error.strerror}") from None
            if not count:
                raise EntryError(TORN, f"the file ends at {offset}, {len(view)} bytes too early")
            view, offset = view[count:], offset + count

    def close(self) -> None:
        """Close the descriptor."""
        close(self._descriptor)

    def __enter__(self) -> "EntryFile":
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        traceback: "TracebackType | None",
    ) -> None:
        self.close()


def content_of(path: str, max_size: int) -> bytes | None:
    """What a small regular file holds, whoever has written it; None if it is none, or cannot be read."""
    try:
        descriptor = os.open(path, _READ_FLAGS)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > max_size:
            return None
        return os.pread(descriptor, max_size, 0)
    except OSError:
        return None
    finally:
        close(descriptor)


class DirectoryState:
    """What a cache directory is at this moment: where, whether it exists, and whether to believe it.

    `path` has no symbolic links; `problem` is None or says which directory, of this one and all
    above it, is in doubt and why. A directory that does not exist yet has only those above it; with
    a secret, no directory can be in doubt.
    """

    __slots__ = ("exists", "path", "problem")

    def __init__(self, directory: str, rules: Rules = DEFAULT_RULES) -> None:
        self.path = os.path.realpath(directory)
        self.exists = False
        self.problem: str | None = None
        path = self.path
        while self.problem is None:
            try:
                status = os.lstat(path)
            except (FileNotFoundError, NotADirectoryError, PermissionError):
                status = None  # what cannot be reached cannot be opened either
            except OSError as error:
                self.problem = f"{path}: it cannot be examined: {error.strerror}"
                return
            if status is not None:
                if path == self.path:
                    self.exists = True
                    problem = trust.directory_problem(status, rules)
                else:
                    problem = trust.parent_problem(status, rules)
                self.problem = problem and f"{path}: {problem}"
            parent = os.path.dirname(path)
            if parent == path:
                return
            path = parent


def status_of(path: str) -> os.stat_result | None:
    """lstat, or None where there is nothing to be seen."""
    try:
        return os.lstat(path)
    except OSError:
        return None


def is_file(path: str) -> bool:
    """Whether a path leads to a regular file, through symbolic links too."""
    return os.path.isfile(path)


def is_directory(path: str) -> bool:
    """Whether a path leads to a directory, through symbolic links too."""
    return os.path.isdir(path)


def directories_above(path: str) -> "Iterator[tuple[str, os.stat_result]]":
    """Each directory above the file to which `path` leads, the nearest first. Raises OSError."""
    place = os.path.realpath(path)
    while place != os.path.dirname(place):
        place = os.path.dirname(place)
        yield place, os.lstat(place)


def lies_in(path: str, directory: str) -> bool:
    """Whether `path` is `directory` or below it, whatever links lead there."""
    inner, outer = os.path.realpath(path), os.path.realpath(directory)
    return os.path.commonpath((inner, outer)) == outer


def read_judged(path: str, limit: int, judge: "Callable[[os.stat_result], None]") -> bytes:
    """All of the file to which `path` leads, or more than `limit` bytes of it.

    Before anything is read, `judge` sees what was opened, and raises if it will not do. Raises also
    OSError, and ValueError for what cannot be a path.
    """
    descriptor = os.open(path, _FOLLOW_FLAGS)
    try:
        judge(os.fstat(descriptor))
        content = b""
        while len(content) <= limit:
            piece = os.read(descriptor, limit + 1)
            if not piece:
                break
            content += piece
        return content
    finally:
        os.close(descriptor)


def create_file(path: str, flags: int, mode: int) -> int:
    """A descriptor of the file at `path`, which is made with `mode` if it is missing.

    `flags` are those of a writer. Raises OSError.
    """
    return os.open(path, flags, mode)


def make_directory(path: str, mode: int = _PRIVATE) -> bool:
    """Make `path` and what is missing above it; whether it had to be made. Raises OSError."""
    missing = [path]
    while True:
        try:
            os.mkdir(missing[-1], mode)
            is_new = True
        except FileExistsError:
            is_new = False
        except FileNotFoundError:
            missing.append(os.path.dirname(missing[-1]))
            continue
        break
    for place in reversed(missing[:-1]):
        # If this is not found again, what lies above is a link that leads nowhere.
        try:
            os.mkdir(place, mode)
            is_new = True
        except FileExistsError:
            is_new = False
    return is_new


def make_cache_directory(directory: str, rules: Rules = DEFAULT_RULES) -> None:
    """Make a cache directory, tagged as one. Raises OSError.

    What is missing above it is not the cache's, and made for this user alone. A directory that holds
    anything else is not tagged: it may be the user's home, which backups must not skip.
    """
    make_directory(os.path.dirname(directory))
    if not make_directory(directory, rules.directory_mode) and os.listdir(directory):
        return
    try:
        tag = os.path.join(directory, layout.TAG)
        descriptor = create_file(tag, _WRITE_FLAGS, rules.file_mode)
    except FileExistsError:
        return
    try:
        _write_all(descriptor, layout.TAG_CONTENT)
    finally:
        os.close(descriptor)


def make_directory_inside(path: str, rules: Rules = DEFAULT_RULES) -> None:
    """Make `path` in a cache directory, and what is missing above it.

    The cache directory's own path has no symbolic links. Raises EntryError(UNTRUSTED), OSError.
    """
    _check_inside(path, rules)
    make_directory(path, rules.directory_mode)


def _check_inside(path: str, rules: Rules) -> None:
    """Refuse a path below a cache directory that leads elsewhere. Raises EntryError(UNTRUSTED).

    Where others may write to the directory without being believed, a link of theirs would have
    files made and replaced there.
    """
    if rules.secret is not None:
        check_leads_nowhere_else(path)


def check_leads_nowhere_else(path: str) -> None:
    """Refuse a path with a symbolic link. Raises EntryError(UNTRUSTED)."""
    if os.path.realpath(path) != path:
        raise DirectoryError(UNTRUSTED, f"{path} leads out of the cache directory")


def write_new(path: str, content: bytes, *, mode: int) -> None:
    """Make the file at `path` with `content`, if nothing is there yet. Raises OSError.

    If that fails half-way, the file is removed.
    """
    descriptor = create_file(path, _WRITE_FLAGS, mode)
    try:
        try:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        remove(path)
        raise


def write_atomic(
    temporary: str,
    path: str,
    content: bytes,
    *,
    sync: bool,
    mode: int = trust.DEFAULT_FILE_MODE,
) -> None:
    """Publish `content` as `path` by way of `temporary`, on the same file system.

    `path` is replaced if it exists, even if it is a symbolic link. With `sync` the content, then
    the name, reach the disk before this returns. On a failure of any kind the temporary file is
    removed and `path` is as before. Raises OSError; FileExistsError if `temporary` exists.
    """
    descriptor = create_file(temporary, _WRITE_FLAGS, mode)
    try:
        _hold(descriptor)
        _write_all(descriptor, content)
        if sync:
            os.fsync(descriptor)
        # Still open and held: what nobody holds in tmp/ was left by a killed writer.
        rename(temporary, path)
    except BaseException:
        remove(temporary)
        raise
    finally:
        os.close(descriptor)
    if sync:
        _sync_directory(os.path.dirname(path))


def create_empty(path: str, rules: Rules = DEFAULT_RULES) -> bool:
    """Make an empty file; False if there is something of that name. Raises OSError."""
    try:
        close(create_file(path, _WRITE_FLAGS, rules.file_mode))
    except FileExistsError:
        return False
    return True


def append(path: str, content: bytes, *, max_size: int, rules: Rules = DEFAULT_RULES) -> int:
    """Append to the file at `path`, in one write, unless it is too large; its size afterwards.

    The file and its directory are made if missing, but nothing above. Raises EntryError(UNTRUSTED),
    OSError.
    """
    _check_inside(path, rules)
    try:
        descriptor = create_file(path, _APPEND_FLAGS, rules.file_mode)
    except FileNotFoundError:
        os.mkdir(os.path.dirname(path), rules.directory_mode)
        descriptor = create_file(path, _APPEND_FLAGS, rules.file_mode)
    try:
        status = os.fstat(descriptor)
        problem = trust.file_problem(status, rules)
        if problem is not None:
            raise EntryError(UNTRUSTED, f"{path}: {problem}")
        if status.st_size + len(content) > max_size:
            return status.st_size
        return status.st_size + os.write(descriptor, content)
    finally:
        os.close(descriptor)


def open_lock_file(path: str, rules: Rules = DEFAULT_RULES) -> int:
    """A descriptor of the file at `path`, made if it is missing, for try_lock(); nothing is written.

    Raises EntryError(UNTRUSTED) if somebody else could hold its locks at will; OSError.
    """
    descriptor = create_file(path, _LOCK_FLAGS, rules.file_mode)
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


def close(descriptor: int) -> None:
    """Close a descriptor through which nothing was written: if that fails, nothing is lost."""
    try:
        os.close(descriptor)
    except OSError:
        return


def _hold(descriptor: int) -> None:
    """Show that the file is being written, as long as it is open; where there are no locks, nothing."""
    try:
        try_lock(descriptor, 0)
    except OSError:
        return


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
        close(descriptor)


def _lock_request(kind: int, start: int, length: int) -> bytes:
    """struct flock of 64-bit Linux: type, whence, start, length (0: to the end), process (none)."""
    return pack("hhqqi4x", kind, os.SEEK_SET, start, length, 0)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, _LIST_FLAGS)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def touch_if_old(path: str, mtime: float) -> None:
    """Note a use of `path`, last noted at `mtime`. A failure is ignored: the store may be read-only."""
    # A time in the future, from another clock, is old too: it would keep the entry for ever.
    if abs(time.time() - mtime) <= TOUCH_INTERVAL:
        return
    try:
        os.utime(path, follow_symlinks=False)
    except OSError:
        return


def set_time(path: str, time_ns: int | None = None) -> None:
    """Set the modification time, by default to now. A failure is ignored."""
    try:
        if time_ns is None:
            os.utime(path, follow_symlinks=False)
        else:
            os.utime(path, ns=(time_ns, time_ns), follow_symlinks=False)
    except OSError:
        return


def names_in(path: str) -> list[str]:
    """The names in a directory, sorted; none if it is absent, a symbolic link or cannot be read."""
    try:
        descriptor = os.open(path, _LIST_FLAGS)
    except OSError:
        return []
    try:
        return sorted(os.listdir(descriptor))
    except OSError:
        return []
    finally:
        close(descriptor)


def names_below(directory: str, folder: str) -> list[str]:
    """The names in a folder of a cache directory, sorted; also none if it lies behind a link.

    Whoever deletes by these names must not be led out of the directory.
    """
    above = os.path.dirname(folder)
    while above:
        if not is_plain_directory(os.path.join(directory, above)):
            return []
        above = os.path.dirname(above)
    return names_in(os.path.join(directory, folder))


def is_plain_directory(path: str) -> bool:
    """Whether there is a directory at `path`, and no symbolic link to one."""
    status = status_of(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def may_list(path: str) -> bool:
    """Whether a directory can be read, and what lies in it be looked at."""
    try:
        descriptor = os.open(path, _LIST_FLAGS)
    except OSError:
        return False
    close(descriptor)
    return status_of(os.path.join(path, os.curdir)) is not None


def statuses_in(path: str) -> list[tuple[str, os.stat_result]]:
    """Name and lstat of all that is in a directory, sorted by name.

    Nothing if it is absent, a symbolic link, or cannot be read; without what goes meanwhile.
    """
    found = []
    try:
        descriptor = os.open(path, _LIST_FLAGS)
    except OSError:
        return []
    try:
        for name in sorted(os.listdir(descriptor)):
            try:
                # From there the kernel has a shorter way than along the whole path.
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                continue
            found.append((name, status))
    except OSError:
        return []
    finally:
        close(descriptor)
    return found


def rename(old: str, new: str) -> None:
    """Give a file another name, whose bearer is replaced. Raises OSError."""
    os.rename(old, new)


def remove(path: str) -> bool:
    """Remove a file; False if it was gone already or cannot be removed."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True
