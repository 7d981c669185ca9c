"""Many processes in one cache directory, killed at any time: nobody ever gets a wrong answer.

    python tests/faults/cache_crowd.py --processes 32 --seconds 600 --seed 1

Each process looks up, compiles, stores, prunes, verifies and counts at random, with the real store and
locks. What is compiled is made up: the bytes that belong to a key, so every answer can be checked. All
say what they do through one pipe, of every removal of an entry also beforehand; the parent keeps count, kills some of them with SIGKILL in the middle
of whatever comes next, and starts others. In the end all are killed, and the directory must be sound:
no bad entry, nothing in tmp/ that prune leaves, no lock held, and no key compiled more often than it
was evicted, or whoever compiled or evicted it killed meanwhile.
"""

import argparse
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from blake3 import blake3

from cachewasm.cache import file_locks, files, layout, publish
from cachewasm.cache.alias import AliasKey
from cachewasm.cache.entry import Entry
from cachewasm.cache.history import statistics
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore, Miss
from cachewasm.cache.reasons import ABSENT
from cachewasm.cache.single_flight import compile_once
from cachewasm.cache.survey.inspect import entries
from cachewasm.cache.survey.verify import OK, verify
from cachewasm.cache.upkeep.prune import STALE_AFTER, prune

KEYS = 24
_ENCODER = bytes(32)
# As long as a line may have to be written at once into a pipe that many share.
_MAX_LINE = 4000


def key_of(number: int) -> ArtifactKey:
    """The keys are spread over all folders."""
    return ArtifactKey(
        _digest(number), bytes(32), "x86-64-v3:+avx", ("baseline", "optimized")[number % 2]
    )


def _digest(number: int) -> bytes:
    return blake3(number.to_bytes(4, "little")).digest()


def content_of(number: int) -> bytes:
    """The artifact of a key: up to 200 kB, half of it compressible."""
    source = random.Random(number)
    size = source.choice((100, 5_000, 50_000, 100_000))
    return source.randbytes(size) + bytes(size)


CONTENTS = [content_of(number) for number in range(KEYS)]
NUMBERS = {key_of(number).entry_name: number for number in range(KEYS)}


class Worker:
    """One process of the crowd: does things at random, and says each beforehand."""

    def __init__(self, directory: str, seed: int, pipe: int) -> None:
        self._directory = directory
        self._random = random.Random(seed)
        self._pipe = pipe
        self._store = LocalStore(directory)
        self._given_up = 0

    def run(self, operations: int) -> None:
        """Do this many things, then record what was counted."""
        choices: list[Callable[[], None]] = [
            *[self._use] * 60,
            *[self._get] * 20,
            *[self._put] * 8,
            *[self._use_alias] * 8,
            *[self._prune] * 2,
            self._verify,
            self._list,
            self._count,
        ]
        for _ in range(operations):
            self._say("op")
            self._random.choice(choices)()
        self._store.record()
        self._say("end")

    def _say(self, *words: object) -> None:
        line = " ".join(map(str, (os.getpid(), *words))).replace("\n", " | ")
        os.write(self._pipe, line.encode()[:_MAX_LINE] + b"\n")

    def fail(self, what: str) -> None:
        """Something is wrong."""
        self._say("wrong", what)

    def _pick(self) -> int:
        # Few keys are in great demand.
        return min(self._random.randrange(KEYS), self._random.randrange(KEYS))

    def _checked(self, number: int, found: Entry | Miss) -> bytes | None:
        if isinstance(found, Entry):
            if bytes(found.raw) != CONTENTS[number]:
                self.fail(f"wrong bytes of {number}")
            return bytes(found.raw)
        if found.reason != ABSENT:
            self.fail(f"{found} of {number}")
        return None

    def _get(self) -> None:
        number = self._pick()
        self._checked(number, self._store.get(key_of(number)))

    def _put(self) -> None:
        number = self._pick()
        failure = self._store.put(key_of(number), CONTENTS[number], {"compile_ms": number})
        if failure is not None:
            self.fail(repr(failure))

    def _use(self) -> None:
        number = self._pick()
        key = key_of(number)
        if self._checked(number, self._store.get(key)) is not None:
            return

        def lookup() -> bytes | None:
            return self._checked(number, self._store.peek(key))

        def compile() -> bytes:
            if self._store.counters.snapshot().get("give-up", 0) > self._given_up:
                self._given_up += 1
                self._say("give-up", number)
            self._say("compile", number)
            for _ in range(self._random.randrange(200)):
                blake3(CONTENTS[number]).digest()
            failure = self._store.put(key, CONTENTS[number], {"compile_ms": number})
            if failure is not None:
                self.fail(repr(failure))
            self._say("compiled", number)
            return CONTENTS[number]

        if compile_once(self._store, [key], lookup, compile) != CONTENTS[number]:
            self.fail(f"wrong bytes of {number}")

    def _use_alias(self) -> None:
        number = self._pick()
        key = AliasKey(CONTENTS[number][:32], _ENCODER)
        found = self._store.get_alias(key)
        if not isinstance(found, Miss):
            if found != _digest(number):
                self.fail(f"wrong alias of {number}")
        elif found.reason != ABSENT:
            self.fail(f"{found} of alias {number}")
        else:
            failure = self._store.put_alias(key, _digest(number))
            if failure is not None:
                self.fail(repr(failure))

    def _prune(self) -> None:
        self._say("prune")
        limit = self._random.choice((None, 0, 200_000, 1_000_000))
        with self._telling_of_removals() as removed:
            report = prune(self._directory, max_size=limit, older_than=None, dry_run=False)
        if report.failed:
            self.fail(f"prune failed on {report.failed}")
        if sorted(NUMBERS[file.name] for file in report.removed) != sorted(removed):
            self.fail(f"prune removed {removed} and told of {report.removed}")
        self._say("pruned")

    @contextmanager
    def _telling_of_removals(self) -> Iterator[list[int]]:
        """Say of each entry when it is about to be removed, and what came of it."""
        remove = publish.remove
        removed: list[int] = []

        def told(path: str) -> bool:
            number = NUMBERS.get("/".join(path.split("/")[-2:]))
            if number is None:
                return remove(path)
            self._say("evict", number)
            is_removed = remove(path)
            self._say("evicted" if is_removed else "spared", number)
            removed.extend([number] * is_removed)
            return is_removed

        publish.remove = told
        try:
            yield removed
        finally:
            publish.remove = remove

    def _verify(self) -> None:
        report = verify(self._directory)
        bad = [each for each in report.findings if each.verdict != OK]
        if bad or report.directory_problem:
            self.fail(f"verify: {bad} {report.directory_problem}")

    def _list(self) -> None:
        bad = [each for each in entries(self._directory) if each.reason is not None]
        if bad:
            self.fail(f"list: {bad}")

    def _count(self) -> None:
        self._store.record()
        if self._random.randrange(4) == 0:
            statistics.fold(self._directory)
        statistics.read(self._directory)


