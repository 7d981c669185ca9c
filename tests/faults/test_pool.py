"""Workers that die, stand still, use too much or talk nonsense: each task ends, and nobody is left.

Every test is a process of its own, which forks workers as the compile server does.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import cachewasm
from cachewasm.runtime import kept

SETUP = """
import fcntl, pytest, signal
from cachewasm.compiler.processes import pool
from cachewasm.compiler.processes.confine import Budget
from cachewasm.compiler.processes.worker import Task
from cachewasm.errors import CompileError, InternalError, InvalidModule

# Tasks leave a mark when they are run, in a file that all processes share.
marks = os.memfd_create("marks")
# The place to write at is nobody's to race for.
fcntl.fcntl(marks, fcntl.F_SETFL, os.O_APPEND)

def ran():
    return os.pread(marks, 1000, 0).decode()

def task(name, run=lambda: None, parts=None, weight=1, read=bytes.decode):
    def marked(_):
        os.write(marks, name.encode())
        run()
        return f"<{name}>".encode()
    return Task(name, weight, marked, read, parts)

def die():
    os.write(2, b"LLVM ERROR: no way\\n")
    os.abort()

# Why workers were lost, which a second try makes good.
lost = []
accident = pool._Pool._accident
def told(self, each, number, why):
    lost.append(why.reason)
    accident(self, each, number, why)
pool._Pool._accident = told

def work(tasks, processes=2, **options):
    try:
        return pool.run(tasks, processes=processes, **options)
    finally:
        check_children()
        assert len(os.listdir("/proc/self/fd")) == opened

def budget(memory=1 << 30, processor=100, wall=100):
    # For tasks that weigh anything; others may take their time.
    return lambda weight: Budget(memory, processor, wall) if weight else Budget(1 << 30, 100, 100)

opened = len(os.listdir("/proc/self/fd"))
list_forks()
check_children()
"""
Run = Callable[..., Any]
IGNORED = pytest.mark.emulator_cannot(
    "a limit of the address space is ignored: it would be the emulator's"
)


@pytest.fixture(scope="module", autouse=True)
def support_image_is_kept() -> None:
    """Programs that would have to compile it have a child before they begin."""
    kept.keep_support(cachewasm.Engine(), None)


@pytest.fixture
def run(run_python: Any) -> Run:
    """Runs a program after the prelude above."""
    # Without faulthandler, which has words of its own when a worker aborts.
    return lambda program: run_python(SETUP + program, options=(), compiled=False)


def test_pool_results_are_in_the_order_of_tasks(run: Run) -> None:
    run("""
for processes in (1, 2, 5):
    tasks = [task(name, weight=weight) for name, weight in zip("abcd", (3, 9, 1, 7))]
    assert work(tasks, processes) == ["<a>", "<b>", "<c>", "<d>"]
assert work([]) == []
""")


def test_pool_runs_the_heaviest_task_first(run: Run) -> None:
    run("""
work([task(name, weight=weight) for name, weight in zip("abcd", (3, 9, 1, 7))], 1)
assert ran() == "bdac", (ran(), lost)
""")


def test_pool_result_larger_than_a_pipe_arrives_whole(run: Run) -> None:
    run("""
big = Task("big", 1, lambda _: bytes(range(256)) * 9999, bytes)
assert work([big, big]) == [bytes(range(256)) * 9999] * 2
""")


def test_pool_counts_the_functions_of_what_is_done(run: Run) -> None:
    run("""
done = []
tasks = [Task(str(n), 1, bytes, bytes, functions=n) for n in (5, 7)]
work(tasks, 1, done=done.append)
assert done == [5, 7]
""")


def test_pool_task_that_dies_is_run_in_parts(run: Run) -> None:
    run("""
parts = [task("x"), task("y")]
assert work([task("a"), task("b", die, lambda: parts), task("c")]) == [
    "<a>", "<x>", "<y>", "<c>"
]
""")


def test_pool_task_without_parts_is_run_twice(run: Run) -> None:
    run("""
def once():
    if ran() == "a":
        os._exit(0)
