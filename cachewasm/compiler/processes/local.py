"""The compiler of this machine: the compile server or, where none can be started, this process.

In this process the shards are the same and are compiled one after the other. LLVM's options are the
application's there, and its errors abort the application, so this is no choice otherwise.
"""

import _thread
import sys

from cachewasm.compiler.processes import failures
from cachewasm.compiler.processes.server_process import ServerProcess, server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cachewasm.compiler.processes.server_process import Progress


# What this thread uses instead of the process's server, as `server`.
_own = _thread._local()


def use(own: ServerProcess) -> None:
    """From now on the requests of this thread go to `own`, which the caller closes."""
    _own.server = own


def can_spawn() -> bool:
    """Whether sys.executable is a Python that can run the server."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


def start() -> None:
    """Have the server started, if there will be one: it takes a while to be ready."""
    if can_spawn():
        _server().start()


def is_clean() -> bool:
    """Whether no other user of LLVM can have changed how the next request is compiled."""
    return can_spawn() or "llvmlite.binding" not in sys.modules


def ask(request: "Sequence[bytes]", progress: "Progress | None" = None) -> list[bytes]:
    """The answer to a request (requests.py). `progress` is called in this thread.

    Raises WasmtimeError's leaves, and what `progress` raises, which ends the compile.
    """
    if not can_spawn():
        return _ask_here(request, progress)
    kind, *fields = _server().ask(request, progress)
    if kind != b"ok":
        raise failures.from_fields(fields)
    return fields


def _server() -> ServerProcess:
    own: ServerProcess = getattr(_own, "server", server)
    return own


class _Raised(BaseException):
    """Carries what `progress` has raised past whatever would take it for an error of ours."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _ask_here(request: "Sequence[bytes]", progress: "Progress | None") -> list[bytes]:
    from cachewasm.compiler.processes.requests import carry_out, run_here

    def tell(done: int, total: int) -> None:
        if progress is not None:
            try:
                progress(done, total)
            except BaseException as error:
                raise _Raised(error) from None

    try:
        return carry_out(request, run_here, tell)
    except _Raised as raised:
        raise raised.error from None
    except Exception as error:
        raise failures.from_fields(failures.to_fields(error)) from error
