"""`compile` and `validate`."""

import os
from argparse import Namespace

from cachewasm import Config, Engine, Module

from . import exit_codes
from .failure import Failure, about, printable, say
from .note import Note
from .place import choose_cache

SUFFIX = ".cwasm"


def compile(options: Namespace) -> int:
    """Write the artifact of `options.file`."""
    path: str = options.file
    output: str = options.output or os.path.splitext(path)[0] + SUFFIX
    if os.path.realpath(output) == os.path.realpath(path):
        raise Failure(
            f"{printable(path)}: the output would replace the module: name another with -o"
        )
    choose_cache(options.cache_dir, off=options.no_cache)
    config = Config()
    if options.target is not None:
        config.target = options.target
    if options.strategy is not None:
        config.strategy = options.strategy
    with about(path), Note(f"cachewasm: compiling {printable(path)} ..."):
        artifact = Engine(config).precompile_module(_read(path))
    with about(output):
        _write_atomic(output, artifact)
    return exit_codes.OK


def validate(options: Namespace) -> int:
    """Say of each file what is wrong with it."""
    engine = Engine()
    code = exit_codes.OK
    for path in options.files:
        try:
            with about(path):
                Module.validate(engine, _read(path))
        except Failure as failure:
            say(f"cachewasm: {failure.message}")
            code = failure.code
    return code


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _write_atomic(path: str, content: bytes) -> None:
    """Write `path` so that it is whole or as before, with the mode that any new file has."""
    temporary = f"{path}.{os.getpid()}.{os.urandom(8).hex()}.tmp"
    file = open(temporary, "xb")  # noqa: SIM115 - closed below, where its name is removed, too
    try:
        with file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
