"""`-C OPTION=VALUE`: any option of `Config` on a command line, typed by the one table of options.

What the value may be, the option itself says; here is only how each type of value is spelled. A switch
without a value is switched on. Not on the warm path: `run` imports this if it is given one.
"""

from collections.abc import Callable, Sequence

from cachewasm.cache.units import parse_size
from cachewasm.engine import options
from cachewasm.engine.config import OPTIONS, Config
from cachewasm.engine.operator_cost import OperatorCost
from cachewasm.engine.suggest import shown
from cachewasm.errors import ConfigError

from .code_options import CONFIG_OPTION, choices_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.options import Option

# What another option of the command line is for.
_ELSEWHERE = {
    "cache": "give --cache-dir or --no-cache",
    "compile_jobs": "give --jobs",
}
_OBJECTS = (options.CompileExecutor, options.ProgressCallback, options.FeatureProbe)
_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "y", "1"), True),
    **dict.fromkeys(("false", "no", "off", "n", "0"), False),
}
_SWITCH, _TEXT = "true or false", "a text"
_MAX_DIGITS = 20


def parse(given: str) -> tuple[str, object]:
    """The name and the value that `OPTION=VALUE` sets. Raises ConfigError for what no option takes."""
    name, equals, text = given.partition("=")
    name = name.strip().replace("-", "_")
    option = OPTIONS.get(name)
    if option is None:
        raise ConfigError(f"there is no option `{shown(name)}`{_meant(name)}")
    if name in _ELSEWHERE or isinstance(option, _OBJECTS):
        raise ConfigError(f"the option {name} is not one for -C: {_why_not(name)}")
    if not equals:
        if _kind(option) != _SWITCH:
            raise ConfigError(f"the option {name} needs a value: {_kind(option)}")
        text = "true"
    value = _value(option, text)
    # On a Config that nobody uses, so that whoever has typed it is told.
    setattr(Config(), name, value)
    return option.same_as, value


def parse_all(given: Sequence[str]) -> dict[str, object]:
    """What all of them set; of those that set the same, the last."""
    return dict(map(parse, given))


def settable() -> dict[str, str]:
    """The options that can be given and do something, and what their values are."""
    return {
        name: _kind(option)
        for name, option in OPTIONS.items()
        if option.effect != options.REFUSED
        and name not in _ELSEWHERE
        and not isinstance(option, _OBJECTS)
    }


def words() -> tuple[str, ...]:
    """What a shell offers: the options, with an equals sign if they need a value."""
    return tuple(name if kind == _SWITCH else f"{name}=" for name, kind in settable().items())


def listing() -> str:
    """What `-C help` prints."""
    lines = [
        f"options that {CONFIG_OPTION} sets, their values, and what they are if nobody sets them:"
    ]
    for name, kind in settable().items():
        option = OPTIONS[name]
        default = getattr(Config(), name)
        said = str(default).lower() if isinstance(default, (bool, type(None))) else str(default)
        also = f" (the same as {option.same_as})" if option.same_as != name else ""
        lines.append(f"  {name:<36} {kind}; {said}{also}")
    return "\n".join(lines)


def _meant(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, settable(), n=1) or get_close_matches(name, OPTIONS, n=1)
    return f"; did you mean `{near[0]}`?" if near else "; `-C help` lists them"


def _why_not(name: str) -> str:
    return _ELSEWHERE.get(name, "its value is an object of a program")


def _kind(option: "Option") -> str:
    """What the values of an option are."""
    if words := choices_of(option):
        return ", ".join(words)
    if isinstance(option, options.Switch) or isinstance(option.default, bool):
        return _SWITCH
    if isinstance(option, options.Size):
        return "a size: 65536, 64KiB, 2GiB"
    if isinstance(option, options.FrameCount):
        return f"a number from 1 to {option.maximum}, or none"
    if isinstance(option, options.Costs):
        return "costs: i64.div_s=20,nop=1"
    return _EXAMPLES.get(option.name, _TEXT)


_EXAMPLES = {
    "target": "a triple, a level such as x86-64-v3, native or generic",
    "target_features": "CPU features: +avx2,-bmi2",
    "tune_cpu": "a CPU: znver4",
}


def _value(option: "Option", text: str) -> object:
    for kinds, read in _READERS:
        if isinstance(option, kinds):
            return read(option, text)
    return _switch(option, text) if isinstance(option.default, bool) else text


def _switch(option: "Option", text: str) -> bool:
    value = _WORDS.get(text.lower())
    if value is None:
        raise ConfigError(f"the option {option.name} is {_SWITCH}, not `{shown(text)}`")
    return value


def _size(option: "Option", text: str) -> int:
    try:
        return parse_size(text)
    except ConfigError as error:
        raise ConfigError(f"the option {option.name}: {error}") from None


def _frames(option: "Option", text: str) -> int | None:
    if text == "none":
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
        raise ConfigError(f"the option {option.name} is {_kind(option)}, not `{shown(text)}`")
    return int(text)


def _costs(option: "Option", text: str) -> OperatorCost:
    costs = {}
    for pair in text.split(","):
        name, equals, cost = pair.strip().partition("=")
        if not equals or not (cost.isascii() and cost.isdecimal() and len(cost) <= _MAX_DIGITS):
            raise ConfigError(f"the option {option.name} is {_kind(option)}, not `{shown(pair)}`")
        costs[name] = int(cost)
    return OperatorCost(costs)


_READERS: "tuple[tuple[type[Option], Callable[[Option, str], object]], ...]" = (
    (options.Switch, _switch),
    (options.Size, _size),
    (options.FrameCount, _frames),
    (options.Costs, _costs),
)
