"""The cleanup that nobody asks for: after an entry was stored, at most once per interval.

Whoever stores has just compiled, which took longer; a process that only hits never cleans up. A file
bears the time of the last cleanup. Whoever finds it too old takes a lock for which nobody waits, and
evicts what the configured limits say, for a bounded time; what is left over is done by the next one.

Clocks jump. A time of the last cleanup in the far future counts as too old. And ages are judged as of
the cleanup before: what has become too old since then has one interval more to be used. So after a
jump of years forward nothing in use is evicted for its age.

On the path of every miss that stores: what evicts is imported when it is time.
"""

import os
import time

from cachewasm.cache import files, layout, publish
from cachewasm.cache.reasons import EntryError
from cachewasm.cache.trust import DEFAULT_RULES, Rules
from cachewasm.log import DEBUG, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.cache.settings import CacheConfig
    from cachewasm.cache.upkeep.prune import PruneReport

# A put waits no longer for files to be removed.
MAX_SECONDS = 2.0


def clean_up_if_due(
    directory: str, config: "CacheConfig", rules: Rules = DEFAULT_RULES, *, now: float
) -> "PruneReport | None":
    """Evict what the limits of `config` say if it is time; None if it is not, or somebody else does.

    `directory` is trusted. A directory without a time of the last cleanup is taken for a new one.
    Nothing raises.
    """
    path = os.path.join(directory, layout.CLEANED)
    try:
        if not _is_due(path, config, rules, now):
            return None
        from cachewasm.cache.byte_lock import ByteLock

        with ByteLock(directory, layout.CLEANUP_OFFSET, rules) as lock:
            # Somebody else may have cleaned up since.
            if not lock.is_held or not _is_due(path, config, rules, now):
                return None
            return _clean_up(directory, config, rules, path, now)
    except (EntryError, OSError) as error:
        log(DEBUG, "%s is not cleaned up: %s", directory, error)
        return None


def _is_due(path: str, config: "CacheConfig", rules: Rules, now: float) -> bool:
    """Whether the time at `path` is too old. Makes it if it is missing; raises EntryError, OSError."""
    status = files.status_of(path)
    if status is None:
        publish.make_directory_inside(os.path.dirname(path), rules)
        publish.create_empty(path, rules)
        return False
    drift = config.allowed_clock_drift_for_files_from_future
    return not -drift <= now - status.st_mtime < config.cleanup_interval


def _clean_up(
    directory: str, config: "CacheConfig", rules: Rules, path: str, now: float
) -> "PruneReport":
    from cachewasm.cache.upkeep.prune import Limits, evict

    status = files.status_of(path)
    last_ns = status.st_mtime_ns if status is not None else 0
    # First of all: whatever goes wrong below does so once per interval.
    publish.set_time(path)
    end = time.monotonic() + MAX_SECONDS
    report = evict(
        directory,
        Limits.of(config),
        rules,
        now=now,
        aged_at=min(now, last_ns / 1e9),
        is_late=lambda: time.monotonic() > end,
    )
    if not report.is_complete:
        publish.set_time(path, last_ns)
    log(
        DEBUG,
        "cleaned up %s: %d entries evicted, %d kept",
        directory,
        len(report.removed),
        report.kept_entries,
    )
    return report
