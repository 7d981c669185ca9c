"""Compile with an executor: jobs anywhere, each done by the compile server of its host.

The module is planned here, its shards are compiled in jobs, and what comes back is linked here. Jobs
and shards depend on the module alone, and a host refuses unless its compiler is this very one, so
the code is the same as without an executor. A job that fails is done here.
"""

from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from functools import partial

from cachewasm.compiler.processes import failures, local
from cachewasm.engine import identity
from cachewasm.engine.environment import CompileEnvironment
from cachewasm.errors import CompileError, ModuleError
from cachewasm.log import WARNING, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cachewasm.compiler.processes.server_process import Progress


def compile_shards(
    environment: bytes, tier: str, wasm: bytes, job: bytes, *, verify: bool = False
) -> list[list[bytes]]:
    """A job: the code of its shards, or a description of the module's error; one of them is empty.

    Runs on any host, in any process. Raises CompileError if the compiler there is another one, and
    whatever the compiler raises. Uses one processor: how many jobs run at once is the executor's to
    say.
    """
    if CompileEnvironment.from_bytes(environment).identity != identity.compiler_identity():
        raise CompileError("this host has another version of cachewasm, llvmlite or LLVM")
    try:
        request = [*_checked(verify), b"shards", environment, tier.encode(), wasm, b"1", job]
        return [local.ask(request), []]
    except ModuleError as error:
        # As a value: an exception would lose the place on its way through pickle.
        return [[], failures.to_fields(error)]


def compile_module(
    executor: Executor,
    environment: CompileEnvironment,
    strategy: str,
    wasm: bytes,
    progress: "Progress | None",
    *,
    verify: bool = False,
) -> list[bytes]:
    """Artifact, tier and name of a module. Raises what `local.ask` does."""
    encoded = environment.to_bytes()
    tier, *fields = local.ask([b"plan", encoded, strategy.encode(), wasm])
    jobs, functions = fields[::2], list(map(int, fields[1::2]))
    run = _Run(functions, progress)
    try:
        for number, job in enumerate(jobs):
            submit = partial(executor.submit, compile_shards, encoded, tier.decode(), wasm, job)
            run.start(number, partial(submit, verify=True) if verify else submit)
        run.wait()
    finally:
        run.cancel()
    for number in run.failed():
        codes = local.ask([*_checked(verify), b"shards", encoded, tier, wasm, b"0", jobs[number]])
        run.finish(number, codes)
    return local.ask([*_checked(verify), b"link", encoded, tier, wasm, *run.codes()])


def _checked(verify: bool) -> list[bytes]:
    """What a request begins with (requests.py)."""
    return [b"verify"] if verify else []


class _Run:
    """The jobs of one module, by number.

    Those behind the first one that finds the module wrong do not matter.
    """

    def __init__(self, functions: "Sequence[int]", progress: "Progress | None") -> None:
        self._functions = functions
        self._progress = progress
        self._pending: dict[Future[list[list[bytes]]], int] = {}
        self._codes: dict[int, list[bytes]] = {}
        self._failures: dict[int, Exception] = {}
        self._end = len(functions)
        self._error: list[bytes] = []

    def start(self, number: int, submit: "Callable[[], Future[list[list[bytes]]]]") -> None:
        """Submit a job."""
        try:
            self._pending[submit()] = number
        except Exception as error:
            self._failures[number] = error

    def wait(self) -> None:
        """Return when every job that matters has ended."""
        while any(number < self._end for number in self._pending.values()):
            for future in wait(self._pending, return_when=FIRST_COMPLETED).done:
                number = self._pending.pop(future)
                try:
                    codes, error = future.result()
                except Exception as failure:
                    self._failures[number] = failure
                    continue
                if not error:
                    self.finish(number, codes)
                elif number < self._end:
                    self._end, self._error = number, error

    def cancel(self) -> None:
        """Start no more jobs."""
        for future in self._pending:
            future.cancel()

    def finish(self, number: int, codes: list[bytes]) -> None:
        """A job is done."""
        self._codes[number] = codes
        if self._progress is not None and self._functions[number]:
            done = sum(self._functions[each] for each in self._codes)
            self._progress(done, sum(self._functions))

    def failed(self) -> "Iterator[int]":
        """The jobs that must be done here. Raises the module's error once all before it are."""
        numbers = [number for number in sorted(self._failures) if number < self._end]
        if numbers:
            failure = self._failures[numbers[0]]
            message = "compiling here what an executor could not, %d of %d jobs: %s: %s"
            log(
                WARNING,
                message,
                len(numbers),
                len(self._functions),
                type(failure).__name__,
                failure,
            )
        yield from numbers
        if self._error:
            raise failures.from_fields(self._error)

    def codes(self) -> "Iterator[bytes]":
        """The code of all shards, in order."""
        for number in range(len(self._functions)):
            yield from self._codes[number]
