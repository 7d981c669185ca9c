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
    """Pairs of seconds or bytes, ours and the peer's; `ratios` are ours to the peer's."""

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
    def quartiles(self) -> tuple[float, float] | None:
        """The ratios' first and third quartile: how far to trust the median. None for one pair."""
        if len(self.ours) < 2:
            return None
        first, _, third = quantiles(self.ratios, n=4, method="inclusive")
        return first, third


def timed(action: Callable[[], object]) -> Measure:
    """Makes a measure of one call."""

    def measure() -> float:
        start = perf_counter()
        action()
        return perf_counter() - start

    return measure


def per_call(run: Callable[[], object], calls: int) -> Measure:
    """Makes a measure of one call out of `calls` that `run` makes."""
    measure = timed(run)
    return lambda: measure() / calls


def alternate(
    ours: Measure,
    peer: Measure,
    pairs: int,
    *,
    fewest: int,
    budget: float = float("inf"),
    warm_up: bool = True,
) -> Pairs:
    """Take at most `pairs` pairs, each in the other order than the last.

    After `fewest` of them, another one is taken only while the sum of all that was measured is
    below `budget`. The first does not count, unless it takes a quarter of the budget by itself:
    nothing that needs warming up takes so long.
    """
    taken: list[tuple[float, float]] = []
    spent = 0.0
    # A collection in the middle would be charged to whoever runs then.
    enabled = gc.isenabled()
    gc.disable()
    try:
        if warm_up:
            first = ours(), peer()
            spent = sum(first)
            if spent >= budget / 4:
                taken.append(first)
        while len(taken) < fewest or (len(taken) < pairs and spent < budget):
            if len(taken) % 2:
                second = peer()
                pair = ours(), second
            else:
                pair = ours(), peer()
            taken.append(pair)
            spent += sum(pair)
    finally:
        if enabled:
            gc.enable()
    return Pairs(tuple(a for a, _ in taken), tuple(b for _, b in taken))
