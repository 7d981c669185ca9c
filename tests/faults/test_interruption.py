"""An endless loop ends when somebody increments the epoch: another thread, or a signal handler."""

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cachewasm
from cachewasm.runtime.epoch import Epoch

LIMIT = 60  # seconds, for what takes milliseconds: a test that fails must end


@pytest.fixture(params=["baseline", "optimized"])
def engine(request: pytest.FixtureRequest) -> cachewasm.Engine:
    """An engine of each tier whose code looks at epochs."""
    config = cachewasm.Config()
    config.strategy = request.param
    config.epoch_interruption = True
    return cachewasm.Engine(config)


class Loop:
    """A thread in an endless loop, which tells when it has begun and how it ended."""

    def __init__(self, engine: cachewasm.Engine, *, calling: bool = False) -> None:
        self.entered = threading.Event()
        self.ended: object = None
        self.store = cachewasm.Store(engine)
        self.store.set_epoch_deadline(1)
        body = "(loop (call $g) (br 0))" if calling else "(loop (br 0))"
        text = f'(module (import "" "" (func $h)) (func $g) (func (export "f") (call $h) {body}))'
        module = cachewasm.Module(engine, text)
        host = cachewasm.Func(self.store, cachewasm.FuncType([], []), self.entered.set)
        self._func: Any = cachewasm.Instance(self.store, module, [host]).exports(self.store)["f"]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self.entered.wait(LIMIT)

    def _run(self) -> None:
        try:
            self._func(self.store)
        except cachewasm.Trap as trap:
            self.ended = trap.trap_code

    def join(self) -> object:
        self.thread.join(LIMIT)
        assert not self.thread.is_alive()
        return self.ended


@pytest.mark.parametrize("calling", [False, True])
def test_endless_loop_is_stopped_by_another_thread(engine: cachewasm.Engine, calling: bool) -> None:
    loop = Loop(engine, calling=calling)
    engine.increment_epoch()
    assert loop.join() is cachewasm.TrapCode.INTERRUPT


def test_endless_loops_of_an_engine_are_stopped_together(engine: cachewasm.Engine) -> None:
    loops = [Loop(engine) for _ in range(3)]
    engine.increment_epoch()
    assert [loop.join() for loop in loops] == [cachewasm.TrapCode.INTERRUPT] * 3


def test_endless_loop_is_stopped_by_a_deadline_that_another_thread_sets(
    engine: cachewasm.Engine,
) -> None:
    loop = Loop(engine)
    loop.store.set_epoch_deadline(0)
    assert loop.join() is cachewasm.TrapCode.INTERRUPT


@pytest.fixture
def on_alarm() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Sets what the handler of SIGALRM does."""
    before = signal.getsignal(signal.SIGALRM)
    yield lambda action: signal.signal(signal.SIGALRM, lambda _number, _frame: action()) and None
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_endless_loop_is_stopped_by_a_signal_handler(
    engine: cachewasm.Engine, on_alarm: Callable[[Callable[[], object]], None]
) -> None:
    on_alarm(engine.increment_epoch)
    loop = Loop(engine)
    # The handler interrupts this thread, which waits for the other one.
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    assert loop.join() is cachewasm.TrapCode.INTERRUPT


def test_epoch_incremented_by_threads_and_a_signal_handler_loses_nothing(
    on_alarm: Callable[[Callable[[], object]], None],
) -> None:
    epoch = Epoch()
    handled: list[None] = []

    def handler() -> None:
        handled.append(None)
        epoch.increment()

    def work() -> None:
        for _ in range(20_000):
            epoch.increment()

    on_alarm(handler)
    threads = [threading.Thread(target=work) for _ in range(2)]
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    for thread in threads:
        thread.start()
    work()
    while not handled:
        signal.pause()
    for thread in threads:
        thread.join()
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert epoch.current == 60_000 + len(handled)
