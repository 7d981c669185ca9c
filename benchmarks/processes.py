"""Whole processes: the two command lines, run with cache directories of their own.

Both run as installed. They must print the same, or the comparison is worth nothing.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from benchmarks.measure import Measure, timed

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
        if str(OUR_SCRIPT) in self.ours and importlib.util.find_spec("cachewasm_cli") is None:
            return "the command line is not there: install the project"
        return None


DEFAULT = Commands((sys.executable, str(OUR_SCRIPT), "run"), (sys.executable, str(PEER_SCRIPT)))
# As this environment's installer has written it.
CONSOLE_SCRIPT = (str(Path(sys.executable).parent / "cachewasm"), "run")


def environment() -> dict[str, str]:
    """This process's variables, but for the one that forbids to keep byte code.

    An installed package has its byte code; a checkout must be allowed to keep it.
    """
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def _run(command: Sequence[str], variables: Mapping[str, str]) -> bytes:
    return subprocess.run(
        command,
        env={**environment(), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout


def _variables(folder: Path) -> dict[str, str]:
    return {"CACHEWASM_DIR": str(folder / "ours"), "PEER_CACHE_DIR": str(folder / "peer")}


def _check(ours: Sequence[str], peer: Sequence[str], variables: Mapping[str, str]) -> None:
    if (a := _run(ours, variables)) != (b := _run(peer, variables)):
        raise AssertionError(f"the two commands print different things:\n{a!r}\n{b!r}")


def warm_process(
    commands: Commands, arguments: Sequence[str], folder: Path
) -> tuple[Measure, Measure]:
    """Measures of both commands on `arguments`, after a run of each that fills its cache."""
    variables = _variables(folder)
    ours, peer = [*commands.ours, *arguments], [*commands.peer, *arguments]
    _check(ours, peer, variables)
    return timed(lambda: _run(ours, variables)), timed(lambda: _run(peer, variables))


def cold_process(
    commands: Commands, arguments: Sequence[str], folder: Path
) -> tuple[Measure, Measure]:
    """Measures of both commands on `arguments`, each run with a new cache directory."""
    fresh = count()

    def measure(command: Sequence[str]) -> Measure:
        def run() -> float:
            cache = folder / str(next(fresh))
            seconds = timed(lambda: _run(command, _variables(cache)))()
            # The peer's cache may outlive its process by a file.
            shutil.rmtree(cache, ignore_errors=True)
            return seconds

        return run

    ours, peer = [*commands.ours, *arguments], [*commands.peer, *arguments]
    _check(ours, peer, _variables(folder / "checked"))
    return measure(ours), measure(peer)
