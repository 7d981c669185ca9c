"""What a row in the table of Config options is: a descriptor that checks and keeps a value.

Every option has an effect, one of three, and a reason: it is in the key of what is compiled, it is
without effect on code, or it is refused, because this version cannot do what it asks for. No
option is accepted and then ignored. Wrong types raise TypeError with the drop-in API's wording,
unacceptable values ConfigError. What two options say together is judged by engine/rules.py.
"""

from cachewasm.engine.target import check_cpu, parse_changes, parse_target
from cachewasm.errors import ConfigError
from cachewasm.wasm import features

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from typing import TypeAlias

    from cachewasm.cache.cache import Cache
    from cachewasm.cache.settings import CacheConfig
    from cachewasm.engine.config import Config
    from cachewasm.engine.operator_cost import OperatorCost

    Progress: TypeAlias = Callable[[int, int], object]
    Probe: TypeAlias = Callable[[str], bool | None]
    Value: TypeAlias = (
        bool | int | str | CacheConfig | Cache | Executor | OperatorCost | Progress | Probe | None
    )

KEY, NO_EFFECT, REFUSED = "in the key", "without effect on code", "refused"


class Option:
    """One option: its effect, the reason for it, and the value of a Config that does not set it.

    The drop-in API's name for an option of ours is an option with `same_as`: both are one value.
    """

    __slots__ = ("default", "effect", "name", "reason", "same_as")

    name: str

    def __init__(self, default: "Value", effect: str, reason: str, *, same_as: str = "") -> None:
        self.default = default
        self.effect = effect
        self.reason = reason
        self.same_as = same_as

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.same_as = self.same_as or name

    def __get__(self, config: "Config | None", owner: type) -> object:
        return self if config is None else config._chosen.get(self.same_as, self.default)

    def _choose(self, config: "Config", value: "Value") -> None:
        config._chosen[self.same_as] = value

    def __delete__(self, config: "Config") -> None:
        raise AttributeError(f"the option {self.name} cannot be deleted, only set")


def _shown(text: str) -> str:
    """A refused text as messages repeat it."""
    from cachewasm.engine.suggest import shown

    return shown(text)


