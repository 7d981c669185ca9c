"""`cache stats`: what all processes have counted, and what lies in the directory now."""

import time
from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime

from cachewasm.cache.history import prometheus
from cachewasm.cache.history import statistics as statistics_of
from cachewasm.cache.history.statistics import Statistics
from cachewasm.cache.survey import inspect
from cachewasm.cache.trust import Rules

from .. import exit_codes, text
from ..failure import Failure, UsageError, say
from ..parser import Commands, add_command, add_json, add_place, age
from ..place import chosen_to_change

_COMMAND = "cachewasm cache stats"


def add(verbs: Commands) -> None:
    """Add the verb."""
    parser = add_command(verbs, "stats", stats, "print what all processes have counted")
    add_place(parser)
    add_json(parser)
    parser.add_argument("--prometheus", action="store_true", help="print as Prometheus reads it")
    parser.add_argument(
        "--since", type=age, metavar="AGE", help="only processes that ended so long ago: 12h, 30d"
    )
    parser.add_argument("--reset", action="store_true", help="print them, and begin anew")
    parser.add_argument(
        "--dry-run", action="store_true", help="with --reset: print them, and change nothing"
    )


def stats(options: Namespace) -> int:
    """Print the statistics: for people, as JSON or for Prometheus; and forget them, if told so."""
    _refuse_contradictions(options)
    changes = options.reset and not options.dry_run
    store = chosen_to_change(options.cache_dir, options.config, dry_run=not changes)
    directory = store.directory
    found = _counted(directory, options.since, store.rules)
    if changes and not statistics_of.reset(directory, store.rules):
        raise Failure("the statistics cannot be reset")
    sizes = [file.size for file in inspect.listing(directory)]
    if options.prometheus:
        print(prometheus.as_prometheus(found, entries=len(sizes), size=sum(sizes)), end="")
        return exit_codes.OK
    lookups = found.hits + found.misses
    facts: dict[str, text.Fact] = {
        "directory": directory,
        "entries": len(sizes),
        "bytes": sum(sizes),
        "since": _moment(found.since),
        "hits": found.hits,
        "misses": found.misses,
        "hit_rate": round(found.hits / lookups, 4) if lookups else None,
        "saved_seconds": found.saved_seconds,
        "counts": _sorted(found.counts),
    }
    if options.json:
        print(text.as_json(facts))
    else:
        facts["bytes"] = text.size(sum(sizes))
        facts["hit_rate"] = f"{found.hits / lookups:.1%}" if lookups else "-"
        print(text.layout({name.replace("_", " "): fact for name, fact in facts.items()}))
    return exit_codes.OK


def _refuse_contradictions(options: Namespace) -> None:
    for one, other in (("json", "prometheus"), ("since", "reset"), ("since", "prometheus")):
        if getattr(options, one) not in (None, False) and getattr(options, other):
            raise UsageError(_COMMAND, f"--{one} and --{other} exclude each other")
    if options.dry_run and not options.reset:
        raise UsageError(_COMMAND, "--dry-run goes with --reset only")


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


def _sorted(counts: Mapping[str, int]) -> dict[str, text.Fact]:
    return {name: counts[name] for name in sorted(counts)}
