"""Instantiation: a small module by itself, one with a memory, and a real program under WASI."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.figures.calls import ADD
from benchmarks.figures.figure import Item, Setting, Skipped, figure
from benchmarks.figures.inputs import PROGRAM, module_path
from benchmarks.measure import Measure, timed
from benchmarks.package import Package

MEMORY = '(module (memory (export "memory") 2) (data (i32.const 65536) "initialised"))'
# Of each half of a pair: stores bound how many instances they hold.
INSTANCES = 200


def _measure(prepare: Callable[[], Any], instantiate: Callable[[Any], object]) -> Measure:
    """A measure of one of many instances, in stores that `prepare` makes before the clock runs."""

    def measure() -> float:
        # No engine keeps its instances beyond this pair.
        gc.collect()
        prepared = [prepare() for _ in range(INSTANCES)]
        kept: list[object] = []
        return timed(lambda: kept.extend(map(instantiate, prepared)))() / INSTANCES

    return measure


def _plain(package: Package, wasm: bytes) -> Measure:
    api = package.api
    engine = package.engine()
    module = api.Module(engine, wasm)
    return _measure(lambda: api.Store(engine), lambda store: api.Instance(store, module, []))


def _command(package: Package, wasm: bytes) -> Measure:
    api = package.api
    engine = package.engine()
    module = api.Module(engine, wasm)
    linker = api.Linker(engine)
    linker.define_wasi()

    def store() -> Any:
        made = api.Store(engine)
        made.set_wasi(api.WasiConfig())
        return made

    return _measure(store, lambda each: linker.instantiate(each, module))


def instances(setting: Setting) -> Iterator[Item]:
    """`Instance(store, module, [])` and `linker.instantiate(store, module)`, a store for each."""
    for name, text in (("add(i32, i32)", ADD), ("a memory and its contents", MEMORY)):
        wasm = setting.peer.binary(text)
        pairs = setting.pairs(_plain(setting.ours, wasm), _plain(setting.peer, wasm), 31)
        yield figure(f"instantiate {name}", pairs)
    name = "instantiate icepll under WASI"
    path = module_path(PROGRAM)
    if isinstance(path, str):
        yield Skipped(name, path)
        return
    wasm = path.read_bytes()
    yield figure(
        name, setting.pairs(_command(setting.ours, wasm), _command(setting.peer, wasm), 31)
    )
