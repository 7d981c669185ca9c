"""A linear memory from Python: chunks copied out and in, and single bytes through the pointer."""

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.figures.figure import Item, Setting, figure
from benchmarks.measure import Measure, per_call
from benchmarks.package import Package

MODULE = '(module (memory (export "memory") 4))'
AT = 70_000
SMALL, CHUNK = 8, 65_536
CALLS = 2_000

Access = Callable[[Any, Any], object]


def _read(size: int) -> Access:
    return lambda memory, store: memory.read(store, AT, AT + size)


def _write(size: int) -> Access:
    content = b"\xa5" * size
    return lambda memory, store: memory.write(store, content, AT)


def _item(memory: Any, store: Any) -> object:
    return memory.data_ptr(store)[AT]


ACCESSES: tuple[tuple[str, Access], ...] = (
    ("memory.read, 8 bytes", _read(SMALL)),
    ("memory.write, 8 bytes", _write(SMALL)),
    ("memory.read, 64 KiB", _read(CHUNK)),
    ("memory.write, 64 KiB", _write(CHUNK)),
    ("memory.data_ptr(store)[i]", _item),
)


def _accesses(package: Package, access: Access) -> Measure:
    store, exports = package.exports(package.engine(), package.binary(MODULE))
    memory = exports["memory"]

    def run() -> None:
        for _ in range(CALLS):
            access(memory, store)

    return per_call(run, CALLS)


def memory(setting: Setting) -> Iterator[Item]:
    """`Memory.read`, `Memory.write` and item access, each in the midst of a memory."""
    for name, access in ACCESSES:
        ours, peer = (_accesses(package, access) for package in (setting.ours, setting.peer))
        yield figure(name, setting.pairs(ours, peer, 31))
