"""The one form of an archive: any tar program reads it, and no other form is read."""

import io
import tarfile
from collections.abc import Iterable

import pytest

from cachewasm.cache.carry.ustar import BLOCK, END, MAX_SIZE, ArchiveError, Reader, header, padding

FILES = (("marker", b"m"), ("entries/v1/ab/" + 100 * "n", bytes(BLOCK)), ("a/b", b""))


def archive(files: Iterable[tuple[str, bytes]] = FILES) -> bytes:
    return b"".join(header(n, len(c)) + c + padding(len(c)) for n, c in files) + END


def read_all(data: bytes) -> list[tuple[str, bytes]]:
    reader = Reader(io.BytesIO(data))
    return [(name, reader.read(size)) for name, size in reader.files()]


def of_tarfile(name: str = "a/b", **changes: object) -> bytes:
    """A header by the standard library, like ours but for `changes`."""
    info = tarfile.TarInfo(name)
    for attribute, value in {"size": 3, "mode": 0o644, **changes}.items():
        setattr(info, attribute, value)
    return info.tobuf(tarfile.USTAR_FORMAT)


def test_archive_is_read_as_it_was_written() -> None:
    assert read_all(archive()) == list(FILES)


def test_archive_is_one_to_other_programs() -> None:
    with tarfile.open(fileobj=io.BytesIO(archive())) as found:
        members = [(each.name, found.extractfile(each)) for each in found.getmembers()]
        assert [(name, file and file.read()) for name, file in members] == list(FILES)
    # The standard library writes the very same, but that it does not split a short name.
    assert header("cachewasm-bundle", 3) == of_tarfile("cachewasm-bundle")


def test_reader_skips_what_is_not_read() -> None:
    assert [name for name, _ in Reader(io.BytesIO(archive())).files()] == [n for n, _ in FILES]


@pytest.mark.parametrize(
    "block",
    [
        of_tarfile("b", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        of_tarfile("b", type=tarfile.LNKTYPE, linkname="x"),
        of_tarfile("b", type=tarfile.DIRTYPE),
        of_tarfile("b", type=tarfile.FIFOTYPE),
        of_tarfile("b", type=tarfile.CHRTYPE, devmajor=1),
        of_tarfile("b", mode=0o4755),
        of_tarfile("b", uid=1),
        of_tarfile("b", mtime=1),
        of_tarfile("b", uname="root"),
        of_tarfile("b")[:-1] + b"x",
        of_tarfile("b")[:124] + b"7777777777 \0" + of_tarfile("b")[136:],
        of_tarfile("b")[:148] + b"0000000\0" + of_tarfile("b")[156:],
        b"\x80" + of_tarfile("b")[1:],
        of_tarfile("é"),
        b"not a header".ljust(BLOCK, b"."),
    ],
)
def test_reader_takes_no_other_header(block: bytes) -> None:
    with pytest.raises(ArchiveError, match=r"this is no header of a bundle \(at offset 0\)"):
        read_all(block + b"xxx" + padding(3) + END)


@pytest.mark.parametrize("size", [-1, MAX_SIZE + 1])
def test_header_of_a_size_that_does_not_fit_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="no header can hold"):
        header("a", size)


@pytest.mark.parametrize("name", ["", "a/", 101 * "n", 156 * "p" + "/n", "é"])
def test_header_of_a_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        header(name, 0)


def test_every_truncation_is_found() -> None:
    data = archive()
    for size in range(len(data)):
        with pytest.raises(ArchiveError, match="too early"):
            read_all(data[:size])


def test_every_changed_byte_outside_the_files_is_found() -> None:
    data = archive([("a", b"xx")])
    for at in (*range(BLOCK), *range(BLOCK + 2, len(data))):
        with pytest.raises(ArchiveError):
            read_all(data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :])


@pytest.mark.parametrize("more", [b"\0", bytes(BLOCK), archive()])
def test_what_follows_the_end_is_refused(more: bytes) -> None:
    with pytest.raises(ArchiveError, match="something follows the end"):
        read_all(archive() + more)


def test_a_huge_claim_takes_no_memory() -> None:
    asked: list[int] = []

    class Stream(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            asked.append(-1 if size is None else size)
            return super().read(size)

    reader = Reader(Stream(header("a", MAX_SIZE) + b"few"))
    ((_, size),) = [next(reader.files())]
    with pytest.raises(ArchiveError, match="too early"):
        reader.read(size)
    assert max(asked) <= 1 << 20


def test_reader_gives_no_more_than_the_file_has() -> None:
    reader = Reader(io.BytesIO(archive([("a", b"xx"), ("b", b"y")])))
    next(reader.files())
    with pytest.raises(ArchiveError, match="fewer bytes"):
        reader.read(3)
