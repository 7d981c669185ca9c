"""Reading, writing, seeking, and the descriptors themselves, as programs see them."""

import os
import struct

import pytest

BADF, FAULT, INVAL, PIPE, SPIPE, NAMETOOLONG, NOTDIR = 8, 21, 28, 64, 70, 37, 54
ISDIR, IO, MFILE, AGAIN, PERM = 31, 29, 33, 6, 63
OUT, VECTORS, BUFFER = 8, 256, 16384
READ, WRITE, BOTH = 1 << 1, 1 << 6, 1 << 1 | 1 << 6
END = 2 << 16


def test_fd_read_two_vectors_fills_them_in_order(start, preopen):
    g = start(preopen)
    fd = g.open("f")
    data = g.read(fd, 2, 3)
    while len(data) < 11:
        data += g.read(fd, 20)
    assert data == b"hello world"
    assert g.read(fd, 4) == b""


def test_fd_read_no_vectors_reads_nothing(start, preopen):
    g = start(preopen)
    assert g.read(g.open("f")) == b""
    assert g.read(g.open("f"), 0, 0) == b""


def test_fd_write_partial_and_empty_vectors_reach_the_file(start, preopen, tree):
    g = start(preopen)
    fd = g.open("new", oflags=1, rights=BOTH)
    g.write(fd, b"one ")
    g.write(fd, b"two")
    assert (tree / "new").read_bytes() == b"one two"


def test_fd_write_many_vectors_is_partial_at_most(start_ours, preopen, tree):
    g = start_ours(preopen)
    fd = g.open("new", oflags=1, rights=WRITE)
    g.vectors(*[1] * 1500)
    g.poke(BUFFER, b"x" * 1500)
    assert g.call("fd_write", fd, VECTORS, 1500, OUT) == 0
    assert g.u32() == 1024


def test_fd_write_file_opened_for_reading_is_badf(start, preopen):
    g = start(preopen)
    assert g.try_write(g.open("f"), b"x") == BADF


def test_fd_read_file_opened_for_writing_is_badf(start, preopen):
    g = start(preopen)
    assert g.try_read(g.open("f", rights=WRITE)) == BADF


@pytest.mark.parametrize("fd", [3, 9, -1])
def test_fd_read_directory_or_unknown_is_badf(start, preopen, fd):
    g = start(preopen)
    assert g.try_read(fd) == BADF
    assert g.try_write(fd, b"x") == BADF


@pytest.mark.parametrize("fd", [9, -1])
@pytest.mark.parametrize(
    "name", ["fd_close", "fd_sync", "fd_datasync", "fd_fdstat_get", "fd_tell", "fd_prestat_get"]
)
def test_function_unknown_fd_is_badf(start, name, fd):
    assert start().call(name, fd, *[OUT] * (name.endswith("get") or name == "fd_tell")) == BADF


@pytest.mark.parametrize(
    ("vectors", "count", "out"),
    [
        (0, -1, OUT),
        (0, 1 << 29, OUT),
        (END, 1, OUT),
        (END - 4, 1, OUT),
        (END - 8, 2, OUT),
        (-8, 1, OUT),
        (VECTORS, 1, END - 3),
        (VECTORS, 1, -1),
    ],
)
@pytest.mark.parametrize("name", ["fd_read", "fd_write"])
def test_vectors_outside_memory_are_fault(start_ours, preopen, name, vectors, count, out):
    g = start_ours(preopen)
    g.vectors(4)
    fd = g.open("f", rights=BOTH)
    g.poke(BUFFER, b"????")
    assert g.call(name, fd, vectors, count, out) == FAULT
    assert g.peek(BUFFER, 4) == b"????"


@pytest.mark.parametrize(("ptr", "size"), [(END - 2, 4), (0, -1), (-1, 1), (-1, -1), (END + 1, 0)])
def test_buffer_outside_memory_is_fault(start_ours, preopen, tree, ptr, size):
    g = start_ours(preopen)
    g.poke(VECTORS, struct.pack("<II", ptr & 0xFFFFFFFF, size & 0xFFFFFFFF))
    fd = g.open("f", rights=BOTH)
    assert g.call("fd_read", fd, VECTORS, 1, OUT) == FAULT
    assert g.call("fd_write", fd, VECTORS, 1, OUT) == FAULT
    assert (tree / "f").read_bytes() == b"hello world"


def test_buffer_at_the_end_of_memory_is_used(start_ours, preopen):
    g = start_ours(preopen)
    g.poke(VECTORS, struct.pack("<II", END - 5, 5))
    assert g.call("fd_read", g.open("f"), VECTORS, 1, OUT) == 0
    assert g.peek(END - 5, 5) == b"hello"
    assert g.call("fd_read", g.open("f"), VECTORS, 1, END - 4) == 0
    assert g.u32(END - 4) == 5


def test_fd_pread_and_pwrite_leave_the_position(start, preopen, tree):
    g = start(preopen)
    fd = g.open("f", rights=BOTH)
    g.vectors(5)
    assert g.call("fd_pread", fd, VECTORS, 1, 6, OUT) == 0
    assert g.peek(BUFFER, g.u32()) == b"world"
    g.poke(BUFFER, b"WORLD")
    assert g.call("fd_pwrite", fd, VECTORS, 1, 6, OUT) == 0
    assert g.read(fd, 11) == b"hello WORLD"


