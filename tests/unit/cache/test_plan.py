"""The policy of pruning."""

from hypothesis import given
from hypothesis import strategies as st

from cachewasm.cache.inspect import ListedFile
from cachewasm.cache.prune import plan

NOW = 1_000_000.0


def _file(name: str, *, size: int = 10, age: float = 0.0) -> ListedFile:
    return ListedFile(name, f"/{name}", size, int((NOW - age) * 1e9), is_regular=True)


FILES = [_file("new", age=1), _file("old", age=100), _file("middle", age=50)]


def _names(
    files: list[ListedFile], max_size: int | None = None, older_than: float | None = None
) -> list[str]:
    return [f.name for f in plan(files, max_size=max_size, older_than=older_than, now=NOW)]


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
    evicted = plan(files, max_size=max_size, older_than=None, now=NOW)
    kept = sum(f.size for f in files) - sum(f.size for f in evicted)
    assert kept <= max_size
    if evicted:
        assert kept + evicted[-1].size > max_size
