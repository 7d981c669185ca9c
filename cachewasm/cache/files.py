"""Open, judge and read files of the cache; note a use, and append to a log.

What is opened for reading is judged by its open descriptor, so it cannot be exchanged between the check
and the use; symbolic links are never followed to an entry, and a FIFO in its place cannot block.

With publish.py, file_locks.py and scan.py this is all that calls the file system: the tests make each
of these calls fail. On the warm path, which needs no other of them. Functions raise EntryError where a
reason is expected, else OSError.
"""

import os
import stat
import time

from cachewasm.cache import trust
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
# A link to a configuration file is followed: many people keep theirs elsewhere and link to it.
_FOLLOW_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC

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


def is_there(path: str) -> bool:
    """Whether this process can see anything at `path`."""
    return os.access(path, os.F_OK, effective_ids=True)


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


def check_inside(path: str, rules: Rules) -> None:
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


def append(
    path: str,
    content: bytes,
    *,
    max_size: int,
    rules: Rules = DEFAULT_RULES,
    before_folder: "Callable[[], object] | None" = None,
) -> int:
    """Append to the file at `path`, in one write, unless it is too large; its size afterwards.

    The file and its directory are made if missing, but nothing above; `before_folder` is called before
    that directory is made. Raises EntryError(UNTRUSTED), OSError, and what that raises.
    """
    check_inside(path, rules)
    try:
        descriptor = create_file(path, _APPEND_FLAGS, rules.file_mode)
    except FileNotFoundError:
        if before_folder is not None:
            before_folder()
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


def close(descriptor: int) -> None:
    """Close a descriptor through which nothing was written: if that fails, nothing is lost."""
    try:
        os.close(descriptor)
    except OSError:
        return


def touch_if_old(path: str, mtime: float) -> None:
    """Note a use of `path`, last noted at `mtime`. A failure is ignored: the store may be read-only."""
    # A time in the future, from another clock, is old too: it would keep the entry for ever.
    if abs(time.time() - mtime) <= TOUCH_INTERVAL:
        return
    try:
        os.utime(path, follow_symlinks=False)
    except OSError:
        return
