"""Which options contradict each other: one row for each pair, with the sentence that refuses it.

Only options that have been set can contradict each other, since what is not set follows from what
is: a feature is off by default where one that it needs is off, a memory has no reservation by
default where no signal would guard it. So a row is asked only if both of its options are set, but for
features: one that is set on may need one that is off by default.

Not on the warm path: a Config that sets fewer than two options is not looked at, or only that one.
"""

from cachewasm.errors import ConfigError
from cachewasm.wasm.features import NEEDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from cachewasm.engine.config import Config


class Rule:
    """A row: two options, whether a Config that sets both contradicts itself, and why that is one.

    `reason` is the end of a sentence that begins with both options and their values, or, where the
    drop-in API has a sentence of its own, that one: then it `is_whole`, and they follow. Where `one` is
    `enough`, the other's default counts as if it were set.
    """

    __slots__ = ("contradicts", "enough", "is_whole", "one", "other", "reason")

    def __init__(
        self,
        one: str,
        other: str,
        contradicts: "Callable[[Config], bool]",
        reason: str,
        *,
        is_whole: bool = False,
        enough: bool = False,
    ) -> None:
        self.one = one
        self.other = other
        self.contradicts = contradicts
        self.reason = reason
        self.is_whole = is_whole
        self.enough = enough


def _needs(name: str, needed: str) -> Rule:
    one, other = f"wasm_{name}", f"wasm_{needed}"

    def contradicts(config: "Config") -> bool:
        return bool(getattr(config, one)) and not getattr(config, other)

    if name == "relaxed_simd":
        reason = "cannot disable the simd proposal but enable the relaxed simd proposal"
        return Rule(one, other, contradicts, reason, is_whole=True)
    reason = f"the feature `{name}` is an extension of `{needed}`"
    return Rule(one, other, contradicts, reason, enough=True)


def _size_of_baseline(config: "Config") -> bool:
    return config.strategy == "baseline" and config.opt_level == "speed_and_size"


def _info_without_symbols(config: "Config") -> bool:
    return config.debug_info and not config.debug_symbols


def _guard_of_nothing(config: "Config") -> bool:
    return config.guard_before_linear_memory and not config.memory_guard_size


def _frames_of_no_backtrace(config: "Config") -> bool:
    return not config.wasm_backtrace and config.wasm_backtrace_max_frames is not None


def _costs_of_nothing(config: "Config") -> bool:
    return config.operator_cost is not None and not config.consume_fuel


def _several_jobs(config: "Config") -> bool:
    return not config.parallel_compilation and config.compile_jobs > 1


def _executor_of_one(config: "Config") -> bool:
    return not config.parallel_compilation and config.compile_executor is not None


def _jobs_of_executor(config: "Config") -> bool:
    return config.compile_jobs > 0 and config.compile_executor is not None


RULES = (
    *(_needs(name, needed) for name, needed in NEEDS.items()),
    Rule("strategy", "opt_level", _size_of_baseline, "the baseline tier does not optimize"),
    Rule(
        "debug_info",
        "debug_symbols",
        _info_without_symbols,
        "cannot enable native debug info while debug symbols are disabled",
        is_whole=True,
    ),
    Rule(
        "guard_before_linear_memory",
        "memory_guard_size",
        _guard_of_nothing,
        "the guard before a memory is as large as the one behind it",
    ),
    Rule(
        "wasm_backtrace",
        "wasm_backtrace_max_frames",
        _frames_of_no_backtrace,
        "without backtraces no frame is listed",
    ),
    Rule(
        "operator_cost",
        "consume_fuel",
        _costs_of_nothing,
        "costs are counted in fuel",
    ),
    Rule(
        "parallel_compilation",
        "compile_jobs",
        _several_jobs,
        "one asks for a single process, the other for several",
    ),
    Rule(
        "parallel_compilation",
        "compile_executor",
        _executor_of_one,
        "one asks for a single process, the other for as many as the executor has",
    ),
    Rule(
        "compile_jobs",
        "compile_executor",
        _jobs_of_executor,
        "how much runs at once is the executor's to say",
    ),
)


def check(config: "Config", chosen: "Container[str]") -> None:
    """Raise ConfigError for the first row that the Config violates; `chosen` are the options set."""
    for rule in RULES:
        is_asked = rule.one in chosen and (rule.enough or rule.other in chosen)
        if is_asked and rule.contradicts(config):
            both = (
                f"the options {_said(config, rule.one)} and {_said(config, rule.other)} "
                "contradict each other"
            )
            raise ConfigError(
                f"{rule.reason} ({both})" if rule.is_whole else f"{both}: {rule.reason}"
            )


def _said(config: "Config", name: str) -> str:
    value = getattr(config, name)
    return f"{name} = {value!r}" if isinstance(value, (bool, int, str)) else name
