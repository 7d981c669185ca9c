"""Begin with the support image while the rest of the compiler is still being imported.

A process's first compile is of a module and, where no cache has it yet, of the support image. That
needs LLVM and little else, so as soon as the server has LLVM it forks a worker for the image, and a
second processor has something to do. pool.py takes the worker over.
"""

import gc
import os
from collections.abc import Sequence

from cachewasm.compiler.processes.confine import budget_for
from cachewasm.compiler.processes.forked import Lost, Worker
from cachewasm.compiler.processes.worker import Task

# In bytes of bodies: what takes as long to compile.
_SUPPORT_WEIGHT = 16 << 10


def begin(request: Sequence[bytes]) -> Worker | None:
    """A worker that makes the support image that a request asks for, its first task; whoever gets it
    must end it. None if none is asked for, or there is no processor to spare.
    """
    match request:
        case [b"module", _, _, _, processes, support] if support and processors(processes) > 1:
            # What this process needs as well is imported and set up once.
            from cachewasm.compiler import codegen

            codegen.initialize()
            gc.freeze()
            try:
                worker = Worker([support_task(support)], budget_for)
            except OSError:
                return None
            try:
                worker.start(0)
            except Lost:
                return None
            return worker
    return None


def support_task(environment: bytes) -> Task[bytes]:
    """The task of making the support image for an environment."""

    def run(_: bytes) -> bytes:
        from cachewasm.compiler.support.build import compile_support
        from cachewasm.engine.environment import CompileEnvironment

        return compile_support(CompileEnvironment.from_bytes(environment))

    return Task("the support image", _SUPPORT_WEIGHT, run, bytes)


def processors(wanted: bytes) -> int:
    """How many workers a request may have: a number, or 0 for one per processor."""
    return int(wanted) or len(os.sched_getaffinity(0))
