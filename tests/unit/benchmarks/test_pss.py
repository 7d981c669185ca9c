"""Memory of a tree of processes."""

import os
import subprocess
import sys

import pytest

from benchmarks import pss

# Starts a process that waits for the end of its input, tells its number, and waits for it.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"])
print(child.pid, flush=True)
child.wait()
"""


def test_descendants_of_a_tree_are_all_below_the_root() -> None:
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 20: 1, 21: 20, 13: 10}
    assert pss.descendants(10, parents) == {10, 11, 12, 13}


def test_descendants_of_a_process_that_ended_is_itself() -> None:
    assert pss.descendants(99, {1: 0}) == {99}


def test_parse_pss_takes_the_sum_and_not_its_parts() -> None:
    rollup = "00400000-7fff rollup\nRss:     9000 kB\nPss:      100 kB\nPss_Anon:  40 kB\n"
    assert pss.parse_pss(rollup) == 102_400
    assert pss.parse_pss("") == 0


def test_parents_of_a_living_tree_lead_to_every_process() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None and parent.stdout is not None
        child = int(parent.stdout.readline())
        below = pss.descendants(os.getpid(), pss.parents())
        parent.stdin.close()
    assert {parent.pid, child} <= below


def test_total_of_this_process_is_more_than_nothing() -> None:
    if not (pss.PROC / "self" / "smaps_rollup").exists():
        pytest.skip("the kernel does not tell the proportional set size")
    assert pss.total([os.getpid()]) > 1_000_000


def test_peak_of_a_command_that_fails_is_an_error_with_its_words() -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such module')"]
    with pytest.raises(subprocess.CalledProcessError) as failure:
        pss.peak(command, dict(os.environ))
    assert failure.value.stderr == b"no such module\n"
