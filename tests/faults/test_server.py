"""The compile server and its workers: killed, interrupted or gone, they never stay behind."""

import os
import select
from typing import Any

MODULES = {
    name: f'(module (func (export "f") (result i32) (i32.const {number})))'
    for number, name in enumerate(("first", "second", "third"))
}
SETUP = """
import array, fcntl, select, signal, termios
config = Config()
config.cache = False
engine = Engine(config)

def run(name):
    store = Store(engine)
    return instantiate(store, name)["f"](store)

def servers():
    with open(f"/proc/self/task/{os.getpid()}/children") as children:
        return [int(pid) for pid in children.read().split()]

def wait_for_request(server):
    # The server is stopped, so what it is asked stays in its standard input.
    waiting = array.array("i", [0])
    with open(f"/proc/{server}/fd/0", "rb", buffering=0) as requests:
        while not waiting[0]:
            fcntl.ioctl(requests, termios.FIONREAD, waiting)

def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

def all_end(pids):
    # Killed, they may be on their way out, or be orphans that nobody has noticed yet.
    for pid in pids:
        try:
            watched = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        assert poll.poll(10_000), pid
        os.close(watched)
    return True

assert run("first") == 0
server, = servers()
os.kill(server, signal.SIGSTOP)
"""


def test_server_killed_during_a_compile_is_an_error_that_names_the_signal(run_python: Any) -> None:
    run_python(
        SETUP
        + """
errors = []
def compile():
    try:
        run("second")
    except cachewasm.CompileError as error:
        errors.append(str(error))
thread = threading.Thread(target=compile)
thread.start()
wait_for_request(server)
os.kill(server, signal.SIGKILL)
thread.join()
assert len(errors) == 1 and "signal 9" in errors[0], errors
assert not is_alive(server)
assert run("second") == 1
assert run("third") == 2
assert len(servers()) == 1
""",
        compiled=False,
        **MODULES,
    )


def test_server_killed_between_compiles_is_replaced(run_python: Any) -> None:
    run_python(
        SETUP
        + """
os.kill(server, signal.SIGKILL)
os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)
assert run("second") == 1
assert servers() != [server]
assert len(servers()) == 1
""",
        compiled=False,
        **MODULES,
    )


def test_interrupt_during_a_compile_ends_promptly_and_leaves_no_process(run_python: Any) -> None:
    run_python(
        SETUP
        + """
def interrupt():
    wait_for_request(server)
    os.kill(os.getpid(), signal.SIGINT)
thread = threading.Thread(target=interrupt)
thread.start()
try:
    run("second")
except KeyboardInterrupt:
    pass
else:
    raise AssertionError("not interrupted")
thread.join()
assert not is_alive(server)
assert servers() == []
assert run("second") == 1
""",
        compiled=False,
        timeout=30,
        **MODULES,
    )


def test_server_ends_with_the_application(run_python: Any) -> None:
    done = run_python(
        """
config = Config()
config.cache = False
store = Store(Engine(config))
instantiate(store, "first")
with open(f"/proc/self/task/{os.getpid()}/children") as children:
    print(children.read())
""",
        compiled=False,
        **MODULES,
    )
    (server,) = (int(pid) for pid in done.stdout.split())
    assert not os.path.exists(f"/proc/{server}/stat")


def test_server_lives_through_errors_of_modules(run_python: Any) -> None:
    run_python(
        SETUP
        + """
os.kill(server, signal.SIGCONT)
invalid = WASM["second"].replace(b"\\x41\\x01", b"\\x42\\x01")  # i64.const for an i32
for wasm in (invalid, b"\\0asm\\1\\0\\0\\0\\x63", b"", b"\\0asm\\2\\0\\0\\0"):
    try:
        Module(engine, wasm)
    except cachewasm.ModuleError:
        continue
    raise AssertionError(wasm)
assert run("second") == 1
assert servers() == [server]
""",
        compiled=False,
        **MODULES,
    )


# A module of a dozen shards, as bytes that both sides of a fork make, and what happens in the
# middle of compiling it: `compile_with(act)` calls `act` when the first function is done.
LARGE = (
    SETUP
    + """
os.kill(server, signal.SIGCONT)
body = bytes.fromhex("00") + bytes.fromhex("200020016a20016c2100") * 400 + bytes.fromhex("20000b")
count = 10
def vector(items):
    return leb(len(items)) + b"".join(items)
def leb(number):
    out = b""
    while number >= 128:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])
def section(id, content):
    return bytes([id]) + leb(len(content)) + content
def module(body):
    return (
        b"\\0asm\\1\\0\\0\\0" + section(1, bytes.fromhex("0160027f7f017f"))
        + section(3, vector([b"\\0"] * count))
        + section(7, vector([b"\\1f\\0\\0"]))
        + section(10, vector([leb(len(body)) + body] * count))
    )
large = module(body)

def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as listed:
        return [int(child) for child in listed.read().split()]

def compile_with(act, wasm=large):
    acts = [act]
    def progress(done, total):
        assert 0 < done <= total == count
        while acts:
            acts.pop()()
    config = Config()
    config.cache = False
    config.strategy = "baseline"
    config.compile_progress = progress
    return bytes(Engine(config).precompile_module(wasm))
"""
)


