"""The command `cachewasm`: which command it is, and how each of its ends is reported.

Nothing raised below leaves as a Python traceback. On the warm path: `run` and what it needs are
imported for `run` alone, argparse and the rest for all other commands.
"""

import atexit
import gc
import os
import sys

from cachewasm.errors import CachewasmError

from . import exit_codes
from .failure import BUG, Failure, Unheard, printable, reason, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def console() -> "NoReturn":
    """The console script: `main` on the process's arguments, and its exit code.

    The interpreter is not taken down object by object, which takes as long as a warm start: what was
    registered for its end is called, and the system frees the rest.
    """
    # Nothing that a start makes is garbage. `run` switches collection on again.
    gc.disable()
    code = main()
    try:
        atexit._run_exitfuncs()
    finally:
        if sys.stderr is not None:
            sys.stderr.flush()
        os._exit(code)


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run the command with `arguments`, by default the process's own; return the exit code."""
    if arguments is None:
        arguments = sys.argv[1:]
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        from .closed import occupy

        occupy()
    try:
        code = _dispatch(arguments)
        _flush()
        return code
    except Failure as failure:
        code = failure.code
        say(f"cachewasm: {failure.message}")
        _show_traceback(failure.__cause__)
    except KeyboardInterrupt:
        code = exit_codes.INTERRUPTED
    except (BrokenPipeError, Unheard):
        # Whoever closed the pipe does not want to hear more.
        code = exit_codes.FAILURE
    except OSError as error:
        code = exit_codes.FAILURE
        place = error.filename
        if not isinstance(place, str):
            place = "" if _discard_output() else "standard output"
        say(f"cachewasm: {printable(place)}{': ' if place else ''}{reason(error)}")
    except CachewasmError as error:
        code = exit_codes.FAILURE
        say(f"cachewasm: {reason(error)}")
        _show_traceback(error)
    except MemoryError:
        code = exit_codes.FAILURE
        say("cachewasm: out of memory")
    except Exception as error:
        code = exit_codes.FAILURE
        described = " ".join(f"{type(error).__name__}: {error}".split())
        say(f"cachewasm: {described}: {BUG}")
        _show_traceback(error)
    _discard_output()
    return code


def _dispatch(arguments: "Sequence[str]") -> int:
    if arguments and arguments[0] == "run":
        from .first_run import start_early

        start_early(arguments[1:])
        from .run import run

        return run(arguments[1:])
    from .commands import dispatch

    return dispatch(arguments)


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _discard_output() -> bool:
    """Print what was said before the error, and whether that works; else forget it, lest Python try
    again.
    """
    try:
        _flush()
        return True
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return False


def _show_traceback(error: BaseException | None) -> None:
    if error is not None and os.environ.get("CACHEWASM_TRACEBACK", "") not in ("", "0"):
        import traceback

        traceback.print_exception(error)