@dataclass
class Tally:
    """What the parent has heard."""

    events: Counter[str] = field(default_factory=Counter)
    compiles: Counter[int] = field(default_factory=Counter)
    evictions: Counter[int] = field(default_factory=Counter)
    # Of each key, how often its compiler and whoever was about to evict it were killed, and give-ups.
    compilers_killed: Counter[int] = field(default_factory=Counter)
    evictors_killed: Counter[int] = field(default_factory=Counter)
    given_up: Counter[int] = field(default_factory=Counter)
    unfinished_prunes: int = 0
    kills: int = 0
    wrong: list[str] = field(default_factory=list)
    compiling: dict[int, int] = field(default_factory=dict)
    evicting: dict[int, int] = field(default_factory=dict)
    pruning: set[int] = field(default_factory=set)

    def hear(self, line: str) -> tuple[int, str]:
        """Count one line; of which process it is, and what it does."""
        pid_text, event, *rest = line.split(" ")
        pid = int(pid_text)
        self.events[event] += 1
        if event == "compile":
            self.compiles[int(rest[0])] += 1
            self.compiling[pid] = int(rest[0])
        elif event == "compiled":
            del self.compiling[pid]
        elif event == "give-up":
            self.given_up[int(rest[0])] += 1
        elif event == "evict":
            self.evicting[pid] = int(rest[0])
        elif event in ("evicted", "spared"):
            self.evictions[self.evicting.pop(pid)] += event == "evicted"
        elif event == "prune":
            self.pruning.add(pid)
        elif event == "pruned":
            self.pruning.remove(pid)
        elif event == "killed":
            self._killed(pid)
        elif event == "wrong":
            self.wrong.append(" ".join(rest))
        return pid, event

    def _killed(self, pid: int) -> None:
        """A process is dead, and all that it has said has been heard."""
        self.kills += 1
        if pid in self.compiling:
            self.compilers_killed[self.compiling.pop(pid)] += 1
        if pid in self.evicting:
            # Before it has removed the entry, or after.
            self.evictors_killed[self.evicting.pop(pid)] += 1
        if pid in self.pruning:
            self.pruning.remove(pid)
            self.unfinished_prunes += 1

    def too_often(self) -> list[str]:
        """The keys that were compiled more often than they were missing for a reason."""
        found = []
        excuses = self.evictions + self.compilers_killed + self.evictors_killed + self.given_up
        for number, count in self.compiles.items():
            allowed = 1 + excuses[number]
            if count > allowed:
                found.append(f"key {number} was compiled {count} times, at most {allowed} allowed")
        return found


