"""Run by test_backtraces.py: what a package says of backtraces of many shapes, as JSON.

    python backtraces.py PACKAGE [STRATEGY]

Each package runs in a process of its own, because both install signal handlers.
"""

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

import wasmtime

SHAPES = """
(module $shapes
  (type $step (func (param i32)))
  (import "" "again" (func $again (param i32)))
  (table $t 4 funcref)
  (elem (i32.const 0) $leaf $indirect $again $typed)
  (func $leaf (param i32) (drop (local.get 0)) unreachable)
  (func $typed (param i64))
  (func $self (export "self") (param i32)
    (if (local.get 0) (then (call $self (i32.sub (local.get 0) (i32.const 1))) (nop))
      (else unreachable)))
  (func $even (export "even") (param i32)
    (if (i32.eqz (local.get 0)) (then (call $leaf (i32.const 7))))
    (call $odd (i32.sub (local.get 0) (i32.const 1))))
  (func $odd (export "odd") (param i32) (nop)
    (call $even (i32.sub (local.get 0) (i32.const 1))))
  (func $indirect (export "indirect") (param i32)
    (call_indirect (type $step) (i32.const 3) (local.get 0)) (nop))
  (func (export "through_table") (param i32) (drop (i32.const 1))
    (call_indirect (type $step) (local.get 0) (i32.const 1)))
  (func $to_host (export "to_host") (param i32)
    (call $again (local.get 0)) (nop))
  (func (export "to_host_indirectly") (param i32)
    (call_indirect (type $step) (local.get 0) (i32.const 2)))
  (func (export "many_alike") (param i32)
    (if (i32.eq (local.get 0) (i32.const 1)) (then unreachable))
    (if (i32.eq (local.get 0) (i32.const 2)) (then unreachable))
    (i32.div_s (i32.const 9) (i32.sub (local.get 0) (i32.const 3)))
    (i32.div_s (i32.const 9) (i32.sub (local.get 0) (i32.const 4)))
    (if (i32.add) (then unreachable) (else unreachable)))
)
"""
STARTS = """
(module (func $inner (param i32) (local.get 0) (drop) unreachable)
  (func $start (nop) (call $inner (i32.const 1))) (start $start))
"""
# Instances of two stores call each other through the host.
STORES = """
(module $%s (import "" "other" (func $other (param i32)))
  (func $go (export "go") (param i32) (call $other (local.get 0)) (nop))
  (func $trap (export "trap") (param i32) unreachable))
"""
CALLS = (
    *(("many_alike", which) for which in range(6)),
    ("self", 0),
    ("self", 5),
    ("self", 60),
    ("even", 4),
    ("odd", 3),
    ("through_table", 0),
    ("through_table", 1),
    ("through_table", 3),
    ("to_host", 0),
    ("to_host", 3),
    ("to_host", 40),
    ("to_host_indirectly", 2),
)


