"""Run something with a bound on memory and processor time: in a child process, or on memory alone here.

The bounds of a child are the system's: a hang ends by SIGXCPU and an allocation beyond the limit fails,
however busy the machine is.
"""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

_ROOT = str(Path(__file__).parent.parent.parent)
_BOUNDS = """\
import resource, sys
sys.path.insert(0, {root!r})
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds}))
"""


def within(
    memory: int, read: Callable[[], object], refusal: type[Exception] | tuple[type[Exception], ...]
) -> None:
    """Call `read`, which may raise a refusal and nothing else, and allocates at most `memory` bytes."""
    tracemalloc.start()
    try:
        read()
    except refusal:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < memory


def run_bounded(script: str, data: bytes = b"", *, seconds: int = 30, megabytes: int = 512) -> str:
    """What the script prints, given `data` on its standard input.

    Fails if the script ends in any other way than by itself, without an error.
    """
    bounds = _BOUNDS.format(root=_ROOT, memory=megabytes << 20, seconds=seconds)
    done = subprocess.run(
        [sys.executable, "-c", bounds + script], input=data, capture_output=True, check=False
    )
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, f"exit code {done.returncode}: {said[-2000:]}"
    return done.stdout.decode().strip()
