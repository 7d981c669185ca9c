"""`cache warm`: compile modules before anybody needs them, for this host or for others."""

import os
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from cachewasm import Config, Engine
from cachewasm.cache import reasons
from cachewasm.errors import CachewasmError
from cachewasm.runtime import kept

from .. import exit_codes, text
from ..code_options import choose
from ..failure import Failure, printable, reason
from ..files import read
from ..modules import modules
from ..parser import (
    Commands,
    add_code_options,
    add_command,
    add_jobs,
    add_json,
    add_place,
    chosen_code_options,
    target,
)
from ..place import chosen_to_change
from .lanes import run
from .warm_progress import WarmProgress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..code_options import Code

HIT, COMPILED, FAILED = "hit", "compiled", "failed"

_EPILOG = """A module that cannot be compiled does not stop the others; the exit code is 1 then. Beside the
modules, the support image of each target is compiled, which every process needs that runs one.
"""

# How the support image is listed.
SUPPORT = "support image"
# What it weighs beside modules.
_SUPPORT_SIZE = 16 << 10
_HOST = "host"


@dataclass(frozen=True, slots=True)
class Target:
    """A value of Config.target, and what code for it is called."""

    name: str | None
    label: str
    triple: str


@dataclass(frozen=True, slots=True)
class Job:
    """A module, or with no path the support image, for a target."""

    number: int
    path: str
    target: Target
    size: int


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a job: HIT, COMPILED or FAILED, and why; `size` is of the artifact."""

    job: Job
    state: str
    seconds: float
    size: int = 0
    problem: str = ""


def add(verbs: Commands) -> None:
    """Add the verb."""
    summary = "compile modules into the cache, and what else running them needs"
    parser = add_command(verbs, "warm", warm, summary, _EPILOG)
    parser.add_argument(
        "paths", metavar="FILE|DIR", nargs="+", help="a module, or a folder with .wasm and .wat"
    )
    add_targets(parser)
    add_code_options(parser)
    add_jobs(parser)
    add_place(parser)
    add_json(parser)


def add_targets(parser: ArgumentParser) -> None:
    """The option of every verb that is for several targets."""
    parser.add_argument(
        "--target",
        dest="targets",
        action="append",
        type=_target,
        metavar="T",
        help="host, native, a level such as x86-64-v3 or a triple; may be repeated; by default host",
    )


def warm(options: Namespace) -> int:
    """Have every module compiled that is not in the cache; one that fails does not stop the others."""
    begin = time.monotonic()
    paths = modules(options.paths)
    results = warm_all(paths, options, show=not options.json)
    counts = {state: sum(r.state == state for r in results) for state in (HIT, COMPILED, FAILED)}
    seconds = round(time.monotonic() - begin, 3)
    if options.json:
        facts: dict[str, text.Fact] = {
            "results": [_facts(result) for result in results],
            "counts": counts,
            "seconds": seconds,
        }
        print(text.as_json(facts))
    else:
        said = ", ".join(f"{count} {state}" for state, count in counts.items())
        print(f"{text.counted(len(results), 'artifact')}: {said} in {seconds:.1f} s")
    return exit_codes.FAILURE if counts[FAILED] else exit_codes.OK


def warm_all(paths: Sequence[str], options: Namespace, *, show: bool) -> list[Result]:
    """The results of all modules and support images for all targets, in the order of the paths.

    With `show`, each is printed as soon as it is known. Raises Failure where nothing can be stored.
    """
    chosen_to_change(options.cache_dir, options.config, needs=False)
    jobs: list[Job] = []
    for wanted in chosen_targets(options):
        for path in paths:
            jobs.append(Job(len(jobs), path, wanted, _size(path)))
        jobs.append(Job(len(jobs), "", wanted, _SUPPORT_SIZE))
    processes: int = options.jobs or len(os.sched_getaffinity(0))
    results: list[Result] = []
    with WarmProgress(len(jobs)) as progress:
        work = _Work(chosen_code_options(options), progress)
        with closing(run(jobs, processes, work.perform)) as ending:
            for result in ending:
                results.append(result)
                progress.done()
                if show:
                    print(_row(result), flush=True)
    return sorted(results, key=lambda result: result.job.number)


def chosen_targets(options: Namespace) -> list[Target]:
    """What --target names, by default the host's level; each once."""
    found: dict[str, Target] = {}
    for name in options.targets or [_HOST]:
        wanted = None if name == _HOST else name
        of_it = engine_for(wanted, {})._environment.target
        label = of_it.isa_label
        found.setdefault(f"{of_it.triple} {label}", Target(wanted, label, of_it.triple))
    return list(found.values())


