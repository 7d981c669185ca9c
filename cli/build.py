"""`compile` and `validate`."""

import os
from argparse import Namespace

from cachewasm import Config, Engine, Module

from . import exit_codes
from .code_options import choose
from .failure import Failure, about, printable, say
from .files import read, refuse_replacing, write
from .note import Note
from .parser import chosen_code, chosen_code_options
from .place import choose_cache

SUFFIX = ".cwasm"


def compile(options: Namespace) -> int:
    """Write the artifact of `options.file`."""
    path: str = options.file
    output: str = options.output or os.path.splitext(path)[0] + SUFFIX
    refuse_replacing(path, output)
    choose_cache(options.cache_dir, options.config, off=options.no_cache)
    config = chosen_code(options)
    if options.debug_info:
        config.debug_info = True
    if options.jobs is not None:
        config.compile_jobs = options.jobs
    note = Note(f"cachewasm: compiling {printable(path)} ...")
    config.compile_progress = note.progress
    with about(path), note:
        artifact = Engine(config).precompile_module(read(path))
    with about(output):
        write(output, artifact)
    return exit_codes.OK


def validate(options: Namespace) -> int:
    """Say of each file what is wrong with it."""
    config = Config()
    choose(config, chosen_code_options(options))
    engine = Engine(config)
    code = exit_codes.OK
    for path in options.files:
        try:
            with about(path):
                Module.validate(engine, read(path))
        except Failure as failure:
            say(f"cachewasm: {failure.message}")
            code = failure.code
    return code
