"""SIGSEGV: a trap of wasm code stays a trap, and a real crash stays a crash, whoever listens."""

import signal
from typing import Any

import pytest

MODULE = """
(module
  (import "" "host" (func $host))
  (memory (export "m") 1)
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func $forever (export "forever") (call $forever) (call $host))
  (func (export "call") (call $host)))
"""
USE = """
def make(host=lambda: None):
    global store, exports
    store = Store(engine)
    exports = instantiate(store, "module", Func(store, FuncType([], []), host))

def use():
    for _ in range(3):
        for name, arguments in (("load", (-1,)), ("load", (65536,)), ("forever", ())):
            try:
                exports[name](store, *arguments)
            except Trap:
                continue
            raise AssertionError(name)
    assert exports["load"](store, 65535) == 0
"""
REPORT = "Fatal Python error: Segmentation fault"
NO_FAULTHANDLER: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "program",
    [
        "import faulthandler; faulthandler.enable(); engine = Engine(); make(); use()",
        "import faulthandler; engine = Engine(); faulthandler.enable(); make(); use()",
        "import faulthandler; engine = Engine(); Store(engine); faulthandler.enable(); make(); use()",
        "import faulthandler; engine = Engine(); make(); faulthandler.enable(); make(); use()",
        "import faulthandler; faulthandler.enable(); engine = Engine(); make();"
        "faulthandler.disable(); make(); use()",
        "import faulthandler; engine = Engine(); make(); use(); faulthandler.enable(); make(); use();"
        "faulthandler.disable(); make(); use(); faulthandler.enable(); make(); use()",
        "import faulthandler; engine = Engine(); make(); faulthandler.dump_traceback_later(60); use()",
        "engine = Engine(); make(); use()",
    ],
)
def test_trap_with_faulthandler_is_a_trap_and_prints_nothing(run_python: Any, program: str) -> None:
    run_python(USE + program, options=NO_FAULTHANDLER, module=MODULE)


CRASHES = {
    "before any store": "import ctypes; ctypes.string_at(0)",
    "with a store": "import ctypes; engine = Engine(); make(); ctypes.string_at(0)",
    "after traps": "import ctypes; engine = Engine(); make(); use(); ctypes.string_at(0)",
    "in a host function": (
        "import ctypes; engine = Engine(); make(lambda: ctypes.string_at(0)); exports['call'](store)"
    ),
    "beyond a memory, in a host function": (
        "import ctypes; engine = Engine()\n"
        "make(lambda: ctypes.string_at(ctypes.addressof(exports['m'].data_ptr(store)[0:1] and"
        " exports['m'].data_ptr(store).contents) + 65536, 1))\n"
        "exports['call'](store)"
    ),
    "in a thread": (
        "import ctypes; engine = Engine(); make(); use()\n"
        "thread = threading.Thread(target=lambda: ctypes.string_at(0)); thread.start()\n"
        "thread.join()"
    ),
    "in a thread that has run wasm": (
        "import ctypes; engine = Engine()\n"
        "def work(): make(); use(); ctypes.string_at(0)\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()"
    ),
    "sent by somebody": (
        "import signal; engine = Engine(); make(); use(); os.kill(os.getpid(), signal.SIGSEGV);"
        "signal.pause()"
    ),
}


@pytest.mark.emulator_cannot("the emulator says itself that a signal was fatal")
@pytest.mark.parametrize("crash", CRASHES)
def test_crash_without_faulthandler_dies_by_the_signal(run_python: Any, crash: str) -> None:
    done = run_python(
        USE + CRASHES[crash], options=NO_FAULTHANDLER, check=False, timeout=20, module=MODULE
    )
    assert done.returncode == -signal.SIGSEGV
    assert done.stderr == ""


@pytest.mark.parametrize("crash", CRASHES)
def test_crash_with_faulthandler_is_reported_once(run_python: Any, crash: str) -> None:
    done = run_python(USE + CRASHES[crash], check=False, timeout=20, module=MODULE)
    assert done.returncode == -signal.SIGSEGV
    assert done.stderr.count(REPORT) == 1
    assert "most recent call first" in done.stderr


def test_crash_with_faulthandler_enabled_between_instances_is_reported_once(
    run_python: Any,
) -> None:
    done = run_python(
        USE
        + "import ctypes, faulthandler; engine = Engine(); make(); faulthandler.enable(); make();"
        "use(); ctypes.string_at(0)",
        options=NO_FAULTHANDLER,
        check=False,
        timeout=20,
        module=MODULE,
    )
    assert done.returncode == -signal.SIGSEGV
    assert done.stderr.count(REPORT) == 1


