"""Room for the code of small modules: slices of regions that live longer than a module.

To make, fill and give back a page takes 2 us, for the code of a small module a quarter of a hit. So such
code is put into a slice of a region: pages that are writable first, executable then, and free again when
the module is gone, never writable and executable at once. What is given back may not be executed any
more, before anybody can get it again. Pages are made when they are first needed; one region at most is
kept while nobody needs it.

Where what was writable may not become executable, there are no slices, and code goes to a memfd
(image.py). On the warm path.
"""

import os
from _thread import allocate_lock

from cachewasm.loader import native

_PAGE = os.sysconf("SC_PAGE_SIZE")
REGION = 1 << 20
_FLAGS = native.MAP_PRIVATE | native.MAP_ANONYMOUS | native.MAP_NORESERVE
_WRITABLE = native.PROT_READ | native.PROT_WRITE


class Slice(native.Mapping):
    """Pages of a region."""

    __slots__ = ()

    def _unmap(self, size: int) -> None:
        start = int(self)
        try:
            native.mprotect(start, size, _WRITABLE)
        except OSError:  # then nobody may have them again
            return
        _arena.returned.append((start, start + size))
        # A finalizer may run anywhere, also while this thread takes a slice.
        if _lock.acquire(False):
            try:
                _arena.sort_out()
            finally:
                _lock.release()


class _Region:
    """A mapping; `free` has start and end of what is free of it, ascending and apart. Behind `used` no
    page has been made yet.
    """

    __slots__ = ("end", "free", "start", "used")

    def __init__(self) -> None:
        """Raises OSError."""
        self.start = self.used = native.mmap(REGION, _WRITABLE, _FLAGS)
        self.end = self.start + REGION
        self.free = [(self.start, self.end)]

    @property
    def is_free(self) -> bool:
        return self.free == [(self.start, self.end)]

    def take(self, size: int) -> int:
        """The address of `size` bytes that were free; 0 if there is no room."""
        for number, (start, end) in enumerate(self.free):
            if end - start >= size:
                rest = [(start + size, end)] if end - start > size else []
                self.free = [*self.free[:number], *rest, *self.free[number + 1 :]]
                return start
        return 0

    def give_back(self, start: int, end: int) -> None:
        joined: list[tuple[int, int]] = []
        for first, last in sorted([*self.free, (start, end)]):
            if joined and joined[-1][1] == first:
                joined[-1] = (joined[-1][0], last)
            else:
                joined.append((first, last))
        self.free = joined


class _Arena:
    """All regions of the process. What is changed is whole at each step, since another thread may fork
    in between.
    """

    __slots__ = ("is_usable", "regions", "returned")

    def __init__(self) -> None:
        self.is_usable = True
        self.regions: list[_Region] = []
        # Start and end of slices that are given back, until someone has time to sort them in.
        self.returned: list[tuple[int, int]] = []

    def take(self, size: int) -> int:
        """The address of `size` writable bytes, up to REGION. Raises OSError."""
        self.sort_out()
        for region in self.regions:
            start = region.take(size)
            if start:
                break
        else:
            region = _Region()
            self.regions = [*self.regions, region]
            start = region.take(size)
        if start + size > region.used:
            # All at a time, which takes less.
            native.make_pages(start, size)
            region.used = start + size
        return start

    def sort_out(self) -> None:
        """Let what has been given back be taken again, or unmap it."""
        if not self.returned:
            return
        while self.returned:
            start, end = self.returned.pop()
            for region in self.regions:
                if region.start <= start < region.end:
                    region.give_back(start, end)
        free = [region for region in self.regions if region.is_free]
        for region in free[1:]:
            self.regions = [each for each in self.regions if each is not region]
            native.munmap(region.start, REGION)


_arena = _Arena()
_lock = allocate_lock()
os.register_at_fork(after_in_child=_lock._at_fork_reinit)  # type: ignore[attr-defined]


def slice_with(code: memoryview, text_size: int, guard: int) -> Slice | None:
    """A slice that begins with `code`; the pages of its first `text_size` bytes are executable, with
    `guard` added to their protection, the others can be read. None where there are no slices.
    """
    size = len(code)
    if not _arena.is_usable or size > REGION:
        return None
    room = (size + _PAGE - 1) & -_PAGE
    try:
        with _lock:
            found = Slice.at(_arena.take(room), room)
        # SAFETY: the slice is this function's alone, and writable.
        view = native.view(int(found), room)
        view[:size] = code
        view[size:] = bytes(room - size)  # nothing of the code that was here before
        native.mprotect(int(found), text_size, native.PROT_READ | native.PROT_EXEC | guard)
        if text_size < room:
            native.mprotect(int(found) + text_size, room - text_size, native.PROT_READ)
    except OSError:
        _arena.is_usable = False
        return None
    return found
