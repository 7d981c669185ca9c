"""What `cache doctor` looks at in the cache directory, or where that is to be made; nothing here raises.

Nothing is made but one file in tmp/, or one directory where the cache directory is missing: to see
whether that can be done. Both are removed at once.
"""

import os
import pwd
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice

from cachewasm.cache import file_locks, files, layout, publish
from cachewasm.cache.outcomes import FULL_ERRORS
from cachewasm.cache.reasons import UNREADABLE, DirectoryError
from cachewasm.cache.settings import CacheConfig
from cachewasm.cache.survey.folders import FOREIGN, Misplaced, misplaced
from cachewasm.cache.survey.mounts import mount_of
from cachewasm.cache.trust import Rules
from cachewasm.errors import CachewasmError

from .. import text
from ..failure import reason
from .check import FAIL, OK, WARN, Check

_LITTLE_SPACE, _NO_SPACE = 1 << 29, 1 << 24
_FEW_FILES = 10_000
_SKEW = 2.0
_READ_WRITE = "read-write"
_ELSEWHERE = "name another directory with CACHEWASM_DIR"
_MAX_MISPLACED = 10
_TEST = b"written by `cachewasm cache doctor`"


def of_directory(config: CacheConfig) -> Iterator[Check]:
    """Whether the directory can be believed, found in, written and shared."""
    rules = None
    try:
        rules = config.rules()
    except CachewasmError as error:
        yield Check("trust", FAIL, reason(error), "correct what it names")
    if config.directory is None:
        yield Check("directory", FAIL, "this user has no place for a cache", _ELSEWHERE)
        return
    state = files.DirectoryState(config.directory, rules or Rules())
    existing = _nearest_existing(state.path)
    yield Check(
        "directory", OK, state.path + ("" if state.exists else ", which is still to be made")
    )
    if rules is not None:
        yield _trust(state, rules)
    yield from _file_system(existing)
    yield _modes(config, existing)
    contents = list(_contents(state.path)) if state.exists else []
    yield from contents
    if config.mode != _READ_WRITE:
        yield Check("writing", OK, f"not wanted in the mode {config.mode}")
    elif not state.exists:
        yield _can_be_made(state.path, existing)
    elif rules is not None:
        # What is known to be broken is not in order for locks that work elsewhere.
        failed = {check.name for check in contents if check.state == FAIL}
        yield from (each for each in writing(state.path, rules) if each.name not in failed)


def _nearest_existing(path: str) -> str:
    while not os.path.isdir(path) and path != "/":
        path = os.path.dirname(path)
    return path


def _trust(state: files.DirectoryState, rules: Rules) -> Check:
    if rules.secret is not None:
        return Check("owners", OK, f"no matter: entries are sealed with {rules.secret.id}")
    if state.problem is not None:
        advice = f"give it to this user and take write access from others, or {_ELSEWHERE}"
        return Check("owners", FAIL, state.problem, advice)
    return Check("owners", OK, f"nobody else can change it: {', '.join(_chain(state.path))}")


def _chain(path: str) -> Iterator[str]:
    """Owner and mode of each directory from `path` up, as far as it exists."""
    while True:
        status = files.status_of(path)
        if status is not None:
            yield f"{path} of {_user(status.st_uid)} {stat.S_IMODE(status.st_mode):04o}"
        if path == os.path.dirname(path):
            return
        path = os.path.dirname(path)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _file_system(path: str) -> Iterator[Check]:
    try:
        status = os.statvfs(path)
    except OSError as error:
        yield Check("file system", WARN, reason(error), "find out why it cannot be asked")
        return
    mount = mount_of(path)
    kind = "unknown" if mount is None else mount.type
    if mount is not None and mount.is_network:
        advice = "prefer a local directory; here entries are safe, but locks may have no effect"
        yield Check("file system", WARN, f"{kind}, shared with other machines", advice)
    elif status.f_flag & os.ST_RDONLY:
        yield Check("file system", WARN, f"{kind}, read-only", "set the mode read-only")
    else:
        yield Check("file system", OK, kind)
    # Code is mapped from memory, so this is no obstacle; other software would stumble over it.
    is_noexec = status.f_flag & os.ST_NOEXEC
    yield Check(
        "noexec",
        OK,
        "set, which does no harm: code is mapped from memory" if is_noexec else "not set",
    )
    if status.f_blocks == 0:
        yield Check("space", OK, "the file system does not tell how much is free")
    else:
        free = status.f_bavail * status.f_frsize
        state = FAIL if free < _NO_SPACE else WARN if free < _LITTLE_SPACE else OK
        advice = "make room, or `cachewasm cache prune`" if state != OK else ""
        yield Check("space", state, f"{text.size(free)} free", advice)
    if status.f_files == 0:
        yield Check("files", OK, "the file system does not limit their number")
        return
    state = WARN if status.f_favail < _FEW_FILES else OK
    advice = "remove files, or `cachewasm cache prune`" if state != OK else ""
    yield Check("files", state, f"{status.f_favail} more can be made", advice)


