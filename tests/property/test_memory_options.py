"""Whatever Config says of memories, the same accesses and growth give the same results."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import cachewasm

PAGE = 65536
MAXIMUM = 6

PROGRAM = f"""(module
  (memory (export "m") 2 {MAXIMUM})
  (data (i32.const 16) "{"data" * 17_000}") (data (i32.const 40) "over")
  (func (export "load") (param i32) (result i64) (i64.load offset=5 (local.get 0)))
  (func (export "load_far") (param i32) (result i32)
    (i32.load8_u offset=0x2000003 (local.get 0)))
  (func (export "store") (param i32 i64) (i64.store32 (local.get 0) (local.get 1)))
  (func (export "fill") (param i32 i32 i32)
    (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32)
    (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "size") (result i32) (memory.size)))"""

_sizes = st.sampled_from([0, 1, PAGE, 3 * PAGE, 1 << 20, 1 << 32])
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "strategy": st.sampled_from(["baseline", "optimized"]),
        "signals_based_traps": st.booleans(),
        "memory_reservation": _sizes,
        "memory_may_move": st.booleans(),
        "memory_guard_size": st.sampled_from([0, 1, PAGE, 1 << 20, 32 << 20]),
        "guard_before_linear_memory": st.booleans(),
        "memory_reservation_for_growth": _sizes,
        "memory_init_cow": st.booleans(),
    },
)

_near = st.sampled_from([n * PAGE + d for n in range(MAXIMUM + 1) for d in (-8, -4, -1, 0, 1)])
_address = _near | st.integers(0, 7 * PAGE) | st.sampled_from([-1, -8, 2**31 - 1, -(2**31)])
_count = st.integers(0, 2 * PAGE) | st.just(-1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("load"), _address),
        st.tuples(st.just("load_far"), _address),
        st.tuples(st.just("store"), _address, st.integers(-(2**63), 2**63 - 1)),
        st.tuples(st.just("fill"), _address, st.integers(0, 255), _count),
        st.tuples(st.just("copy"), _address, _address, _count),
        st.tuples(st.just("grow"), st.integers(0, 3) | st.sampled_from([-1, 65536])),
        st.tuples(st.just("size")),
        st.tuples(st.just("limit"), st.sampled_from([-1, 0, PAGE, 4 * PAGE + 1])),
        st.tuples(st.just("grow by host"), st.integers(0, 3)),
    ),
    max_size=12,
)

_engines: dict[tuple[object, ...], tuple[cachewasm.Engine, cachewasm.Module]] = {}


def _prepared(options: dict[str, Any]) -> tuple[cachewasm.Engine, cachewasm.Module]:
    key = tuple(sorted(options.items()))
    if key not in _engines:
        config = cachewasm.Config()
        for name, value in options.items():
            setattr(config, name, value)
        engine = cachewasm.Engine(config)
        _engines[key] = engine, cachewasm.Module(engine, PROGRAM)
    return _engines[key]


def _results(options: dict[str, Any], steps: list[tuple[Any, ...]]) -> list[object]:
    engine, module = _prepared(options)
    store = cachewasm.Store(engine)
    exports: Any = cachewasm.Instance(store, module, []).exports(store)
    results: list[object] = []
    for name, *arguments in steps:
        try:
            if name == "limit":
                store.set_limits(memory_size=arguments[0])
            elif name == "grow by host":
                results.append(exports["m"].grow(store, *arguments))
            else:
                results.append(exports[name](store, *arguments))
        except cachewasm.Trap as trap:
            results.append(trap.trap_code)
        except cachewasm.WasmtimeError as error:
            results.append(str(error))
    results.append(bytes(exports["m"].read(store, 0, None)))
    return results


def _acceptable(options: dict[str, Any]) -> bool:
    """Neither contradictory nor of another meaning: a memory that may not move must have room."""
    if options.get("guard_before_linear_memory") and options.get("memory_guard_size") == 0:
        return False
    room: int = options.get("memory_reservation", 1 << 32)
    return options.get("memory_may_move", True) or room >= MAXIMUM * PAGE


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(OPTIONS.filter(_acceptable), STEPS)
def test_memory_options_change_no_result(
    options: dict[str, Any], steps: list[tuple[Any, ...]]
) -> None:
    assert _results(options, steps) == _results({}, steps)
