"""What a compile server can be asked for, and how it is done.

    request                                                       answer
    module   environment, strategy, wasm, processes, environment  artifact, tier, name of the module,
                 of a support image                                   support image
    support  environment                                          support image
    plan     environment, strategy, wasm                          tier, job and its number of
                                                                     functions, job and ...
    shards   environment, tier, wasm, processes, job              code...
    link     environment, tier, wasm, code...                     artifact, tier, name of the module
    verify   any of these                                         the same; LLVM's verifier has looked
                                                                     at the code of the module

All fields are bytes, numbers in decimal; what is not wanted or not there is empty. `processes` is
how many workers there may be, 0 for one per processor. A job is a range of shards, opaque to whoever
passes it on. The code of all shards, in their order, can be linked, whoever compiled them.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from cachewasm.compiler.compile import assemble
from cachewasm.compiler.linker.fragment import Fragment, decode, encode
from cachewasm.compiler.plan import Plan, ShardCode, compile_shard, make_plan
from cachewasm.compiler.processes.early import processors, support_task
from cachewasm.compiler.processes.worker import Task
from cachewasm.compiler.runtime_library import compile_library
from cachewasm.compiler.shards import Shard, jobs
from cachewasm.engine.environment import CompileEnvironment
from cachewasm.errors import InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol, TypeVar

    Result = TypeVar("Result")

    class Runner(Protocol):
        """How tasks are run: the results in order. `done` gets the number of functions of each."""

        def __call__(
            self,
            tasks: Sequence[Task[Result]],
            processes: int,
            done: Callable[[int], object] | None = None,
        ) -> list[Result]: ...


# First shard and end.
_JOB = struct.Struct("<2I")

# In bytes of bodies: what takes as long to compile.
_LIBRARY_WEIGHT = 4 << 10
# So many calls at most tell of the progress of a request.
_PROGRESS_STEPS = 200


def carry_out(
    request: Sequence[bytes],
    run: "Runner",
    progress: Callable[[int, int], object],
    *,
    verify: bool = False,
) -> list[bytes]:
    """The answer to a request. `progress` is called with the number of functions done, and of all.

    Raises WasmtimeError's leaves, and what `run` and `progress` do.
    """
    match request:
        case [b"verify", *verified]:
            return carry_out(verified, run, progress, verify=True)
        case [b"module", environment, strategy, wasm, processes, support]:
            plan = _plan(environment, strategy, wasm, verify=verify)
            return _module(plan, processors(processes), support, run, progress)
        case [b"support", environment]:
            return run([support_task(environment)], 1)
        case [b"plan", environment, strategy, wasm]:
            plan = _plan(environment, strategy, wasm, verify=verify)
            return [plan.tier.encode(), *_jobs(plan)]
        case [b"shards", environment, tier, wasm, processes, job]:
            plan = _plan(environment, tier, wasm, verify=verify)
            first, end = _JOB.unpack(job)
            tasks = [_shard_task(plan, shard) for shard in plan.shards[first:end]]
            return [code.to_bytes() for code in run(tasks, processors(processes))]
        case [b"link", environment, tier, wasm, *codes]:
            plan = _plan(environment, tier, wasm, verify=verify)
            return _link(plan, list(map(ShardCode.from_bytes, codes)), run)
    raise InternalError(f"the compile server does not know the request {request[:1]}")


def run_here(
    tasks: Sequence[Task["Result"]],
    processes: int,
    done: Callable[[int], object] | None = None,
) -> list["Result"]:
    """Run tasks in this process, one after the other, however many processes there may be."""
    results = []
    for task in tasks:
        results.append(task.read(task.run(b"")))
        if done is not None:
            done(task.functions)
    return results


def _plan(environment: bytes, strategy: bytes, wasm: bytes, *, verify: bool) -> Plan:
    env = CompileEnvironment.from_bytes(environment)
    return make_plan(wasm, env, strategy.decode(), verify=verify)


def _jobs(plan: Plan) -> Iterator[bytes]:
    for job in jobs(plan.shards):
        yield _JOB.pack(job.start, job.stop)
        yield b"%d" % sum(shard.functions for shard in plan.shards[job.start : job.stop])


def _module(
    plan: Plan,
    processes: int,
    support: bytes,
    run: "Runner",
    progress: Callable[[int, int], object],
) -> list[bytes]:
    tasks: list[Task[ShardCode] | Task[bytes]] = []
    if support:  # the first task, which early.py may have begun with
        tasks.append(support_task(support))
    tasks += [_shard_task(plan, shard) for shard in plan.shards]
    results: list[ShardCode | bytes]
    results = run(tasks, processes, _Progress(plan.functions, progress))
    codes = [result for result in results if not isinstance(result, bytes)]
    images = [result for result in results if isinstance(result, bytes)]
    results.clear()
    return [*_link(plan, codes, run), b"".join(images)]


def _link(plan: Plan, codes: list[ShardCode], run: "Runner") -> list[bytes]:
    compiled = assemble(plan, codes, partial(_library, plan, run))
    name = (compiled.module_name or "").encode("utf-8", "replace")
    return [compiled.artifact, compiled.tier.encode(), name]


def _shard_task(plan: Plan, shard: Shard) -> Task[ShardCode]:
    def read(data: bytes) -> ShardCode:
        code = ShardCode.from_bytes(data)
        if len(code.flags) != shard.functions:
            raise InternalError("what was compiled is another shard")
        return code

    return Task(
        name=plan.describe(shard),
        weight=shard.weight,
        run=lambda _: compile_shard(plan, shard).to_bytes(),
        read=read,
        parts=lambda: [_shard_task(plan, part) for part in shard.parts()],
        functions=shard.functions,
    )


def _library(plan: Plan, run: "Runner", names: Sequence[str]) -> Fragment:
    task = Task(
        name="the runtime library",
        weight=_LIBRARY_WEIGHT,
        run=lambda _: encode(compile_library(plan.env, plan.tier, names, verify=plan.verify)),
        read=decode,
    )
    return run([task], 1)[0]


class _Progress:
    """Tells how many functions are compiled, now and then."""

    def __init__(self, total: int, tell: Callable[[int, int], object]) -> None:
        self._tell = tell
        self._total = total
        self._step = max(1, total // _PROGRESS_STEPS)
        self._compiled = 0
        self._told = 0

    def __call__(self, functions: int) -> None:
        self._compiled += functions
        if self._compiled >= min(self._told + self._step, self._total) > self._told:
            self._told = self._compiled
            self._tell(self._compiled, self._total)
