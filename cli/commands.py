"""Every command but `run`: their arguments, by argparse, and which function each one is."""

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn

from cachewasm.cache.units import parse_age, parse_size
from cachewasm.engine.config import Config
from cachewasm.engine.options import Strategy
from cachewasm.engine.version import VERSION
from cachewasm.errors import ConfigError

from . import arguments, build, cache, cache_config, convert, examine, exit_codes, stats, wast
from .failure import UsageError

_EPILOG = f"""exit codes:
{exit_codes.lines(exit_codes.MEANINGS)}

`cachewasm COMMAND --help` tells more of each command.
"""
_VERIFY_EPILOG = f"""exit code: the sum of what was found among the entries
{exit_codes.lines(exit_codes.VERIFY_MEANINGS)}
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(self.prog, message)


def dispatch(given: Sequence[str]) -> int:
    """Run a command and return its exit code. Raises Failure."""
    try:
        options = _parser().parse_args(given)
    except SystemExit:
        # argparse has printed what --help or --version asked for.
        return exit_codes.OK
    command: Callable[[argparse.Namespace], int] = options.command
    return command(options)


def _parser() -> _Parser:
    parser = _Parser(
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
    _add_cache(commands)
    return parser


def _add(
    commands: "argparse._SubParsersAction[_Parser]",
    name: str,
    function: Callable[[argparse.Namespace], int],
    summary: str,
    epilog: str | None = None,
) -> _Parser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=function)
    return parser


def _add_build(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _add(
        commands, "compile", build.compile, "compile a module to a file that `run` starts from"
    )
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("-o", "--output", metavar="OUT", help="by default FILE with .cwasm")
    parser.add_argument(
        "--target",
        type=_target,
        metavar="T",
        help="a triple, a level such as x86-64-v3, or native; by default this host's level",
    )
    parser.add_argument("--strategy", choices=Strategy.NAMES, help="how to compile")
    _add_place(parser)
    parser.add_argument("--no-cache", action="store_true", help="compile anew, store nothing")
    parser = _add(commands, "validate", build.validate, "check that modules are valid")
    parser.add_argument("files", metavar="FILE", nargs="+")


def _add_convert(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _add(
        commands, "wat2wasm", convert.wat2wasm, "convert a module from text to binary format"
    )
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("-o", "--output", metavar="OUT", help="by default FILE with .wasm")
    parser = _add(commands, "wasm2wat", convert.wasm2wat, "print a module in text format")
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("-o", "--output", metavar="OUT", help="by default standard output")


def _add_examine(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _add(
        commands,
        "inspect",
        examine.inspect,
        "show what is in a module, in compiled code or in a cache entry",
    )
    parser.add_argument("file", metavar="FILE")
    _add_json(parser)


def _add_wast(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _add(commands, "wast", wast.wast, "run official test scripts")
    parser.add_argument("files", metavar="FILE", nargs="+")
    parser.add_argument(
        "--tier",
        "--strategy",
        choices=wast.TIERS,
        help="which code to test; by default what `run` uses",
    )
    _add_place(parser)
    parser.add_argument("--no-cache", action="store_true", help="compile anew, store nothing")
    _add_json(parser)


def _add_cache(commands: "argparse._SubParsersAction[_Parser]") -> None:
    summary = "look at the cache and keep it small"
    parser = commands.add_parser("cache", help=summary, description=f"{summary.capitalize()}.")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)

    parser = _add(verbs, "dir", cache.directory, "print where the cache is")
    _add_place(parser)

    parser = _add(
        verbs,
        "config",
        cache_config.show,
        "print every setting in effect, and where its value comes from",
    )
    _add_place(parser)
    _add_json(parser)

    parser = _add(verbs, "list", cache.list_entries, "list the entries")
    _add_place(parser)
    _add_json(parser)
    parser.add_argument("--sort", choices=cache.ORDERS, default="module", help="by default module")

    parser = _add(verbs, "stats", stats.stats, "print what all processes have counted")
    _add_place(parser)
    _add_json(parser)
    parser.add_argument("--prometheus", action="store_true", help="print as Prometheus reads it")

    parser = _add(verbs, "verify", cache.verify, "check every byte of every entry", _VERIFY_EPILOG)
    _add_place(parser)
    _add_json(parser)

    parser = _add(
        verbs,
        "prune",
        cache.prune,
        "remove entries, least recently used first, and what killed writers have left",
    )
    _add_place(parser)
    _add_json(parser)
    parser.add_argument(
        "--max-size", type=_size, metavar="SIZE", help="what to keep at most: 500MB, 2GiB"
    )
    parser.add_argument(
        "--older-than", type=_age, metavar="AGE", help="remove what was not used so long: 12h, 30d"
    )
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be removed")


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cache-dir", metavar="PATH", help="the cache directory")
    parser.add_argument("--config", metavar="PATH", help="the configuration file of the cache")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _age(text: str) -> int:
    try:
        return parse_age(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _target(text: str) -> str:
    try:
        Config().target = text
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
