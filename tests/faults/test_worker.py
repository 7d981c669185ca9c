"""The compile worker: killed, interrupted or gone, it becomes an error and never stays behind."""

from typing import Any

MODULES = {
    name: f'(module (func (export "f") (result i32) (i32.const {number})))'
    for number, name in enumerate(("first", "second", "third"))
}
SETUP = """
import array, fcntl, signal, termios
config = Config()
config.cache = False
engine = Engine(config)

def run(name):
    store = Store(engine)
    return instantiate(store, name)["f"](store)

def workers():
    with open(f"/proc/self/task/{os.getpid()}/children") as children:
        return [int(pid) for pid in children.read().split()]

def wait_for_request(worker):
    # The worker is stopped, so what it is asked stays in its standard input.
    waiting = array.array("i", [0])
    with open(f"/proc/{worker}/fd/0", "rb", buffering=0) as requests:
        while not waiting[0]:
            fcntl.ioctl(requests, termios.FIONREAD, waiting)

def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

assert run("first") == 0
worker, = workers()
os.kill(worker, signal.SIGSTOP)
"""


def test_worker_killed_during_a_compile_is_an_error_that_names_the_signal(run_python: Any) -> None:
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
wait_for_request(worker)
os.kill(worker, signal.SIGKILL)
thread.join()
assert len(errors) == 1 and "signal 9" in errors[0], errors
assert not is_alive(worker)
assert run("second") == 1
assert run("third") == 2
assert len(workers()) == 1
""",
        compiled=False,
        **MODULES,
    )


def test_worker_killed_between_compiles_is_replaced(run_python: Any) -> None:
    run_python(
        SETUP
        + """
os.kill(worker, signal.SIGKILL)
os.waitid(os.P_PID, worker, os.WEXITED | os.WNOWAIT)
assert run("second") == 1
assert workers() != [worker]
assert len(workers()) == 1
""",
        compiled=False,
        **MODULES,
    )


def test_interrupt_during_a_compile_ends_promptly_and_leaves_no_process(run_python: Any) -> None:
    run_python(
        SETUP
        + """
def interrupt():
    wait_for_request(worker)
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
assert not is_alive(worker)
assert workers() == []
assert run("second") == 1
""",
        compiled=False,
        timeout=30,
        **MODULES,
    )


def test_worker_ends_with_the_application(run_python: Any) -> None:
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
    import os

    (worker,) = (int(pid) for pid in done.stdout.split())
    assert not os.path.exists(f"/proc/{worker}/stat")


def test_worker_lives_through_errors_of_modules(run_python: Any) -> None:
    run_python(
        SETUP
        + """
os.kill(worker, signal.SIGCONT)
invalid = WASM["second"].replace(b"\\x41\\x01", b"\\x42\\x01")  # i64.const for an i32
for wasm in (invalid, b"\\0asm\\1\\0\\0\\0\\x63", b"", b"\\0asm\\2\\0\\0\\0"):
    try:
        Module(engine, wasm)
    except cachewasm.ModuleError:
        continue
    raise AssertionError(wasm)
assert run("second") == 1
assert workers() == [worker]
""",
        compiled=False,
        **MODULES,
    )
