"""What metering costs: every kernel with fuel or epochs, relative to the same engine without.

A ratio of ratios, so runs are short and alternate, and processor time is what counts.
"""

import math
from collections.abc import Callable, Iterator
from time import process_time
from typing import Any

from benchmarks.figures.figure import (
    TIMES,
    Figure,
    Group,
    Item,
    Setting,
    Skipped,
    figure,
    mean,
    worst,
)
from benchmarks.kernels import KERNELS, Kernel
from benchmarks.measure import Measure
from benchmarks.package import Package

FUEL, EPOCHS = "fuel", "epochs"
SWITCHES = {FUEL: "consume_fuel", EPOCHS: "epoch_interruption"}
TIERS = ("optimized", "baseline")
# The promise: no more than the peer's checks cost it.
LIMIT = 1.0
# More than any kernel uses up.
_PLENTY = 2**62
# Processor time that the unmetered half of a measure takes.
_SECONDS = 0.04


def _runner(package: Package, engine: Any, kernel: Kernel, kind: str | None) -> Callable[[], float]:
    """A function of the processor time that one run of the kernel's small size takes."""
    store = package.api.Store(engine)
    if kind == FUEL:
        store.set_fuel(_PLENTY)
    elif kind == EPOCHS:
        store.set_epoch_deadline(_PLENTY)
    module = package.api.Module(engine, kernel.binary())
    func = package.api.Instance(store, module, []).exports(store)["run"]

    def run() -> float:
        start = process_time()
        found = func(store, kernel.quick)
        taken = process_time() - start
        if found != kernel.quick_checksum:
            raise AssertionError(f"{package.name}: {kernel.name} gave {found}")
        return taken

    return run


def _overhead(package: Package, kernel: Kernel, kind: str, tier: str) -> Measure:
    """A measure of how many times as long metered runs take, of at least _SECONDS each."""
    plain = _runner(package, package.engine(strategy=tier), kernel, None)
    engine = package.engine(strategy=tier, switches=(SWITCHES[kind],))
    metered = _runner(package, engine, kernel, kind)
    runs = math.ceil(_SECONDS / max(plain(), 1e-4))

    def measure() -> float:
        with_it = without_it = 0.0
        for _ in range(runs):
            with_it += metered()
            without_it += plain()
        return with_it / without_it

    return measure


def metering(kind: str) -> Group:
    """The group of FUEL or EPOCHS."""

    def group(setting: Setting) -> Iterator[Item]:
        for tier in TIERS:
            parts: list[Figure] = []
            for kernel in KERNELS:
                if not setting.wants(kernel.name):
                    continue
                ours = _overhead(setting.ours, kernel, kind, tier)
                peer = _overhead(setting.peer, kernel, kind, tier)
                pairs = setting.pairs(ours, peer, 7)
                parts.append(figure(f"{kind}: {kernel.name}, {tier}", pairs, part=True, unit=TIMES))
                yield parts[-1]
            if not parts:
                yield Skipped(f"{kind}, {tier}", "no kernel is wanted")
                continue
            yield mean(f"{kind}: {len(parts)} kernels, {tier}", parts, LIMIT)
            yield worst("worst", parts)

    return group
