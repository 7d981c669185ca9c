"""Every command but `run`: their arguments, by argparse, and which function each one is."""

import argparse
from collections.abc import Callable, Sequence

from cachewasm.engine.version import VERSION

from . import arguments, build, convert, examine, exit_codes, wast
from .cache.verbs import add_cache
from .completion import add_completion
from .failure import UsageError
from .manner import manner
from .parser import (
    Commands,
    Parser,
    add_code,
    add_command,
    add_config_options,
    add_jobs,
    add_json,
    add_place,
    refuse_empty,
)

_EPILOG = f"""exit codes:
{exit_codes.lines(exit_codes.MEANINGS)}

`cachewasm COMMAND --help` tells more of each command.
"""


def dispatch(given: Sequence[str]) -> int:
    """Run a command and return its exit code. Raises Failure."""
    try:
        options, unknown = _parser().parse_known_args(given)
    except SystemExit:
        # argparse has printed what --help or --version asked for.
        return exit_codes.OK
    if unknown:
        raise UsageError(options.parser.prog, f"unrecognized arguments: {' '.join(unknown)}")
    refuse_empty(options.parser, options)
    command: Callable[[argparse.Namespace], int] = options.command
    with manner(options):
        return command(options)


def _parser() -> Parser:
    parser = Parser(
        prog="cachewasm",
        description="Run, compile and look at WebAssembly modules, and manage their cache.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"cachewasm {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    # Only for the list: main has seen to it before argparse was imported.
    commands.add_parser("run", help=arguments.SUMMARY, add_help=False)
    _add_build(commands)
    _add_convert(commands)
    _add_examine(commands)
    _add_wast(commands)
    add_cache(commands)
    add_completion(commands, parser)
    return parser


def _add_build(commands: Commands) -> None:
    parser = add_command(
        commands, "compile", build.compile, "compile a module to a file that `run` starts from"
    )
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("-o", "--output", metavar="OUT", help="by default FILE with .cwasm")
    parser.add_argument(
        "--debug-info", action="store_true", help="with debug information, for run --debug-info"
    )
    add_code(parser)
    add_jobs(parser)
    add_place(parser)
    parser.add_argument("--no-cache", action="store_true", help="compile anew, store nothing")
    parser = add_command(commands, "validate", build.validate, "check that modules are valid")
    add_config_options(parser)
    parser.add_argument("files", metavar="FILE", nargs="+")


def _add_convert(commands: Commands) -> None:
    parser = add_command(
        commands, "wat2wasm", convert.wat2wasm, "convert a module from text to binary format"
    )
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("-o", "--output", metavar="OUT", help="by default FILE with .wasm")
    parser = add_command(commands, "wasm2wat", convert.wasm2wat, "print a module in text format")
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("-o", "--output", metavar="OUT", help="by default standard output")


def _add_examine(commands: Commands) -> None:
    parser = add_command(
        commands,
        "inspect",
        examine.inspect,
        "show what is in a module, in compiled code or in a cache entry",
    )
    parser.add_argument("file", metavar="FILE")
    add_json(parser)


def _add_wast(commands: Commands) -> None:
    parser = add_command(commands, "wast", wast.wast, "run official test scripts")
    parser.add_argument("files", metavar="FILE", nargs="+")
    parser.add_argument(
        "--tier",
        "--strategy",
        choices=wast.TIERS,
        help="which code to test; by default what `run` uses",
    )
    add_place(parser)
    parser.add_argument("--no-cache", action="store_true", help="compile anew, store nothing")
    add_json(parser)
