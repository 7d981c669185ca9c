"""Calls in both directions, one row each: what passing through the engine costs by itself."""

from collections.abc import Iterator

from benchmarks.figures.figure import Item, Setting, figure
from benchmarks.measure import Measure, per_call
from benchmarks.package import Package

ADD = """
(module (func (export "add") (param i32 i32) (result i32)
  (i32.add (local.get 0) (local.get 1))))
"""
CALL_BACK = """
(module
  (import "host" "next" (func $next (param i32) (result i32)))
  (func (export "run") (param $n i32) (result i32) (local $x i32)
    (loop $again
      (local.set $x (call $next (local.get $x)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x)))
"""
# A hundred times as many of ours: a pair's halves take about as long.
OURS, PEERS = 50_000, 500


def _add(package: Package, calls: int) -> Measure:
    store, exports = package.exports(package.engine(), package.binary(ADD))
    func = exports["add"]
    assert func(store, 3, 4) == 7

    def run() -> None:
        for _ in range(calls):
            func(store, 3, 4)

    return per_call(run, calls)


def _call_back(package: Package, calls: int) -> Measure:
    api = package.api
    engine = package.engine()
    store = api.Store(engine)
    functype = api.FuncType([api.ValType.i32()], [api.ValType.i32()])
    host = api.Func(store, functype, lambda x: x + 1)
    module = api.Module(engine, package.binary(CALL_BACK))
    func = api.Instance(store, module, [host]).exports(store)["run"]
    assert func(store, calls) == calls
    return per_call(lambda: func(store, calls), calls)


def calls(setting: Setting) -> Iterator[Item]:
    """`func(store, 3, 4)`, and a Python function that wasm code calls."""
    ours, peer = setting.ours, setting.peer
    pairs = setting.pairs(_add(ours, OURS), _add(peer, PEERS), 51)
    yield figure("call add(i32, i32) from Python", pairs, 1 / 50)
    pairs = setting.pairs(_call_back(ours, OURS), _call_back(peer, PEERS), 51)
    yield figure("call Python from wasm", pairs, 1 / 30)
