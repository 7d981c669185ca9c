"""Peak memory of a command: the proportional set size (PSS), summed over all of its processes.

PSS charges a page that several processes share to each in part, so the sum over processes that
fork, map the same libraries and share memory is what they take from the machine together. It is
sampled from /proc, since the kernel keeps no peak of a sum.
"""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

PROC = Path("/proc")
# Seconds between samples; more where a sample takes long, since the kernel walks every page.
INTERVAL = 0.01
SHARE = 0.1


def descendants(root: int, parents: Mapping[int, int]) -> set[int]:
    """The process `root` and all below it, given the parent of every process."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    left = [root]
    while left:
        pid = left.pop()
        if pid not in found:
            found.add(pid)
            left += children.get(pid, ())
    return found


def parents() -> dict[int, int]:
    """The parent of every process that runs."""
    found: dict[int, int] = {}
    for entry in os.scandir(PROC):
        if entry.name.isdigit():
            try:
                stat = Path(entry.path, "stat").read_bytes()
            except OSError:
                continue
            # The name, in parentheses, may hold spaces and parentheses.
            found[int(entry.name)] = int(stat.rpartition(b")")[2].split()[1])
    return found


def parse_pss(rollup: str) -> int:
    """Bytes, from the text of a smaps_rollup file."""
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def total(pids: Iterable[int]) -> int:
    """The sum over processes, in bytes; one that has ended counts for nothing."""
    size = 0
    for pid in pids:
        try:
            size += parse_pss((PROC / str(pid) / "smaps_rollup").read_text())
        except OSError:
            continue
    return size


def peak(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a command to its end; the highest sum of PSS in bytes that a sample has seen.

    Raises subprocess.CalledProcessError if the command fails.
    """
    highest = 0
    with subprocess.Popen(
        command, env=variables, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None:
            start = perf_counter()
            highest = max(highest, total(descendants(process.pid, parents())))
            taken = perf_counter() - start
            try:
                process.wait(max(INTERVAL, taken / SHARE))
            except subprocess.TimeoutExpired:
                continue
        if process.returncode:
            assert process.stderr is not None
            said = process.stderr.read()
            raise subprocess.CalledProcessError(process.returncode, command, stderr=said)
    return highest
