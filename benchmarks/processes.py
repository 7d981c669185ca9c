"""Whole processes in alternating pairs: what a user of a command waits for.

Both run as installed, each with a cache directory of its own that a run before has filled. They must print the same, or the comparison is worth nothing.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Pairs, alternate, timed

OUR_SCRIPT = Path(__file__).parent / "our_run.py"
PEER_SCRIPT = Path(__file__).parent / "peer_run.py"


@dataclass(frozen=True, slots=True)
class Commands:
    """The two command lines; the wasm file and its arguments are appended."""

    ours: tuple[str, ...]
    peer: tuple[str, ...]

    def missing(self) -> str | None:
        """Why the commands cannot be run, or None."""
        for program in (self.ours[0], self.peer[0]):
            if shutil.which(program) is None:
                return f"{program} is not there: install the project, or name the command"
        return None


DEFAULT = Commands((sys.executable, str(OUR_SCRIPT), "run"), (sys.executable, str(PEER_SCRIPT)))
# As this environment's installer has written it.
CONSOLE_SCRIPT = (str(Path(sys.executable).parent / "cachewasm"), "run")


def _run(command: Sequence[str], variables: Mapping[str, str]) -> bytes:
    # An installed package has its byte code; a checkout must be allowed to keep it.
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        command,
        env={**inherited, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout


def warm_process(commands: Commands, arguments: Sequence[str], folder: Path, pairs: int) -> Pairs:
    """Time both commands on `arguments`, after a run of each that fills its cache."""
    variables = {
        "CACHEWASM_DIR": str(folder / "ours"),
        "PEER_CACHE_DIR": str(folder / "peer"),
    }
    ours, peer = [*commands.ours, *arguments], [*commands.peer, *arguments]
    if (a := _run(ours, variables)) != (b := _run(peer, variables)):
        raise AssertionError(f"the two commands print different things:\n{a!r}\n{b!r}")
    return alternate(
        timed(lambda: _run(ours, variables)),
        timed(lambda: _run(peer, variables)),
        pairs,
    )
