"""The compile server: a clean child process that answers requests until its standard input ends.

LLVM's options are global to a process and its internal errors abort it; here neither can come from
the application or reach it. Started by server_process.py, which sends its sys.path first. LLVM runs
in workers that the server forks (pool.py, standing.py), never in the server itself.

The answer to a request (requests.py) is ["ok", field...] or ["error", and the fields of
failures.py]. Any number of ["progress", functions done, functions] may precede it.
"""

import gc
import os
import resource
import sys
from collections.abc import Callable, Sequence

from cachewasm.compiler.processes import confine, early, failures, frames, pool
from cachewasm.compiler.processes.forked import Worker
from cachewasm.compiler.processes.standing import Standing
from cachewasm.compiler.processes.worker import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.generics import TypeVar

    Result = TypeVar("Result")

_INPUT = 0
# Up to so many bytes, a module is compiled faster by one process that is warm than by several.
_SMALL_MODULE = 4 << 10
# From so many bytes on, what a request has left behind is worth to be given back.
_LARGE_REQUEST = 1 << 20

Progress = Callable[[int, int], object]


def main() -> None:
    """Serve standard input and output. Returns when the input ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    confine.keep_freed_memory()
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # Whatever prints by mistake must not end up between answers.
    os.dup2(2, 1)
    standing = Standing(Task("a small module", _SMALL_MODULE, _whole_module, bytes), _INPUT)

    def progress(done: int, total: int) -> None:
        frames.write(answers, [b"progress", b"%d" % done, b"%d" % total])

    gc.freeze()
    try:
        while (request := frames.read(requests)) is not None:
            frames.write(answers, _answer(request, standing, progress))
            # The next request may be far away; automatic collections are off.
            is_large = sum(map(len, request)) > _LARGE_REQUEST
            del request
            gc.collect()
            if is_large:
                confine.give_back_freed_memory()
    except (BrokenPipeError, pool.ClientGone):
        return
    finally:
        standing.close()


def _answer(request: Sequence[bytes], standing: Standing, progress: Progress) -> list[bytes]:
    worker: Worker | None = None

    def run(
        tasks: "Sequence[Task[Result]]",
        processes: int,
        done: Callable[[int], object] | None = None,
    ) -> list["Result"]:
        nonlocal worker
        begun, worker = worker, None
        return pool.run(tasks, processes, done, client=_INPUT, early=begun)

    try:
        worker = early.begin(request)
        # The first request imports the rest of the compiler, now that its first worker is at work.
        from cachewasm.compiler import codegen
        from cachewasm.compiler.processes.requests import carry_out

        codegen.initialize()
        fields = None
        if _is_small(request):
            fields = _from(standing.run(frames.encode(request)), progress)
        if fields is None:
            fields = carry_out(request, run, progress)
        return [b"ok", *fields]
    except (BrokenPipeError, pool.ClientGone):
        raise
    except Exception as error:
        return [b"error", *failures.to_fields(error)]
    finally:
        if worker is not None:
            worker.end()


def _is_small(request: Sequence[bytes]) -> bool:
    match request:
        case [b"module", _, _, wasm, _, support]:
            return len(wasm) <= _SMALL_MODULE and not support
    return False


def _whole_module(data: bytes) -> bytes:
    """The standing worker's task: the number of functions, then the answer to the request."""
    from cachewasm.compiler.processes.requests import carry_out, run_here

    functions = 0

    def progress(_: int, total: int) -> None:
        nonlocal functions
        functions = total

    fields = carry_out(frames.decode(data), run_here, progress)
    return frames.encode([b"%d" % functions, *fields])


def _from(result: bytes | None, progress: Progress) -> list[bytes] | None:
    if result is None:
        return None
    functions, *fields = frames.decode(result)
    if int(functions):
        progress(int(functions), int(functions))
    return fields
