"""Executors that do as they are told, and those that do not: the module is right, or the error is."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest

import cachewasm
from cachewasm.compiler import client
from cachewasm.compiler.client import CompileResult
from cachewasm.compiler.processes import remote
from cachewasm.engine.config import Config
from cachewasm.engine.environment import CompileEnvironment, from_config
from cachewasm.errors import CompileError, InvalidModule
from cachewasm.wasm.leb128 import unsigned

FUNCTIONS = 40
# local.get 0; local.get 1; i32.add; local.get 0; i32.mul; local.set 0
STEP = bytes.fromhex("200020016a20006c2100")
STEPS = 400
BODY = b"\0" + STEP * STEPS + b"\x20\0\x0b"


def vector(items: list[bytes]) -> bytes:
    return unsigned(len(items)) + b"".join(items)


def section(number: int, content: bytes) -> bytes:
    return bytes([number]) + unsigned(len(content)) + content


def module(wrong: tuple[int, ...] = ()) -> bytes:
    """A module of three jobs; the functions `wrong` add an i64 to an i32."""
    bad = b"\0" + STEP[:2] + b"\x42" + STEP[3:] + BODY[1 + len(STEP) :]
    bodies = [bad if i in wrong else BODY for i in range(FUNCTIONS)]
    return (
        b"\0asm\1\0\0\0"
        + section(1, bytes.fromhex("0160027f7f017f"))
        + section(3, vector([b"\0"] * FUNCTIONS))
        + section(10, vector([unsigned(len(body)) + body for body in bodies]))
    )


class Direct(Executor):
    """Runs a job when it is submitted, or does what `act` says instead, given its number."""

    def __init__(self, act: Callable[[int, Callable[[], Any]], Any] = lambda _, job: job()) -> None:
        self.submitted = 0
        self._act = act

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(self._act(self.submitted, lambda: function(*args, **kwargs)))
        except Exception as error:
            future.set_exception(error)
        self.submitted += 1
        return future


class Refusing(Executor):
    """Has been shut down."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise RuntimeError("cannot schedule new futures after shutdown")


class Cancelling(Executor):
    """Cancels whatever is submitted."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


@pytest.fixture(scope="module")
def environment() -> CompileEnvironment:
    return from_config(Config())


@pytest.fixture
def compiled(environment: CompileEnvironment) -> Callable[..., CompileResult]:
    """Compiles a module with an executor, by default one that works."""

    def run(executor: Executor, wasm: bytes | None = None, **options: Any) -> CompileResult:
        wasm = module() if wasm is None else wasm
        return client.compile_module(environment, "baseline", wasm, executor=executor, **options)

    return run


@pytest.fixture(scope="module")
def expected(environment: CompileEnvironment) -> bytes:
    return client.compile_module(environment, "baseline", module()).artifact


def test_executor_gets_the_shards_in_jobs(
    compiled: Callable[..., CompileResult], expected: bytes
) -> None:
    executor = Direct()
    result = compiled(executor)
    assert result.artifact == expected
    assert (result.tier, result.storable) == ("baseline", True)
    assert executor.submitted == 3


def test_executor_progress_counts_functions(compiled: Callable[..., CompileResult]) -> None:
    shown: list[tuple[int, int]] = []
    compiled(Direct(), progress=lambda *numbers: shown.append(numbers))
    assert shown == sorted(shown)
    assert shown[-1] == (FUNCTIONS, FUNCTIONS)


@pytest.mark.parametrize("executor", [Refusing(), Cancelling()], ids=["refusing", "cancelling"])
def test_executor_that_does_nothing_is_made_up_for(
    compiled: Callable[..., CompileResult],
    expected: bytes,
    executor: Executor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert compiled(executor).artifact == expected
    assert len(caplog.records) == 1
    assert "3 of 3 jobs" in caplog.text


def test_executor_job_that_fails_is_done_here_and_logged_once(
    compiled: Callable[..., CompileResult], expected: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    def act(number: int, job: Callable[[], Any]) -> Any:
        if number:
            raise OSError("no route to host")
        return job()

    with caplog.at_level(logging.WARNING):
        assert compiled(Direct(act)).artifact == expected
    assert len(caplog.records) == 1
    assert "2 of 3 jobs: OSError: no route to host" in caplog.text


def test_executor_job_that_returns_nonsense_is_done_here(
    compiled: Callable[..., CompileResult], expected: bytes
) -> None:
    assert compiled(Direct(lambda number, job: number and job())).artifact == expected


def test_executor_error_of_the_module_is_the_first(
    compiled: Callable[..., CompileResult], environment: CompileEnvironment
) -> None:
    wrong = module((3, 20, 39))
    with pytest.raises(InvalidModule) as here:
        client.compile_module(environment, "baseline", wrong)
    with pytest.raises(InvalidModule) as there:
        compiled(Direct(), wrong)
    assert str(there.value) == str(here.value)
    assert there.value.offset == here.value.offset == wrong.index(b"\x42") + 2


def test_executor_error_before_a_job_that_failed_counts(
    compiled: Callable[..., CompileResult], caplog: pytest.LogCaptureFixture
) -> None:
    def act(number: int, job: Callable[[], Any]) -> Any:
        if number == 2:
            raise OSError("no route to host")
        return job()

    wrong = module((20, 39))
    with caplog.at_level(logging.WARNING), pytest.raises(InvalidModule) as caught:
        compiled(Direct(act), wrong)
    assert caught.value.offset == wrong.index(b"\x42") + 2
    assert not caplog.records


def test_executor_job_that_failed_before_an_error_is_done_first(
    compiled: Callable[..., CompileResult],
) -> None:
    def act(number: int, job: Callable[[], Any]) -> Any:
        if number == 0:
            raise OSError("no route to host")
        return job()

    wrong = module((3, 39))
    with pytest.raises(InvalidModule) as caught:
        compiled(Direct(act), wrong)
    assert caught.value.offset == wrong.index(b"\x42") + 2


def test_executor_interrupt_cancels_the_jobs(compiled: Callable[..., CompileResult]) -> None:
    waiting: list[Future[Any]] = []

    class Slow(Direct):
        def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            if not self.submitted:
                return super().submit(function, *args, **kwargs)
            waiting.append(Future())
            return waiting[-1]

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compiled(Slow(), progress=interrupt)
    assert [future.cancelled() for future in waiting] == [True, True]


def test_compile_shards_of_another_compiler_is_refused(environment: CompileEnvironment) -> None:
    data = environment.to_bytes()
    other = bytes(each ^ 0xFF for each in environment.identity)
    with pytest.raises(CompileError, match="another version"):
        remote.compile_shards(
            data.replace(environment.identity, other), "baseline", module(), bytes(8)
        )


def test_config_executor_is_what_modules_are_compiled_with() -> None:
    executor = Direct()
    config = cachewasm.Config()
    config.cache = False
    config.strategy = "baseline"
    config.compile_executor = executor
    cachewasm.Module(cachewasm.Engine(config), module())
    assert executor.submitted == 3
