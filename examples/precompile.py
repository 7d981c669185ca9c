"""Compile a module ahead of time, and load the compiled code without its wasm.

The cache does this by itself: a second `Module(engine, wasm)` of the same bytes, in this process or
in the next, loads what the first one stored. A file of one's own is for code that is shipped
compiled. It is loaded only by an engine of the same version and options, on a machine that can run
it; everything else is refused before any of it runs.

Prints:

    compiled, stored, loaded: 3628800
    refused: damaged file
"""

import tempfile
from pathlib import Path

from cachewasm import Engine, Func, Instance, Module, Store, WasmtimeError

WASM = Path(__file__).parent / "factorial.wasm"

engine = Engine()
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "factorial.cwasm"
    path.write_bytes(Module.from_file(engine, str(WASM)).serialize())

    store = Store(engine)
    module = Module.deserialize_file(engine, str(path))
    factorial = Instance(store, module, []).exports(store)["factorial"]
    assert isinstance(factorial, Func)
    print("compiled, stored, loaded:", factorial(store, 10))

    # Never write to a file that a module was loaded from: write another and rename it.
    damaged = Path(folder) / "damaged.cwasm"
    damaged.write_bytes(path.read_bytes()[:100])
    try:
        Module.deserialize_file(engine, str(damaged))
    except WasmtimeError:
        print("refused: damaged file")
