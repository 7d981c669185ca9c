"""Threads: wasm code runs beside Python and other wasm code, small stacks hold, nothing leaks."""

from typing import Any

MODULE = """
(module
  (import "" "host" (func $host (param i32)))
  (memory (export "m") 1)
  (func (export "spin") (result i32)
    (i32.store8 (i32.const 0) (i32.const 1))
    (loop $again (br_if $again (i32.eqz (i32.load8_u (i32.const 1)))))
    (i32.store8 (i32.const 0) (i32.const 2))
    (i32.load8_u (i32.const 1)))
  (func (export "call") (param i32) (call $host (local.get 0)))
  (func $depth (export "depth") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $depth (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0))))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "hosts") (loop $again (call $host (i32.const 1)) (br $again)))
  (func (export "one") (result i32) (i32.const 1)))
"""
SETUP = """
engine = Engine()

def make(host=lambda value: None):
    store = Store(engine)
    return store, instantiate(store, "module", Func(store, FuncType([i32], []), host))

def wait_for(memory, store, value):
    while memory.read(store, 0, 1)[0] != value:
        pass
"""


def test_wasm_in_a_thread_lets_python_go_on(run_python: Any) -> None:
    run_python(
        SETUP
        + """
store, exports = make()
results = []
thread = threading.Thread(target=lambda: results.append(exports["spin"](store)))
thread.start()
memory = exports["m"]
wait_for(memory, store, 1)       # the loop runs now, and so does this thread
memory.write(store, bytes([7]), 1)
thread.join()
assert results == [7]
assert memory.read(store, 0, 1) == b"\\2"
""",
        module=MODULE,
    )


def test_wasm_in_two_threads_runs_at_once(run_python: Any) -> None:
    run_python(
        SETUP
        + """
# Each loop is ended by wasm code that runs in the other thread meanwhile.
pairs = [None, None]
def release(other):
    store, exports = pairs[other]
    wait_for(exports["m"], store, 1)
    exports["m"].write(store, bytes([9]), 1)
pairs[0], pairs[1] = make(release), make(release)
results = []
store, exports = pairs[0]
spinning = threading.Thread(target=lambda: results.append(exports["spin"](store)))
spinning.start()
other_store, other = pairs[1]
other["call"](other_store, 0)
spinning.join()
assert results == [9]
""",
        module=MODULE,
    )


def test_store_entered_by_a_second_thread_is_refused(run_python: Any) -> None:
    run_python(
        SETUP
        + """
store, exports = make()
one = exports["one"]
thread = threading.Thread(target=exports["spin"], args=(store,))
thread.start()
wait_for(exports["m"], store, 1)
for _ in range(3):
    try:
        one(store)
    except WasmtimeError as error:
        assert "in use by another thread" in str(error)
    else:
        raise AssertionError("entered")
exports["m"].write(store, b"\\1", 1)
thread.join()
assert one(store) == 1

# Another thread of a host function is refused, too; the host's own may enter again.
errors = []
def host(value):
    def enter():
        try:
            one(store)
        except WasmtimeError as error:
            errors.append(error)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert one(store) == 1
store, exports = make(host)
one = exports["one"]
exports["call"](store, 1)
assert len(errors) == 1
""",
        module=MODULE,
    )


def test_store_may_move_between_threads(run_python: Any) -> None:
    run_python(
        SETUP
        + """
store, exports = make()
results = []
def work():
    for arguments, expected in (((100,), 100), ((0,), 0)):
        results.append(exports["depth"](store, *arguments) == expected)
    for name, argument in (("load", -1), ("depth", -1)):
        try:
            exports[name](store, argument)
        except Trap:
            results.append(True)
for _ in range(5):
    work()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
assert results == [True] * 40
""",
        module=MODULE,
    )


