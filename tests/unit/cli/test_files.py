"""The files that a command reads and writes by name."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cachewasm_cli import files


@contextmanager
def _reader(path: Path) -> Iterator[list[bytes]]:
    """Whoever reads the FIFO `path`; what was read is known at the end."""
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(path.read_bytes()))
    thread.start()
    yield found
    thread.join()


def test_write_fifo_is_written_to_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with _reader(path) as found:
        files.write(str(path), b"content")
    assert (found, path.is_fifo(), len(list(tmp_path.iterdir()))) == ([b"content"], True, 1)


def test_write_pipe_without_a_name_is_written_to() -> None:
    reader, writer = os.pipe()
    files.write(f"/dev/fd/{writer}", b"content")
    os.close(writer)
    with open(reader, "rb") as file:
        assert file.read() == b"content"


@pytest.mark.parametrize("is_there", [True, False])
def test_write_symbolic_link_goes_on_leading_to_the_file(tmp_path: Path, *, is_there: bool) -> None:
    path, link = tmp_path / "real", tmp_path / "link"
    link.symlink_to("real")
    if is_there:
        path.write_bytes(b"old")
    files.write(str(link), b"new")
    assert (os.readlink(link), path.read_bytes()) == ("real", b"new")
    assert sorted(tmp_path.iterdir()) == [link, path]


def test_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), files.writing(str(path)) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"old", [path])


def test_write_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        files.write(str(tmp_path), b"new")


def test_write_hyphen_is_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    files.write("-", b"\xff")
    assert (capfdbinary.readouterr().out, list(tmp_path.iterdir())) == (b"\xff", [])


def test_read_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(OSError, match="it is not a regular file"):
        files.read(str(path))


def test_read_pipe_without_a_name_to_its_end() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"content")
    os.close(writer)
    assert files.read(f"/dev/fd/{reader}") == b"content"
    os.close(reader)
