"""The native stack: recursion traps before it is used up, whatever the frames, tiers and limits."""

from typing import Any

import pytest

TIERS = pytest.mark.parametrize("tier", ["baseline", "optimized"])

RECURSION = """
(module
  (import "" "host" (func $host (param i32) (result i32)))
  (func $forever (export "forever") (result i32)
    (i32.add (i32.const 1) (call $forever)))
  (func $ping (param i64 f64) (result f64)
    (f64.add (local.get 1) (call $pong (f64.const 1) (local.get 0))))
  (func $pong (param f64 i64) (result f64)
    (f64.sub (call $ping (local.get 1) (local.get 0)) (local.get 0)))
  (func (export "mutual") (result f64) (call $ping (i64.const 1) (f64.const 2)))
  (table 1 funcref) (elem (i32.const 0) $indirect)
  (func $indirect (export "indirect") (result i32)
    (i32.add (i32.const 1) (call_indirect (result i32) (i32.const 0))))
  (global $depth (mut i32) (i32.const 0))
  (func $count (export "count")
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    (call $count)
    (global.set $depth (i32.const 0)))
  (func (export "depth") (result i32)
    (global.get $depth) (global.set $depth (i32.const 0)))
  (func $host_recursion (export "through_host") (param i32) (result i32)
    (i32.add (i32.const 1) (call $host (local.get 0))))
  (func (export "one") (result i32) (i32.const 1)))
"""
SETUP = """
def make(tier, max_wasm_stack=None):
    config = Config()
    config.strategy = tier
    if max_wasm_stack is not None:
        config.max_wasm_stack = max_wasm_stack
    store = Store(Engine(config))
    host = Func(store, FuncType([i32], [i32]),
                lambda value: exports["through_host"](store, value))
    global exports
    exports = instantiate(store, "module", host)
    return store, exports

def overflows(function, *arguments):
    try:
        function(*arguments)
    except Trap as trap:
        assert "call stack exhausted" in str(trap), trap
        assert str(trap.trap_code) == "TrapCode.STACK_OVERFLOW"
    else:
        raise AssertionError("no trap")
"""


@TIERS
def test_infinite_recursion_traps_again_and_again(run_python: Any, tier: str) -> None:
    run_python(
        SETUP
        + f"""
store, exports = make({tier!r})
for _ in range(20):
    for name in ("forever", "mutual", "indirect", "count"):
        overflows(exports[name], store)
    assert exports["one"](store) == 1
""",
        module=RECURSION,
    )


@TIERS
def test_max_wasm_stack_bounds_the_depth(run_python: Any, tier: str) -> None:
    done = run_python(
        SETUP
        + f"""
for size in (64 << 10, 128 << 10, 512 << 10, 4 << 20):
    store, exports = make({tier!r}, size)
    overflows(exports["count"], store)
    print(exports["depth"](store))
""",
        module=RECURSION,
    )
    smallest, double, usual, large = (int(line) for line in done.stdout.split())
    assert 1.7 < double / smallest < 2.3
    assert 6 < usual / smallest < 10
    assert 6 < large / usual < 10


@pytest.mark.parametrize("size", [1 << 40, (1 << 64) - 1])
def test_max_wasm_stack_larger_than_the_stack_is_bounded_by_it(run_python: Any, size: int) -> None:
    run_python(
        SETUP
        + f"""
store, exports = make("auto", {size})
for _ in range(3):
    overflows(exports["count"], store)
    assert exports["depth"](store) > 10_000
    overflows(exports["mutual"], store)
""",
        module=RECURSION,
    )


