"""Locks of the process that a forked child finds free.

Another thread of the parent may have held one at the moment of the fork; that thread is not in the
child. What the locks guard is changed in an order that leaves it whole at each step. On the warm path.
"""

import _thread
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from threading import RLock


def process_lock() -> "RLock":
    """A new lock for module-level state. Re-entrant: guarded code may run finalizers that need it."""
    lock = _thread.RLock()
    os.register_at_fork(after_in_child=lock._at_fork_reinit)  # type: ignore[attr-defined]
    return lock
