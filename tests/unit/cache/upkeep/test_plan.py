"""The policy of pruning."""

from hypothesis import given
from hypothesis import strategies as st

from cachewasm.cache.entry import MAX_ENTRY_SIZE
from cachewasm.cache.survey.inspect import ListedFile
from cachewasm.cache.upkeep.prune import Limits, plan

NOW = 1_000_000_000.0
DAY = 86400.0


def _file(name: str, *, size: int = 10, age: float = 0.0) -> ListedFile:
    return ListedFile(name, f"/{name}", size, int((NOW - age) * 1e9), is_regular=True)


FILES = [_file("new", age=1), _file("old", age=100), _file("middle", age=50)]


def _names(
    files: list[ListedFile], max_size: int | None = None, older_than: float | None = None
) -> list[str]:
    limits = Limits(max_size=max_size, max_age=older_than)
    return [f.name for f in plan(files, limits, now=NOW)]


def test_plan_without_limits_evicts_nothing() -> None:
    assert _names(FILES) == []


def test_plan_max_size_evicts_least_recently_used_first() -> None:
    assert _names(FILES, max_size=25) == ["old"]
    assert _names(FILES, max_size=19) == ["old", "middle"]


def test_plan_max_size_just_met_evicts_nothing() -> None:
    assert _names(FILES, max_size=30) == []


def test_plan_max_size_zero_evicts_everything() -> None:
    assert _names(FILES, max_size=0) == ["old", "middle", "new"]


def test_plan_older_than_evicts_by_age() -> None:
    assert _names(FILES, older_than=49) == ["old", "middle"]
    assert _names(FILES, older_than=100) == []


def test_plan_both_limits_add_up() -> None:
    assert _names(FILES, max_size=15, older_than=60) == ["old", "middle"]


def test_plan_same_time_goes_by_name() -> None:
    assert _names([_file("b"), _file("a"), _file("c")], max_size=10) == ["a", "b"]


def test_plan_future_time_is_the_most_recent_use() -> None:
    assert _names([_file("future", age=-100), _file("now")], max_size=10, older_than=5) == ["now"]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-99, 99))), st.integers(0, 300))
def test_plan_evicts_no_more_than_needed(shapes: list[tuple[int, int]], max_size: int) -> None:
    files = [_file(str(i), size=size, age=age) for i, (size, age) in enumerate(shapes)]
    evicted = plan(files, Limits(max_size=max_size), now=NOW)
    kept = sum(f.size for f in files) - sum(f.size for f in evicted)
    assert kept <= max_size
    if evicted:
        assert kept + evicted[-1].size > max_size


def test_plan_count_above_the_limit_goes_down_to_the_low_water_mark() -> None:
    files = [_file(str(age), age=age) for age in range(1, 9)]
    assert plan(files, Limits(max_files=8, files_left=3), now=NOW) == []
    evicted = plan(files, Limits(max_files=7, files_left=3), now=NOW)
    assert [f.name for f in evicted] == ["8", "7", "6", "5", "4"]


def test_plan_one_limit_exceeded_applies_both_low_water_marks() -> None:
    files = [_file("large", size=100, age=9), *(_file(str(age), age=age) for age in range(1, 5))]
    limits = Limits(max_files=4, files_left=4, max_size=1000, size_left=20)
    assert [f.name for f in plan(files, limits, now=NOW)] == ["large", "4", "3"]


def test_plan_spared_entries_count_and_stay() -> None:
    assert plan(FILES, Limits(max_age=10), now=NOW, spared={"old", "middle"}) == []
    evicted = plan(FILES, Limits(max_size=15), now=NOW, spared={"old"})
    assert [f.name for f in evicted] == ["middle", "new"]


def test_plan_far_future_goes_first_and_is_never_too_old() -> None:
    files = [_file("now"), _file("future", age=-2 * DAY), _file("drift", age=-DAY / 2)]
    assert plan(files, Limits(max_age=1, drift=DAY), now=NOW) == []
    limits = Limits(max_size=20, drift=DAY)
    assert [f.name for f in plan(files, limits, now=NOW)] == ["future"]
    limits = Limits(max_size=10, drift=DAY)
    assert [f.name for f in plan(files, limits, now=NOW)] == ["future", "now"]


def test_plan_clock_back_by_years_evicts_no_more_than_the_limits_ask_for() -> None:
    files = [_file(str(i), age=-1000 * DAY + i) for i in range(10)]
    assert plan(files, Limits(max_size=100, max_age=5 * DAY), now=NOW) == []
    limits = Limits(max_size=90, size_left=70, max_age=5 * DAY)
    assert [f.name for f in plan(files, limits, now=NOW)] == ["9", "8", "7"]


def test_plan_age_is_that_of_another_moment_if_there_is_one() -> None:
    limits = Limits(max_age=30)
    later = NOW + 1000 * DAY
    assert [f.name for f in plan(FILES, limits, now=later)] == ["old", "middle", "new"]
    assert [f.name for f in plan(FILES, limits, now=later, aged_at=NOW)] == ["old", "middle"]
    assert plan(FILES, limits, now=later, aged_at=NOW - 1000 * DAY) == []


def test_plan_file_too_large_for_an_entry_goes_and_costs_no_entry() -> None:
    files = [*FILES, _file("sparse", size=100 << 30, age=-5)]
    assert _names(files) == ["sparse"]
    assert _names(files, max_size=30) == ["sparse"]
    assert _names(files, max_size=25) == ["sparse", "old"]


def test_plan_spared_file_too_large_for_an_entry_stays_and_does_not_count() -> None:
    files = [*FILES, _file("pinned", size=MAX_ENTRY_SIZE + 1)]
    assert plan(files, Limits(max_size=30, max_files=3), now=NOW, spared={"pinned"}) == []


def test_plan_entry_larger_than_all_that_may_be_left_goes_first() -> None:
    files = [*FILES, _file("large", size=MAX_ENTRY_SIZE)]
    assert _names(files) == []
    assert _names(files, max_size=30) == ["large"]
    limits = Limits(max_size=30, size_left=20)
    assert [f.name for f in plan(files, limits, now=NOW)] == ["large", "old"]