class Switch(Option):
    """An option that is on or off."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> bool: ...

    def __set__(self, config: "Config", value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError("expected a bool")
        self._choose(config, value)


class Size(Option):
    """An option that counts bytes."""

    __slots__ = ("maximum", "minimum")

    def __init__(
        self, default: int, effect: str, reason: str, *, minimum: int = 0, maximum: int
    ) -> None:
        super().__init__(default, effect, reason)
        self.minimum = minimum
        self.maximum = maximum

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> int: ...

    def __set__(self, config: "Config", value: int) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError("expected an int")
        if not self.minimum <= value <= self.maximum:
            raise ConfigError(
                f"the option {self.name} must be from {self.minimum} to {self.maximum} bytes"
            )
        self._choose(config, value)


class StackSize(Size):
    """How many bytes of stack an entry into wasm code may use: at least one, and any number of them.
    A thread with less has its own limit.
    """

    __slots__ = ()

    def __init__(self, default: int, effect: str, reason: str) -> None:
        super().__init__(default, effect, reason, minimum=1, maximum=(1 << 64) - 1)

    def __set__(self, config: "Config", value: int) -> None:
        if value == 0 and isinstance(value, int) and not isinstance(value, bool):
            raise ConfigError("max_wasm_stack size cannot be zero")
        super().__set__(config, value)


class Jobs(Option):
    """How many processes may compile at a time; 0 for one per processor."""

    __slots__ = ()

    MAXIMUM = 1024

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> int: ...

    def __set__(self, config: "Config", value: int) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError("expected an int")
        if not 0 <= value <= self.MAXIMUM:
            raise ConfigError(f"the option {self.name} must be from 0 to {self.MAXIMUM}")
        self._choose(config, value)


class FrameCount(Option):
    """The most frames that a backtrace lists; None for no backtraces."""

    __slots__ = ("maximum",)

    def __init__(self, default: int, effect: str, reason: str, *, maximum: int) -> None:
        super().__init__(default, effect, reason)
        self.maximum = maximum

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> int | None: ...

    def __set__(self, config: "Config", value: int | None) -> None:
        if value is not None:
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError("expected an int or None")
            if not 1 <= value <= self.maximum:
                raise ConfigError(
                    f"the option {self.name} must be from 1 to {self.maximum}, or None"
                )
        self._choose(config, value)


class Strategy(Option):
    """How to compile: `auto`, `baseline` or `optimized`; `cranelift` is read as `auto`."""

    __slots__ = ()

    NAMES = ("auto", "baseline", "optimized")

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> str: ...

    def __set__(self, config: "Config", value: str) -> None:
        if not isinstance(value, str):
            raise TypeError("expected a str")
        name = "auto" if value == "cranelift" else value
        if name not in self.NAMES:
            raise ConfigError(f"unknown strategy: {_shown(value)}")
        self._choose(config, name)


class OptLevel(Option):
    """What the optimized tier aims at: `none`, `speed` or `speed_and_size`."""

    __slots__ = ()

    NAMES = ("none", "speed", "speed_and_size")

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> str: ...

    def __set__(self, config: "Config", value: str) -> None:
        if not isinstance(value, str):
            raise TypeError("expected a str")
        if value not in self.NAMES:
            raise ConfigError(f"unknown opt level: {_shown(value)}")
        self._choose(config, value)


class TargetName(Option):
    """A triple, a level such as `x86-64-v3`, `native` for all that this host has, or `generic` for
    what every host of its architecture has; None for the host's level.
    """

    __slots__ = ()

    NATIVE, GENERIC = "native", "generic"

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> str | None: ...

    def __set__(self, config: "Config", value: str) -> None:
        if not isinstance(value, str):
            raise TypeError("expected a str")
        if value not in (self.NATIVE, self.GENERIC):
            parse_target(value)
        self._choose(config, value)


class CheckedText(Option):
    """A text that `_check` raises ConfigError for unless it is acceptable; or None."""

    __slots__ = ()

    _check: "Callable[[str], object]"

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> str | None: ...

    def __set__(self, config: "Config", value: str | None) -> None:
        if value is not None:
            if not isinstance(value, str):
                raise TypeError("expected a str")
            self._check(value)
        self._choose(config, value)


class TargetFeatures(CheckedText):
    """Single CPU features on top of the target's or taken from it, `+avx2,-bmi2`; None for none."""

    __slots__ = ()
    _check = staticmethod(parse_changes)


class CpuName(CheckedText):
    """The CPU to schedule for, such as `znver4`, which adds no feature; None for no special one."""

    __slots__ = ()
    _check = staticmethod(check_cpu)


class FeatureProbe(Option):
    """A function of a CPU feature's name that gives True, False, or None if it cannot tell; or None."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> "Probe | None": ...

    def __set__(self, config: "Config", value: "Probe | None") -> None:
        if value is not None and not callable(value):
            raise TypeError("expected a callable")
        self._choose(config, value)


class VersionName(Option):
    """Which artifacts an engine takes for its own: None for those of its own version, a text for
    those made under this text, "" for those of any version.
    """

    MAX_BYTES = 255

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> str | None: ...

    def __set__(self, config: "Config", value: str | None) -> None:
        if value is not None and not isinstance(value, str):
            raise TypeError("expected a str")
        if value is not None:
            # Lone surrogates count as three bytes here, and are no UTF-8.
            if len(value.encode("utf-8", "surrogatepass")) > self.MAX_BYTES:
                raise ConfigError(
                    f"custom module version cannot be more than {self.MAX_BYTES} bytes: "
                    f"{_shown(value)}"
                )
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise ConfigError("the option module_version must be text that UTF-8 can express")
        self._choose(config, value)


class CachePlace(Option):
    """True: the default cache; False: none; a str: the absolute path of a directory, or the path of
    a configuration file, told apart by what lies there or else by the suffix `.toml`; or a
    `CacheConfig` or a `Cache`.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(
            self, config: "Config | None", owner: type
        ) -> "bool | str | CacheConfig | Cache": ...

    def __set__(self, config: "Config", value: "bool | str | CacheConfig | Cache") -> None:
        # The cache's classes are known by an attribute: this layer stands below them.
        if not isinstance(value, (bool, str)) and not hasattr(type(value), "chooses_cache"):
            raise TypeError("expected string or bool")
        if isinstance(value, str) and not value.startswith("/") and not value.endswith(".toml"):
            raise ConfigError(
                "the option cache must be an absolute path, or one that ends in .toml, "
                f"not '{_shown(value)}'"
            )
        self._choose(config, value)


