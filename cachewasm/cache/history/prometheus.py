"""Statistics as Prometheus reads them: its text format, version 0.0.4.

One table says which metric each counter is; all that the stores count is in it. Counters only ever
grow, apart from a cache directory that is removed; the two gauges are what lies there now.

Hits and misses add up to the lookups. Who waited for another's compile has missed first, with a reason, and
is a hit in the end; the statistics do not tell which reasons these were, so the misses by reason are a metric
of their own, in which such a lookup is as well.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cachewasm.cache.history.statistics import DAMAGED, RECORDS, Statistics


@dataclass(frozen=True, slots=True)
class _Metric:
    """A metric and the counters in it: by name, or by prefix, whose rest is the label `reason`."""

    name: str
    help: str
    counters: tuple[tuple[str, str], ...]  # counter, or prefix with its dot; the label `kind` or ""
    scale: int = 1


# No names of counters, but sums of some.
_MISSES, _ALIAS_MISSES = "misses", "alias-misses"

_METRICS = (
    _Metric(
        "hits_total",
        "Lookups that found an entry, of a module or of a text",
        (
            ("hit", "entry"),
            ("subset-hit", "subset"),
            ("shared", "waited"),
            ("alias-hit", "text"),
        ),
    ),
    _Metric(
        "misses_total",
        "Lookups that found no usable entry, nor got one by waiting",
        ((_MISSES, "entry"), (_ALIAS_MISSES, "text")),
    ),
    _Metric(
        "miss_reasons_total",
        "Why lookups found no usable entry at once",
        (("miss.", "entry"), ("alias-miss.", "text")),
    ),
    _Metric("stores_total", "Entries written", (("store", "entry"), ("alias-store", "text"))),
    _Metric(
        "store_failures_total",
        "Entries that could not be written",
        (("store-failure.", "entry"), ("alias-store-failure.", "text")),
    ),
    _Metric("waits_total", "Compiles of others that were waited for", (("wait", ""),)),
    _Metric("give_ups_total", "Waits that took too long", (("give-up", ""),)),
    _Metric("nested_compiles_total", "Compiles within another one", (("nested", ""),)),
    _Metric("lock_failures_total", "Compiles without a lock", (("lock-failure.", ""),)),
    _Metric("degraded_total", "Processes without a usable directory", (("degraded", ""),)),
    _Metric("read_bytes_total", "Size of the artifacts that were hit", (("hit-bytes", ""),)),
    _Metric("written_bytes_total", "Size of the artifacts stored", (("store-bytes", ""),)),
    _Metric("compile_seconds_total", "Time spent compiling", (("compile-ms", ""),), scale=1000),
    _Metric("saved_seconds_total", "Compile time saved by hits", (("saved-ms", ""),), scale=1000),
    _Metric("evictions_total", "Entries removed by pruning", (("evicted", ""),)),
    _Metric("quarantined_total", "Damaged entries put into quarantine", (("quarantined", ""),)),
    _Metric("evicted_bytes_total", "Size of the entries removed", (("evicted-bytes", ""),)),
    _Metric("statistics_records_total", "Processes that have told their counts", ((RECORDS, ""),)),
    _Metric("statistics_damaged_total", "Lines of statistics not understood", ((DAMAGED, ""),)),
)


def as_prometheus(statistics: Statistics, *, entries: int, size: int) -> str:
    """All metrics, with the number of entries and their bytes as they are now."""
    alias_misses = (n for name, n in statistics.counts.items() if name.startswith("alias-miss."))
    sums = {_MISSES: statistics.misses, _ALIAS_MISSES: sum(alias_misses)}
    counted = Statistics({**statistics.counts, **sums}, statistics.since)
    lines: list[str] = []
    for metric in _METRICS:
        samples = list(_samples(metric, counted))
        if samples:
            lines += _metric(metric.name, metric.help, "counter", samples)
    lines += _metric("entries", "Entries in the directory", "gauge", [("", str(entries))])
    lines += _metric("size_bytes", "Size of all entries", "gauge", [("", str(size))])
    return "\n".join(lines) + "\n"


def _samples(metric: _Metric, statistics: Statistics) -> Iterable[tuple[str, str]]:
    for counter, kind in metric.counters:
        names = [counter]
        if counter.endswith("."):
            names = sorted(name for name in statistics.counts if name.startswith(counter))
        for name in names:
            # Names are of a-z, "-" and ".", so no label needs an escape.
            labels = {"kind": kind, "reason": name[len(counter) :]}
            shown = ",".join(f'{label}="{value}"' for label, value in labels.items() if value)
            count = statistics.count(name)
            value = str(count) if metric.scale == 1 else f"{count / metric.scale:.3f}"
            yield (f"{{{shown}}}" if shown else "", value)


def _metric(name: str, text: str, kind: str, samples: Iterable[tuple[str, str]]) -> Iterable[str]:
    full = f"cachewasm_cache_{name}"
    yield f"# HELP {full} {text}."
    yield f"# TYPE {full} {kind}"
    for labels, value in samples:
        yield f"{full}{labels} {value}"
