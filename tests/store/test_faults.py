"""Every file-system call of every use of the cache fails in turn, or is the last one of its process.

Whatever fails, nothing but an answer comes back: a right artifact or a miss with its reason. When
the disk is well again nothing bad lies in the directory, nothing in tmp/ that prune does not remove,
and no lock is held.
"""

import errno
import os
import subprocess
import sys

import pytest

from cachewasm.cache.local import LocalStore, Miss
from cachewasm.cache.reasons import UNTRUSTED

from . import faulty
from .faulty import KEY, SCENARIOS, Disk, Fault, calls_of, faults_of, prepared, problems_after


@pytest.mark.parametrize("name", SCENARIOS)
def test_cache_each_failing_call_leaves_right_answers_and_a_sound_directory(name: str) -> None:
    scenario = SCENARIOS[name]
    failures = []
    count = 0
    for at, call in enumerate(calls_of(scenario)):
        for fault in faults_of(call):
            count += 1
            with prepared(scenario) as directory:
                opened = os.listdir("/proc/self/fd")
                try:
                    with Disk(fault, at).in_use():
                        scenario.run(directory)
                    problems = problems_after(directory, verdicts=scenario.verdicts)
                except Exception as error:
                    problems = [repr(error)]
                if os.listdir("/proc/self/fd") != opened:
                    problems.append("it has left something open")
            failures += [f"{fault} at call {at}, {call}: {problem}" for problem in problems]
    assert failures == []
    assert count > 0


@pytest.mark.parametrize("name", SCENARIOS)
def test_cache_death_before_and_after_each_call_leaves_a_sound_directory(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", faulty.__file__, "die", name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0, done.stdout


def test_directory_that_cannot_be_examined_is_untrusted() -> None:
    with prepared(SCENARIOS["get"]) as directory:
        os.chmod(directory, 0o777)
        with Disk(Fault("error", errno.EIO), 1).in_use() as disk:
            missed = LocalStore(directory).get(KEY)
        assert disk.calls[1] == "lstat"
        assert isinstance(missed, Miss)
        assert (missed.reason, missed.detail.endswith("Input/output error")) == (UNTRUSTED, True)


def test_disk_records_the_calls_of_a_put() -> None:
    calls = calls_of(SCENARIOS["put_synced"])
    expected = {"open", "write", "fsync", "close", "rename", "mkdir", "lstat", "path.realpath"}
    assert expected <= set(calls)


def test_disk_records_the_calls_of_a_turn() -> None:
    calls = calls_of(SCENARIOS["compile_first"])
    # Two keys, and giving them back.
    assert calls.count("fcntl") >= 3


def test_disk_fault_happens_at_its_call_only() -> None:
    with prepared(SCENARIOS["get"]) as directory:
        with Disk(Fault("nothing"), 10_000).in_use() as disk:
            SCENARIOS["get"].run(directory)
        assert "pread" in disk.calls
