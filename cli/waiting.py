"""`--wait SECS`: how long a command waits for locks that other processes have.

Without it a command does not wait: what is locked is left, and the exit code says so. The time is for
all locks of a command together.
"""

import argparse
from collections.abc import Iterator

from cachewasm.cache.single_flight import Patience
from cachewasm.cache.units import parse_duration
from cachewasm.errors import ConfigError

_MAX_DIGITS = 9


def add_wait(parser: argparse.ArgumentParser) -> None:
    """The option of every verb that takes a lock."""
    parser.add_argument(
        "--wait",
        type=seconds,
        metavar="SECS",
        default=0.0,
        help="how long to wait for locks of other processes: 30, 5m; by default not at all",
    )


def seconds(text: str) -> float:
    """The type of an argument that is a span of time; without a unit, in seconds."""
    try:
        is_number = text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
        return float(text) if is_number else parse_duration(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def turns(limit: float) -> Iterator[None]:
    """Something each time that a while has passed, for `limit` seconds in all since the first."""
    patience = Patience(timeout=limit)
    for delay in patience.delays():
        if delay:
            patience.sleep(delay)
            yield
