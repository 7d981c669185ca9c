"""Run a program under a package, and note everything that can be seen of it.

The trace is comparable with `==`: floats are their bits, all NaNs are one, a function is its type.
"""

import struct
from hashlib import blake2b
from types import ModuleType
from typing import Any

from cachewasm.wasm.types import F32, F64, ValType
from tests.property.programs.edges import BITS, signed
from tests.property.programs.program import CALLS_LEFT_EXPORT, Call, Program
from tests.property.programs.shape import BASE_VALUE, CALLS, HOST_TYPES

Trace = list[tuple[object, ...]]

_OBJECTS = (None, "one", "two")  # what an externref refers to, by the number of the argument


class Run:
    """One instance of a program. The packages share an API but no types, hence `Any`."""

    def __init__(self, package: ModuleType, engine: object, program: Program) -> None:
        self._package: Any = package
        self._program = program
        self.trace: Trace = []
        self._store: Any = self._package.Store(engine)
        self._module: Any = self._package.Module(engine, program.wasm)

    def run(self) -> Trace:
        """Instantiate, make all calls, look at what is left."""
        try:
            instance = self._package.Instance(self._store, self._module, self._imports())
        except self._package.Trap as trap:
            self.trace.append(("start", _code(trap)))
            return self.trace
        exports = instance.exports(self._store)
        for call in self._program.calls:
            exports[CALLS_LEFT_EXPORT].set_value(self._store, self._package.Val.i32(CALLS))
            self.trace.append((call.name, call.arguments, self._call(exports, call)))
        for name in self._names():
            self.trace.append((name, self._state(exports[name])))
        return self.trace

    def _names(self) -> list[str]:
        return [e.name for e in self._module.exports if e.name[0] in "gmt"]

    def _call(self, exports: Any, call: Call) -> object:
        arguments = [self._argument(call, number) for number in range(len(call.arguments))]
        try:
            result = exports[call.name](self._store, *arguments)
        except self._package.Trap as trap:
            return _code(trap)
        types = call.type.result_types
        results = result if len(types) > 1 else [] if not types else [result]
        return tuple(self._seen(t, value) for t, value in zip(types, results, strict=True))

    def _argument(self, call: Call, number: int) -> object:
        valtype, bits = call.type.param_types[number], call.arguments[number]
        if valtype.name == "externref":
            return self._package.Val.externref(_OBJECTS[bits])
        if valtype.name == "funcref":
            return self._package.Val.funcref(None)
        if valtype is F32:
            return struct.unpack("<f", struct.pack("<I", bits))[0]
        if valtype is F64:
            return struct.unpack("<d", struct.pack("<Q", bits))[0]
        return signed(bits, BITS[valtype])

    def _seen(self, valtype: ValType, value: Any) -> object:
        if valtype.name == "funcref":
            return self._func(value)
        if valtype.name == "externref":
            return value
        return _bits(value)

    def _func(self, func: Any) -> object:
        if func is None:
            return None
        functype = func.type(self._store)
        sides = [list(map(str, functype.params)), list(map(str, functype.results))]
        # PyPI wasmtime calls externref anyref here.
        return str(sides).replace("anyref", "externref")

    def _state(self, extern: Any) -> object:
        store, package = self._store, self._package
        if isinstance(extern, package.Memory):
            content = extern.read(store, 0, extern.data_len(store))
            return len(content), blake2b(content).hexdigest()
        if isinstance(extern, package.Table):
            elements = [self._element(extern, index) for index in range(extern.size(store))]
            is_func = str(extern.type(store).element) == "funcref"
            return [self._func(each) if is_func else each for each in elements]
        value = extern.value(store)
        if isinstance(value, package.Func):
            return self._func(value)
        return _bits(value)

    def _element(self, table: Any, index: int) -> object:
        element = table.get(self._store, index)
        # PyPI wasmtime gives null as a Val.
        return element.value if isinstance(element, self._package.Val) else element

    # Host functions: what they are called with is part of the trace.

    def _imports(self) -> list[object]:
        package, store = self._package, self._store
        funcs = []
        for functype, function in zip(HOST_TYPES, (self._first, self._second), strict=True):
            types = [
                [getattr(package.ValType, t.name)() for t in side]
                for side in (functype.param_types, functype.result_types)
            ]
            funcs.append(package.Func(store, package.FuncType(*types), function))
        base = package.GlobalType(package.ValType.i32(), False)
        return [*funcs, package.Global(store, base, package.Val.i32(BASE_VALUE))]

    def _first(self, value: int) -> int:
        self.trace.append(("host", value))
        return signed((value * 2654435761 + 1) & 0xFFFFFFFF, 32)

    def _second(self, number: float, value: int) -> list[object]:
        self.trace.append(("host", self._seen(F64, number), value))
        return [~value, 0.5 if number != number else 1.5]


def _code(trap: Any) -> str:
    return str(trap.trap_code.name) if trap.trap_code is not None else str(trap)


def _bits(value: object) -> object:
    """What tells a float from all others but a NaN from none; anything else as it is."""
    if not isinstance(value, float):
        return value
    return "nan" if value != value else struct.pack("<d", value).hex()
