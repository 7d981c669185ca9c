"""`run`: a WASI command, or one export, as a process of its own would run.

The program's arguments, streams and exit code pass through. While it runs, SIGINT has its default
effect: the program may be anywhere in compiled code, where Python's handler would never get a turn,
so Ctrl-C ends the process as it ends any other, and a shell sees what it expects.

On the warm path: no argparse, and only the part of cachewasm that a hit needs.
"""

import os
import sys

import cachewasm
from cachewasm.wasm.types import FuncType

from . import exit_codes, values
from .arguments import help_text, scan
from .failure import Failure, UsageError, about, printable
from .note import Note
from .place import choose_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Sequence

    from cachewasm import Instance, Module, Store

    from .arguments import RunArguments
else:
    import _signal

_COMMAND = "_start"
_REACTOR = "_initialize"
_WASI_MODULE = "wasi_snapshot_preview1"
_MAX_NAMES = 20


def run(arguments: "Sequence[str]") -> int:
    """The command `run`; returns the exit code. Raises Failure, UsageError."""
    options = scan(arguments)
    if options.help:
        print(help_text(), end="")
        return exit_codes.OK
    choose_cache(options.cache_dir, off=options.no_cache)
    config = cachewasm.Config()
    if options.strategy is not None:
        try:
            config.strategy = options.strategy
        except cachewasm.ConfigError as error:
            raise UsageError("run", str(error)) from error
    engine = cachewasm.Engine(config)
    with about(options.file):
        module = _load(engine, options.file)
        call = _call_of(module, options)
        store = cachewasm.Store(engine)
        linker = cachewasm.Linker(engine)
        if any(wanted.module == _WASI_MODULE for wanted in module.imports):
            linker.define_wasi()
    if _WASI_MODULE:
        _grant(store, options)
    _die_of_sigint()
    with about(options.file):
        try:
            instance = linker.instantiate(store, module)
            if _COMMAND not in call.module_exports and _REACTOR in call.module_exports:
                _function(instance, store, _REACTOR)(store)
            results = _function(instance, store, call.name)(store, *call.values)
        except cachewasm.ExitTrap as end:
            return end.code
    for line in call.render(results):
        print(line)
    return exit_codes.OK