def test_threads_with_small_stacks_trap_and_answer(run_python: Any) -> None:
    run_python(
        SETUP
        + """
results = []
def work():
    store, exports = make(lambda value: exports["call"](store, value - 1) if value else None)
    results.append(exports["depth"](store, 50) == 50)
    exports["call"](store, 2)
    for _ in range(3):
        for name, argument in (("depth", -1), ("load", -1)):
            try:
                exports[name](store, argument)
            except Trap as trap:
                results.append(str(trap.trap_code))
    results.append(exports["depth"](store, 50) == 50)

make()  # what is imported and compiled on first use needs more stack than that
# What a thread must have at least: 16 KiB on x86-64, 128 KiB on AArch64.
for size in (max(64 << 10, os.sysconf("SC_THREAD_STACK_MIN")), 128 << 10, 1 << 20):
    threading.stack_size(size)
    for _ in range(3):
        results.clear()
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        overflow, bounds = "TrapCode.STACK_OVERFLOW", "TrapCode.MEMORY_OUT_OF_BOUNDS"
        assert results == [True, *[overflow, bounds] * 3, True], (size, results)
""",
        module=MODULE,
    )


def test_many_short_threads_leave_no_stack_behind(run_python: Any) -> None:
    run_python(
        SETUP
        + """
def work():
    store, exports = make()
    assert exports["depth"](store, 10) == 10
    try:
        exports["load"](store, -1)
    except Trap:
        pass

def run(count):
    for _ in range(count // 4):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    gc.collect()
    return len(mappings())

before = run(40)
after = run(200)
assert after < before + 20, (before, after)
""",
        module=MODULE,
    )


def test_trap_in_one_thread_leaves_the_other_running(run_python: Any) -> None:
    run_python(
        SETUP
        + """
store, exports = make()
results = []
thread = threading.Thread(target=lambda: results.append(exports["spin"](store)))
thread.start()
wait_for(exports["m"], store, 1)
other_store, other = make()
for _ in range(200):
    try:
        other["load"](other_store, -1)
    except Trap:
        pass
exports["m"].write(store, b"\\5", 1)
thread.join()
assert results == [5]
""",
        module=MODULE,
    )


def test_concurrent_traps_and_errors_stay_in_their_threads(run_python: Any) -> None:
    run_python(
        SETUP
        + """
import sys
sys.setswitchinterval(1e-5)
failures = []
def work(number):
    def host(value):
        raise KeyError(number, value)
    store, exports = make(host)
    for i in range(300):
        try:
            exports["call"](store, i)
        except KeyError as error:
            if error.args != (number, i):
                failures.append(error)
        try:
            exports["load"](store, -1 - i)
        except Trap as trap:
            if f"wasm address {2**32 - 1 - i:#x} " not in str(trap):
                failures.append(trap)
        if exports["depth"](store, i) != i:
            failures.append(i)
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failures, failures[:3]
""",
        module=MODULE,
    )


def test_store_running_elsewhere_is_not_changed_under_the_code(run_python: Any) -> None:
    run_python(
        SETUP
        + """
store, exports = make()
memory = exports["m"]
table = Table(store, TableType(ValType.funcref(), Limits(1, None)), None)
module = Module(engine, WASM["module"])
host = Func(store, FuncType([i32], []), lambda value: None)
thread = threading.Thread(target=exports["spin"], args=(store,))
thread.start()
wait_for(memory, store, 1)
changes = (
    lambda: memory.grow(store, 1),
    lambda: table.grow(store, 1, None),
    lambda: Memory(store, MemoryType(Limits(1, None))),
    lambda: Instance(store, module, [host]),
)
for change in changes:
    try:
        change()
    except WasmtimeError as error:
        assert "in use by another thread" in str(error)
    else:
        raise AssertionError("changed")
memory.write(store, b"\\1", 1)
thread.join()
for change in changes:
    change()
""",
        module=MODULE,
    )


def test_daemon_threads_inside_wasm_at_exit_do_no_harm(run_python: Any) -> None:
    for name in ("spin", "hosts"):
        run_python(
            SETUP
            + f"""
running = threading.Event()
store, exports = make(lambda value: running.set())
threading.Thread(target=exports[{name!r}], args=(store,), daemon=True).start()
if {name!r} == "spin":
    wait_for(exports["m"], store, 1)
else:
    running.wait()
""",
            module=MODULE,
        )
