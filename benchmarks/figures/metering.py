"""What metering costs: every kernel with fuel or epochs, relative to the same engine without."""

from collections.abc import Iterator
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
from benchmarks.measure import Measure, timed
from benchmarks.package import Package

FUEL, EPOCHS = "fuel", "epochs"
SWITCHES = {FUEL: "consume_fuel", EPOCHS: "epoch_interruption"}
TIERS = ("optimized", "baseline")
# The promise: no more than the peer's checks cost it.
LIMIT = 1.0
# Less than any kernel uses up.
_PLENTY = 2**62


def _run(
    package: Package, engine: Any, kernel: Kernel, kind: str | None, *, quick: bool
) -> Measure:
    """A measure of one run, after one that must give the kernel's checksum."""
    n, checksum = kernel.size, kernel.checksum
    if quick:
        n, checksum = kernel.quick, kernel.quick_checksum
    store = package.api.Store(engine)
    if kind == FUEL:
        store.set_fuel(_PLENTY)
    elif kind == EPOCHS:
        store.set_epoch_deadline(_PLENTY)
    module = package.api.Module(engine, kernel.binary())
    func = package.api.Instance(store, module, []).exports(store)["run"]
    found = func(store, n)
    if found != checksum:
        raise AssertionError(f"{package.name}: {kernel.name}({n}) gave {found}, not {checksum}")
    return timed(lambda: func(store, n))


def _overhead(package: Package, kernel: Kernel, kind: str, tier: str, *, quick: bool) -> Measure:
    """A measure of how many times as long a metered run takes."""
    plain = _run(package, package.engine(strategy=tier), kernel, None, quick=quick)
    engine = package.engine(strategy=tier, switches=(SWITCHES[kind],))
    metered = _run(package, engine, kernel, kind, quick=quick)
    return lambda: metered() / plain()


def metering(kind: str) -> Group:
    """The group of FUEL or EPOCHS."""

    def group(setting: Setting) -> Iterator[Item]:
        for tier in TIERS:
            parts: list[Figure] = []
            for kernel in KERNELS:
                if not setting.wants(kernel.name):
                    continue
                ours = _overhead(setting.ours, kernel, kind, tier, quick=setting.quick)
                peer = _overhead(setting.peer, kernel, kind, tier, quick=setting.quick)
                pairs = setting.pairs(ours, peer, 9)
                parts.append(figure(f"{kind}: {kernel.name}, {tier}", pairs, part=True, unit=TIMES))
                yield parts[-1]
            if not parts:
                yield Skipped(f"{kind}, {tier}", "no kernel is wanted")
                continue
            yield mean(f"{kind}: {len(parts)} kernels, {tier}", parts, LIMIT)
            yield worst("worst", parts)

    return group
