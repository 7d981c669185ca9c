"""`cache stats`: what all processes have counted, and what lies in the directory now."""

import argparse
import os
import tempfile
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cachewasm.cache import layout
from cachewasm.cache.byte_lock import Busy
from cachewasm.cache.files import DirectoryState
from cachewasm.cache.history import build_log, prometheus
from cachewasm.cache.history import statistics as statistics_of
from cachewasm.cache.history.statistics import Statistics
from cachewasm.cache.reasons import ABSENT, EntryError
from cachewasm.cache.survey import inspect
from cachewasm.cache.trust import DEFAULT_RULES, Rules

from .. import exit_codes, text
from ..failure import Failure, UsageError, printable, reason, say
from ..parser import Commands, add_command, add_json, add_place, age
from ..place import chosen_to_change
from ..waiting import add_wait, turns

_COMMAND = "cachewasm cache stats"
_COLUMNS = ("ENDED", "PID", "PROGRAM", "HITS", "MISSES", "STORES", "SAVED")
_RIGHT = ("ENDED", "PID", "HITS", "MISSES", "STORES", "SAVED")


def add(verbs: Commands) -> None:
    """Add the verb, and the one below it."""
    parser = add_command(verbs, "stats", stats, "print what all processes have counted")
    add_place(parser)
    add_json(parser)
    parser.add_argument("--prometheus", action="store_true", help="print as Prometheus reads it")
    _add_records(parser)
    parser.add_argument("--reset", action="store_true", help="print them, and begin anew")
    add_wait(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="with --reset: print them, and change nothing"
    )
    below = parser.add_subparsers(metavar="COMMAND")
    of_file = add_command(
        below, "log", log, "print what processes have counted into the file of `stats-log`"
    )
    of_file.add_argument("file", metavar="FILE")
    add_json(of_file)
    _add_records(of_file)
    for action in of_file._actions:
        # What was given before the word `log` holds.
        action.default = argparse.SUPPRESS


def _add_records(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since", type=age, metavar="AGE", help="only processes that ended so long ago: 12h, 30d"
    )
    parser.add_argument(
        "--per-process",
        action="store_true",
        help="each process that ended lately, the latest first",
    )


def stats(options: Namespace) -> int:
    """Print the statistics: for people, as JSON or for Prometheus; and forget them, if told so."""
    _refuse_contradictions(options)
    changes = options.reset and not options.dry_run
    store = chosen_to_change(options.cache_dir, options.config, dry_run=not changes)
    directory = store.directory
    if options.per_process:
        found, before = statistics_of.processes(directory, store.rules)
        if before:
            say(
                f"cachewasm: {text.counted(before, 'record')} before these are in the totals already"
            )
        return _print_processes(found, options)
    counted = _counted(directory, options.since, store.rules)
    if changes and _has_any(directory):
        try:
            if not statistics_of.reset(directory, store.rules, turns=turns(options.wait)):
                why = _why_not(directory, store.rules)
                raise Failure(f"the statistics cannot be reset: {printable(why)}")
        except Busy:
            busy = "the statistics are not reset: another process is adding them up (--wait)"
            raise Failure(busy, code=exit_codes.BUSY) from None
    sizes = [file.size for file in inspect.listing(directory)]
    if options.prometheus:
        print(prometheus.as_prometheus(counted, entries=len(sizes), size=sum(sizes)), end="")
        return exit_codes.OK
    shown = text.size(sum(sizes)) if not options.json else sum(sizes)
    _print({"directory": directory, "entries": len(sizes), "bytes": shown}, counted, options)
    return exit_codes.OK


def _has_any(directory: str) -> bool:
    """Whether there is a file with statistics. Raises OSError."""
    try:
        return bool(os.listdir(os.path.join(directory, layout.STATISTICS)))
    except FileNotFoundError:
        return False


def _why_not(directory: str, rules: Rules) -> str:
    """Where the statistics cannot be reset, and why, as far as that can be told afterwards."""
    problem = DirectoryState(directory, rules).problem
    if problem is not None:
        return problem
    place = os.path.join(directory, layout.STATISTICS)
    try:
        # Nobody ever sees this file.
        with tempfile.TemporaryFile(dir=place):
            return f"{place}: what is there cannot be replaced"
    except OSError as error:
        return f"{place}: {reason(error)}"


