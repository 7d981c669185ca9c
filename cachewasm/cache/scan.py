"""What lies in a directory of the cache: names, and what lstat says of them.

Nothing here raises: what is absent, behind a symbolic link or not to be read is empty. Symbolic links
are never followed, so whoever deletes what is listed is not led elsewhere. Not on the warm path.
"""

import os
import stat

from cachewasm.cache import files

_LIST_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


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
        files.close(descriptor)


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
    status = files.status_of(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def may_list(path: str) -> bool:
    """Whether a directory can be read, and what lies in it be looked at."""
    return listing_error(path) is None


def listing_error(path: str) -> OSError | None:
    """Why a directory cannot be read, or what lies in it not be looked at; None if both can be done."""
    try:
        descriptor = os.open(path, _LIST_FLAGS)
        files.close(descriptor)
        os.lstat(os.path.join(path, os.curdir))
    except OSError as error:
        return error
    return None


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
        files.close(descriptor)
    return found
