"""`cache stats`: what all processes have counted, and what lies in the directory now."""

from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime

from cachewasm.cache import inspect, prometheus
from cachewasm.cache import statistics as statistics_of

from .. import exit_codes, text
from ..failure import UsageError
from ..parser import Commands, add_command, add_json, add_place
from ..place import chosen_store


def add(verbs: Commands) -> None:
    """Add the verb."""
    parser = add_command(verbs, "stats", stats, "print what all processes have counted")
    add_place(parser)
    add_json(parser)
    parser.add_argument("--prometheus", action="store_true", help="print as Prometheus reads it")


def stats(options: Namespace) -> int:
    """Print the statistics: for people, as JSON or for Prometheus."""
    if options.json and options.prometheus:
        raise UsageError("cachewasm cache stats", "--json and --prometheus exclude each other")
    store = chosen_store(options.cache_dir, options.config)
    directory = store.directory
    found = statistics_of.read(directory, store.rules)
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
