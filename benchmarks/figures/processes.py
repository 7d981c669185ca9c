"""Whole processes: what somebody waits for who types a command, the first time and ever after."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.figures.figure import Item, Setting, Skipped, figure
from benchmarks.figures.inputs import INTERPRETER, PROGRAM, module_path
from benchmarks.processes import CONSOLE_SCRIPT, DEFAULT, Commands, cold_process, warm_process

ICEPLL = (PROGRAM, "-i", "12", "-o", "48")
PYTHON = (INTERPRETER, "-c", "print(6 * 7)")
PYTHON_VERSION = (INTERPRETER, "--version")


def _command(program: Sequence[str]) -> tuple[str, ...] | str:
    """The command line behind `run`, or why the program cannot be run."""
    file, *arguments = program
    path = module_path(file)
    return path if isinstance(path, str) else (str(path), *arguments)


def cold(setting: Setting) -> Iterator[Item]:
    """The first run: nothing is cached."""
    name = "process icepll, cold cache"
    command = _command(ICEPLL)
    reason = command if isinstance(command, str) else setting.commands.missing()
    if isinstance(command, str) or reason is not None:
        yield Skipped(name, str(reason))
        return
    measures = cold_process(setting.commands, command, setting.folder / "cold")
    yield figure(name, setting.pairs(*measures, 21), 2.5)


def warm(setting: Setting) -> Iterator[Item]:
    """Every other run: the code is cached. Start, load, run, end."""
    rows: list[tuple[str, Commands, tuple[str, ...], int, float | None]] = [
        ("process icepll, warm cache", setting.commands, ICEPLL, 61, 0.6),
        ("process python (26 MB) -c, warm cache", setting.commands, PYTHON, 31, 0.8),
        (
            "process python (26 MB) --version, warm cache",
            setting.commands,
            PYTHON_VERSION,
            31,
            None,
        ),
    ]
    if setting.commands.ours == DEFAULT.ours:
        script = Commands(CONSOLE_SCRIPT, setting.commands.peer)
        rows.insert(1, ("process icepll, warm cache, console script", script, ICEPLL, 61, None))
    for name, commands, program, usual, limit in rows:
        command = _command(program)
        reason = command if isinstance(command, str) else commands.missing()
        if isinstance(command, str) or reason is not None:
            yield Skipped(name, str(reason))
            continue
        measures = warm_process(commands, command, setting.folder / "warm" / Path(program[0]).stem)
        yield figure(name, setting.pairs(*measures, usual), limit)
