"""Many jobs at a time: who is alone and who shares, and how it ends."""

import threading
from contextlib import closing
from dataclasses import dataclass

import pytest
from cachewasm_cli.cache.lanes import divide, run


@dataclass(frozen=True)
class Job:
    """What lanes know of a job."""

    size: int


def jobs(*sizes: int) -> list[Job]:
    return [Job(size) for size in sizes]


@pytest.mark.parametrize(
    ("sizes", "processes", "alone"),
    [
        ((), 2, []),
        ((1,), 1, []),
        ((1,), 2, [1]),
        ((1, 1), 2, []),
        ((5, 1, 1, 30), 2, [30, 5]),
        ((5, 1, 1, 30), 1, []),
        ((1 << 20, 1, 600_000), 1, [1 << 20, 600_000]),
    ],
)
def test_divide_the_large_are_alone(
    sizes: tuple[int, ...], processes: int, alone: list[int]
) -> None:
    large, small = divide(jobs(*sizes), processes)
    assert [job.size for job in large] == alone
    assert [job.size for job in small] == sorted(set(sizes) - set(alone), reverse=True) or small


def test_run_gives_each_job_its_processes() -> None:
    given = dict(run(jobs(900_000, 5, 5, 5), 2, lambda job, processes: (job.size, processes)))
    assert given == {900_000: 2, 5: 1}


def test_run_has_as_many_jobs_at_a_time_as_processes() -> None:
    both = threading.Barrier(2, timeout=60)
    assert list(run(jobs(5, 5, 5, 5), 2, lambda *_: both.wait() >= 0)) == [True] * 4


def test_run_job_that_raises_ends_it() -> None:
    def fail(job: Job, _: int) -> int:
        raise KeyError(job.size)

    with pytest.raises(KeyError, match="7"):
        list(run(jobs(7), 1, fail))


def test_run_that_nobody_wants_any_more_starts_nothing_more() -> None:
    done: list[int] = []
    pause = threading.Event()

    def perform(job: Job, _: int) -> None:
        done.append(job.size)
        lane = threading.current_thread()
        while len(done) == 2 and not lane.stopped:  # type: ignore[attr-defined]
            pause.wait(0.001)

    with closing(run(jobs(900_003, 900_002, 900_001), 1, perform)) as results:
        next(results)
    assert done in ([900_003], [900_003, 900_002])
