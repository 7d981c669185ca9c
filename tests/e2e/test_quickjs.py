"""QuickJS, as an npm package compiles it, evaluates what it evaluates under PyPI wasmtime.

A JavaScript interpreter: computed dispatch, indirect calls everywhere, big numbers, number parsing
and printing, and a memory that the host makes. The export names are those that the package's glue
code binds.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# QTS_* and malloc in @jitl/quickjs-wasmfile-release-sync 0.32.0, after Emscripten's minifier.
CONSTRUCTORS, MALLOC = "u", "v"
NEW_RUNTIME, NEW_CONTEXT, EVAL, GET_STRING = "K", "N", "pa", "$"

SCRIPTS = (
    "1 + 2",
    "[1, 2, 3].map(x => x * x).join()",
    "(() => { let a = 0; for (let i = 0; i < 20000; i++) a = (a * 31 + i) | 0; return a })()",
    'JSON.stringify({a: [1.5, 2, {b: "x"}], d: Math.sin(1)})',
    '"a-b-c".replace(/-(\\w)/g, (_, c) => c.toUpperCase())',
    "0.1 + 0.2",
    "(12345678901234567890n ** 3n).toString()",
    "(2n ** 200n / 3n ** 50n).toString(16)",
    '[..."hello"].sort().reverse().join("")',
    "Math.hypot(3, 4) + Math.atan2(1, 2) * Math.pow(2, 0.5) + Math.exp(0.3) - Math.log(7)",
    "function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) } fib(15)",
    "[3, 1, 2].toString() + [..new Map([[1, 2]])]",
    'try { null.x } catch (e) { e.name + ": " + e.message }',
    "(1e21).toString() + (123.456).toFixed(1) + (255).toString(2) + parseFloat('1e-7')",
    "[NaN, -0, Infinity, 1 / -0, 2 ** 53 + 1, 5e-324, 1.7976931348623157e308].join()",
    "(function* () { yield* [1, 2, 3] })().next().value",
    "new Uint8Array([1, 300, -1]).join() + new Float32Array([0.1]).join()",
    "(function f(n) { return n ? 1 + f(n - 1) : 0 })(300)",
    '"ÄöüßΣ".toLowerCase() + "\\u{1F600}".length + "ab".padStart(5, "*")',
)


def _results(program: Any) -> list[str | None]:
    program.call(CONSTRUCTORS)
    context = program.call(NEW_CONTEXT, program.call(NEW_RUNTIME), 0)
    name = program.string("script.js")
    results = []
    for script in SCRIPTS:
        length = len(script.encode())
        value = program.call(EVAL, context, program.string(script), length, name, 0, 0)
        results.append(program.text(program.call(GET_STRING, context, value)))
    return results


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_quickjs_scripts_give_the_oracles_values(
    both: Callable[[str], Any],
    start_program: Callable[..., Any],
    module_path: Callable[[str], Path],
    strategy: str,
) -> None:
    wasm = module_path("quickjs.wasm").read_bytes()
    ours, oracle = (
        _results(start_program(package, engine, wasm, MALLOC)) for package, engine in both(strategy)
    )
    assert ours == oracle
    assert oracle[0] == "3"