assert work([task("a", once)]) == ["<a>"]
assert ran() == "aa"
""")


@pytest.mark.emulator_cannot("the emulator says itself that a signal was fatal")
def test_pool_part_that_dies_is_an_error_with_its_name_and_last_words(run: Run) -> None:
    run("""
parts = [task("x"), task("function 7 (f)", die), task("z")]
with pytest.raises(CompileError) as caught:
    work([task("a", die, lambda: parts)])
assert str(caught.value) == (
    "function 7 (f) cannot be compiled: its compile worker was killed by signal 6: "
    "LLVM ERROR: no way"
)
""")


def test_pool_worker_that_is_killed_by_somebody_costs_a_second_try(run: Run) -> None:
    run("""
def killed():
    if ran() == "a":
        os.kill(os.getpid(), signal.SIGKILL)
assert work([task("a", killed), task("b", weight=0)], 1) == ["<a>", "<b>"]
assert ran() == "aab"
""")


@IGNORED
def test_pool_task_that_outgrows_its_memory_fails_alone(run: Run) -> None:
    run("""
def greedy():
    bytearray(200 << 20)
with pytest.raises(CompileError, match="^a cannot be compiled: it ran out of memory$"):
    work([task("a", greedy)], budget=budget(memory=100 << 20))
assert work([task("a", greedy)], budget=budget(memory=300 << 20)) == ["<a>"]
""")


def test_pool_memory_of_a_task_is_counted_from_what_the_worker_has(run: Run) -> None:
    run("""
kept = []
def keep():
    kept.append(bytearray(60 << 20))
tasks = [task(name, keep) for name in "abcd"]
assert work(tasks, 1, budget=budget(memory=100 << 20)) == ["<a>", "<b>", "<c>", "<d>"]
""")


def test_pool_task_that_takes_too_long_is_stopped_by_the_kernel(run: Run) -> None:
    run("""
def busy():
    while True:
        pass
done = work([task("a", busy, lambda: [task("x", weight=0)])], budget=budget(processor=0))
assert done == ["<x>"]
""")


def test_pool_worker_that_stands_still_is_replaced(run: Run) -> None:
    run("""
def stop():
    os.kill(os.getpid(), signal.SIGSTOP)
assert work([task("a", stop, lambda: [task("x", weight=0)])], budget=budget(wall=0)) == ["<x>"]
""")


@pytest.mark.parametrize(
    "words",
    [b"nonsense, and more than a head", b"\0" * 13, b"\0" * 12 + b"\xff", b"\x03" + b"\0" * 12],
)
def test_pool_worker_that_answers_nonsense_is_replaced(run: Run, words: bytes) -> None:
    run(f"""
def babble():
    for fd in map(int, os.listdir("/proc/self/fd")):
        try:
            if fd > 2 and os.readlink(f"/proc/self/fd/{{fd}}").startswith("pipe:"):
                os.write(fd, {words!r})
        except OSError:
            pass
    signal.pause()
first = task("first", weight=9)  # so that the number of the task is not 0
assert work([first, task("a", babble, lambda: [task("x")])], 1) == ["<first>", "<x>"]
""")


def test_pool_result_that_cannot_be_read_is_made_again(run: Run) -> None:
    run("""
def read(data):
    if ran() == "a":
        raise InternalError("what should be a fragment is none")
    return data
assert work([task("a", read=read)]) == [b"<a>"]
ran = lambda: "a"
with pytest.raises(CompileError, match="a cannot be compiled: what should be a fragment"):
    work([task("a", read=read)])
""")


def test_pool_bug_is_an_internal_error_at_once(run: Run) -> None:
    run("""
with pytest.raises(InternalError, match="^ZeroDivisionError: division by zero$"):
    work([task("a", lambda: 1 / 0)])
assert ran() == "a"
""")


def test_pool_error_of_a_module_is_the_first_in_order(run: Run) -> None:
    run("""
def invalid(offset):
    def fail():
        raise InvalidModule("type mismatch", offset=offset)
    return fail
names = "abcdef"
for failing in ("bd", "db", "be", "f"):
    for weights in (range(6), range(6, 0, -1)):
        for processes in (1, 2, 4):
            tasks = [
                task(name, invalid(names.index(name)) if name in failing else ran, weight=weight)
                for name, weight in zip(names, weights)
            ]
            with pytest.raises(InvalidModule) as caught:
                work(tasks, processes)
            assert caught.value.offset == names.index(min(failing))
