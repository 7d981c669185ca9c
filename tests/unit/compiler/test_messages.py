"""Messages and errors come out of a pipe as they went in, or not at all."""

from io import BytesIO

import pytest

from cachewasm.compiler.processes import failures, frames
from cachewasm.errors import (
    CompileError,
    InternalError,
    InvalidModule,
    MalformedModule,
    WasmtimeError,
)

FIELDS = [b"ok", b"", b"\0" * 70_000]


def test_frames_message_is_read_as_it_was_written() -> None:
    stream = BytesIO()
    frames.write(stream, FIELDS)
    frames.write(stream, [])
    stream.seek(0)
    assert frames.read(stream) == FIELDS
    assert frames.read(stream) == []
    assert frames.read(stream) is None


def test_frames_encoded_message_is_decoded() -> None:
    assert frames.decode(frames.encode(FIELDS)) == FIELDS


@pytest.mark.parametrize("end", [1, 3, 4, 11, 12, 13, 100])
def test_frames_message_that_is_cut_off_is_an_end_of_file(end: int) -> None:
    with pytest.raises(EOFError):
        frames.decode(frames.encode([b"x" * 100])[:end])


@pytest.mark.parametrize("data", [b"", b"\xff" * 4, frames.encode([]) + b"x"])
def test_frames_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(EOFError):
        frames.decode(data)


@pytest.mark.parametrize(
    "error",
    [
        InvalidModule("type mismatch", offset=17),
        MalformedModule("unexpected end"),
        CompileError("a worker was killed: \N{SKULL}"),
        InternalError("a bug"),
    ],
)
def test_failures_error_comes_out_as_it_went_in(error: WasmtimeError) -> None:
    again = failures.from_fields(failures.to_fields(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert getattr(again, "offset", None) == getattr(error, "offset", None)


def test_failures_error_of_python_is_a_bug_with_its_name() -> None:
    again = failures.from_fields(failures.to_fields(KeyError("x")))
    assert isinstance(again, InternalError)
    assert str(again) == "KeyError: 'x'"


def test_failures_lack_of_memory_is_no_bug() -> None:
    again = failures.from_fields(failures.to_fields(MemoryError()))
    assert isinstance(again, CompileError)
    assert str(again) == "the compiler ran out of memory"


@pytest.mark.parametrize(
    "fields", [[], [b"SystemExit", b"", b""], [b"InvalidModule", b"", b"x"], [b"\xff", b"", b""]]
)
def test_failures_nonsense_is_a_value_error(fields: list[bytes]) -> None:
    with pytest.raises(ValueError):
        failures.from_fields(fields)
