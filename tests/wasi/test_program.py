"""Arguments, environment, standard streams, clocks, random bytes, waiting and the exit."""

import os
import pty
import struct
import subprocess
import sys

import pytest

BADF, FAULT, INVAL, IO, PIPE = 8, 21, 28, 29, 64
OUT, VECTORS, BUFFER = 8, 256, 16384
END = 2 << 16


def _strings(g, name):
    assert g.call(f"{name}_sizes_get", OUT, OUT + 4) == 0
    count, size = g.u32(), g.u32(OUT + 4)
    assert g.call(f"{name}_get", VECTORS, BUFFER) == 0
    pointers = struct.unpack(f"<{count}I", g.peek(VECTORS, 4 * count))
    strings = g.peek(BUFFER, size).split(b"\0")[:-1]
    offset = BUFFER
    for pointer, string in zip(pointers, strings, strict=True):
        assert pointer == offset
        offset += len(string) + 1
    return strings


def test_args_none_given_are_none(start):
    g = start()
    assert _strings(g, "args") == []
    assert _strings(g, "environ") == []


def test_args_and_environ_are_told(start):
    def configure(config):
        config.argv = ["prog", "", "é"]
        config.env = [("A", "1"), ("B", "")]

    g = start(configure)
    assert _strings(g, "args") == [b"prog", b"", "é".encode()]
    assert _strings(g, "environ") == [b"A=1", b"B="]


def test_args_set_again_are_added(start):
    def configure(config):
        config.argv = ["a"]
        config.argv = ["b"]
        config.env = [("A", "1")]
        config.env = [("B", "2")]

    g = start(configure)
    assert _strings(g, "args") == [b"a", b"b"]
    assert _strings(g, "environ") == [b"A=1", b"B=2"]


def test_args_and_environ_inherited_are_this_process(start):
    def configure(config):
        config.inherit_argv()
        config.inherit_env()
        config.env = [("ADDED", "1")]

    g = start(configure)
    assert _strings(g, "args")[1:] == [os.fsencode(a) for a in sys.orig_argv[1:]]
    environ = _strings(g, "environ")
    assert environ[-1] == b"ADDED=1"
    assert set(environ[:-1]) >= {k + b"=" + v for k, v in os.environb.items()}


def test_args_get_outside_memory_is_fault(start_ours):
    def configure(config):
        config.argv = ["abc"]

    g = start_ours(configure)
    assert g.call("args_get", END - 3, BUFFER) == FAULT
    assert g.call("args_get", OUT, END - 3) == FAULT
    assert g.call("args_get", OUT, END - 4) == 0
    assert g.call("args_sizes_get", OUT, -1) == FAULT


def test_stdio_nothing_granted_is_empty_and_swallows(start):
    g = start()
    assert g.read(0, 10) == b""
    g.write(1, b"lost")
    g.write(2, b"lost")
    assert g.try_write(0, b"x") == BADF
    assert g.try_read(1) == BADF
    assert [g.fdstat(fd)[0] for fd in range(3)] == [0, 0, 0]
    assert g.filestat(1) == (0,) * 8


def test_stdio_files_are_read_and_written_anew(start, tmp_path):
    (tmp_path / "in").write_bytes(b"input")
    (tmp_path / "err").write_bytes(b"previous")

    def configure(config):
        config.stdin_file = str(tmp_path / "in")
        config.stdout_file = str(tmp_path / "out")
        config.stderr_file = tmp_path / "err"

    g = start(configure)
    assert g.read(0, 3, 9)[:3] == b"inp"
    g.write(1, b"result")
    g.write(2, b"E")
    assert (tmp_path / "out").read_bytes() == b"result"
    assert (tmp_path / "err").read_bytes() == b"E"


def test_stdout_custom_gets_the_bytes(start):
    got = []

    def configure(config):
        config.stdout_custom = got.append

    g = start(configure)
    g.write(1, b"one")
    assert g.try_write(1, b"") == 0
    g.write(1, b"two")
    assert got == [b"one", b"two"]


def test_stdout_custom_failure_is_an_errno(start, capfd, caplog):
    def raises(data):
        raise ValueError("cannot take it")

    def configure(config):
        config.stdout_custom = raises
        config.stderr_custom = lambda data: -32

    g = start(configure)
    assert g.try_write(1, b"x") == IO
    assert g.try_write(2, b"x") == PIPE
    assert "ValueError" in caplog.text or "cannot take it" in capfd.readouterr().out


@pytest.mark.parametrize(("result", "errno"), [(None, 0), (2, 0), (0, IO), (9, IO)])
def test_stdout_custom_result_is_checked(start_ours, result, errno):
    def configure(config):
        config.stdout_custom = lambda data: result

    g = start_ours(configure)
    assert g.try_write(1, b"abcd") == errno
    if not errno:
        assert g.u32() == (4 if result is None else result)


