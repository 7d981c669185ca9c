"""Find the place that a guest's path names without leaving the directory it starts from.

The kernel never resolves more than one name at a time: every component is opened below the
descriptor of its parent and without following links, links are read and walked here, and `..` goes
back to a descriptor that is still held. So whatever another process renames or replaces meanwhile,
no step can end outside. A path or link that is absolute, or climbs above the start, fails with
`perm`, as in Wasmtime.

The last component is left to the operation, which must not follow links either; where a link was
meant, `follow` replaces the place by the one the link names.
"""

import os
from errno import EINVAL, ELOOP, ENOTDIR
from stat import S_ISDIR, S_ISLNK

from cachewasm.wasi.errno import LOOP, NAMETOOLONG, NOENT, NOTDIR, PERM, WasiError

# As Linux: more links than this in one path are taken for a cycle.
MAX_LINKS = 40

# One descriptor is held for each level, so this bounds what one call can take from the process.
MAX_DEPTH = 256

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW


class Place:
    """A name in a directory: `name` below the host's descriptor `dir_fd`.

    `name` is one component or `.`, never empty, `..` or with a slash. `wants_directory` says that
    the path ended in a slash. Use it in a `with` statement: it holds descriptors.
    """

    __slots__ = ("_held", "_links", "_root", "name", "wants_directory")

    def __init__(self, root: int, path: bytes) -> None:
        self._root = root
        self._held: list[int] = []
        self._links = 0
        self.name = b"."
        self.wants_directory = False
        try:
            self._walk(path)
        except BaseException:
            self.close()
            raise

    @property
    def dir_fd(self) -> int:
        return self._held[-1] if self._held else self._root

    def close(self) -> None:
        while self._held:
            os.close(self._held.pop())

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def follow(self) -> None:
        """Go to where the link at this place points. `notdir` if it is no link."""
        self._walk(self._read_link(self.name))

    def open(self, flags: int, *, follow: bool) -> int:
        """Open what is here, or what its link points to if `follow`; returns the descriptor."""
        flags |= os.O_NOFOLLOW | os.O_NOCTTY
        while True:
            if self.wants_directory:
                flags |= os.O_DIRECTORY
            try:
                return os.open(self.name, flags, 0o666, dir_fd=self.dir_fd)
            except OSError as e:
                if not self._is_link_error(e, follow=follow):
                    raise
            self.follow()

    def stat(self, *, follow: bool) -> os.stat_result:
        """The attributes of what is here; if `follow`, ends at a place that is no link."""
        while True:
            found = os.stat(self.name, dir_fd=self.dir_fd, follow_symlinks=False)
            if not (S_ISLNK(found.st_mode) and (follow or self.wants_directory)):
                break
            self.follow()
        if self.wants_directory and not S_ISDIR(found.st_mode):
            raise WasiError(NOTDIR)
        return found

    def _is_link_error(self, error: OSError, *, follow: bool) -> bool:
        """Whether opening failed because a link is here that should be followed."""
        if not (follow or self.wants_directory) or error.errno not in (ELOOP, ENOTDIR):
            return False
        here = os.stat(self.name, dir_fd=self.dir_fd, follow_symlinks=False)
        return S_ISLNK(here.st_mode)

    def _walk(self, path: bytes) -> None:
        """Advance by `path` up to its last component."""
        if path.endswith(b"/"):
            self.wants_directory = True
        todo = _components(path)
        while todo:
            name = todo.pop()
            if name == b".":
                continue
            if name == b"..":
                if not self._held:
                    raise WasiError(PERM)
                os.close(self._held.pop())
            elif todo:
                self._step(name, todo)
            else:
                self.name = name
                return
        self.name = b"."

    def _step(self, name: bytes, todo: list[bytes]) -> None:
        """Enter the directory `name`; if it is a link, put its target in front of `todo`."""
        if len(self._held) >= MAX_DEPTH:
            raise WasiError(NAMETOOLONG)
        try:
            self._held.append(os.open(name, _STEP, dir_fd=self.dir_fd))
        except OSError as e:
            if e.errno not in (ENOTDIR, ELOOP):
                raise
            todo.extend(_components(self._read_link(name)))

    def _read_link(self, name: bytes) -> bytes:
        self._links += 1
        if self._links > MAX_LINKS:
            raise WasiError(LOOP)
        try:
            return os.readlink(name, dir_fd=self.dir_fd)
        except OSError as e:
            if e.errno != EINVAL:
                raise
            raise WasiError(NOTDIR) from None


def _components(path: bytes) -> list[bytes]:
    """The components of `path`, last first.

    A final `.` is kept: it makes the component before it one to enter, not the one to operate on.
    """
    if not path:
        raise WasiError(NOENT)
    if path.startswith(b"/"):
        raise WasiError(PERM)
    parts = [part for part in path.split(b"/") if part]
    return [part for i, part in enumerate(parts) if part != b"." or i == len(parts) - 1][::-1]
