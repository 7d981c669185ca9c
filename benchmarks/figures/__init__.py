"""The groups of figures by name, in the order in which they are measured."""

from benchmarks.figures import (
    calls,
    engines,
    instances,
    kernels,
    memory,
    metering,
    modules,
    peak,
    processes,
)
from benchmarks.figures.figure import Group

FIGURES: dict[str, Group] = {
    "calls": calls.calls,
    "memory": memory.memory,
    "instances": instances.instances,
    "engines": engines.engines,
    "hit": modules.hits,
    "cold": processes.cold,
    "warm": processes.warm,
    "run-optimized": kernels.kernels("optimized"),
    "run-baseline": kernels.kernels("baseline"),
    "metered-fuel": metering.metering(metering.FUEL),
    "metered-epoch": metering.metering(metering.EPOCHS),
    "compile-baseline": modules.misses("baseline"),
    "compile-optimized": modules.misses("optimized"),
    "peak": peak.peaks,
}
