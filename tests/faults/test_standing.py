"""The worker that stays: warm for the next module, and no loss when it is lost."""

from collections.abc import Callable
from typing import Any

import pytest

SETUP = """
import pytest, signal
from cachewasm.compiler.processes.confine import Budget
from cachewasm.compiler.processes.pool import ClientGone
from cachewasm.compiler.processes.standing import Standing
from cachewasm.compiler.processes.worker import Task
from cachewasm.errors import CompileError, InvalidModule

def carry_out(data):
    match data:
        case b"pid":
            return b"%d" % os.getpid()
        case b"die":
            os._exit(3)
        case b"stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case b"invalid":
            raise InvalidModule("type mismatch", offset=7)
        case b"rejected":
            raise CompileError("LLVM rejected the code")
        case b"leave":
            os.close(writer)  # the parent's is the last one
            os.kill(os.getppid(), signal.SIGUSR1)
            signal.pause()
    return data * 2

wall = 100

def budget(weight):
    return Budget(1 << 30, 100, wall)

reader, writer = os.pipe()
standing = Standing(Task("a small module", 1, carry_out, bytes), reader, budget=budget)
list_forks()
"""
Run = Callable[..., Any]


@pytest.fixture
def run(run_python: Any) -> Run:
    """Runs a program after the prelude above."""
    return lambda program: run_python(SETUP + program, options=(), compiled=False)


def test_standing_worker_serves_one_request_after_the_other(run: Run) -> None:
    run("""
check_children()
first = standing.run(b"pid")
assert standing.run(b"abc") == b"abcabc"
assert standing.run(b"pid") == first
check_children(int(first))
standing.close()
check_children()
""")


@pytest.mark.parametrize("accident", [b"die", b"stop", b"rejected"])
def test_standing_worker_that_is_lost_is_replaced(run: Run, accident: bytes) -> None:
    run(f"""
first = standing.run(b"pid")
wall = 0 if {accident!r} == b"stop" else 100
assert standing.run({accident!r}) is None
wall = 100
check_children()
assert standing.run(b"abc") == b"abcabc"
assert standing.run(b"pid") != first
""")


def test_standing_worker_reports_errors_of_modules_and_stays(run: Run) -> None:
    run("""
first = standing.run(b"pid")
with pytest.raises(InvalidModule) as caught:
    standing.run(b"invalid")
assert caught.value.offset == 7
assert standing.run(b"pid") == first
""")


def test_standing_worker_is_no_reason_to_wait_for_a_client_that_is_gone(run: Run) -> None:
    run("""
signal.signal(signal.SIGUSR1, lambda *_: os.close(writer))
with pytest.raises(ClientGone):
    standing.run(b"leave")
standing.close()
check_children()
""")


def test_standing_worker_that_cannot_be_forked_is_done_without(run: Run) -> None:
    run("""
def refuse():
    raise OSError(11, "Resource temporarily unavailable")
os.fork = refuse
assert standing.run(b"abc") is None
""")
