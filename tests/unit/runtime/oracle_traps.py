"""Run by test_traps.py: what the oracle says of each trapping export of a module, as JSON.

The oracle runs in a process of its own, because it installs signal handlers.
"""

import json
import sys
from typing import Any

import wasmtime


def main() -> None:
    """Standard input is the module; standard output maps exports to message, code and frames."""
    engine = wasmtime.Engine()
    module = wasmtime.Module(engine, sys.stdin.buffer.read())
    found = {}
    for export in module.exports:
        store = wasmtime.Store(engine)
        back = [
            wasmtime.Func(store, wasmtime.FuncType([], []), lambda: None) for _ in module.imports
        ]
        function: Any = wasmtime.Instance(store, module, back).exports(store)[export.name]
        try:
            function(store)
        except wasmtime.Trap as trap:
            frames = [
                (f.func_index, f.func_name, f.module_name, f.module_offset, f.func_offset)
                for f in trap.frames
            ]
            found[export.name] = (str(trap), getattr(trap.trap_code, "name", None), frames)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