def test_stdout_custom_interrupt_passes_through(start_ours):
    def interrupt(data):
        raise KeyboardInterrupt

    def configure(config):
        config.stdout_custom = interrupt

    with pytest.raises(KeyboardInterrupt):
        start_ours(configure).try_write(1, b"x")


CHILD = """
import sys
from cachewasm.wasi.config import WasiConfig
from cachewasm.wasi.memory import GuestMemory
from cachewasm.wasi.preview1.table import FUNCTIONS
config = WasiConfig()
config.inherit_stdin(); config.inherit_stdout(); config.inherit_stderr()
ctx, memory = config._consume(), bytearray(1024)
mem = GuestMemory(memoryview(memory), lambda: 1024)
def call(name, *args):
    return FUNCTIONS[name](ctx, mem, *args)
"""


def _child(code, **options):
    return subprocess.run(
        [sys.executable, "-c", CHILD + code], cwd=os.getcwd(), capture_output=True, **options
    )


def test_stdout_inherited_comes_after_what_python_printed():
    code = """
memory[0:8] = (100).to_bytes(4, "little") + (5).to_bytes(4, "little")
memory[100:105] = b"wasm\\n"
print("python")
assert call("fd_write", 1, 0, 1, 16) == 0
print("python again")
ctx.close()
"""
    done = _child(code)
    assert done.stdout == b"python\nwasm\npython again\n", done.stderr


def test_stdin_inherited_is_read_and_streams_keep_their_direction():
    code = """
memory[0:8] = (100).to_bytes(4, "little") + (50).to_bytes(4, "little")
assert call("fd_read", 0, 0, 1, 16) == 0
assert bytes(memory[100:105]) == b"hello"
assert call("fd_write", 0, 0, 1, 16) == 8
assert call("fd_read", 1, 0, 1, 16) == 8
for fd in (0, 1, 2):
    assert call("fd_fdstat_get", fd, 200) == 0
    assert memory[200] == 0, "a pipe has no filetype"
    assert call("fd_seek", fd, 0, 1, 300) == 70
    assert call("fd_fdstat_set_flags", fd, 4) == 8
"""
    done = _child(code, input=b"hello")
    assert done.returncode == 0, done.stderr


