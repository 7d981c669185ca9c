"""Run under a debugger by test_gdb.py: wasm that stops in a function of Python, then ends.

python debugged.py STRATEGY WASM
"""

import os
import signal
import sys
from pathlib import Path

import cachewasm


def main() -> None:
    """Call the export `fib`, which calls the host twice."""
    config = cachewasm.Config()
    config.debug_info = True
    config.strategy = sys.argv[1]
    store = cachewasm.Store(cachewasm.Engine(config))
    stop = cachewasm.Func(
        store,
        cachewasm.FuncType([cachewasm.ValType.i32()], []),
        lambda _: os.kill(os.getpid(), signal.SIGUSR1),
    )
    module = cachewasm.Module(store.engine, Path(sys.argv[2]).read_bytes())
    fib = cachewasm.Instance(store, module, [stop]).exports(store)["fib"]
    assert callable(fib)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    print("fib:", fib(store, 1))


if __name__ == "__main__":
    main()