@pytest.mark.parametrize("stack_size", [0, 256 << 10, 1 << 20])
def test_recursion_through_the_host_traps_or_raises(run_python: Any, stack_size: int) -> None:
    run_python(
        SETUP
        + f"""
outcomes = []
def work():
    for limit in (300, 10**6):
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(limit)
        try:
            exports["through_host"](store, 1)
        except (RecursionError, Trap) as error:
            outcomes.append(type(error).__name__)
        finally:
            sys.setrecursionlimit(before)
        assert exports["one"](store) == 1
store, exports = make("auto")
if {stack_size}:
    threading.stack_size({stack_size})
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
else:
    work()
# Where Python's own limit is high, the native stack is the bound; on a small one it always is. From
# 3.12 on there is another limit, which cannot be set and which a large stack does not reach.
assert outcomes[1] == "Trap" or (sys.version_info >= (3, 12) and {stack_size} == 0), outcomes
assert outcomes[0] == "RecursionError" or {stack_size} == 256 << 10, outcomes
""",
        module=RECURSION,
    )


def _many_locals(count: int) -> str:
    # All are written from an argument and read behind the call, so none can be left out.
    names = range(1, count + 1)
    write = "".join(f"(local.set {i} (i64.add (local.get 0) (i64.const {i})))" for i in names)
    read = "".join(f"(local.set 0 (i64.add (local.get 0) (local.get {i})))" for i in names)
    return (
        f'(module (func $f (export "f") (param i64) (result i64) (local {"i64 " * count})'
        f" {write} (local.set 0 (call $f (local.get 0))) {read} (local.get 0))"
        ' (func (export "one") (result i32) (i32.const 1)))'
    )


BIG_FRAMES = """
for tier in ("baseline", "optimized"):
    config = Config()
    config.strategy = tier
    for size in (256 << 10, 512 << 10, 2 << 20):
        config.max_wasm_stack = size
        store = Store(Engine(config))
        exports = instantiate(store, "module")
        for _ in range(3):
            try:
                exports["f"](store, 1)
            except Trap as trap:
                assert "call stack exhausted" in str(trap), trap
            else:
                raise AssertionError("no trap")
        assert exports["one"](store) == 1
"""


def test_recursion_with_big_frames_traps(run_python: Any) -> None:
    run_python(BIG_FRAMES, module=_many_locals(250), compiled=False)


def test_fifty_thousand_locals_fit_or_trap(run_python: Any) -> None:
    # Each local is set from the one before it; the last one is the argument plus their number.
    count = 49_999
    steps = "".join(
        f"(local.set {i} (i64.add (local.get {i - 1}) (i64.const 1)))" for i in range(1, count + 1)
    )
    run_python(
        f"""
def work():
    store = Store()
    exports = instantiate(store, "module")
    for argument in (0, 5):
        try:
            outcomes.append(exports["f"](store, argument) - argument)
        except Trap as trap:
            assert "call stack exhausted" in str(trap), trap
            outcomes.append("trap")
    assert exports["one"](store) == 1

outcomes = []
work()
threading.stack_size(128 << 10)
thread = threading.Thread(target=work)
thread.start()
thread.join()
assert outcomes[:2] == [{count}] * 2, outcomes
assert outcomes[2:] in ([{count}] * 2, ["trap"] * 2), outcomes
""",
        module=(
            f'(module (func (export "f") (param i64) (result i64) (local {"i64 " * count})'
            f" {steps} (local.get {count}))"
            ' (func (export "one") (result i32) (i32.const 1)))'
        ),
    )


def test_twenty_thousand_calls_in_a_function_run(run_python: Any) -> None:
    run_python(
        """
store = Store()
exports = instantiate(store, "module")
assert exports["f"](store, 0) == 20_000
""",
        module=(
            "(module (func $inc (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))"
            ' (func (export "f") (param i32) (result i32) (local.get 0)'
            + "(call $inc)" * 20_000
            + "))"
        ),
    )


@pytest.mark.parametrize(
    ("kilobytes", "max_wasm_stack"),
    [("512", 1 << 40), ("1024", 1 << 40), ("unlimited", 1 << 20)],
)
def test_recursion_under_a_limit_of_the_system_traps(
    run_python: Any, kilobytes: str, max_wasm_stack: int
) -> None:
    run_python(
        SETUP
        + f"""
store, exports = make("auto", {max_wasm_stack})
for name in ("forever", "mutual", "count") * 3:
    overflows(exports[name], store)
assert exports["one"](store) == 1
""",
        shell=f"ulimit -s {kilobytes}",
        module=RECURSION,
    )
