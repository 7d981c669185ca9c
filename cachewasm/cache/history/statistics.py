"""Statistics of a cache directory, across processes: what their stores have counted.

Each process appends one line to a log when it ends. A log that has grown is put aside under a
number, and folded into the totals the next time, so that whoever had it open has long written. The
totals tell up to which number they hold: whenever folding is cut short, nothing is counted twice.
A line that is no whole record is counted as damaged. Format: docs/format/cache.md.

Off the warm path: a hit only counts, and its process appends (LocalStore.record).
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from cachewasm.cache import files, layout, publish, scan
from cachewasm.cache.byte_lock import Busy, ByteLock
from cachewasm.cache.counters import (
    MAX_PROGRAM,
    PROGRAM_CHARACTERS,
    check_of,
    record_of,
    this_process,
)
from cachewasm.cache.local import MAX_LOG_SIZE
from cachewasm.cache.outcomes import hits_in, misses_in
from cachewasm.cache.reasons import EntryError
from cachewasm.cache.trust import DEFAULT_RULES, Rules

MAX_RECORD_SIZE = 1 << 14
MAX_NAMES = 256
_MAX_NAME = 64
_MAX_DIGITS = 18
# How many fields stand before the counts of a record: the time, and of a process number and program.
_OF_MANY, _OF_A_PROCESS = "1", "2"
_HEADS = {_OF_MANY: 1, _OF_A_PROCESS: 3}
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz-.")

# Counts about the statistics themselves stand in the totals like all others, and in no log.
_OWN = "statistics."
RECORDS = f"{_OWN}records"
DAMAGED = f"{_OWN}damaged"
_GENERATION = f"{_OWN}generation"

# Folding at the same time is so rare that two attempts hardly ever fail.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was counted since the time `since` (None: nothing yet), by name of event or amount.

    A record is of the `process` of this number, which ran `program` and ended at `since`.
    """

    counts: Mapping[str, int]
    since: int | None
    process: int | None = None
    program: str = ""

    def count(self, name: str) -> int:
        """How often `name` was counted."""
        return self.counts.get(name, 0)

    @property
    def hits(self) -> int:
        """As outcomes.hits_in."""
        return hits_in(self.counts)

    @property
    def misses(self) -> int:
        """As outcomes.misses_in."""
        return misses_in(self.counts)

    @property
    def saved_seconds(self) -> float:
        """What compiling took once of all that was hit: a second compile would have taken it again."""
        return self.count("saved-ms") / 1000


def read(directory: str, rules: Rules = DEFAULT_RULES) -> Statistics:
    """All that was recorded and can be read; nothing raises."""
    for _ in range(_ATTEMPTS):
        totals = _read_totals(directory, rules)
        sums = _Sums(totals, rules)
        for number in _numbers(directory):
            if number > totals.count(_GENERATION):
                sums.add_log(layout.statistics_path(directory, _aside(number)))
        sums.add_log(layout.statistics_path(directory, layout.LOG))
        if _read_totals(directory, rules).count(_GENERATION) == totals.count(_GENERATION):
            break
    found = sums.result()
    counts = {name: count for name, count in found.counts.items() if name != _GENERATION}
    return Statistics(counts, found.since)


def read_since(
    directory: str, moment: float, rules: Rules = DEFAULT_RULES
) -> tuple[Statistics, bool]:
    """What the records say that are of `moment` or later; and whether these are all that there were.

    Records that are in the totals have no times any more. Nothing raises.
    """
    sums = _Sums(Statistics({}, None), rules)
    first: int | None = None
    for record in _logged(directory, rules):
        if record is None or record.since is None or record.since >= moment:
            sums.add(record)
        if record is not None and record.since is not None:
            first = min(record.since, record.since if first is None else first)
    has_totals = _read_totals(directory, rules).count(RECORDS) > 0
    return sums.result(), not has_totals or (first is not None and first < moment)


