"""The log of one build: a file of the user's choice to which processes append their statistics, too.

The setting `stats-log` names it. So what one build or one test run has hit and missed is known apart from
all else that uses the directory, also of a directory that is not written to. Records are those of
statistics.py; the file is believed by its owner and its mode, wherever it lies, and bounded.
"""

from cachewasm.cache import files
from cachewasm.cache.reasons import EntryError
from cachewasm.cache.trust import Rules
from cachewasm.log import DEBUG, WARNING, log

# About a hundred thousand processes; who ends later leaves no record.
MAX_SIZE = 1 << 24

# Files of which this process has said that they take no record.
_refused: set[str] = set()


def append(path: str, record: bytes, rules: Rules) -> None:
    """Append a record; the file is made if it is missing. A failure is logged, the first as a warning."""
    try:
        files.append(path, record, max_size=MAX_SIZE, rules=judged_by_owner(rules))
    except (EntryError, OSError) as error:
        level = DEBUG if path in _refused else WARNING
        _refused.add(path)
        log(level, "no statistics are recorded in %s, which stats-log names: %s", path, error)


def judged_by_owner(rules: Rules) -> Rules:
    """The same without a secret, which seals what lies in the directory."""
    return Rules(rules.owners, None, rules.file_mode)
