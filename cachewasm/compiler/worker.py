"""The compile worker: a clean child process that answers requests until its standard input ends.

LLVM's options are global to a process and its internal errors abort it; here neither can come from
the application or reach it. Started by client.py, which sends its sys.path first.

Requests: ["module", environment, strategy, wasm] and ["support", environment]. Answers:
["ok", artifact, tier, module name or empty] and ["error", class, message, offset or empty].
"""

import os
import resource
import signal
import sys

from cachewasm.compiler import frames
from cachewasm.errors import InternalError, ModuleError, WasmtimeError


def main() -> None:
    """Serve standard input and output. Returns when the input ends."""
    # The terminal's Ctrl-C goes to the whole group; the parent decides what becomes of a compile.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # Whatever prints by mistake must not end up between answers.
    os.dup2(2, 1)
    while (request := frames.read(requests)) is not None:
        try:
            frames.write(answers, answer(request))
        except BrokenPipeError:
            return


def answer(request: list[bytes]) -> list[bytes]:
    """Carry out one request. Never raises: errors are answers."""
    try:
        compiled = _compile(request)
    except ModuleError as error:
        place = b"" if error.offset is None else str(error.offset).encode()
        return [b"error", type(error).__name__.encode(), _utf8(error.message), place]
    except WasmtimeError as error:
        return [b"error", type(error).__name__.encode(), _utf8(str(error)), b""]
    except MemoryError:
        return [b"error", b"CompileError", b"the compile worker ran out of memory", b""]
    except Exception as error:  # a bug of ours: the application must hear of it, not hang
        reason = f"{type(error).__name__}: {error}"
        return [b"error", InternalError.__name__.encode(), _utf8(reason), b""]
    return [b"ok", compiled.artifact, compiled.tier.encode(), _utf8(compiled.module_name or "")]


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _compile(request: list[bytes]) -> "Compiled":
    from cachewasm.compiler.compile import compile_module, compile_support
    from cachewasm.engine.environment import CompileEnvironment

    match request:
        case [b"module", environment, strategy, wasm]:
            return compile_module(
                wasm, CompileEnvironment.from_bytes(environment), strategy.decode()
            )
        case [b"support", environment]:
            return compile_support(CompileEnvironment.from_bytes(environment))
    raise InternalError(f"the compile worker does not know the request {request[:1]}")


TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.compile import Compiled
