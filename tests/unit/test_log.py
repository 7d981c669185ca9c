"""The log: says nothing to nobody, and everything to whoever listens."""

import logging
import subprocess
import sys

import pytest

from cachewasm.log import DEBUG, LOGGER_NAME, WARNING, log


def test_log_without_logging_imported_does_not_import_it() -> None:
    script = (
        "import sys; from cachewasm.log import ERROR, log; log(ERROR, 'x %s', 1);"
        "print('logging' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert (done.stdout, done.stderr) == (b"False\n", b"")


def test_log_without_a_handler_prints_nothing() -> None:
    script = "import logging; from cachewasm.log import ERROR, log; log(ERROR, 'x %s', 1)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_log_reaches_a_listener_with_the_callers_name(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger=LOGGER_NAME):
        log(DEBUG, "unheard")
        log(WARNING, "entry %s is %s", "e", "torn")
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("cachewasm.cache", "WARNING")
    assert record.getMessage() == "entry e is torn"
    assert record.funcName == "test_log_reaches_a_listener_with_the_callers_name"