def test_fd_pread_offset_beyond_any_file_is_inval(start_ours, preopen):
    g = start_ours(preopen)
    g.vectors(5)
    assert g.call("fd_pread", g.open("f"), VECTORS, 1, -1, OUT) == INVAL


def test_fd_seek_each_whence_tells_the_position(start, preopen):
    g = start(preopen)
    fd = g.open("f")
    for offset, whence, position in [(4, 0, 4), (3, 1, 7), (-2, 1, 5), (-1, 2, 10), (5, 2, 16)]:
        assert g.call("fd_seek", fd, offset, whence, OUT) == 0
        assert g.u64() == position
    assert g.call("fd_tell", fd, OUT) == 0
    assert g.u64() == 16


@pytest.mark.parametrize(("offset", "whence"), [(-1, 0), (-12, 2), (-(1 << 63), 1)])
def test_fd_seek_before_the_start_is_inval(start, preopen, offset, whence):
    g = start(preopen)
    assert g.call("fd_seek", g.open("f"), offset, whence, OUT) == INVAL


def test_fd_seek_unknown_whence_is_inval(start_ours, preopen):
    g = start_ours(preopen)
    assert g.call("fd_seek", g.open("f"), 0, 3, OUT) == INVAL


def test_fd_seek_stream_is_spipe_and_directory_badf(start, preopen):
    g = start(preopen)
    assert [g.call("fd_seek", fd, 0, 1, OUT) for fd in (0, 1, 3)] == [SPIPE, SPIPE, BADF]


def test_fd_append_writes_at_the_end(start, preopen, tree):
    g = start(preopen)
    fd = g.open("f", rights=BOTH, fdflags=1)
    assert g.fdstat(fd)[:2] == (4, 1)
    g.write(fd, b"!")
    assert (tree / "f").read_bytes() == b"hello world!"


def test_fd_fdstat_set_flags_append_is_switched(start, preopen, tree):
    g = start(preopen)
    fd = g.open("f", rights=BOTH)
    assert g.call("fd_fdstat_set_flags", fd, 1) == 0
    g.write(fd, b"!")
    assert g.call("fd_fdstat_set_flags", fd, 0) == 0
    assert g.fdstat(fd)[1] == 0
    assert g.call("fd_seek", fd, 0, 0, OUT) == 0
    g.write(fd, b"J")
    assert (tree / "f").read_bytes() == b"Jello world!"


@pytest.mark.parametrize("flags", [2, 8, 16])
def test_fd_fdstat_set_flags_of_durability_is_inval(start, preopen, flags):
    g = start(preopen)
    assert g.call("fd_fdstat_set_flags", g.open("f", rights=BOTH), flags) == INVAL


@pytest.mark.parametrize("fd", [0, 1, 3, 9])
def test_fd_fdstat_set_flags_stream_or_directory_is_badf(start, preopen, fd):
    assert start(preopen).call("fd_fdstat_set_flags", fd, 0) == BADF


def test_fd_fdstat_get_rights_tell_the_access_mode(start, preopen):
    g = start(preopen)
    for rights in (READ, WRITE, BOTH):
        filetype, flags, base, _ = g.fdstat(g.open("f", rights=rights))
        assert (filetype, flags, base & BOTH) == (4, 0, rights)


def test_fd_fdstat_get_preopen_lets_files_be_opened_for_both(start, preopen):
    filetype, _, base, inheriting = start(preopen).fdstat(3)
    path_open = 1 << 13
    assert (filetype, base & path_open, inheriting & BOTH) == (3, path_open, BOTH)


def test_fd_close_frees_the_number(start, preopen):
    g = start(preopen)
    fd = g.open("f")
    assert g.call("fd_close", fd) == 0
    assert g.call("fd_close", fd) == BADF
    assert g.try_read(fd) == BADF
    assert g.open("f") == fd


def test_fd_close_preopen_ends_access(start, preopen):
    g = start(preopen)
    assert g.call("fd_close", 3) == 0
    assert g.call("fd_prestat_get", 3, OUT) == BADF
    assert g.try_open("f") == BADF


def test_fd_close_releases_the_host_descriptor(start_ours, preopen):
    g = start_ours(preopen)
    fd = g.open("f")
    host = g.ctx.get(fd).fd
    os.fstat(host)
    assert g.call("fd_close", fd) == 0
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(host)


def test_fd_renumber_moves_over_an_open_descriptor(start, preopen):
    g = start(preopen)
    a, b = g.open("f"), g.open("sub")
    assert g.call("fd_renumber", a, b) == 0
    assert g.read(b, 5) == b"hello"
    assert g.try_read(a) == BADF
    assert g.call("fd_renumber", b, b) == 0
    assert g.call("fd_renumber", b, 77) == BADF
    assert g.call("fd_renumber", 77, b) == BADF
    assert g.read(b, 6) == b" world"