def unsigned(value: int) -> bytes:
    """A number in LEB128."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + unsigned(rest) if rest else bytes([low])


def sized(content: bytes) -> bytes:
    """Bytes behind their number."""
    return unsigned(len(content)) + content


def names(module: bytes | None, *functions: tuple[int, bytes]) -> bytes:
    """A `name` section."""
    content = b"" if module is None else b"\0" + sized(sized(module))
    rows = b"".join(unsigned(index) + sized(name) for index, name in functions)
    content += b"\1" + sized(unsigned(len(functions)) + rows)
    return b"\0" + sized(sized(b"name") + content)


PANIC = b"_ZN4core9panicking5panic17h0123456789abcdefE"
DROP = (
    b"_ZN63_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop..Drop$GT$"
    b"4drop17h0123456789abcdefE"
)
# The first function calls the other, which traps.
CALLER = bytes(wasmtime.wat2wasm('(module (func (export "f") call 1) (func unreachable))'))
NAMES = {
    "both": names(b"mod", (0, b"outer"), (1, b"inner")),
    "no module": names(None, (0, b"outer"), (1, b"inner")),
    "one": names(b"mod", (1, b"inner")),
    "repeated": names(b"mod", (0, b"same"), (1, b"same")),
    "duplicate": names(b"mod", (0, b"first"), (0, b"second")),
    "no such function": names(b"mod", (9, b"nobody")),
    "empty": names(b"", (0, b""), (1, b"inner")),
    "control characters": names(b"mo\0d", (0, b"out\ner")),
    "unicode": names("möd".encode(), (0, "äußer".encode())),
    "module not utf8": names(b"mo\xff", (0, b"outer")),
    "function not utf8": names(b"mod", (0, b"outer"), (1, b"inn\xff")),
    "rust": names(b"mod", (0, DROP), (1, PANIC)),
    "newer rust": names(b"mod", (0, b"_RNCNvCs1234_1a4main0B3_"), (1, b"_RINvC1a1fTmAhj3_EEC1b")),
    "two sections": names(b"mod", (0, b"outer")) + names(b"late", (1, b"inner")),
}


class Report:
    """What `package` says of every trap."""

    def __init__(self, package: str, strategy: str | None) -> None:
        self.api: Any = importlib.import_module(package)
        config = self.api.Config()
        if strategy:
            config.strategy = strategy
        self.engine = self.api.Engine(config)
        self.found: dict[str, object] = {}

    def note(self, name: str, run: Callable[[], object]) -> None:
        """Run what traps."""
        try:
            run()
        except self.api.Trap as trap:
            self.found[name] = {
                "message": str(trap),
                "code": trap.trap_code.name,
                "frames": [
                    (f.func_index, f.func_name, f.module_name, f.module_offset, f.func_offset)
                    for f in trap.frames
                ],
            }

    def shapes(self) -> None:
        """Stacks of many shapes."""
        api = self.api
        store = api.Store(self.engine)
        exports: Any = None

        def again(level: int) -> None:
            exports["to_host" if level else "self"](store, max(level - 1, 0))

        host = api.Func(store, api.FuncType([api.ValType.i32()], []), again)
        module = api.Module(self.engine, bytes(wasmtime.wat2wasm(SHAPES)))
        exports = api.Instance(store, module, [host]).exports(store)
        for name, argument in CALLS:
            call = exports[name]
            self.note(f"{name} {argument}", lambda: call(store, argument))  # noqa: B023

    def stores(self) -> None:
        """Stacks on which two stores take turns."""
        api = self.api
        stores = [api.Store(self.engine) for _ in range(2)]
        exports: list[Any] = []

        def other_of(own: int) -> Callable[[int], None]:
            def other(level: int) -> None:
                end = level // 4
                to = level % 2 if level < 4 else 1 - own
                exports[to]["go" if end else "trap"](stores[to], max(level - 2, 0))

            return other

        for own, name in enumerate(("first", "second")):
            host_type = api.FuncType([api.ValType.i32()], [])
            host = api.Func(stores[own], host_type, other_of(own))
            module = api.Module(self.engine, bytes(wasmtime.wat2wasm(STORES % name)))
            exports.append(api.Instance(stores[own], module, [host]).exports(stores[own]))
        for level in range(2, 10):
            self.note(f"stores {level}", lambda: exports[0]["go"](stores[0], level))  # noqa: B023

    def others(self) -> None:
        """A start function, and names of every kind."""
        api = self.api
        module = api.Module(self.engine, bytes(wasmtime.wat2wasm(STARTS)))
        self.note("start", lambda: api.Instance(api.Store(self.engine), module, []))
        for name, section in NAMES.items():
            store = api.Store(self.engine)
            instance = api.Instance(store, api.Module(self.engine, CALLER + section), [])
            call = instance.exports(store)["f"]
            self.note(f"names: {name}", lambda: call(store))  # noqa: B023


def main() -> None:
    """Standard output maps what was run to message, code and frames."""
    sys.setrecursionlimit(10_000)
    report = Report(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    report.shapes()
    report.stores()
    report.others()
    print(json.dumps(report.found))


if __name__ == "__main__":
    main()
