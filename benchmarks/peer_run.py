"""What `cachewasm run` is measured against: the shortest script that does the same on the peer.

`python peer_run.py WASM [ARG]...`, with the cache in the directory PEER_CACHE_DIR. It imports no
more than it must, since every import would be held against the peer.
"""

import os
import sys

import wasmtime

directory = os.environ["PEER_CACHE_DIR"]
toml = os.path.join(directory, "config.toml")
if not os.path.exists(toml):
    os.makedirs(directory, exist_ok=True)
    with open(toml, "w") as file:
        file.write(f'[cache]\ndirectory = "{directory}/entries"\n')

config = wasmtime.Config()
config.cache = toml
engine = wasmtime.Engine(config)
module = wasmtime.Module.from_file(engine, sys.argv[1])
linker = wasmtime.Linker(engine)
linker.define_wasi()
store = wasmtime.Store(engine)
wasi = wasmtime.WasiConfig()
wasi.argv = [os.path.basename(sys.argv[1]), *sys.argv[2:]]
wasi.inherit_stdin()
wasi.inherit_stdout()
wasi.inherit_stderr()
store.set_wasi(wasi)
try:
    start = linker.instantiate(store, module).exports(store)["_start"]
    assert isinstance(start, wasmtime.Func)
    start(store)
except wasmtime.ExitTrap as end:
    sys.exit(end.code)
