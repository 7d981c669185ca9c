"""The compile server: a clean child process that answers requests until its standard input ends.

LLVM's options are global to a process and its internal errors abort it; here neither can come from
the application or reach it. Started by server_process.py, which sends its sys.path first. LLVM runs
in workers that the server forks for each request (pool.py), never in the server itself.

The answer to a request (requests.py) is ["ok", field...] or ["error", and the fields of
failures.py]. Any number of ["progress", functions done, functions] may precede it.
"""

import os
import resource
import signal
import sys
from collections.abc import Sequence
from functools import partial

from cachewasm.compiler import confine, failures, frames, pool
from cachewasm.compiler.requests import carry_out

_INPUT = 0


def main() -> None:
    """Serve standard input and output. Returns when the input ends."""
    # The terminal's Ctrl-C goes to the whole group; the parent decides what becomes of a compile.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    confine.keep_freed_memory()
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # Whatever prints by mistake must not end up between answers.
    os.dup2(2, 1)

    def progress(done: int, total: int) -> None:
        frames.write(answers, [b"progress", b"%d" % done, b"%d" % total])

    def answer(request: Sequence[bytes]) -> list[bytes]:
        try:
            return [b"ok", *carry_out(request, partial(pool.run, client=_INPUT), progress)]
        except (BrokenPipeError, pool.ClientGone):
            raise
        except Exception as error:
            return [b"error", *failures.to_fields(error)]

    while (request := frames.read(requests)) is not None:
        try:
            frames.write(answers, answer(request))
        except (BrokenPipeError, pool.ClientGone):
            return
        # A module may be large, and the next request far away.
        del request
