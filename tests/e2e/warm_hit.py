"""Compile, or hit and run, then print the modules that doing so imported.

`python -I -S warm_hit.py PATHS WASM`: no site module runs, and nothing is imported beforehand but
what every usual start imports, so that what is printed is what the warm path itself imports. PATHS
becomes sys.path's start.
"""

import os  # noqa: F401
import sys

before = set(sys.modules)
sys.path[:0] = sys.argv[1].split(":")

import cachewasm  # noqa: E402

engine = cachewasm.Engine()
file = open(sys.argv[2], "rb", buffering=0)  # noqa: SIM115
wasm = file.read()
file.close()
module = cachewasm.Module(engine, wasm)
store = cachewasm.Store(engine)
wasi = cachewasm.WasiConfig()
wasi.argv = ["mandelbrot"]
wasi.stdout_file = "/dev/null"
store.set_wasi(wasi)
linker = cachewasm.Linker(engine)
linker.define_wasi()
start = linker.instantiate(store, module).exports(store)["_start"]
assert isinstance(start, cachewasm.Func)
start(store)
assert engine._cache is not None
engine._cache.record()  # as at exit
print("\n".join(sorted(set(sys.modules) - before)))
