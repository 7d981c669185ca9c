"""The cleanup after a put: when it is due, what it evicts, and what jumping clocks do to it."""

import os
import time
from pathlib import Path

import pytest

from cachewasm.cache import file_locks, layout
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.settings import CacheConfig
from cachewasm.cache.survey.inspect import listing
from cachewasm.cache.upkeep.cleanup import clean_up_if_due

HOUR = 3600
DAY = 24 * HOUR
YEARS = 3 * 365 * DAY
NOW = time.time()


def _config(directory: Path, **settings: object) -> CacheConfig:
    config = CacheConfig(environ={"CACHEWASM_DIR": str(directory)})
    for name, value in settings.items():
        setattr(config, name, value)
    return config.in_use()


def _key(number: int) -> ArtifactKey:
    digest = number.to_bytes(32, "little")
    return ArtifactKey(digest, digest, "x86-64-v1", "baseline")


def _set_time(path: Path, moment: float) -> None:
    os.utime(path, (moment, moment))


@pytest.fixture
def cache(store: LocalStore, tmp_path: Path) -> Path:
    """Ten entries, used a minute apart, the last one now; cleaned up two hours ago."""
    for number in range(10):
        assert store.put(_key(number), b"x" * 100, {}) is None
        path = tmp_path / "cache" / "entries" / "v1" / _key(number).entry_name
        _set_time(path, NOW - 60 * (9 - number))
    _set_cleaned(tmp_path / "cache", NOW - 2 * HOUR)
    return tmp_path / "cache"


def _set_cleaned(cache: Path, moment: float) -> None:
    _set_time(cache / layout.CLEANED, moment)


def _numbers(cache: Path) -> list[int]:
    """Which entries are left."""
    return [
        number
        for number in range(10)
        if (cache / "entries" / "v1" / _key(number).entry_name).exists()
    ]


def test_first_put_starts_the_interval(store: LocalStore, tmp_path: Path) -> None:
    assert store.put(_key(0), b"x", {}) is None
    stamp = tmp_path / "cache" / layout.CLEANED
    assert stamp.read_bytes() == b""
    config = _config(tmp_path / "cache", file_count_soft_limit=0)
    assert clean_up_if_due(store.directory, config, now=NOW) is None
    assert len(list(listing(store.directory))) == 1


def test_cleanup_counts_down_to_the_low_water_mark(cache: Path) -> None:
    config = _config(cache, file_count_soft_limit=9, file_count_limit_percent_if_deleting=50)
    report = clean_up_if_due(str(cache), config, now=NOW)
    assert report is not None and len(report.removed) == 6
    assert _numbers(cache) == [6, 7, 8, 9]


def test_cleanup_within_the_limits_removes_nothing(cache: Path) -> None:
    report = clean_up_if_due(str(cache), _config(cache), now=NOW)
    assert report is not None and report.removed == ()
    assert abs((cache / layout.CLEANED).stat().st_mtime - time.time()) < 60


@pytest.mark.parametrize(
    ("ago", "is_due"), [(0, False), (HOUR - 60, False), (HOUR, True), (YEARS, True)]
)
def test_cleanup_waits_for_the_interval(cache: Path, ago: int, is_due: bool) -> None:
    _set_cleaned(cache, NOW - ago)
    assert (clean_up_if_due(str(cache), _config(cache), now=NOW) is not None) == is_due


@pytest.mark.parametrize(("ahead", "is_due"), [(DAY - 60, False), (DAY + 60, True), (YEARS, True)])
def test_cleanup_of_the_far_future_does_not_stop_those_of_today(
    cache: Path, ahead: int, is_due: bool
) -> None:
    _set_cleaned(cache, NOW + ahead)
    assert (clean_up_if_due(str(cache), _config(cache), now=NOW) is not None) == is_due


def test_cleanup_that_somebody_else_does_is_not_waited_for(cache: Path) -> None:
    descriptor = file_locks.open_lock_file(layout.lock_path(str(cache)))
    try:
        assert file_locks.try_lock(descriptor, layout.CLEANUP_OFFSET)
        assert clean_up_if_due(str(cache), _config(cache), now=NOW) is None
    finally:
        os.close(descriptor)
    assert clean_up_if_due(str(cache), _config(cache), now=NOW) is not None


def test_cleanup_max_age_evicts_what_was_too_old_the_last_time(cache: Path) -> None:
    config = _config(cache, max_age=HOUR)
    _set_time(cache / "entries" / "v1" / _key(3).entry_name, NOW - 4 * HOUR)
    _set_time(cache / "entries" / "v1" / _key(4).entry_name, NOW - 2 * HOUR)
    assert clean_up_if_due(str(cache), config, now=NOW) is not None
    assert _numbers(cache) == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_cleanup_clock_forward_by_years_evicts_nothing_in_use(cache: Path) -> None:
    config = _config(cache, max_age=30 * DAY)
    report = clean_up_if_due(str(cache), config, now=NOW + YEARS)
    assert report is not None and report.removed == ()
    # What is used under the wrong clock stays after the next interval, too.
    for number in range(5):
        _set_time(cache / "entries" / "v1" / _key(number).entry_name, NOW + YEARS)
    _set_cleaned(cache, NOW + YEARS)
    assert clean_up_if_due(str(cache), config, now=NOW + YEARS + HOUR) is not None
    assert _numbers(cache) == [0, 1, 2, 3, 4]


def test_cleanup_clock_back_by_years_evicts_no_more_than_the_limits_ask_for(cache: Path) -> None:
    config = _config(cache, max_age=30 * DAY, file_count_soft_limit=9)
    report = clean_up_if_due(str(cache), config, now=NOW - YEARS)
    assert report is not None and len(report.removed) == 4
    assert _numbers(cache) == [4, 5, 6, 7, 8, 9]


def test_cleanup_out_of_time_is_continued_by_the_next_put(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cachewasm.cache.upkeep.cleanup.MAX_SECONDS", -1.0)
    config = _config(cache, file_count_soft_limit=0)
    report = clean_up_if_due(str(cache), config, now=NOW)
    assert report is not None and not report.is_complete
    assert len(_numbers(cache)) == 10
    monkeypatch.undo()
    assert clean_up_if_due(str(cache), config, now=NOW) is not None
    assert _numbers(cache) == []


def test_put_cleans_up_and_a_hit_does_not(cache: Path) -> None:
    config = _config(cache, file_count_soft_limit=5, file_count_limit_percent_if_deleting=100)
    store = LocalStore(str(cache), config=config)
    store.get(_key(9))
    assert len(_numbers(cache)) == 10
    assert store.put(_key(99), b"x", {}) is None
    assert _numbers(cache) == [6, 7, 8, 9]


def test_put_with_a_cleanup_that_cannot_be_works(cache: Path) -> None:
    (cache / "locks").rename(cache / "elsewhere")
    (cache / "locks").write_text("in the way", encoding="ascii")
    store = LocalStore(str(cache), config=_config(cache, file_count_soft_limit=0))
    assert store.put(_key(99), b"x", {}) is None
    assert len(_numbers(cache)) == 10
