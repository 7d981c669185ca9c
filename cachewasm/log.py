"""The log of the cache: one logger, `cachewasm.cache`, silent unless the application listens.

Importing `logging` takes as long as a whole hit, so this module never is the first to do so: where
nobody has imported it, nobody has attached a handler, and a NullHandler would swallow the message.
Library code never prints.

This module is on the warm path: it imports nothing but sys.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import Logger

LOGGER_NAME = "cachewasm.cache"

# The standard library's numbers, so that callers need not import logging to name a level.
DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40


def log(level: int, message: str, *args: object) -> None:
    """Log `message % args` at `level`; formatted only if a handler wants it. Thread-safe."""
    logger = _logger or _found_logger()
    if logger is None or not logger.isEnabledFor(level):
        return
    if not logger.handlers:
        import logging

        logger.addHandler(logging.NullHandler())
    logger.log(level, message, *args, stacklevel=2)


# Once logging has been imported.
_logger: "Logger | None" = None


def _found_logger() -> "Logger | None":
    global _logger
    if "logging" not in sys.modules:
        return None
    # Waits for the import lock: the entry in sys.modules may be another thread's half-done import.
    import logging

    _logger = logging.getLogger(LOGGER_NAME)
    return _logger
