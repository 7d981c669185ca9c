"""Measures two things in alternating pairs, and sums the pairs up.

A machine's speed drifts by more than the differences of interest, so what is compared is measured
within the same second, in alternating order, and only the ratio of a pair counts.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter

Measure = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of seconds, ours and the peer's; `ratios` are ours to the peer's."""

    ours: tuple[float, ...]
    peer: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        return tuple(a / b for a, b in zip(self.ours, self.peer, strict=True))

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        return median(self.ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The ratios' first and third quartile: how far to trust the median."""
        if len(self.ours) < 2:
            return self.ratio, self.ratio
        first, _, third = quantiles(self.ratios, n=4, method="inclusive")
        return first, third


def timed(action: Callable[[], object]) -> Measure:
    """Makes a measure of one call."""

    def measure() -> float:
        start = perf_counter()
        action()
        return perf_counter() - start

    return measure


def alternate(ours: Measure, peer: Measure, pairs: int) -> Pairs:
    """Take `pairs` pairs, each in the other order than the last, after one that does not count."""
    ours(), peer()
    taken: list[tuple[float, float]] = []
    # A collection in the middle would be charged to whoever runs then.
    enabled = gc.isenabled()
    gc.disable()
    try:
        for number in range(pairs):
            if number % 2:
                second = peer()
                taken.append((ours(), second))
            else:
                first = ours()
                taken.append((first, peer()))
    finally:
        if enabled:
            gc.enable()
    return Pairs(tuple(a for a, _ in taken), tuple(b for _, b in taken))
