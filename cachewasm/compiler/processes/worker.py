"""A worker: a process forked from the compile server, that runs the tasks it is told by number.

It shares the server's memory as it was at the fork. LLVM's internal errors may abort it, and its
limits may kill it: that is the server's to notice (forked.py).

    request: u32 number of the task | u64 size | what this run of it needs
    answer:  u8 kind | u32 number | u64 size | payload
"""

import gc
import os
import struct
from collections.abc import Callable, Sequence

from cachewasm.compiler.processes import failures, frames
from cachewasm.compiler.processes.confine import Budget, arm, confine
from cachewasm.errors import CompileError
from cachewasm.generics import Generic, TypeVar
from cachewasm.record import dataclass

REQUEST = struct.Struct("<IQ")
ANSWER = struct.Struct("<BIQ")
# The payload is the result; an error (failures.py); why the task should be tried in parts.
DONE, ERROR, ACCIDENT = range(3)

_Result_co = TypeVar("_Result_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Task(Generic[_Result_co]):
    """Something to compile, in a process that has all that it needs.

    `run` makes the result, as bytes, of what is sent along (most need nothing); `read` is how the
    server takes it, and raises InternalError for what is none. `parts` are the smallest tasks whose
    results, in order, are worth the same, if there are any; `functions` counts what it contributes
    to the progress shown.
    """

    name: str
    weight: int
    run: Callable[[bytes], bytes]
    read: Callable[[bytes], _Result_co]
    parts: "Callable[[], Sequence[Task[_Result_co]]] | None" = None
    functions: int = 0


def serve(
    tasks: Sequence[Task[object]],
    requests: int,
    answers: int,
    *,
    server: int,
    budget: Callable[[int], Budget],
) -> None:
    """Answer requests until they end. Called in a forked child, which must end when it returns."""
    confine(server)
    # What the server has made is not garbage, and what a task makes goes when the task is done.
    gc.disable()
    with os.fdopen(requests, "rb") as stream:
        while len(head := stream.read(REQUEST.size)) == REQUEST.size:
            number, size = REQUEST.unpack(head)
            task = tasks[number]
            arm(budget(task.weight))
            kind, payload = _carry_out(task, stream.read(size))
            _write(answers, ANSWER.pack(kind, number, len(payload)) + payload)
            gc.collect()


def _carry_out(task: Task[object], data: bytes) -> tuple[int, bytes]:
    try:
        return DONE, task.run(data)
    except MemoryError:
        return ACCIDENT, b"it ran out of memory"
    except CompileError as error:
        return ACCIDENT, str(error).encode("utf-8", "replace")
    except Exception as error:
        return ERROR, frames.encode(failures.to_fields(error))


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
