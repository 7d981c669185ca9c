"""The options that say what code is made, for `run` and for every command by argparse.

A row names the option of `Config` that it sets; what values there are is that option's to say. On
the warm path.
"""

from cachewasm.engine.config import OPTIONS, Config
from cachewasm.engine.options import OptLevel, Strategy, Switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from cachewasm.engine.options import Option

    Code = Mapping[str, object]


class CodeOption:
    """A row: what is typed, the option that it sets, what its value is called, what it does.

    One without a value switches its option on.
    """

    __slots__ = ("flag", "help", "metavar", "name")

    def __init__(self, name: str, metavar: str, help: str) -> None:
        self.flag = "--" + name.replace("_", "-")
        self.name = name
        self.metavar = metavar
        self.help = help


CODE_OPTIONS = (
    CodeOption("strategy", "STRATEGY", f"how to compile: {', '.join(Strategy.NAMES)}"),
    CodeOption("opt_level", "LEVEL", f"what to optimize for: {', '.join(OptLevel.NAMES)}"),
    CodeOption("nan_canonicalization", "", "make every NaN the canonical one"),
    CodeOption("wasm_exceptions", "", "let modules have exceptions"),
    CodeOption("wasm_legacy_exceptions", "", "and the instructions that exceptions had before"),
)
# Any other option of Config, by its name: config_option.py.
CONFIG_OPTION, CONFIG_OPTION_SHORT = "--config-option", "-C"
CONFIG_OPTION_VALUE = "OPTION=VALUE"
CONFIG_OPTION_HELP = "set an option of Config, such as consume_fuel; `-C help` lists them"
LIST_THEM = "help"
BY_FLAG = {option.flag: option for option in CODE_OPTIONS}


def choices(option: CodeOption) -> tuple[str, ...]:
    """The values of an option; empty for a switch."""
    found = choices_of(OPTIONS[option.name])
    assert found or isinstance(OPTIONS[option.name], Switch)
    return found


def choices_of(option: "Option") -> tuple[str, ...]:
    """The words that are the values of an option of Config; empty if it has others."""
    return option.NAMES if isinstance(option, (Strategy, OptLevel)) else ()


def choose(config: Config, code: "Code") -> None:
    """Set what has been given. Raises ConfigError."""
    for name, value in code.items():
        setattr(config, name, value)
