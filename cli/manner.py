"""How much a command says besides its answer: -q, -v and --no-color, of every command but `run`.

The answer on standard output is the same in any case, and so are errors.
"""

import argparse
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from cachewasm.log import DEBUG, LOGGER_NAME

from . import note
from .failure import say


def add_manner(parser: argparse.ArgumentParser) -> None:
    """The options of every command."""
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    how_much.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="tell on standard error what the cache does, instead of progress",
    )
    parser.add_argument(
        "--no-color", action="store_true", help="show progress without colors, as with NO_COLOR=1"
    )


@contextmanager
def manner(options: argparse.Namespace) -> Iterator[None]:
    """A context in which the options hold; that of colors, from here on."""
    if options.no_color:
        # What rich, and all that is started from here, looks at.
        os.environ["NO_COLOR"] = "1"
    with ExitStack() as stack:
        if options.quiet or options.verbose:
            stack.enter_context(note.Silence())
        if options.verbose:
            stack.enter_context(_listening())
        yield


@contextmanager
def _listening() -> Iterator[None]:
    """A context in which what the cache logs is said."""
    import logging

    class Said(logging.Handler):
        """Says each message as errors are said."""

        def emit(self, record: logging.LogRecord) -> None:
            say(f"cachewasm: {record.getMessage()}")

    logger, handler = logging.getLogger(LOGGER_NAME), Said()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(DEBUG)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