def log(options: Namespace) -> int:
    """Print what a file says to which processes have appended. Raises Failure."""
    if options.reset or options.dry_run or options.prometheus or options.wait:
        raise UsageError(f"{_COMMAND} log", "a log is only read")
    if options.cache_dir is not None or options.config is not None:
        raise UsageError(f"{_COMMAND} log", "a log belongs to no cache: FILE is all that is read")
    path = os.path.abspath(options.file)
    try:
        found = statistics_of.records_in(path, 2 * build_log.MAX_SIZE, DEFAULT_RULES)
    except EntryError as error:
        why = "No such file" if error.reason == ABSENT else f"{error.reason}: {error.detail}"
        raise Failure(f"{printable(options.file)}: {printable(why)}") from None
    if options.since is not None:
        moment = time.time() - options.since
        found = [each for each in found if each is None or (each.since or 0) >= moment]
    if options.per_process:
        whole = [each for each in found if each is not None]
        return _print_processes(sorted(whole, key=lambda each: -(each.since or 0)), options)
    _print({"file": path}, statistics_of.sum_of(found), options)
    return exit_codes.OK


def _print(place: Mapping[str, text.Fact], found: Statistics, options: Namespace) -> None:
    lookups = found.hits + found.misses
    rate = round(found.hits / lookups, 4) if lookups else None
    facts: dict[str, text.Fact] = {**place, "since": _moment(found.since), **_sums(found)}
    facts["hit_rate"] = rate
    # At the end, since there are many.
    facts["counts"] = facts.pop("counts")
    if options.json:
        print(text.as_json(facts))
    else:
        facts["hit_rate"] = f"{found.hits / lookups:.1%}" if lookups else "-"
        print(text.layout({name.replace("_", " "): fact for name, fact in facts.items()}))


def _print_processes(found: Sequence[Statistics], options: Namespace) -> int:
    now = time.time()
    if options.since is not None:
        found = [each for each in found if (each.since or 0) >= now - options.since]
    if options.json:
        print(
            text.as_json(
                [
                    {
                        "ended": each.since,
                        "process": each.process,
                        "program": each.program or None,
                        **_sums(each),
                    }
                    for each in found
                ]
            )
        )
    elif found:
        rows = [_row(each, now) for each in found]
        text.print_lines(text.table_lines(_COLUMNS, rows, right=_RIGHT, fit=True))
    return exit_codes.OK


def _row(record: Statistics, now: float) -> tuple[str, ...]:
    """The values of _COLUMNS."""
    return (
        text.age(now - (record.since or 0)),
        "-" if record.process is None else str(record.process),
        record.program or "-",
        str(record.hits),
        str(record.misses),
        str(record.count("store")),
        f"{record.saved_seconds:.1f} s",
    )


def _sums(found: Statistics) -> dict[str, text.Fact]:
    return {
        "hits": found.hits,
        "misses": found.misses,
        "saved_seconds": found.saved_seconds,
        "counts": {name: found.counts[name] for name in sorted(found.counts)},
    }


def _refuse_contradictions(options: Namespace) -> None:
    for one, other in (
        *(("json", "prometheus"), ("since", "reset"), ("since", "prometheus")),
        *(("per_process", "prometheus"), ("per_process", "reset")),
    ):
        if getattr(options, one) not in (None, False) and getattr(options, other):
            names = (name.replace("_", "-") for name in (one, other))
            raise UsageError(_COMMAND, "--{} and --{} exclude each other".format(*names))
    if (options.dry_run or options.wait) and not options.reset:
        raise UsageError(_COMMAND, "--dry-run and --wait go with --reset only")


def _counted(directory: str, span: int | None, rules: Rules) -> Statistics:
    """All that was counted, or what was in the last so many seconds, as far as that is known."""
    if span is None:
        return statistics_of.read(directory, rules)
    found, is_all = statistics_of.read_since(directory, time.time() - span, rules)
    if not is_all:
        say("cachewasm: older records are in the totals already, without their times")
    return found


def _moment(since: int | None) -> str | None:
    if since is None:
        return None
    try:
        return datetime.fromtimestamp(since, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        # A clock that was far off, of a process long gone.
        return None