class CompileExecutor(Option):
    """A `concurrent.futures.Executor`, or whatever submits as one does; None for this machine."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> "Executor | None": ...

    def __set__(self, config: "Config", value: "Executor | None") -> None:
        if value is not None and not callable(getattr(value, "submit", None)):
            raise TypeError("expected a concurrent.futures.Executor")
        self._choose(config, value)


class ProgressCallback(Option):
    """A function of the number of functions compiled, and of all; or None."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> "Progress | None": ...

    def __set__(self, config: "Config", value: "Progress | None") -> None:
        if value is not None and not callable(value):
            raise TypeError("expected a callable")
        self._choose(config, value)


class Costs(Option):
    """What instructions cost in fuel, where it is counted; None for the default costs."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> "OperatorCost | None": ...

    def __set__(self, config: "Config", value: "OperatorCost | None") -> None:
        from cachewasm.engine.operator_cost import OperatorCost

        if value is not None and not isinstance(value, OperatorCost):
            raise TypeError("expected an OperatorCost")
        self._choose(config, value)


class FeatureSwitch(Switch):
    """A WebAssembly feature of wasm/features.py; one that is not implemented is always off.

    One that needs another feature is off by default where that one is off.
    """

    __slots__ = ("feature",)

    def __init__(self, feature: str) -> None:
        self.feature = features.BY_NAME[feature]
        if self.feature.implemented:
            super().__init__(self.feature.default, KEY, "decides which modules are valid")
        else:
            super().__init__(False, REFUSED, "is not implemented, so it can only be off")

    # The class's own annotation serves type checkers, so this one is not seen by them.
    if not TYPE_CHECKING:

        def __get__(self, config, owner):
            return self if config is None else bool(config.features() & self.feature.bit)

    def __set__(self, config: "Config", value: bool) -> None:
        if value is True and not self.feature.implemented:
            raise ConfigError(
                f"the option {self.name} is not supported yet: "
                f"the WebAssembly feature `{self.feature.name}` is not implemented"
            )
        super().__set__(config, value)


class Refused(Option):
    """An option of the drop-in API or of its model that has no effect here: only its neutral value is
    accepted.
    """

    __slots__ = ()

    def __init__(self, neutral: "Value") -> None:
        super().__init__(neutral, REFUSED, f"only {neutral!r} is accepted, which asks for nothing")

    def __set__(self, config: "Config", value: "Value") -> None:
        neutral = self.default
        if neutral is not None and type(value) is not type(neutral):
            kind = type(neutral).__name__
            raise TypeError(f"expected an {kind}" if kind == "int" else f"expected a {kind}")
        if value != neutral:
            asked = f", not {_shown(repr(value))}" if isinstance(value, str) else ""
            raise ConfigError(f"the option {self.name} is not supported yet: {self.reason}{asked}")


class Profiler(Refused):
    """Which profiler is told of compiled code: none."""

    __slots__ = ()

    NAMES = ("none", "jitdump", "vtune", "perfmap")

    def __set__(self, config: "Config", value: "Value") -> None:
        if isinstance(value, str) and value not in self.NAMES:
            raise ConfigError(f"unknown profiler: {_shown(value)}")
        super().__set__(config, value)
