"""Runs a WASI command, as an application would: `run_command.py PACKAGE STRATEGY WASM [ARG]...`."""

import importlib
import sys
from pathlib import Path


def main(name: str, strategy: str, wasm: str, *arguments: str) -> int:
    package = importlib.import_module(name)
    config = package.Config()
    config.strategy = "cranelift" if name == "wasmtime" else strategy
    engine = package.Engine(config)
    store = package.Store(engine)
    wasi = package.WasiConfig()
    wasi.argv = [Path(wasm).name, *arguments]
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    store.set_wasi(wasi)
    linker = package.Linker(engine)
    linker.define_wasi()
    instance = linker.instantiate(store, package.Module.from_file(engine, wasm))
    try:
        instance.exports(store)["_start"](store)
    except package.ExitTrap as end:
        return int(end.code)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
