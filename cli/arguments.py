"""The arguments of `run`, scanned by hand: argparse would cost more than the rest of a warm run.

Options end at FILE; whatever follows belongs to the program. One table has the options, for the scan
and for the help. On the warm path.
"""

from . import exit_codes
from .code_options import (
    BY_FLAG,
    CODE_OPTIONS,
    CONFIG_OPTION,
    CONFIG_OPTION_HELP,
    CONFIG_OPTION_SHORT,
    CONFIG_OPTION_VALUE,
    LIST_THEM,
)
from .failure import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Name, what its value is called ("" for none), what it does.
OPTIONS = (
    ("--dir", "HOST[::GUEST]", "let the program use a directory, under the name GUEST"),
    ("--env", "NAME=VALUE", "set an environment variable of the program"),
    ("--invoke", "NAME", "call one export with ARG... and print its results, one per line"),
    *((option.flag, option.metavar, option.help) for option in CODE_OPTIONS),
    (CONFIG_OPTION_SHORT, CONFIG_OPTION_VALUE, CONFIG_OPTION_HELP),
    (CONFIG_OPTION, CONFIG_OPTION_VALUE, f"the same as {CONFIG_OPTION_SHORT}"),
    ("--jobs", "N", "how many processes may compile; by default one per processor"),
    ("--fuel", "N", "let the program trap once it has executed about N instructions"),
    ("--timeout", "TIME", "let the program trap after so long: 30s, 5m, 0.5s"),
    ("--cache-dir", "PATH", "the cache directory"),
    ("--config", "PATH", "the configuration file of the cache"),
    ("--no-cache", "", "compile anew, and store nothing"),
    ("--debug-info", "", "let gdb know the functions of the module"),
    ("--help", "", "print this text"),
)
_METAVARS = {name: metavar for name, metavar, _ in OPTIONS}
_PATHS = ("--dir", "--cache-dir", "--config")

COMMAND = "cachewasm run"
SUMMARY = "run a module, or compiled code that `compile` has made"


class RunArguments:
    """What the command line of `run` says."""

    __slots__ = (
        "cache_dir",
        "code",
        "config",
        "config_options",
        "debug_info",
        "directories",
        "file",
        "fuel",
        "help",
        "invoke",
        "jobs",
        "no_cache",
        "program_arguments",
        "timeout",
        "variables",
    )

    def __init__(self) -> None:
        self.file = ""
        self.program_arguments: Sequence[str] = ()
        self.directories: list[tuple[str, str]] = []
        self.variables: list[tuple[str, str]] = []
        self.invoke: str | None = None
        self.code: dict[str, str | bool] = {}
        self.config_options: list[str] = []
        self.jobs: str | None = None
        self.fuel: str | None = None
        self.timeout: str | None = None
        self.cache_dir: str | None = None
        self.config: str | None = None
        self.no_cache = False
        self.debug_info = False
        self.help = False

    @property
    def wants_list(self) -> bool:
        """Whether nothing is run, and the options of Config are listed."""
        return self.config_options[-1:] == [LIST_THEM]


def scan(arguments: "Sequence[str]") -> RunArguments:
    """Understand what follows `run`. Raises UsageError."""
    found = RunArguments()
    at = 0
    while at < len(arguments) and arguments[at].startswith("-"):
        name, equals, value = _taken_apart(arguments[at])
        at += 1
        if name == "--" and not equals:
            break
        metavar = _METAVARS.get("--help" if name == "-h" else name)
        if metavar is None:
            raise UsageError(COMMAND, f"unknown option {name}")
        if metavar and not equals:
            if at == len(arguments):
                raise UsageError(COMMAND, f"{name} needs a value: {metavar}")
            value = arguments[at]
            at += 1
        elif equals and not metavar:
            raise UsageError(COMMAND, f"{name} takes no value")
        if not value and name in _PATHS:
            # It would mean the working directory.
            raise UsageError(COMMAND, f"{name} is empty")
        _set(found, name, value)
        if found.help or found.wants_list:
            return found
    if at == len(arguments):
        raise UsageError(COMMAND, "FILE is missing")
    found.file = arguments[at]
    if not found.file:
        raise UsageError(COMMAND, "FILE is empty")
    found.program_arguments = arguments[at + 1 :]
    return found


def _taken_apart(argument: str) -> tuple[str, str, str]:
    """The option, an equals sign if its value is joined to it, and that value."""
    if argument.startswith(CONFIG_OPTION_SHORT) and argument[2:3] not in ("", "="):
        return CONFIG_OPTION_SHORT, "=", argument[2:]
    return argument.partition("=")


def _set(found: RunArguments, name: str, value: str) -> None:
    if name == "--dir":
        host, separator, guest = value.partition("::")
        found.directories.append((host, guest if separator else host))
    elif name == "--env":
        variable, equals, content = value.partition("=")
        if not equals or not variable:
            raise UsageError(COMMAND, f"--env needs NAME=VALUE, not {value}")
        found.variables.append((variable, content))
    elif name == "--invoke":
        found.invoke = value
    elif name in BY_FLAG:
        found.code[BY_FLAG[name].name] = value if BY_FLAG[name].metavar else True
    elif name in (CONFIG_OPTION, CONFIG_OPTION_SHORT):
        found.config_options.append(value)
    elif name == "--jobs":
        found.jobs = value
    elif name == "--fuel":
        found.fuel = value
    elif name == "--timeout":
        found.timeout = value
    elif name == "--cache-dir":
        found.cache_dir = value
    elif name == "--config":
        found.config = value
    elif name == "--no-cache":
        found.no_cache = True
    elif name == "--debug-info":
        found.debug_info = True
    else:
        found.help = True


def help_text() -> str:
    """What `run --help` prints."""
    rows = "\n".join(f"  {f'{name} {metavar}':<24} {what}" for name, metavar, what in OPTIONS)
    return f"""usage: {COMMAND} [OPTION...] FILE [ARG...]

{SUMMARY[0].upper()}{SUMMARY[1:]}.

FILE is a WASI command: it gets FILE's name, every ARG, the standard streams, and nothing else of
this machine but what --dir and --env give it. A FILE of compiled code is machine code: run only
what comes from somebody you trust. With --invoke, each ARG is a value of the parameter's type:
decimal or hexadecimal, `inf`, `nan`.

options, which end at FILE:
{rows}

exit code: the program's own, or
{exit_codes.lines(exit_codes.MEANINGS)}
"""