class Crowd:
    """The parent of all."""

    def __init__(self, directory: str, *, seed: int, operations: int, kill_one_in: int) -> None:
        self._directory = directory
        self._random = random.Random(seed)
        self._operations = operations
        self._kill_one_in = kill_one_in
        self._read_end, self._write_end = os.pipe()
        self._rest = b""
        self._workers: set[int] = set()
        self._pending: deque[str] = deque()
        self.started = 0
        self.tally = Tally()

    def run(self, processes: int, *, lives: int | None, seconds: float | None) -> None:
        """Keep this many at work: until as many have lived, or killed together when time is up."""
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            is_over = end is not None and time.monotonic() > end
            while len(self._workers) < processes and not is_over and self.started != lives:
                self._start()
                self.started += 1
            if is_over:
                for pid in tuple(self._workers):
                    self._kill(pid)
            if not self._workers and not self._pending:
                return
            self._listen()

    def _listen(self) -> None:
        if not self._pending:
            self._read()
        while self._pending:
            pid, event = self.tally.hear(self._pending.popleft())
            # Who has just said so is somewhere in what it has begun since, compilers longest.
            if (
                event in ("op", "compile", "evict")
                and self._random.randrange(self._kill_one_in) == 0
            ):
                self._kill(pid)
            elif event == "end":
                self._reap(pid)

    def _read(self) -> None:
        # More than a pipe can hold, so all that is in it.
        data = self._rest + os.read(self._read_end, 1 << 20)
        *lines, self._rest = data.split(b"\n")
        self._pending.extend(line.decode() for line in lines)

    def _start(self) -> None:
        seed = self._random.randrange(1 << 32)
        pid = os.fork()
        if pid:
            self._workers.add(pid)
            return
        worker = Worker(self._directory, seed, self._write_end)
        try:
            worker.run(self._operations)
        except BaseException:
            worker.fail(traceback.format_exc())
            os._exit(1)
        os._exit(0)

    def _kill(self, pid: int) -> None:
        if pid in self._workers:
            os.kill(pid, signal.SIGKILL)
            self._workers.remove(pid)
            os.waitpid(pid, 0)
            # What it has said before is heard before its death is.
            if select.select([self._read_end], [], [], 0)[0]:
                self._read()
            self._pending.append(f"{pid} killed")

    def _reap(self, pid: int) -> None:
        if pid in self._workers:
            self._workers.remove(pid)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if code != 0:
                self.tally.wrong.append(f"a process ended with {code}")


def aftermath(directory: str) -> list[str]:
    """What is wrong with the directory now that nobody uses it."""
    found = []
    report = verify(directory)
    found += [f"verify: {each}" for each in report.findings if each.verdict != OK]
    if report.directory_problem:
        found.append(report.directory_problem)
    temporary = os.path.join(directory, layout.TEMPORARY)
    for name in os.listdir(temporary):
        # As if the next prune came an hour later.
        then = time.time() - 2 * STALE_AFTER
        os.utime(os.path.join(temporary, name), (then, then))
    prune(directory, max_size=None, older_than=None, dry_run=False)
    found += [f"left in tmp/: {name}" for name in os.listdir(temporary)]
    descriptor = file_locks.open_lock_file(layout.lock_path(directory))
    offsets = [layout.lock_offset(key_of(number).entry_name) for number in range(KEYS)]
    found += [
        f"still locked: {at}"
        for at in (*offsets, layout.FOLD_OFFSET)
        if not file_locks.try_lock(descriptor, at)
    ]
    files.close(descriptor)
    return found


def main(arguments: list[str]) -> int:
    """Run the crowd; prints a summary, exits with 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--processes", type=int, default=32)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--lives", type=int, help="how many processes in all, without --seconds")
    parser.add_argument("--operations", type=int, default=300, help="of each process")
    parser.add_argument("--kill-one-in", type=int, default=150, help="operations")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="crowd-") as parent:
        directory = os.path.join(os.path.realpath(parent), "cache")
        crowd = Crowd(
            directory,
            seed=options.seed,
            operations=options.operations,
            kill_one_in=options.kill_one_in,
        )
        crowd.run(options.processes, lives=options.lives, seconds=options.seconds)
        tally = crowd.tally
        counted = statistics.read(directory)
        wrong = [*tally.wrong, *tally.too_often(), *aftermath(directory)]
        if counted.count(statistics.DAMAGED) > tally.kills:
            wrong.append(f"{counted.count(statistics.DAMAGED)} damaged statistics")
        summary = {
            "operations": tally.events["op"],
            "processes": crowd.started,
            "killed": tally.kills,
            "prunes": tally.events["prune"],
            "prunes killed": tally.unfinished_prunes,
            "evictions": tally.evictions.total(),
            "compiles": tally.compiles.total(),
            "compiles killed": tally.compilers_killed.total(),
            "evictions killed": tally.evictors_killed.total(),
            "given up": tally.given_up.total(),
            "waits": counted.count("wait"),
            "shared": counted.count("shared"),
            "keys": len(tally.compiles),
            "wrong": wrong,
        }
    print(json.dumps(summary, indent=2))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