def _modes(config: CacheConfig, directory: str) -> Check:
    mask = _umask()
    if mask is None:
        return Check("modes", WARN, "the umask is not told", "make /proc readable")
    wanted: int = config.file_mode
    gid_bit = os.stat(directory).st_mode & stat.S_ISGID
    found = f"files {wanted:04o}, umask {mask:04o}" + (", set-group-ID" if gid_bit else "")
    if wanted & mask:
        return Check("modes", WARN, found, f"set a umask that leaves {wanted:04o}")
    return Check("modes", OK, found)


def _umask() -> int | None:
    """This process's umask, without setting it, which other threads would notice."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name == "Umask":
                    return int(value, 8)
    except (OSError, ValueError):
        return None
    return None


def _contents(directory: str) -> Iterator[Check]:
    """What lies where a file or folder of the cache's ought to be, and whether the tag is there."""
    found = misplaced(directory)
    for each in islice(found, _MAX_MISPLACED):
        yield _of_misplaced(each)
    if next(found, None) is not None:
        advice = "`cachewasm cache verify --json` names them all"
        yield Check("contents", WARN, "there is more that is misplaced", advice)
    is_used = os.path.lexists(os.path.join(directory, layout.ENTRIES))
    if is_used and not os.path.lexists(os.path.join(directory, layout.TAG)):
        advice = (
            "without it backups take the directory, and `clear` refuses it: docs/format/cache.md"
        )
        yield Check("contents", WARN, f"{layout.TAG} is missing", advice)


def _of_misplaced(each: Misplaced) -> Check:
    found = f"{each.name or 'the directory'}: {each.detail}"
    if each.reason == FOREIGN:
        return Check("contents", WARN, found, "remove it, though it does no harm")
    name = "locks" if each.name.startswith(os.path.dirname(layout.LOCKS)) else "contents"
    if each.reason == UNREADABLE:
        return Check(name, FAIL, found, f"allow this user to list it, or {_ELSEWHERE}")
    advice = f"remove it: what belongs there is made again; or {_ELSEWHERE}"
    return Check(name, FAIL, found, advice)


def _can_be_made(path: str, parent: str) -> Check:
    """Whether `path` can be made, of which `parent` exists."""
    below = os.path.relpath(path, parent).split(os.sep)[0]
    try:
        # What is there and no directory is in the way of all below it.
        if not os.path.lexists(os.path.join(parent, below)):
            below = f"{below[:16]}.{os.urandom(8).hex()}"
        os.mkdir(os.path.join(parent, below), 0o700)
        os.rmdir(os.path.join(parent, below))
    except OSError as error:
        found = f"it cannot be made in {parent}: {reason(error)}"
        return Check("writing", FAIL, found, _advice(error))
    return Check("writing", OK, f"it can be made in {parent}")


def _advice(error: Exception) -> str:
    """What to do where nothing can be written."""
    if isinstance(error, OSError) and error.errno in FULL_ERRORS:
        return "make room, or raise the limit (quota, ulimit -f)"
    return f"set the mode read-only, change the permissions, or {_ELSEWHERE}"


@contextmanager
def _test_file(directory: str, rules: Rules) -> Iterator[tuple[str, int]]:
    """A file in tmp/ and a descriptor; prune removes what a kill would leave of it."""
    totals = layout.statistics_path(directory, layout.TOTALS)
    path = layout.temporary_path(directory, totals, os.getpid(), os.urandom(8))
    folder = os.path.dirname(path)
    is_new = not os.path.lexists(folder)
    publish.make_directory_inside(folder, rules)
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = files.create_file(path, flags, rules.file_mode)
        try:
            yield path, descriptor
        finally:
            os.close(descriptor)
            os.unlink(path)
    finally:
        if is_new:
            # Only an empty directory is tagged.
            with suppress(OSError):
                os.rmdir(folder)


def writing(directory: str, rules: Rules) -> Iterator[Check]:
    """Whether a file can be written, and what that tells of clock and locks."""
    try:
        publish.check_ours(directory)
    except DirectoryError as error:
        yield Check("writing", FAIL, error.detail, _ELSEWHERE)
        return
    except OSError as error:
        yield Check("writing", FAIL, reason(error), _advice(error))
        return
    try:
        with _test_file(directory, rules) as (path, descriptor):
            os.write(descriptor, _TEST)
            written = time.time()
            os.fsync(descriptor)
            yield Check("writing", OK, "a file was written and removed")
            yield clock(os.fstat(descriptor).st_mtime, written)
            yield locks(path, descriptor)
    except (CachewasmError, OSError) as error:
        yield Check("writing", FAIL, reason(error), _advice(error))


def clock(mtime: float, now: float) -> Check:
    skew = mtime - now
    if abs(skew) > _SKEW:
        advice = "set the clocks of this machine and of the file server alike: age is told by them"
        return Check("clock", WARN, f"the file system's differs by {skew:+.0f} s", advice)
    return Check("clock", OK, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def locks(path: str, descriptor: int) -> Check:
    advice = "processes that miss the same module will each compile it; prefer a local directory"
    try:
        other = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            is_locked = file_locks.try_lock(descriptor, 1)
            excludes = not file_locks.try_lock(other, 1)
        finally:
            os.close(other)
    except OSError as error:
        return Check("locks", WARN, reason(error), advice)
    if not is_locked or not excludes:
        return Check("locks", WARN, "they have no effect", advice)
    return Check("locks", OK, "of open files, by byte")
