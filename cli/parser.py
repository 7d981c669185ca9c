"""The parser of every command but `run`, and the arguments that several commands share."""

import argparse
from collections.abc import Callable
from typing import NoReturn, TypeAlias

from cachewasm.cache.units import parse_age, parse_jobs, parse_size
from cachewasm.engine.config import Config
from cachewasm.errors import ConfigError

from .code_options import (
    CODE_OPTIONS,
    CONFIG_OPTION,
    CONFIG_OPTION_HELP,
    CONFIG_OPTION_SHORT,
    CONFIG_OPTION_VALUE,
    LIST_THEM,
    choices,
    choose,
)
from .failure import UsageError
from .manner import add_manner

_MAX_DIGITS = 9


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(self.prog, message)


# The class has this private name and no other.
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def add_command(
    commands: Commands,
    name: str,
    function: Callable[[argparse.Namespace], int],
    summary: str,
    epilog: str | None = None,
) -> Parser:
    """Add a command that `function` carries out and return its parser, for the arguments."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=function, parser=parser)
    add_manner(parser)
    return parser


def refuse_empty(parser: Parser, options: argparse.Namespace) -> None:
    """Raise UsageError if a text is empty that was given to `parser`: none of them means anything then,
    and as a path it would mean the working directory.
    """
    for action in parser._actions:
        value = getattr(options, action.dest, None)
        if value == "" or (isinstance(value, list) and "" in value):
            name = action.option_strings[-1] if action.option_strings else action.metavar
            raise UsageError(parser.prog, f"{name} is empty")


def add_place(parser: argparse.ArgumentParser) -> None:
    """The options that say which cache is meant."""
    parser.add_argument("--cache-dir", metavar="PATH", help="the cache directory")
    parser.add_argument("--config", metavar="PATH", help="the configuration file of the cache")


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option of every command that reads."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_code(parser: argparse.ArgumentParser) -> None:
    """The options that say what code is made."""
    parser.add_argument(
        "--target",
        type=target,
        metavar="T",
        help="a triple, a level such as x86-64-v3, native or generic; by default this host's level",
    )
    add_code_options(parser)


def add_code_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that has code made, for whatever target."""
    for option in CODE_OPTIONS:
        if names := choices(option):
            parser.add_argument(option.flag, choices=names, help=option.help)
        else:
            parser.add_argument(option.flag, action="store_true", default=None, help=option.help)
    add_config_options(parser)


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """The option that sets any option of Config."""
    parser.add_argument(
        *(CONFIG_OPTION_SHORT, CONFIG_OPTION),
        dest="config_options",
        action="append",
        default=[],
        type=config_option,
        metavar=CONFIG_OPTION_VALUE,
        help=CONFIG_OPTION_HELP,
    )


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """The option of every command that compiles."""
    parser.add_argument(
        "--jobs",
        type=jobs,
        metavar="N",
        help="how many processes may compile; by default one per processor",
    )


def chosen_code(options: argparse.Namespace) -> Config:
    """The configuration that the options of `add_code` ask for. Raises UsageError."""
    config = Config()
    if options.target is not None:
        config.target = options.target
    choose(config, chosen_code_options(options))
    return config


def chosen_code_options(options: argparse.Namespace) -> dict[str, object]:
    """What the options of `add_code_options` ask for: options of Config by name. Raises UsageError."""
    given = {option.name: getattr(options, option.name, None) for option in CODE_OPTIONS}
    code = {name: value for name, value in given.items() if value is not None}
    code |= dict(options.config_options)
    if "target" in code and hasattr(options, "targets"):
        raise UsageError("cachewasm", "give --target, which may be repeated, not -C target")
    config = Config()
    choose(config, code)
    try:
        config.validate()
    except ConfigError as error:
        raise UsageError("cachewasm", str(error)) from None
    return code


def count(text: str) -> int:
    """The type of an argument that is a number of things, at least 1."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def target(text: str) -> str:
    """The type of an argument that is a target."""
    try:
        Config().target = text
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def config_option(text: str) -> tuple[str, object]:
    """The type of an argument that sets an option of Config: its name and value."""
    from . import config_option

    if text == LIST_THEM:
        print(config_option.listing())
        raise SystemExit
    try:
        return config_option.parse(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def jobs(text: str) -> int:
    """The type of an argument that is a number of processes."""
    try:
        return parse_jobs(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def size(text: str) -> int:
    """The type of an argument that is a size, in bytes."""
    try:
        return parse_size(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def age(text: str) -> int:
    """The type of an argument that is a span of time, in seconds."""
    try:
        return parse_age(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