def processes(directory: str, rules: Rules = DEFAULT_RULES) -> tuple[list[Statistics], int]:
    """The records of the processes that ended last, the latest first, and how many there were before.

    Those are in the totals, which do not tell them apart. Nothing raises.
    """
    found = [record for record in _logged(directory, rules) if record is not None]
    found.sort(key=lambda record: record.since or 0)
    return found[::-1], _read_totals(directory, rules).count(RECORDS)


def records_in(path: str, max_size: int, rules: Rules = DEFAULT_RULES) -> list[Statistics | None]:
    """The records of a file that processes have appended to, None for what is none. Raises EntryError."""
    with files.EntryFile(path, max_size, rules) as file:
        content = file.read(0, file.size)
    return [_parsed(line) for line in content.split(b"\n") if line]


def sum_of(records: Iterable[Statistics | None]) -> Statistics:
    """All records in one; what is none is counted as damaged."""
    sums = _Sums(Statistics({}, None), DEFAULT_RULES)
    for record in records:
        sums.add(record)
    return sums.result()


def reset(directory: str, rules: Rules = DEFAULT_RULES, *, turns: Iterable[object] = ()) -> bool:
    """Begin anew, from now; whether that worked. The conditions are those of fold().

    Raises Busy if somebody else is folding, also after each of `turns`.
    """
    return _locked(directory, _reset, rules, turns)


def _reset(directory: str, rules: Rules) -> None:
    aside = _numbers(directory)
    newest = max([_read_totals(directory, rules).count(_GENERATION), *aside])
    # From here on, what was put aside is not counted.
    _write_totals(directory, Statistics({}, int(time.time())), newest, rules)
    for name in (*map(_aside, aside), layout.LOG):
        publish.remove(layout.statistics_path(directory, name))


def append(directory: str, counts: Mapping[str, int], rules: Rules = DEFAULT_RULES) -> None:
    """Record what a command did that is not a store's work. A failure is ignored."""
    state = files.DirectoryState(directory, rules)
    if state.exists and state.problem is None and any(counts.values()):
        path = layout.statistics_path(state.path, layout.LOG)
        try:
            record = record_of(counts, int(time.time()), this_process())
            files.append(
                path,
                record,
                max_size=MAX_LOG_SIZE,
                rules=rules,
                before_folder=lambda: publish.check_ours(state.path),
            )
        except (EntryError, OSError):
            return


def fold(directory: str, rules: Rules = DEFAULT_RULES) -> bool:
    """Put the log aside, and add what was put aside before to the totals; whether that worked.

    Not if somebody else is doing it, or if the directory is not trusted or not writable.
    """
    try:
        return _locked(directory, _fold, rules)
    except Busy:
        return False


def _locked(
    directory: str,
    act: Callable[[str, Rules], None],
    rules: Rules,
    turns: Iterable[object] = (),
) -> bool:
    """Whether it was done. Raises Busy."""
    state = files.DirectoryState(directory, rules)
    if state.problem is not None or not state.exists:
        return False
    try:
        with ByteLock(state.path, layout.FOLD_OFFSET, rules, turns) as lock:
            if not lock.is_held:
                raise Busy
            act(state.path, rules)
    except (EntryError, OSError):
        return False
    return True


def _fold(directory: str, rules: Rules) -> None:
    totals = _read_totals(directory, rules)
    generation = totals.count(_GENERATION)
    aside = _numbers(directory)
    sums = _Sums(totals, rules)
    for number in aside:
        if number > generation:
            sums.add_log(layout.statistics_path(directory, _aside(number)))
    newest = max([generation, *aside])
    if newest > generation:
        _write_totals(directory, sums.result(), newest, rules)
    for number in aside:
        publish.remove(layout.statistics_path(directory, _aside(number)))
    log = layout.statistics_path(directory, layout.LOG)
    publish.rename(log, layout.statistics_path(directory, _aside(newest + 1)))


