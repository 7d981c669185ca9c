"""Run many random programs and print a record: `python -m tests.property.long_run COUNT`.

Each program is decided by a seed, so a run can be repeated or continued. Differences are minimised
and written down; the exit code says whether there were any.
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context

from benchmarks.machine import describe
from tests.property.programs.compare import difference, minimised, oracle_trace
from tests.property.programs.observe import Trace
from tests.property.programs.program import CHOICES, Program, generate

_BATCH = 100


@dataclass(slots=True)
class Tally:
    """What a number of programs amounted to."""

    programs: int = 0
    bytes: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Count the programs of `other`, too."""
        self.programs += other.programs
        self.bytes += other.bytes
        self.outcomes += other.outcomes
        self.differences += other.differences


def run_seeds(seeds: range) -> Tally:
    """Run the programs of these seeds in this process."""
    tally = Tally()
    for seed in seeds:
        data = random.Random(seed).randbytes(CHOICES)
        program = generate(data)
        wanted = oracle_trace(program)
        tally.programs += 1
        tally.bytes += len(program.wasm)
        tally.outcomes.update(_outcomes(program, wanted))
        found = difference(program, wanted)
        if found is not None:
            tally.differences.append(f"seed {seed}: {found}\n\n    {_reduced(data)}")
    return tally


def _outcomes(program: Program, trace: Trace) -> Iterator[str]:
    calls = {call.name for call in program.calls}
    for name, *seen in trace:
        if name in calls:
            yield seen[-1] if isinstance(seen[-1], str) else "returned"
        elif name == "host":
            yield "host function called"
        elif name == "start":
            yield "not instantiated"


def _reduced(data: bytes) -> str:
    program = generate(minimised(data))
    return f"{difference(program, oracle_trace(program))}; minimised to {program.wasm.hex()}"


def _record(tally: Tally, first: int, seconds: float, processes: int) -> str:
    machine = describe()
    facts = "\n".join(f"| {name} | {value} |" for name, value in machine.items())
    outcomes = "\n".join(f"| {name} | {count} |" for name, count in tally.outcomes.most_common())
    found = "\n\n".join(tally.differences) or "None."
    return f"""\
# Random programs against PyPI wasmtime

`python -m tests.property.long_run {tally.programs} --first {first} --processes {processes}`

{tally.programs} modules, {tally.bytes} bytes, each run under the oracle and in both tiers, about
a quarter also with memory accesses that are checked by code. Results, traps, calls of host functions,
memories, tables and globals were compared.
It took {seconds:.0f} s, {1000 * processes * seconds / tally.programs:.0f} ms of a process a module.

## Differences

{found}

## What the calls came to

| outcome | times |
| --- | --- |
{outcomes}

## Machine

| | |
| --- | --- |
{facts}
"""


def main() -> int:
    """Parse the command line, run, print the record. Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("count", type=int, help="how many programs")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    end = options.first + options.count
    batches = [range(at, min(at + _BATCH, end)) for at in range(options.first, end, _BATCH)]
    start = time.monotonic()
    tally = Tally()
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as executor:
        futures = {executor.submit(run_seeds, seeds): seeds for seeds in batches}
        for future in as_completed(futures):
            try:
                done = future.result()
            except BrokenProcessPool:
                seeds = futures[future]
                tally.differences.append(f"a process died at or after seed {seeds.start}")
                break
            tally.add(done)
            for found in done.differences:
                print(found, file=sys.stderr, flush=True)
            print(f"{tally.programs} of {options.count}", file=sys.stderr, flush=True)
    print(_record(tally, options.first, time.monotonic() - start, options.processes))
    return 1 if tally.differences else 0


if __name__ == "__main__":
    sys.exit(main())
