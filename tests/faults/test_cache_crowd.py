"""A short run of many processes in one cache directory. The long one: benchmarks/recorded/cache-crowd.md."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .cache_crowd import Tally

PROGRAM = Path(__file__).with_name("cache_crowd.py")


@pytest.mark.parametrize("seed", [1, 2])
def test_cache_used_by_a_crowd_that_is_killed_at_random_stays_sound(seed: int) -> None:
    options = ["--processes", "8", "--lives", "24", "--operations", "100", "--kill-one-in", "80"]
    done = subprocess.run(
        [sys.executable, "-W", "error", PROGRAM, *options, "--seed", str(seed)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0, done.stdout
    summary = json.loads(done.stdout)
    assert summary["wrong"] == []
    assert summary["processes"] == 24
    assert min(summary[name] for name in ("killed", "prunes", "evictions", "compiles")) > 0


@pytest.mark.parametrize(
    "excuse",
    ["9 evicted 7", "9 killed", "1 killed", "2 give-up 7"],
    ids=["evicted", "killed-evicting", "killed-compiling", "gave-up"],
)
def test_tally_second_compile_needs_an_excuse(excuse: str) -> None:
    tally = Tally()
    for line in ("9 prune", "9 evict 7", "1 compile 7", "2 compile 7"):
        tally.hear(line)
    assert len(tally.too_often()) == 1
    tally.hear(excuse)
    assert tally.too_often() == []


@pytest.mark.parametrize("lines", [("9 spared 7", "9 killed"), ("9 evicted 7", "9 evict 8")])
def test_tally_killed_prune_excuses_what_it_was_about_to_evict_only(lines: tuple[str, str]) -> None:
    tally = Tally()
    for line in ("9 prune", "9 evict 7", *lines, "9 killed", "1 compile 5", "2 compile 5"):
        tally.hear(line)
    assert tally.too_often() == ["key 5 was compiled 2 times, at most 1 allowed"]