def test_crash_with_the_signal_ignored_before_dies(run_python: Any) -> None:
    done = run_python(
        USE + "import ctypes, signal; signal.signal(signal.SIGSEGV, signal.SIG_IGN)\n"
        "engine = Engine(); make(); use(); ctypes.string_at(0)",
        options=NO_FAULTHANDLER,
        check=False,
        timeout=20,
        module=MODULE,
    )
    assert done.returncode == -signal.SIGSEGV


def test_keyboard_interrupt_in_a_host_function_comes_out(run_python: Any) -> None:
    run_python(
        USE
        + """
import signal
engine = Engine()
make(lambda: signal.raise_signal(signal.SIGINT))
for _ in range(3):
    try:
        exports["call"](store)
    except KeyboardInterrupt:
        continue
    raise AssertionError("not interrupted")
use()
""",
        module=MODULE,
    )


def test_trap_in_each_of_many_modules_is_a_trap(run_python: Any) -> None:
    run_python(
        """
engine = Engine()
artifact = Module(engine, WASM["module"]).serialize()

def load():
    store = Store(engine)
    host = Func(store, FuncType([], []), lambda: None)
    instance = Instance(store, Module.deserialize(engine, artifact), [host])
    return store, instance.exports(store)["load"]

def use():
    for store, function in loaded:
        try:
            function(store, -1)
        except Trap:
            continue
        raise AssertionError("no trap")

# The signal handler's table of code takes 64 more at a time, and forgets what is unmapped.
loaded = [load() for _ in range(150)]
use()
for start in (0, 1, 2):
    del loaded[start::3]
    gc.collect()
    use()
    loaded.extend(load() for _ in range(40))
    use()
""",
        module=MODULE,
    )


@pytest.mark.parametrize("order", ["ours first", "theirs first"])
def test_trap_beside_another_engine_reaches_its_own(run_python: Any, order: str) -> None:
    run_python(
        USE
        + f"""
import wasmtime
engine = Engine()

def make_theirs():
    global their_store, theirs
    their_store = wasmtime.Store(wasmtime.Engine())
    module = wasmtime.Module(their_store.engine, WASM["module"])
    host = wasmtime.Func(their_store, wasmtime.FuncType([], []), lambda: None)
    theirs = wasmtime.Instance(their_store, module, [host]).exports(their_store)

def use_theirs():
    for name, arguments in (("load", (-1,)), ("forever", ())):
        try:
            theirs[name](their_store, *arguments)
        except wasmtime.Trap:
            continue
        raise AssertionError(name)

for first, second in ((make, make_theirs), (make_theirs, make))[{order!r} != "ours first":]:
    first()
    second()
    for _ in range(3):
        use()
        use_theirs()
""",
        options=NO_FAULTHANDLER,
        module=MODULE,
    )


def test_crash_beside_another_engine_dies_by_the_signal(run_python: Any) -> None:
    # Each engine's handler passes on what is not its own to the other's: that must end.
    done = run_python(
        USE
        + """
import ctypes, wasmtime
engine = Engine()
make()
wasmtime.Store(wasmtime.Engine())
make()
use()
ctypes.string_at(0)
""",
        options=NO_FAULTHANDLER,
        check=False,
        timeout=20,
        module=MODULE,
    )
    assert done.returncode == -signal.SIGSEGV


SEGV_IS_CAUGHT = """
def segv_is_caught():
    with open("/proc/self/status") as status:
        caught = next(line for line in status if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> 10 & 1)
"""


@pytest.mark.emulator_cannot("/proc/self/status shows the signals that the emulator catches")
def test_process_without_signals_based_traps_installs_no_handler(run_python: Any) -> None:
    run_python(
        SEGV_IS_CAUGHT
        + """
config = Config()
config.signals_based_traps = False
store = Store(Engine(config))
exports = Instance(store, Module(store.engine, WASM["module"]), []).exports(store)
codes = {
    "out": "MEMORY_OUT_OF_BOUNDS",
    "deep": "STACK_OVERFLOW",
    "divide": "INTEGER_DIVISION_BY_ZERO",
}
for name, code in codes.items():
    try:
        exports[name](store)
    except Trap as trap:
        assert str(trap.trap_code) == f"TrapCode.{code}", trap
    else:
        raise AssertionError(name)
assert not segv_is_caught()

# An engine that relies on the handler brings it.
store = Store()
exports = Instance(store, Module(store.engine, WASM["module"]), []).exports(store)
assert segv_is_caught()
""",
        options=(),
        module="""(module (memory 1)
  (func (export "out") (result i32) (i32.load (i32.const 65533)))
  (func $deep (export "deep") (result i32) (i32.add (i32.const 1) (call $deep)))
  (func (export "divide") (result i32) (i32.div_s (i32.const 1) (i32.const 0))))""",
    )
