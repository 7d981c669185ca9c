"""`run`: a WASI command, or one export, as a process of its own would run.

The program's arguments, streams and exit code pass through. While it runs, SIGINT has its default
effect: the program may be anywhere in compiled code, where Python's handler would never get a turn,
so Ctrl-C ends this process as it ends any other, and a shell sees what it expects.

On the warm path: no argparse, and only the part of cachewasm that a hit needs.
"""

import gc
import os

import cachewasm
from cachewasm.wasm.types import FuncType

from . import exit_codes
from .arguments import COMMAND, help_text, scan
from .code_options import choose
from .failure import Failure, UsageError, about, printable, say
from .note import Note
from .place import choose_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Sequence
    from typing import Any

    from cachewasm import Engine, Instance, Linker, Module, Store

    from .arguments import RunArguments
else:
    import _signal

_ENTRY = "_start"
_REACTOR = "_initialize"
_WASI_MODULE = "wasi_snapshot_preview1"
_MAX_NAMES = 20


def run(arguments: "Sequence[str]") -> int:
    """Run what `arguments` name and return its exit code. Raises Failure."""
    options = scan(arguments)
    if options.help:
        print(help_text(), end="")
        return exit_codes.OK
    if options.wants_list:
        from .config_option import listing

        print(listing())
        return exit_codes.OK
    choose_cache(options.cache_dir, options.config, off=options.no_cache)
    note = Note(f"cachewasm: compiling {printable(options.file)} ...")
    limits = None
    if options.fuel is not None or options.timeout is not None or options.config_options:
        from .limits import Limits

        limits = Limits(options)
    engine = _engine(options, note)
    with about(options.file), note:
        module = _load(engine, options.file)
        call = _Call(module, options)
        store = cachewasm.Store(engine)
    if engine.cache_problem:
        say(f"cachewasm: warning: compiled code is not cached: {engine.cache_problem}")
    linker = cachewasm.Linker(engine)
    if any(wanted.module == _WASI_MODULE for wanted in module.imports):
        linker.define_wasi()
        _grant(store, options)
    _die_of_sigint()
    if limits is not None:
        limits.begin(engine, store)
    # What a start has made stays: the collector need not look at it.
    gc.freeze()
    gc.enable()
    try:
        with about(options.file):
            lines = call.run(linker, store)
    except cachewasm.ExitTrap as end:
        return end.code
    for line in lines:
        print(line)
    return exit_codes.OK


class _Call:
    """The export to call and its arguments, checked against the module's exports."""

    __slots__ = ("_arguments", "_initialize", "_module", "_name", "_type")

    def __init__(self, module: "Module", options: "RunArguments") -> None:
        functions = {
            export.name: export.type
            for export in module.exports
            if isinstance(export.type, FuncType)
        }
        self._module = module
        self._name = _ENTRY if options.invoke is None else options.invoke
        type = functions.get(self._name)
        if type is None:
            raise Failure(_no_function(self._name, options, list(functions)))
        self._type = type
        self._arguments: list[int | float] = []
        if options.invoke is not None:
            self._arguments = _typed(options.invoke, type, options.program_arguments)
        elif type.param_types or type.result_types:
            file = printable(options.file)
            raise Failure(f"{file}: `{_ENTRY}` has the type {type}, not [] -> []")
        is_reactor = _ENTRY not in functions and _REACTOR in functions
        self._initialize = is_reactor and self._name != _REACTOR

    def run(self, linker: "Linker", store: "Store") -> list[str]:
        """Instantiate and call; the results as lines."""
        instance = linker.instantiate(store, self._module)
        if self._initialize:
            _function(instance, store, _REACTOR)(store)
        result = _function(instance, store, self._name)(store, *self._arguments)
        types = self._type.result_types
        if not types:
            return []
        # Here and below: a command has neither results nor typed arguments.
        from . import values

        results = result if len(types) > 1 else [result]
        return [values.render(value, type) for value, type in zip(results, types, strict=True)]


def _function(instance: "Instance", store: "Store", name: str) -> "Callable[..., Any]":
    function: Any = instance.exports(store)[name]
    found: Callable[..., Any] = function
    return found


def _engine(options: "RunArguments", note: Note) -> "Engine":
    config = cachewasm.Config()
    config.compile_progress = note.progress
    if options.jobs is not None:
        config.compile_jobs = _jobs(options.jobs)
    if options.code or options.config_options:
        try:
            choose(config, options.code)
            if options.config_options:
                from .config_option import parse_all

                choose(config, parse_all(options.config_options))
            config.validate()
        except cachewasm.ConfigError as error:
            raise UsageError(COMMAND, str(error)) from None
    if options.debug_info:
        config.debug_info = True
    if options.fuel is not None:
        config.consume_fuel = True
    if options.timeout is not None:
        config.epoch_interruption = True
    return cachewasm.Engine(config)


def _jobs(text: str) -> int:
    from cachewasm.cache.units import parse_jobs

    try:
        return parse_jobs(text)
    except cachewasm.ConfigError as error:
        raise UsageError(COMMAND, str(error)) from None


def _load(engine: "Engine", path: str) -> "Module":
    with open(path, "rb", buffering=0) as file:
        data = file.readall()
    if cachewasm.Engine.detect_precompiled(data) is not None:
        return cachewasm.Module.deserialize(engine, data)
    return cachewasm.Module(engine, data)


def _grant(store: "Store", options: "RunArguments") -> None:
    wasi = cachewasm.WasiConfig()
    own = () if options.invoke is not None else options.program_arguments
    wasi.argv = [os.path.basename(options.file), *own]
    wasi.env = options.variables
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    for host, guest in options.directories:
        with about(f"--dir {host}"):
            wasi.preopen_dir(host, guest)
    store.set_wasi(wasi)


def _typed(name: str, type: FuncType, texts: "Sequence[str]") -> list[int | float]:
    wanted = type.param_types
    if len(texts) != len(wanted):
        from .text import counted

        takes = counted(len(wanted), "argument")
        raise UsageError(COMMAND, f"`{name}` takes {takes}, not {len(texts)}")
    from . import values

    try:
        return [values.parse(text, each) for text, each in zip(texts, wanted, strict=True)]
    except ValueError as error:
        raise UsageError(COMMAND, f"`{name}`: {error}") from None


def _no_function(name: str, options: "RunArguments", functions: list[str]) -> str:
    file = printable(options.file)
    listed = ", ".join(functions[:_MAX_NAMES]) + (", ..." if functions[_MAX_NAMES:] else "")
    offer = f"the exported functions are {listed}" if functions else "no function is exported"
    how = "" if options.invoke is not None or not functions else "; call one with --invoke"
    return f"{file}: no function `{name}` is exported: {offer}{how}"


def _die_of_sigint() -> None:
    """Undo Python's own handler. One that ignores SIGINT stays: the shell has asked for it."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