def test_stdout_inherited_without_reader_is_pipe():
    read, write = os.pipe()
    os.close(read)
    code = """
memory[0:8] = (100).to_bytes(4, "little") + (5).to_bytes(4, "little")
assert call("fd_write", 1, 0, 1, 16) == 64
"""
    args = [sys.executable, "-c", CHILD + code]
    done = subprocess.run(args, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert done.returncode == 0, done.stderr


def test_stdin_inherited_terminal_is_a_character_device_that_cannot_seek():
    primary, terminal = pty.openpty()
    code = """
assert call("fd_fdstat_get", 0, 200) == 0
assert memory[200] == 2
assert not int.from_bytes(memory[208:216], "little") & (1 << 2 | 1 << 5)
"""
    args = [sys.executable, "-c", CHILD + code]
    done = subprocess.run(args, stdin=terminal, capture_output=True)
    os.close(primary)
    os.close(terminal)
    assert done.returncode == 0, done.stderr


def test_stdio_closed_in_the_process_is_badf():
    code = """
assert call("fd_read", 0, 0, 0, 16) == 0
memory[0:8] = (100).to_bytes(4, "little") + (5).to_bytes(4, "little")
assert call("fd_read", 0, 0, 1, 16) == 8
"""
    args = ["/bin/sh", "-c", 'exec "$0" -c "$1" <&-', sys.executable, CHILD + code]
    done = subprocess.run(args, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_stdio_host_streams_survive_the_context(start_ours):
    g = start_ours(lambda config: config.inherit_stderr())
    g.ctx.close()
    os.fstat(2)


@pytest.mark.parametrize("clock", [0, 1])
def test_clock_advances_and_has_a_resolution(start, clock):
    g = start()
    assert g.call("clock_res_get", clock, OUT) == 0
    assert 1 <= g.u64() <= 10**9
    assert g.call("clock_time_get", clock, 0, OUT) == 0
    first = g.u64()
    assert g.call("clock_time_get", clock, 0, OUT) == 0
    assert g.u64() >= first


@pytest.mark.parametrize("clock", [2, 3])
def test_clock_cpu_times_are_supported(start_ours, clock):
    assert start_ours().call("clock_time_get", clock, 0, OUT) == 0


def test_clock_unknown_is_inval(start_ours):
    assert start_ours().call("clock_time_get", 4, 0, OUT) == INVAL
    assert start_ours().call("clock_res_get", -1, OUT) == INVAL


def test_random_get_fills_exactly_the_buffer(start):
    g = start()
    g.poke(BUFFER, bytes(80))
    assert g.call("random_get", BUFFER, 64) == 0
    assert g.peek(BUFFER, 64) != bytes(64)
    assert g.peek(BUFFER + 64, 16) == bytes(16)


@pytest.mark.parametrize(("ptr", "size"), [(0, -1), (END - 2, 3), (-1, 1)])
def test_random_get_outside_memory_is_fault(start_ours, ptr, size):
    g = start_ours()
    assert g.call("random_get", ptr, size) == FAULT
    assert g.peek(END - 2, 2) == b"\0\0"


def test_sched_yield_succeeds(start):
    assert start().call("sched_yield") == 0


@pytest.mark.parametrize("status", [0, 1, 125])
def test_proc_exit_valid_status_is_exit_trap(start, status):
    with pytest.raises(Exception, match=f"Exited with i32 exit status {status}") as e:
        start().call("proc_exit", status)
    assert type(e.value).__name__ == "ExitTrap"
    assert e.value.code == status


@pytest.mark.parametrize("status", [126, 255, 256, -1])
def test_proc_exit_other_status_is_error(start, status):
    message = r"exit with invalid exit status outside of \[0\.\.126\)"
    with pytest.raises(Exception, match=message) as e:
        start().call("proc_exit", status)
    assert type(e.value).__name__ == "WasmtimeError"


def _clock(userdata, clock, timeout, flags=0):
    return struct.pack("<QB7xI4xQQH6x", userdata, 0, clock, timeout, 0, flags)


def _stream(userdata, tag, fd):
    return struct.pack("<QB7xI28x", userdata, tag, fd)


def _poll(g, *subscriptions):
    """userdata, error and type of each event"""
    g.poke(BUFFER, b"".join(subscriptions))
    events = BUFFER + 4096
    assert g.call("poll_oneoff", BUFFER, events, len(subscriptions), OUT) == 0
    return [struct.unpack("<QHB", g.peek(events + 32 * i, 11)) for i in range(g.u32())]


def test_poll_clock_expired_is_an_event(start):
    g = start()
    assert _poll(g, _clock(7, 1, 1000)) == [(7, 0, 0)]
    assert _poll(g, _clock(7, 0, 1000)) == [(7, 0, 0)]
    assert _poll(g, _clock(7, 1, 0, 1)) == [(7, 0, 0)]


def test_poll_ready_file_does_not_wait_for_the_clock(start, preopen):
    g = start(preopen)
    fd = g.open("f", rights=1 << 1 | 1 << 6)
    assert _poll(g, _clock(1, 1, 10**15), _stream(2, 1, fd)) == [(2, 0, 1)]
    assert _poll(g, _clock(1, 1, 10**15), _stream(2, 2, fd)) == [(2, 0, 2)]


def test_poll_standard_streams_are_ready(start):
    assert _poll(start(), _stream(1, 1, 0), _stream(2, 2, 1)) == [(1, 0, 1), (2, 0, 2)]


def test_poll_pipe_waits_for_data(start_ours, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    g = start_ours(lambda config: config.preopen_dir(tmp_path, "."))
    reader, writer = g.open("fifo", fdflags=4), g.open("fifo", rights=1 << 6)
    assert _poll(g, _stream(1, 1, reader), _clock(2, 1, 1000)) == [(2, 0, 0)]
    assert _poll(g, _stream(1, 1, reader), _stream(3, 2, writer)) == [(3, 0, 2)]
    g.write(writer, b"x")
    assert _poll(g, _stream(1, 1, reader)) == [(1, 0, 1)]
    assert g.read(reader, 9) == b"x"
    assert g.call("fd_close", writer) == 0
    assert _poll(g, _stream(1, 1, reader)) == [(1, 0, 1)]


def test_poll_bad_subscriptions_are_events_with_errors(start_ours, preopen):
    g = start_ours(preopen)
    assert _poll(
        g,
        _stream(1, 1, 99),
        _stream(2, 1, 3),
        _stream(3, 2, 0),
        _clock(4, 9, 0),
        _stream(5, 77, 0),
        _clock(6, 1, 10**18),
    ) == [(1, BADF, 1), (2, BADF, 1), (3, BADF, 2), (4, INVAL, 0), (5, INVAL, 77)]


@pytest.mark.parametrize("count", [0, -1, 1 << 20])
def test_poll_count_out_of_range_is_inval(start_ours, count):
    assert start_ours().call("poll_oneoff", BUFFER, BUFFER, count, OUT) == INVAL


def test_poll_arrays_outside_memory_are_fault(start_ours):
    g = start_ours()
    assert g.call("poll_oneoff", END - 47, BUFFER, 1, OUT) == FAULT
    assert g.call("poll_oneoff", BUFFER, END - 31, 1, OUT) == FAULT
    assert g.call("poll_oneoff", BUFFER, BUFFER, 1, END - 3) == FAULT
