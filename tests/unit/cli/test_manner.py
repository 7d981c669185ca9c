"""How much a command says: -q, -v, --no-color."""

import logging
import os
import re
from argparse import Namespace
from collections.abc import Iterator

import pytest
from cachewasm_cli.bar import Bar
from cachewasm_cli.main import main
from cachewasm_cli.manner import manner
from cachewasm_cli.note import is_shown_on

from cachewasm.log import DEBUG, LOGGER_NAME, log

from .conftest import Terminal

_COLOR = re.compile(rb"\x1b\[[0-9;]*m")


def _options(**chosen: bool) -> Namespace:
    return Namespace(**{"quiet": False, "verbose": False, "no_color": False, **chosen})


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A terminal with colors, if nobody says otherwise."""
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "")
    yield


@pytest.mark.parametrize("option", ["quiet", "verbose"])
def test_manner_quiet_or_verbose_shows_no_progress(terminal: Terminal, option: str) -> None:
    with manner(_options()):
        assert is_shown_on(terminal.fd)
    with manner(_options(**{option: True})):
        assert not is_shown_on(terminal.fd)
    assert is_shown_on(terminal.fd)


def test_manner_verbose_tells_what_is_logged_while_it_lasts(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger(LOGGER_NAME)
    before = (logger.level, [*logger.handlers])
    with manner(_options(verbose=True)):
        log(DEBUG, "cache hit for %s", "a\x1b[1mb")
    log(DEBUG, "no longer")
    assert capfd.readouterr() == ("", "cachewasm: cache hit for a\\x1b[1mb\n")
    assert (logger.level, [*logger.handlers]) == before


@pytest.mark.parametrize("no_color", [True, False])
def test_manner_without_color_draws_none(terminal: Terminal, no_color: bool) -> None:
    with manner(_options(no_color=no_color)):
        bar = Bar("busy ...", terminal.fd, "things")
        bar.update(1, 2)
        bar.close()
    assert (os.environ["NO_COLOR"] == "1") == no_color
    assert (_COLOR.search(terminal.all_shown()) is None) == no_color


def test_manner_quiet_and_verbose_exclude_each_other(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "dir", "-q", "-v"]) == 2
    assert "not allowed with" in capfd.readouterr().err
