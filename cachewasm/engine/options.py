"""What a row in the table of Config options is: a descriptor that checks and keeps a value.

Every option has an effect, one of three, and a reason: it is in the key of what is compiled, it is
without effect on code, or it is refused, because this version cannot do what it asks for. No
option is accepted and then ignored. Wrong types raise TypeError with the drop-in API's wording,
unacceptable values ConfigError.
"""

from cachewasm.engine.target import parse_target
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
    Value: TypeAlias = (
        bool | int | str | CacheConfig | Cache | Executor | OperatorCost | Progress | None
    )

KEY, NO_EFFECT, REFUSED = "in the key", "without effect on code", "refused"


class Option:
    """One option: its effect, the reason for it, and the value of a Config that does not set it."""

    __slots__ = ("default", "effect", "name", "reason")

    name: str

    def __init__(self, default: "Value", effect: str, reason: str) -> None:
        self.default = default
        self.effect = effect
        self.reason = reason

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, config: "Config | None", owner: type) -> object:
        return self if config is None else config._chosen.get(self.name, self.default)

    def _choose(self, config: "Config", value: "Value") -> None:
        config._chosen[self.name] = value


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


class Strategy(Option):
    """How to compile: `auto`, `baseline` or `optimized`; `cranelift` is read as `auto`."""

    __slots__ = ()

    NAMES = ("auto", "baseline", "optimized")

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> str: ...

    def __set__(self, config: "Config", value: str) -> None:
        name = "auto" if value == "cranelift" else value
        if name not in self.NAMES:
            raise ConfigError(f"unknown strategy: {value}")
        self._choose(config, name)


class TargetName(Option):
    """A triple, a level such as `x86-64-v3`, or `native`; None for the host's level."""

    __slots__ = ()

    NATIVE = "native"

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> str | None: ...

    def __set__(self, config: "Config", value: str) -> None:
        if not isinstance(value, str):
            raise TypeError("expected a str")
        if value != self.NATIVE:
            parse_target(value)
        self._choose(config, value)


class VersionName(Option):
    """A version that stands in for the engine's own, or None."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, config: "Config | None", owner: type) -> str | None: ...

    def __set__(self, config: "Config", value: str | None) -> None:
        if value is not None and not isinstance(value, str):
            raise TypeError("expected a str")
        if value is not None and len(value.encode()) > 255:
            raise ConfigError("the option module_version must be at most 255 bytes of UTF-8")
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
                f"not '{value}'"
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
    """A WebAssembly feature of wasm/features.py; one that is not implemented is always off."""

    __slots__ = ("feature",)

    def __init__(self, feature: str) -> None:
        self.feature = features.BY_NAME[feature]
        if self.feature.implemented:
            super().__init__(self.feature.default, KEY, "decides which modules are valid")
        else:
            super().__init__(False, REFUSED, "is not implemented, so it can only be off")

    def __set__(self, config: "Config", value: bool) -> None:
        if value is True and not self.feature.implemented:
            raise ConfigError(
                f"the option {self.name} is not supported yet: "
                f"the WebAssembly feature `{self.feature.name}` is not implemented"
            )
        super().__set__(config, value)


class Refused(Option):
    """An option of the drop-in API that has no effect here: only its neutral value is accepted."""

    __slots__ = ()

    def __init__(self, neutral: "Value") -> None:
        super().__init__(neutral, REFUSED, f"only {neutral!r} is accepted, which asks for nothing")

    def __set__(self, config: "Config", value: "Value") -> None:
        if type(value) is not type(self.default) or value != self.default:
            raise ConfigError(f"the option {self.name} is not supported yet")
