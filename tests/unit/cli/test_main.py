"""How the command ends: every exception becomes one line and an exit code."""

import pytest
from cachewasm_cli import main as entry
from cachewasm_cli.cache.verify import VERDICT_BITS
from cachewasm_cli.failure import Failure, about, reason

from cachewasm import ExitTrap, IncompatibleArtifact, InternalError, Trap
from cachewasm.cache import reasons
from cachewasm.cache.survey import verify


def _end(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    def fail(arguments: object) -> int:
        raise error

    monkeypatch.setattr(entry, "_dispatch", fail)
    code = entry.main([])
    output, errors = capfd.readouterr()
    assert output == ""
    return code, errors


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (Failure("no"), 1, "cachewasm: no\n"),
        (FileNotFoundError(2, "No such file", "x\n"), 1, "cachewasm: x\\n: No such file\n"),
        (OSError(28, "No space left on device"), 1, "cachewasm: No space left on device\n"),
        (MemoryError(), 1, "cachewasm: out of memory\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 1, ""),
    ],
)
def test_main_error_is_one_line_and_a_code(
    error: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert _end(error, monkeypatch, capfd) == (code, message)


@pytest.mark.parametrize("error", [ZeroDivisionError("a\nb"), InternalError("a\nb")])
def test_main_bug_is_one_line_that_asks_for_a_report(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CACHEWASM_TRACEBACK", raising=False)
    code, message = _end(error, monkeypatch, capfd)
    assert code == 1
    assert message.count("\n") == 1
    assert "bug in cachewasm, please report it" in message


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), InternalError("x")])
def test_main_bug_with_the_variable_set_shows_the_traceback(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CACHEWASM_TRACEBACK", "1")
    assert "Traceback (most recent call last)" in _end(error, monkeypatch, capfd)[1]


def test_about_names_the_file() -> None:
    with pytest.raises(Failure) as raised, about("m.wasm"):
        raise IncompatibleArtifact("wrong host\n\nCaused by:\n    no avx\n")
    assert (raised.value.message, raised.value.code) == ("m.wasm: wrong host: no avx", 1)


def test_about_trap_keeps_its_backtrace_and_has_a_code() -> None:
    with pytest.raises(Failure) as raised, about("m.wasm"):
        raise Trap("wasm trap: unreachable\n    0: f\n")
    assert raised.value.message == "m.wasm: wasm trap: unreachable\n    0: f\n"
    assert raised.value.code == 134


def test_about_leaves_an_exit_alone() -> None:
    with pytest.raises(ExitTrap), about("m.wasm"):
        raise ExitTrap("Exited", 3)


def test_reason_of_a_system_error_leaves_the_file_out() -> None:
    assert reason(FileNotFoundError(2, "No such file or directory", "x")) == (
        "No such file or directory"
    )


def test_verdict_bits_cover_every_verdict() -> None:
    possible = {verify.OK, verify.FOREIGN, *reasons.MISS_REASONS} - {reasons.ABSENT}
    assert set(VERDICT_BITS) == possible
