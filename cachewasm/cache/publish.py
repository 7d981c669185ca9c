"""Make and replace files and directories of the cache.

A file is visible under its name whole or not at all: it is written under an exclusive name in tmp/
and renamed. A crash leaves nothing but files in tmp/. Directories are made here, and every file by
create_file() of files.py, with the mode that the rules say, less what the umask takes away; a directory
with the set-group-ID bit hands it and its group on, as the kernel does by itself.

On the path of every miss. Raises OSError, and EntryError where a reason is expected.
"""

import os

from cachewasm.cache import file_locks, files, layout, trust
from cachewasm.cache.reasons import UNWRITABLE, DirectoryError
from cachewasm.cache.trust import DEFAULT_RULES, Rules

_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SYNC_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

# The mode of directories that are not the cache's own.
_PRIVATE = 0o700
# Tags of others are seldom longer.
_MAX_TAG_SIZE = 4096


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
    """Make a cache directory, tagged as one. Raises EntryError as check_ours does, OSError.

    What is missing above it is not the cache's, and made for this user alone.
    """
    make_directory(os.path.dirname(directory))
    if not make_directory(directory, rules.directory_mode) and check_ours(directory):
        return
    try:
        tag = os.path.join(directory, layout.TAG)
        descriptor = files.create_file(tag, _WRITE_FLAGS, rules.file_mode)
    except FileExistsError:
        return
    try:
        _write_all(descriptor, layout.TAG_CONTENT)
    finally:
        os.close(descriptor)


def check_ours(directory: str) -> bool:
    """Whether the directory, which is there, bears our tag. Raises EntryError(UNWRITABLE), OSError.

    Without it, there may be nothing but what we make: another directory may be the user's home, which is
    no place for our files, and which backups must not skip. A tag that is being written just now, or was
    when its writer was killed, is the beginning of ours.
    """
    tag = files.content_of(os.path.join(directory, layout.TAG), _MAX_TAG_SIZE)
    if tag == layout.TAG_CONTENT:
        return True
    known = layout.FOLDERS
    if tag is None or layout.TAG_CONTENT.startswith(tag):
        # One that cannot be read, or has come since, says nothing.
        known = known.union((layout.TAG,))
    if not known.issuperset(os.listdir(directory)):
        detail = f"{directory} holds other files and no {layout.TAG} of cachewasm"
        raise DirectoryError(UNWRITABLE, detail)
    return False


def make_directory_inside(path: str, rules: Rules = DEFAULT_RULES) -> None:
    """Make `path` in a cache directory, and what is missing above it.

    The cache directory's own path has no symbolic links. Raises EntryError(UNTRUSTED), OSError.
    """
    files.check_inside(path, rules)
    make_directory(path, rules.directory_mode)


def write_new(path: str, content: bytes, *, mode: int) -> None:
    """Make the file at `path` with `content`, if nothing is there yet. Raises OSError.

    If that fails half-way, the file is removed.
    """
    descriptor = files.create_file(path, _WRITE_FLAGS, mode)
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
    descriptor = files.create_file(temporary, _WRITE_FLAGS, mode)
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
        files.close(files.create_file(path, _WRITE_FLAGS, rules.file_mode))
    except FileExistsError:
        return False
    return True


def _hold(descriptor: int) -> None:
    """Show that the file is being written, as long as it is open; where there are no locks, nothing."""
    try:
        file_locks.try_lock(descriptor, 0)
    except OSError:
        return


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, _SYNC_FLAGS)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_time(path: str, time_ns: int | None = None) -> None:
    """Set the modification time, by default to now. A failure is ignored."""
    try:
        if time_ns is None:
            os.utime(path, follow_symlinks=False)
        else:
            os.utime(path, ns=(time_ns, time_ns), follow_symlinks=False)
    except OSError:
        return


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
