"""What a figure is: one ratio, ours to the peer's, with the limit that it must not exceed.

A limit is a promise that the project makes about its ratio to the peer on any machine; a figure
without one is there to be watched. What could not be measured is an item too, with the reason: no
figure disappears silently.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean, median

from benchmarks.measure import Measure, Pairs, alternate
from benchmarks.package import Package
from benchmarks.processes import Commands

SECONDS = "s"
BYTES = "B"
TIMES = "x"

# Seconds that the pairs of one figure may take, once it has the fewest that count.
BUDGET, QUICK_BUDGET = 60.0, 3.0
FEWEST, QUICK_FEWEST = 3, 1


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured ratio. `part` marks a row that another one sums up."""

    name: str
    pairs: Pairs
    ratio: float
    limit: float | None = None
    part: bool = False
    unit: str = SECONDS

    @property
    def is_over(self) -> bool:
        return self.limit is not None and self.ratio > self.limit


@dataclass(frozen=True, slots=True)
class Skipped:
    """A figure, or a whole group, that cannot be measured here, and why."""

    name: str
    reason: str


Item = Figure | Skipped
Group = Callable[["Setting"], Iterator[Item]]


@dataclass(frozen=True, slots=True)
class Setting:
    """What the figures share. `quick` asks for a look instead of a measurement.

    `inputs` names the only modules and kernels that are wanted; empty means all.
    """

    ours: Package
    peer: Package
    commands: Commands
    folder: Path
    quick: bool = False
    inputs: frozenset[str] = frozenset()

    def wants(self, name: str) -> bool:
        """Whether a module or kernel is to be measured."""
        return not self.inputs or name in self.inputs

    def pairs(self, ours: Measure, peer: Measure, usual: int, *, warm_up: bool = True) -> Pairs:
        """Pairs of two measures: `usual` many, or fewer where they take long or for a look."""
        return alternate(
            ours,
            peer,
            max(3, usual // 5) if self.quick else usual,
            fewest=QUICK_FEWEST if self.quick else FEWEST,
            budget=QUICK_BUDGET if self.quick else BUDGET,
            warm_up=warm_up,
        )


def figure(
    name: str,
    pairs: Pairs,
    limit: float | None = None,
    *,
    part: bool = False,
    unit: str = SECONDS,
) -> Figure:
    """A figure whose ratio is the median of its pairs'."""
    return Figure(name, pairs, pairs.ratio, limit, part, unit)


def mean(name: str, parts: Sequence[Figure], limit: float | None = None) -> Figure:
    """The geometric mean over the parts, of the ratios as of the values."""
    values = Pairs(
        (geometric_mean(median(part.pairs.ours) for part in parts),),
        (geometric_mean(median(part.pairs.peer) for part in parts),),
    )
    ratio = geometric_mean(part.ratio for part in parts)
    return Figure(name, values, ratio, limit, unit=parts[0].unit)


def worst(name: str, parts: Sequence[Figure], limit: float | None = None) -> Figure:
    """The part with the highest ratio, which is named."""
    part = max(parts, key=lambda each: each.ratio)
    return Figure(f"{name}: {part.name}", part.pairs, part.ratio, limit, unit=part.unit)