""")


def test_pool_error_ends_what_comes_behind_it(run: Run) -> None:
    run("""
def invalid():
    raise InvalidModule("type mismatch", offset=4)
# While the worker of "c" would wait for ever, that of "a" fails.
tasks = [task("a", invalid), task("b"), task("c", signal.pause, weight=2)]
with pytest.raises(InvalidModule):
    work(tasks, 2)
assert "b" not in ran()
""")


def test_pool_error_before_a_part_that_fails_counts(run: Run) -> None:
    run("""
def invalid():
    raise InvalidModule("type mismatch", offset=4)
with pytest.raises(InvalidModule):
    work([task("a", die, lambda: [task("x"), task("y", invalid), task("z", die)])], 1)
""")


def test_pool_ends_when_its_client_is_gone(run: Run) -> None:
    run("""
reader, writer = os.pipe()
opened += 1
def leave():
    os.close(writer)  # the parent's is the last one, as the client's is of the server's input
    os.kill(os.getppid(), signal.SIGUSR1)
    signal.pause()
def close(*_):
    os.close(writer)
signal.signal(signal.SIGUSR1, close)
with pytest.raises(pool.ClientGone):
    work([task("a", leave), task("b", weight=0)], client=reader)
""")


def test_pool_without_files_in_memory_or_on_disk_works(run: Run) -> None:
    run("""
import tempfile
calls = []
def refuse(*arguments):
    calls.append(arguments)
    raise OSError(28, "No space left on device")
os.memfd_create = tempfile.TemporaryFile = refuse
parts = [task("x"), task("y", die)]
assert work([task("a")]) == ["<a>"]
with pytest.raises(CompileError, match="^y cannot be compiled: its .* killed by signal 6$"):
    work([task("a", die, lambda: parts)])
assert calls
""")


def test_pool_without_processes_is_one_clear_error(run: Run) -> None:
    run("""
def refuse():
    raise OSError(11, "Resource temporarily unavailable")
os.fork = refuse
with pytest.raises(CompileError, match="cannot start a compile worker: .*unavailable"):
    work([task("a")])
""")


def test_pool_takes_over_a_worker_that_has_begun(run: Run) -> None:
    run("""
from cachewasm.compiler.processes.forked import Worker
for processes in (1, 2):
    tasks = [task("a", weight=5), task("b", weight=9), task("c")]
    begun = Worker(tasks[:1], budget())
    begun.start(0)
    # Its descriptors are the run's from now on.
    assert work(tasks, processes, early=begun) == ["<a>", "<b>", "<c>"]
assert sorted(ran()) == list("aabbcc")
""")


def test_pool_worker_that_has_begun_and_dies_costs_its_task_a_second_try(run: Run) -> None:
    run("""
from cachewasm.compiler.processes.forked import Worker
begun = Worker([task("a", die)], budget())
begun.start(0)
assert work([task("a"), task("b")], early=begun) == ["<a>", "<b>"]
""")


def test_pool_workers_die_with_the_process_that_forked_them() -> None:
    program = """
import os, signal
from cachewasm.compiler.processes import pool
from cachewasm.compiler.processes.worker import Task
reader, writer = os.pipe()
def run(_):
    os.write(writer, b"%d\\n" % os.getpid())
    signal.pause()
    return b""
if os.fork() == 0:
    pool.run([Task("a", 1, run, bytes)], processes=1)
os.close(writer)
print(os.read(reader, 20).decode(), flush=True)
signal.pause()
"""
    command = [sys.executable, "-c", program]
    # Whoever is orphaned falls to the process below, not to this one.
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process, process.stdout as answers:
        worker = int(answers.readline())
        with open(f"/proc/{worker}/stat") as stat:
            server = int(stat.read().rpartition(")")[2].split()[1])
        watched = os.pidfd_open(worker)
        os.kill(server, signal.SIGKILL)
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        assert poll.poll(10_000)
        os.close(watched)
        process.kill()