def _write_totals(directory: str, totals: Statistics, generation: int, rules: Rules) -> None:
    path = layout.statistics_path(directory, layout.TOTALS)
    publish.make_directory_inside(os.path.join(directory, layout.TEMPORARY), rules)
    temporary = layout.temporary_path(directory, path, os.getpid(), os.urandom(8))
    content = record_of({**totals.counts, _GENERATION: generation}, totals.since or 0)
    publish.write_atomic(temporary, path, content, sync=False, mode=rules.file_mode)


def _read_totals(directory: str, rules: Rules) -> Statistics:
    content = _content(layout.statistics_path(directory, layout.TOTALS), rules)
    return _parsed(content.strip(b"\n")) or Statistics({}, None)


class _Sums:
    """Totals to which logs are added."""

    def __init__(self, totals: Statistics, rules: Rules) -> None:
        self._rules = rules
        self._counts = dict(totals.counts)
        self._since = totals.since

    def add_log(self, path: str) -> None:
        for record in _records(path, self._rules):
            self.add(record)

    def add(self, record: Statistics | None) -> None:
        """None is a damaged one."""
        if (
            record is None
            or any(name.startswith(_OWN) for name in record.counts)
            or len(self._counts.keys() | record.counts.keys()) > MAX_NAMES
        ):
            self._count(DAMAGED, 1)
            return
        for name, count in record.counts.items():
            self._count(name, count)
        self._count(RECORDS, 1)
        if record.since is not None:
            self._since = min(record.since, self._since or record.since)

    def _count(self, name: str, count: int) -> None:
        self._counts[name] = min(self._counts.get(name, 0) + count, 10**_MAX_DIGITS - 1)

    def result(self) -> Statistics:
        return Statistics(self._counts, self._since)


def _logged(directory: str, rules: Rules) -> Iterator[Statistics | None]:
    """The records that are not in the totals."""
    generation = _read_totals(directory, rules).count(_GENERATION)
    newer = [number for number in _numbers(directory) if number > generation]
    for name in (*map(_aside, newer), layout.LOG):
        yield from _records(layout.statistics_path(directory, name), rules)


def _records(path: str, rules: Rules) -> Iterator[Statistics | None]:
    """The records of a log, None for each that is damaged."""
    for line in _content(path, rules).split(b"\n"):
        if line:
            yield _parsed(line)


def _content(path: str, rules: Rules) -> bytes:
    """The file's bytes; none if there is no such file, or one that is not to be believed."""
    try:
        with files.EntryFile(path, MAX_LOG_SIZE, rules) as file:
            return file.read(0, file.size)
    except EntryError:
        return b""


def _parsed(line: bytes) -> Statistics | None:
    """What a line says, if it is a whole record of a known version."""
    record, space, check = line.rpartition(b" ")
    if not space or len(line) > MAX_RECORD_SIZE or check != check_of(record):
        return None
    version, *fields = record.decode("ascii", "replace").split(" ")
    if version not in _HEADS or len(fields) < _HEADS[version] or not _is_number(fields[0]):
        return None
    process, program = fields[1:3] if version == _OF_A_PROCESS else ("", "")
    if version == _OF_A_PROCESS and not (_is_number(process) and _is_program(program)):
        return None
    counts = {}
    for pair in fields[_HEADS[version] :]:
        name, _, count = pair.partition("=")
        if not (0 < len(name) <= _MAX_NAME and _NAME.issuperset(name) and _is_number(count)):
            return None
        counts[name] = int(count)
    return Statistics(counts, int(fields[0]), int(process) if process else None, program)


def _is_program(text: str) -> bool:
    return 0 < len(text) <= MAX_PROGRAM and PROGRAM_CHARACTERS.issuperset(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS


def _aside(number: int) -> str:
    return f"{layout.LOG}.{number}"


def _numbers(directory: str) -> list[int]:
    """The numbers of the logs that were put aside, ascending."""
    return sorted(_numbers_in(scan.names_in(os.path.join(directory, layout.STATISTICS))))


def _numbers_in(names: list[str]) -> Iterator[int]:
    for name in names:
        prefix, _, number = name.partition(".")
        if prefix == layout.LOG and _is_number(number) and number == str(int(number)):
            yield int(number)
