"""What `run --fuel` and `run --timeout` allow a program.

A program that has used it up traps. Code that counts fuel or looks at epochs because `-C` says so, and
nothing else, may go on for ever: a store would give it nothing at all. Not on the warm path of other runs.
"""

import _thread
import time

from cachewasm import ConfigError, Engine, Store
from cachewasm.cache.units import parse_duration

from .arguments import COMMAND, RunArguments
from .failure import UsageError

_MAX_FUEL = (1 << 64) - 1
_NEVER = (1 << 64) - 1


class Limits:
    """The limits that the command line states. Raises UsageError."""

    __slots__ = ("_fuel", "_seconds")

    def __init__(self, options: RunArguments) -> None:
        self._fuel = None if options.fuel is None else _fuel(options.fuel)
        self._seconds = None if options.timeout is None else _seconds(options.timeout)

    def begin(self, engine: Engine, store: Store) -> None:
        """Hand out the fuel, start the clock."""
        tunables = engine._environment.tunables
        if tunables.consume_fuel:
            store.set_fuel(_MAX_FUEL if self._fuel is None else self._fuel)
        if self._seconds is None:
            if tunables.epoch_interruption:
                store.set_epoch_deadline(_NEVER)
        else:
            store.set_epoch_deadline(1)
            # The process does not wait for it. `threading` would take longer to import than to start.
            _thread.start_new_thread(_tick, (engine, self._seconds))


def _tick(engine: Engine, seconds: float) -> None:
    time.sleep(seconds)
    engine.increment_epoch()


def _fuel(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= _MAX_FUEL:
        return int(text)
    raise UsageError(COMMAND, f"--fuel needs a number from 0 to {_MAX_FUEL}, not {text}")


def _seconds(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ConfigError as error:
        raise UsageError(COMMAND, f"--timeout: {error}") from None
    # No longer than a thread can sleep; nobody sees the difference.
    return min(seconds, 10 * 365 * 86400)
