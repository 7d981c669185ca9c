"""Pairs: how many are taken, in which order, and how they are summed up."""

import gc
from collections.abc import Callable

import pytest

from benchmarks.measure import Measure, Pairs, alternate


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def measure(log: list[str]) -> Callable[[str, float], Measure]:
    """Makes a measure that notes when it is called, and always gives the same."""

    def make(name: str, value: float) -> Measure:
        def run() -> float:
            log.append(name)
            return value

        return run

    return make


def test_alternate_swaps_the_order_after_a_pair_that_does_not_count(
    log: list[str], measure: Callable[[str, float], Measure]
) -> None:
    pairs = alternate(measure("a", 1.0), measure("b", 2.0), 3, fewest=1)
    assert log == ["a", "b", "a", "b", "b", "a", "a", "b"]
    assert pairs == Pairs((1.0,) * 3, (2.0,) * 3)


def test_alternate_without_warm_up_counts_every_pair(
    log: list[str], measure: Callable[[str, float], Measure]
) -> None:
    pairs = alternate(measure("a", 1.0), measure("b", 2.0), 2, fewest=1, warm_up=False)
    assert log == ["a", "b", "b", "a"]
    assert len(pairs.ours) == 2


def test_alternate_over_budget_takes_the_fewest(measure: Callable[[str, float], Measure]) -> None:
    pairs = alternate(measure("a", 9.0), measure("b", 1.0), 50, fewest=3, budget=100.0)
    # Ten seconds a pair: the first does not count, and nine more reach the budget.
    assert len(pairs.ours) == 9
    pairs = alternate(measure("a", 23.0), measure("b", 1.0), 50, fewest=7, budget=100.0)
    assert len(pairs.ours) == 7


def test_alternate_first_pair_that_takes_long_counts(
    log: list[str], measure: Callable[[str, float], Measure]
) -> None:
    pairs = alternate(measure("a", 90.0), measure("b", 10.0), 50, fewest=1, budget=60.0)
    assert log == ["a", "b"]
    assert pairs == Pairs((90.0,), (10.0,))


def test_alternate_failing_measure_switches_collection_on_again() -> None:
    def fail() -> float:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        alternate(fail, fail, 3, fewest=1)
    assert gc.isenabled()


def test_pairs_ratio_is_the_median_of_the_pairs_ratios() -> None:
    pairs = Pairs((1.0, 30.0, 8.0), (2.0, 10.0, 4.0))
    assert pairs.ratio == 2.0
    assert pairs.quartiles == (1.25, 2.5)


def test_pairs_one_pair_has_no_quartiles() -> None:
    assert Pairs((1.0,), (2.0,)).quartiles is None
