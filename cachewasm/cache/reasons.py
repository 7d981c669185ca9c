"""Why a lookup is not a hit and why a store did not happen: the closed sets of reasons.

Reasons are strings because they are the names of counters and appear in messages and listings.
`EntryError` carries one from where it is found to the store, which turns it into a `Miss` or a
`StoreFailure`; it never leaves this package.

This module is on the warm path: it imports nothing but the exception tree.
"""

from cachewasm.errors import CachewasmError

# Of a lookup.
ABSENT = "absent"  # no file of that name
TORN = "torn"  # the file ends too early: a write that a crash or a copy cut short
CORRUPT = "corrupt"  # the bytes are not what was written, or no entry at all
FOREIGN_VERSION = "foreign-version"  # an entry in a format or codec that this version cannot read
WRONG_KEY = "wrong-key"  # an intact entry under a name that is not its own
UNTRUSTED = "untrusted"  # somebody else could have written the file, or it is no regular file
UNREADABLE = "unreadable"  # the system refuses to open or read it

MISS_REASONS = (ABSENT, TORN, CORRUPT, FOREIGN_VERSION, WRONG_KEY, UNTRUSTED, UNREADABLE)
# Not of the store, which knows nothing of engines: whole, and under the right key, but made for another.
INCOMPATIBLE = "incompatible"

# Of a store; UNTRUSTED is one of them too: what could not be trusted later is not written.
FULL = "full"  # no space, over quota or over the file size limit
UNWRITABLE = "unwritable"  # permissions, a read-only file system, something in the way, or a directory that is not ours
TOO_LARGE = "too-large"  # beyond the bounds of the entry format, or of a store in memory

STORE_FAILURE_REASONS = (UNTRUSTED, FULL, UNWRITABLE, TOO_LARGE)
# No failure, and not counted: what the configuration asks for.
READ_ONLY = "read-only"

# Of a lock.
UNLOCKABLE = "unlockable"  # the file cannot be made, opened or locked

LOCK_FAILURE_REASONS = (UNTRUSTED, UNLOCKABLE)


class EntryError(CachewasmError):
    """An entry cannot be used: `reason` is one of MISS_REASONS, `detail` a clause for people."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


class DirectoryError(EntryError):
    """No entry can be used or stored, whichever it is: what is wrong concerns the directory."""


class Miss:
    """A lookup without a usable entry: `reason` is one of MISS_REASONS, `detail` a clause."""

    __slots__ = ("detail", "reason")

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail

    def __repr__(self) -> str:
        return f"Miss({self.reason}: {self.detail})"


class StoreFailure:
    """An entry that was not stored: `reason` is READ_ONLY or one of STORE_FAILURE_REASONS, `detail`
    a clause.
    """

    __slots__ = ("detail", "reason")

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail

    def __repr__(self) -> str:
        return f"StoreFailure({self.reason}: {self.detail})"
