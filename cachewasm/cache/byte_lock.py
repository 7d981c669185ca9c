"""A lock on one byte of the lock file, for work on the directory that need not be done just now.

The kernel gives it back when its holder dies. Who compiles takes turns by the same file
(single_flight.py), which waits and knows threads and forks. Protocol: docs/format/cache.md.
"""

import os

from cachewasm.cache import file_locks, files, layout, publish
from cachewasm.cache.reasons import EntryError
from cachewasm.cache.trust import DEFAULT_RULES, Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack
    from types import TracebackType


class Busy(Exception):
    """Another process has the lock."""


class ByteLock:
    """The lock of a byte if it was free (`is_held`); close() it, or use `with`.

    If it is not, it is tried again after each of `turns`, between which time passes.
    """

    __slots__ = ("_descriptor", "is_held")

    def __init__(
        self,
        directory: str,
        offset: int,
        rules: Rules = DEFAULT_RULES,
        turns: "Iterable[object]" = (),
    ) -> None:
        """`directory` is trusted and there. Raises EntryError, OSError: no lock can be had."""
        path = layout.lock_path(directory)
        if files.status_of(path) is None:
            publish.check_ours(directory)
        publish.make_directory_inside(os.path.dirname(path), rules)
        self._descriptor = file_locks.open_lock_file(path, rules)
        try:
            self.is_held = file_locks.try_lock(self._descriptor, offset)
            if not self.is_held:
                self.is_held = any(file_locks.try_lock(self._descriptor, offset) for _ in turns)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give it back."""
        files.close(self._descriptor)

    def __enter__(self) -> "ByteLock":
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        traceback: "TracebackType | None",
    ) -> None:
        self.close()


def has_turn(
    stack: "ExitStack", directory: str, name: str, rules: Rules, turns: "Iterable[object]" = ()
) -> bool:
    """Take the lock of an entry for as long as `stack`; False if another process has it.

    Where nobody can lock, nobody is kept from anything.
    """
    state = files.DirectoryState(directory, rules)
    if state.problem is not None or not state.exists:
        return True
    try:
        lock = stack.enter_context(ByteLock(state.path, layout.lock_offset(name), rules, turns))
    except (EntryError, OSError):
        return True
    return lock.is_held
