"""Run time: every kernel in a tier, their geometric mean, and the worst of them."""

from collections.abc import Iterator
from typing import Any

from benchmarks.figures.figure import Figure, Group, Item, Setting, Skipped, figure, mean, worst
from benchmarks.kernels import KERNELS, Kernel
from benchmarks.measure import Measure, timed
from benchmarks.package import Package

MEAN_LIMITS = {"baseline": 1.8, "optimized": 0.95}
WORST_LIMITS = {"baseline": None, "optimized": 1.3}


def _run(package: Package, engine: Any, kernel: Kernel, *, quick: bool) -> Measure:
    """A measure of one run, after one that must give the kernel's checksum."""
    n, checksum = kernel.size, kernel.checksum
    if quick:
        n, checksum = kernel.quick, kernel.quick_checksum
    store, exports = package.exports(engine, kernel.binary())
    func = exports["run"]
    found = func(store, n)
    if found != checksum:
        raise AssertionError(f"{package.name}: {kernel.name}({n}) gave {found}, not {checksum}")
    return timed(lambda: func(store, n))


def kernels(strategy: str) -> Group:
    """The group of a tier; compiling is not part of what is measured."""

    def group(setting: Setting) -> Iterator[Item]:
        ours, peer = setting.ours.engine(strategy=strategy), setting.peer.engine()
        parts: list[Figure] = []
        for kernel in KERNELS:
            if not setting.wants(kernel.name):
                continue
            our_run = _run(setting.ours, ours, kernel, quick=setting.quick)
            peer_run = _run(setting.peer, peer, kernel, quick=setting.quick)
            pairs = setting.pairs(our_run, peer_run, 15)
            parts.append(figure(f"run {kernel.name}, {strategy}", pairs, part=True))
            yield parts[-1]
        if not parts:
            yield Skipped(f"run, {strategy}", "no kernel is wanted")
            return
        yield mean(f"run {len(parts)} kernels, {strategy}", parts, MEAN_LIMITS[strategy])
        yield worst("worst", parts, WORST_LIMITS[strategy])

    return group
