"""The options that say what code is made, for `run` and for every command by argparse.

A row names the option of `Config` that it sets; what values there are is that option's to say. On
the warm path.
"""

from cachewasm.engine.config import OPTIONS, Config
from cachewasm.engine.options import OptLevel, Strategy, Switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Code = Mapping[str, str | bool]


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
BY_FLAG = {option.flag: option for option in CODE_OPTIONS}


def choices(option: CodeOption) -> tuple[str, ...]:
    """The values of an option; empty for a switch."""
    row = OPTIONS[option.name]
    if isinstance(row, (Strategy, OptLevel)):
        return row.NAMES
    assert isinstance(row, Switch)
    return ()


def choose(config: Config, code: "Code") -> None:
    """Set what has been given. Raises ConfigError."""
    for name, value in code.items():
        setattr(config, name, value)
