"""A lock on one byte of the lock file, for work on the directory that nobody waits for.

The kernel gives it back when its holder dies. Who compiles takes turns by the same file
(single_flight.py), which waits and knows threads and forks. Protocol: docs/format/cache.md.
"""

import os

from cachewasm.cache import files, layout
from cachewasm.cache.trust import DEFAULT_RULES, Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class ByteLock:
    """The lock of a byte if it was free (`is_held`); close() it, or use `with`."""

    __slots__ = ("_descriptor", "is_held")

    def __init__(self, directory: str, offset: int, rules: Rules = DEFAULT_RULES) -> None:
        """`directory` is trusted and there. Raises EntryError(UNTRUSTED), OSError: no lock can be had."""
        path = layout.lock_path(directory)
        files.make_directory_inside(os.path.dirname(path), rules)
        self._descriptor = files.open_lock_file(path, rules)
        try:
            self.is_held = files.try_lock(self._descriptor, offset)
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