def engine_for(name: str | None, code: "Code", jobs: int = 0) -> Engine:
    """An engine for a target, with the cache that has been chosen. Raises Failure without one."""
    config = Config()
    if name is not None:
        config.target = name
    choose(config, code)
    config.compile_jobs = jobs
    engine = Engine(config)
    if engine._cache is None:
        raise Failure("the cache is switched off: CACHEWASM_CACHE says so")
    return engine


class _Work:
    """Does jobs, in any thread."""

    def __init__(self, code: "Code", progress: WarmProgress) -> None:
        self._code = code
        self._progress = progress

    def perform(self, job: Job, processes: int) -> Result:
        """Look a module up, and have it compiled and stored if it is not there. Raises Failure."""
        begin = time.monotonic()
        engine = engine_for(job.target.name, self._code, processes)
        engine._progress = self._progress.of_job(job.number)
        state, size, problem = HIT, 0, ""
        try:
            content = read(job.path) if job.path else None
            found = _kept(engine, job, content)
            if found is None:
                state = COMPILED
                found = _keep(engine, job, content)
            size = found.size
        except (CachewasmError, OSError) as error:
            state, problem = FAILED, reason(error)
        return Result(job, state, round(time.monotonic() - begin, 4), size, problem)


def _kept(engine: Engine, job: Job, content: bytes | None) -> kept.Kept | None:
    if content is None:
        return kept.kept_support(engine, job.target.name)
    return kept.kept(engine, content)


def _keep(engine: Engine, job: Job, content: bytes | None) -> kept.Kept:
    if content is None:
        kept.keep_support(engine, job.target.name)
    else:
        kept.keep(engine, content)
    found = _kept(engine, job, content)
    if found is not None:
        return found
    store = engine._cache
    assert store is not None
    counts = store.counters.snapshot()
    for why in reasons.STORE_FAILURE_REASONS:
        if counts.get(f"store-failure.{why}") and why != reasons.TOO_LARGE:
            # So it would be with all others, after the time that it takes to compile them.
            trouble = store.trouble or f"{store.directory}: {why}"
            raise Failure(f"nothing can be stored: {printable(trouble)}")
    raise CachewasmError("compiled, but not stored (see `cachewasm cache stats`)")


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        # Whoever reads it will say why.
        return 0


def _row(result: Result) -> str:
    label = result.job.target.label
    size = text.size(result.size) if result.size else "-"
    row = f"{result.state:<8}  {label:<10}  {result.seconds:>7.2f} s  {size:>10}  {_name(result)}"
    return printable(row + (f": {result.problem}" if result.problem else ""))


def _facts(result: Result) -> Mapping[str, text.Fact]:
    return {
        "path": result.job.path or None,
        "support_image": not result.job.path,
        "target": result.job.target.triple,
        "isa": result.job.target.label,
        "result": result.state,
        "seconds": result.seconds,
        "size": result.size or None,
        "problem": result.problem or None,
    }


def _name(result: Result) -> str:
    return result.job.path or SUPPORT


def _target(name: str) -> str:
    if name == _HOST:
        return name
    try:
        return target(name)
    except ArgumentTypeError as error:
        raise ArgumentTypeError(f"{error}, nor is it `{_HOST}`") from None