def test_worker_killed_during_a_compile_leaves_the_code_as_it_is(run_python: Any) -> None:
    run_python(
        LARGE
        + """
undisturbed = compile_with(lambda: None)
def kill_all():
    for worker in children(server):
        os.kill(worker, signal.SIGKILL)
assert compile_with(kill_all) == undisturbed
assert servers() == [server]
assert len(children(server)) <= 1  # the one that stays
""",
        compiled=False,
        **MODULES,
    )


def test_worker_that_stays_is_replaced_when_it_is_killed(run_python: Any) -> None:
    run_python(
        LARGE
        + """
assert run("second") == 1
worker, = children(server)
assert run("third") == 2
assert children(server) == [worker]
os.kill(worker, signal.SIGKILL)
for name, result in (("second", 1), ("third", 2), ("first", 0)):
    assert run(name) == result
assert servers() == [server]
assert len(children(server)) == 1 and children(server) != [worker]
""",
        compiled=False,
        **MODULES,
    )


def test_server_killed_with_workers_is_an_error_and_leaves_none(run_python: Any) -> None:
    run_python(
        LARGE
        + """
workers = []
def kill():
    workers.extend(children(server))
    os.kill(server, signal.SIGKILL)
try:
    compile_with(kill)
except cachewasm.CompileError as error:
    assert str(error) == "the compile server was killed by signal 9", error
else:
    raise AssertionError("compiled")
assert workers and all_end([server, *workers])
assert run("second") == 1
""",
        compiled=False,
        **MODULES,
    )


def test_progress_that_raises_ends_the_compile_and_its_processes(run_python: Any) -> None:
    run_python(
        LARGE
        + """
workers = []
def interrupt():
    workers.extend(children(server))
    raise KeyboardInterrupt
try:
    compile_with(interrupt)
except KeyboardInterrupt:
    pass
else:
    raise AssertionError("compiled")
assert workers and all_end([server, *workers])
assert servers() == []
assert run("second") == 1
""",
        compiled=False,
        **MODULES,
    )


def test_progress_may_compile_something_else(run_python: Any) -> None:
    run_python(
        LARGE
        + """
results = []
undisturbed = compile_with(lambda: None)
assert compile_with(lambda: results.append(run("third"))) == undisturbed
assert results == [2]
assert servers() == [server]
""",
        compiled=False,
        **MODULES,
    )


def test_server_of_an_application_that_is_killed_ends_with_its_workers(run_python: Any) -> None:
    done = run_python(
        LARGE
        + """
def die():
    print(server, *children(server), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
compile_with(die)
""",
        compiled=False,
        check=False,
        **MODULES,
    )
    assert done.returncode == -9, done.stderr
    assert len(done.stdout.split()) > 1
    for pid in map(int, done.stdout.split()):
        try:
            watched = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        assert poll.poll(10_000)
        os.close(watched)


def test_module_error_is_the_first_of_several(run_python: Any) -> None:
    run_python(
        LARGE
        + """
# An instruction that adds an i64: in the function in the middle, or in that and a later one.
start = large.index(body)
size = len(body) + 2
expected = None
for functions in ([4], [4, 9], [4, 5], [4, 8]):
    wrong = bytearray(large)
    for function in functions:
        wrong[start + function * size + 1 + 10 * 300 + 2] = 0x42
    try:
        compile_with(lambda: None, bytes(wrong))
    except cachewasm.InvalidModule as error:
        expected = expected or str(error)
        assert str(error) == expected, (str(error), expected)
    else:
        raise AssertionError(functions)
""",
        compiled=False,
        **MODULES,
    )


def test_server_without_files_in_memory_or_on_disk_compiles(run_python: Any) -> None:
    run_python(
        """
import tempfile
def refuse(*arguments):
    raise OSError(28, "No space left on device")
os.memfd_create = tempfile.TemporaryFile = refuse
config = Config()
config.cache = False
store = Store(Engine(config))
assert instantiate(store, "second")["f"](store) == 1
""",
        compiled=False,
        **MODULES,
    )


def test_server_and_workers_live_through_an_interrupt_of_the_whole_group(run_python: Any) -> None:
    run_python(
        LARGE
        + """
os.setpgrp()
os.kill(server, signal.SIGKILL)
os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)
interrupts = []
signal.signal(signal.SIGINT, lambda *_: interrupts.append(1))
handled = compile_with(lambda: os.killpg(0, signal.SIGINT))
assert interrupts == [1]
assert handled == compile_with(lambda: None)
""",
        compiled=False,
        **MODULES,
    )