def test_fd_prestat_names_the_directory(start, preopen):
    g = start(preopen)
    assert g.call("fd_prestat_get", 3, OUT) == 0
    assert g.peek(OUT, 8) == struct.pack("<II", 0, 6)
    assert g.call("fd_prestat_dir_name", 3, BUFFER, 6) == 0
    assert g.peek(BUFFER, 6) == b"/guest"
    assert g.call("fd_prestat_dir_name", 3, BUFFER, 5) == NAMETOOLONG
    assert g.call("fd_prestat_get", 4, OUT) == BADF


def test_fd_prestat_opened_directory_is_none(start, preopen):
    g = start(preopen)
    fd = g.open("sub", oflags=2)
    assert g.call("fd_prestat_get", fd, OUT) == BADF
    assert g.call("fd_prestat_dir_name", fd, BUFFER, 9) == NOTDIR


def test_path_open_too_many_is_mfile_and_creates_nothing(start_ours, preopen, tree, monkeypatch):
    monkeypatch.setattr("cachewasm.wasi.ctx.MAX_DESCRIPTORS", 5)
    g = start_ours(preopen)
    assert g.open("f") == 4
    assert g.try_open("new", oflags=1, rights=WRITE) == MFILE
    assert not (tree / "new").exists()
    assert g.call("fd_close", 4) == 0
    assert g.open("f") == 4


def test_path_open_result_outside_memory_is_fault_and_creates_nothing(start_ours, preopen, tree):
    g = start_ours(preopen)
    g.poke(1024, b"new")
    assert g.call("path_open", 3, 1, 1024, 3, 1, WRITE, 0, 0, END - 2) == FAULT
    assert not (tree / "new").exists()


def test_filestat_agrees_by_fd_and_path(start, preopen):
    g = start(preopen)
    by_path = g.stat("to_file")
    assert g.filestat(g.open("f")) == by_path
    assert by_path[2:5] == (4, 1, 11)
    assert g.stat("to_file", lookup=0)[2] == 7
    assert g.stat("sub")[2] == 3


def test_fd_filestat_set_size_cuts_and_extends(start, preopen, tree):
    g = start(preopen)
    fd = g.open("f", rights=BOTH)
    assert g.call("fd_filestat_set_size", fd, 4) == 0
    assert (tree / "f").read_bytes() == b"hell"
    assert g.call("fd_filestat_set_size", g.open("f"), 1) == INVAL


def test_filestat_set_times_sets_what_is_flagged(start, preopen, tree):
    g = start(preopen)
    fd = g.open("f", rights=BOTH)
    assert g.call("fd_filestat_set_times", fd, 5 * 10**9, 7 * 10**9, 1 | 4) == 0
    assert ((tree / "f").stat().st_atime, (tree / "f").stat().st_mtime) == (5, 7)
    g.poke(1024, b"to_file")
    assert g.call("path_filestat_set_times", 3, 1, 1024, 7, 9 * 10**9, 0, 1) == 0
    assert ((tree / "f").stat().st_atime, (tree / "f").stat().st_mtime) == (9, 7)
    assert g.call("fd_filestat_set_times", fd, 0, 0, 1 | 2) == INVAL
    assert g.call("fd_filestat_set_times", fd, 0, 0, 4 | 8) == INVAL


def test_fd_allocate_extends_the_file(start_ours, preopen, tree):
    g = start_ours(preopen)
    assert g.call("fd_allocate", g.open("f", rights=BOTH), 0, 100) == 0
    assert (tree / "f").stat().st_size == 100
    assert g.call("fd_allocate", g.open("f", rights=BOTH), -1, 2) == INVAL


def test_fd_advise_and_sync_succeed_on_files(start, preopen):
    g = start(preopen)
    fd = g.open("f", rights=BOTH)
    assert [g.call("fd_advise", fd, 0, 0, advice) for advice in range(6)] == [0] * 6
    assert g.call("fd_sync", fd) == 0
    assert g.call("fd_datasync", fd) == 0


def test_fd_write_to_a_pipe_without_reader_is_pipe(start_ours, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    g = start_ours(lambda config: config.preopen_dir(tmp_path, "."))
    fd = g.open("fifo", rights=WRITE)
    os.close(reader)
    assert g.try_write(fd, b"x") == PIPE


def test_fd_read_empty_pipe_nonblocking_is_again(start_ours, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    g = start_ours(lambda config: config.preopen_dir(tmp_path, "."))
    reader = g.open("fifo", rights=READ, fdflags=4)
    assert g.fdstat(reader)[:2] == (0, 4)
    writer = g.open("fifo", rights=WRITE)
    assert g.try_read(reader) == AGAIN
    g.write(writer, b"data")
    assert g.read(reader, 9) == b"data"


@pytest.mark.parametrize("name", ["sock_shutdown", "sock_accept", "sock_recv", "sock_send"])
def test_sock_no_descriptor_is_a_socket(start, preopen, name):
    g = start(preopen)
    count = {"sock_shutdown": 1, "sock_accept": 2, "sock_recv": 5, "sock_send": 4}[name]
    assert g.call(name, 3, *[0] * count) == 57
    assert g.call(name, 33, *[0] * count) == BADF
