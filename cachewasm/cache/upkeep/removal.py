"""Remove listed files from a cache directory in which others do the same.

A file counts for whoever removed it, so the sums of all who remove are right. One that was used or
replaced since it was listed is spared.
"""

from collections.abc import Callable, Iterable
from enum import Enum

from cachewasm.cache import files, publish
from cachewasm.cache.survey.inspect import ListedFile


class Outcome(Enum):
    REMOVED = "removed"  # by this call, or would be in a dry run
    GONE = "gone"  # by somebody else since it was listed
    SPARED = "spared"  # used or replaced since it was listed
    FAILED = "failed"


class Removal:
    """Removes files while there is time; `spared` and `failed` grow, of failed files both."""

    def __init__(self, *, dry_run: bool, is_late: Callable[[], bool] | None = None) -> None:
        self._dry_run = dry_run
        self._is_late = is_late or (lambda: False)
        self.spared: list[ListedFile] = []
        self.failed: list[ListedFile] = []
        self.was_late = False

    def of(self, listed: Iterable[ListedFile]) -> list[ListedFile]:
        """Remove what is listed; what that removed."""
        removed = []
        for file in listed:
            self.was_late = self.was_late or self._is_late()
            outcome = Outcome.SPARED if self.was_late else remove(file, dry_run=self._dry_run)
            if outcome is Outcome.REMOVED:
                removed.append(file)
            elif outcome is not Outcome.GONE:
                self.spared.append(file)
            if outcome is Outcome.FAILED:
                self.failed.append(file)
        return removed


def remove(file: ListedFile, *, dry_run: bool) -> Outcome:
    """Remove one listed file, if it is still the one that was listed."""
    status = files.status_of(file.path)
    if status is None:
        return Outcome.GONE
    if status.st_mtime_ns != file.mtime_ns:
        return Outcome.SPARED
    if dry_run or publish.remove(file.path):
        return Outcome.REMOVED
    after = files.status_of(file.path)
    if after is None:
        return Outcome.GONE
    # Somebody else may have removed it, and a third one stored another since.
    is_same = (after.st_ino, after.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
    return Outcome.FAILED if is_same else Outcome.SPARED
