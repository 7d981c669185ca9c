"""The figures: what is measured, how, and the ratio that each must not exceed.

One row of `FIGURES` is one group of figures. A limit is a promise that the project makes about its
ratio to the peer on any machine; a figure without one is there to be watched.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from wasmtime import wat2wasm

from benchmarks.fetch import MODULES
from benchmarks.kernels import KERNELS
from benchmarks.measure import Measure, Pairs, alternate, timed
from benchmarks.package import Package
from benchmarks.processes import CONSOLE_SCRIPT, DEFAULT, Commands, warm_process


class Unavailable(Exception):
    """A figure that cannot be measured here, and why."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured ratio. `part` marks a row that another one sums up."""

    name: str
    pairs: Pairs
    ratio: float
    limit: float | None = None
    part: bool = False

    @property
    def is_over(self) -> bool:
        return self.limit is not None and self.ratio > self.limit


@dataclass(frozen=True, slots=True)
class Setting:
    """What the figures share. `quick` asks for a look instead of a measurement."""

    ours: Package
    peer: Package
    commands: Commands
    folder: Path
    quick: bool

    def pairs(self, usual: int) -> int:
        return max(3, usual // 5) if self.quick else usual


def _figure(name: str, pairs: Pairs, limit: float | None = None, *, part: bool = False) -> Figure:
    return Figure(name, pairs, pairs.ratio, limit, part)


# -- calls -----------------------------------------------------------------------------------------

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


def _add(package: Package, calls: int) -> Measure:
    store, exports = package.exports(package.engine(), bytes(wat2wasm(ADD)))
    func = exports["add"]
    assert func(store, 3, 4) == 7

    def run() -> None:
        for _ in range(calls):
            func(store, 3, 4)

    return _per_call(run, calls)


def _call_back(package: Package, calls: int) -> Measure:
    api = package.api
    engine = package.engine()
    store = api.Store(engine)
    functype = api.FuncType([api.ValType.i32()], [api.ValType.i32()])
    host = api.Func(store, functype, lambda x: x + 1)
    instance = api.Instance(store, api.Module(engine, bytes(wat2wasm(CALL_BACK))), [host])
    func = instance.exports(store)["run"]
    assert func(store, calls) == calls
    return _per_call(lambda: func(store, calls), calls)


def _per_call(run: Callable[[], object], calls: int) -> Measure:
    measure = timed(run)
    return lambda: measure() / calls


def calls(setting: Setting) -> Iterator[Figure]:
    """`func(store, 3, 4)`, and a Python function that wasm code calls."""
    # A hundred times as many of ours: a pair's halves take about as long.
    pairs = alternate(_add(setting.ours, 50_000), _add(setting.peer, 500), setting.pairs(51))
    yield _figure("call add(i32, i32) from Python", pairs, 1 / 50)
    pairs = alternate(
        _call_back(setting.ours, 50_000), _call_back(setting.peer, 500), setting.pairs(51)
    )
    yield _figure("call Python from wasm", pairs, 1 / 30)


# -- whole processes -------------------------------------------------------------------------------


def process(setting: Setting) -> Iterator[Figure]:
    """The whole process that runs icepll, its code cached: start, load, run, end."""
    wasm = _module("icepll.wasm")
    missing = setting.commands.missing()
    if missing is not None:
        raise Unavailable(missing)
    arguments = (str(wasm), "-i", "12", "-o", "48")
    pairs = warm_process(setting.commands, arguments, setting.folder, setting.pairs(61))
    yield _figure("process icepll, warm cache", pairs, 0.6)
    if setting.commands.ours == DEFAULT.ours:
        script = Commands(CONSOLE_SCRIPT, setting.commands.peer)
        if script.missing() is None:
            pairs = warm_process(script, arguments, setting.folder, setting.pairs(61))
            yield _figure("process icepll, warm cache, console script", pairs)


# -- run time --------------------------------------------------------------------------------------


def _kernels(setting: Setting, strategy: str, limit: float | None = None) -> Iterator[Figure]:
    ours, peer = setting.ours.engine(strategy=strategy), setting.peer.engine()
    figures = []
    for kernel in KERNELS:
        n, checksum = kernel.size, kernel.checksum
        if setting.quick:
            n, checksum = kernel.quick, kernel.quick_checksum
        ours_run, peer_run = (
            _checked_run(package, engine, kernel.binary(), n, checksum)
            for package, engine in ((setting.ours, ours), (setting.peer, peer))
        )
        pairs = alternate(ours_run, peer_run, setting.pairs(15))
        figures.append(_figure(f"run {kernel.name}, {strategy}", pairs, part=True))
    yield from figures
    total = Pairs(
        tuple(map(geometric_mean, zip(*(f.pairs.ours for f in figures), strict=True))),
        tuple(map(geometric_mean, zip(*(f.pairs.peer for f in figures), strict=True))),
    )
    mean = geometric_mean(f.ratio for f in figures)
    yield Figure(f"run {len(KERNELS)} kernels, {strategy}", total, mean, limit)


def _checked_run(package: Package, engine: Any, wasm: bytes, n: int, checksum: float) -> Measure:
    store, exports = package.exports(engine, wasm)
    func = exports["run"]
    found = func(store, n)
    if found != checksum:
        raise AssertionError(f"{package.name}: run({n}) gave {found}, not {checksum}")
    return timed(lambda: func(store, n))


def optimized(setting: Setting) -> Iterator[Figure]:
    """Run time of the optimized tier: the geometric mean over the kernels."""
    return _kernels(setting, "optimized", 1.0)


def baseline(setting: Setting) -> Iterator[Figure]:
    """Run time of the baseline tier."""
    return _kernels(setting, "baseline")


# -- Module(...) -----------------------------------------------------------------------------------


def _miss(package: Package, wasm: bytes, folder: Path, strategy: str) -> Measure:
    fresh = count()

    def measure() -> float:
        engine = package.engine(strategy=strategy, cache=folder / f"{strategy} {next(fresh)}")
        return timed(lambda: package.api.Module(engine, wasm))()

    return measure


def _hit(package: Package, wasm: bytes, folder: Path) -> Measure:
    engine = package.engine(strategy="optimized", cache=folder)
    package.api.Module(engine, wasm)
    return timed(lambda: package.api.Module(engine, wasm))


def module(setting: Setting) -> Iterator[Figure]:
    """`Module(engine, wasm)`: a miss, which compiles and stores, and a hit, which loads."""
    wasm = _module("icepll.wasm").read_bytes()
    with_folder = (
        (setting.ours, setting.folder / "module ours"),
        (setting.peer, setting.folder / "module peer"),
    )
    for strategy in ("baseline", "optimized"):
        ours, peer = (
            _miss(package, wasm, folder / "miss", strategy) for package, folder in with_folder
        )
        pairs = alternate(ours, peer, setting.pairs(11))
        yield _figure(f"Module(icepll), miss, {strategy}", pairs)
    ours, peer = (_hit(package, wasm, folder / "hit") for package, folder in with_folder)
    yield _figure("Module(icepll), hit", alternate(ours, peer, setting.pairs(101)))


def _module(name: str) -> Path:
    path = MODULES / name
    if not path.exists():
        raise Unavailable(f"{name} is not there: run `python -m benchmarks.fetch {name}`")
    return path


FIGURES: dict[str, Callable[[Setting], Iterator[Figure]]] = {
    "calls": calls,
    "process": process,
    "optimized": optimized,
    "baseline": baseline,
    "module": module,
}
