"""The flags of Cranelift that have an equivalent here, for `Config.cranelift_flag_enable` and `_set`.

A flag stands for an option, for a CPU feature of engine/isa.py, or for a shared flag that has one
value here; then only that value is accepted. Every other flag is refused by name, since what it asks
for would not happen. Names of flags and spellings of values are Cranelift's.
"""

from cachewasm.engine import config as _config
from cachewasm.engine import flags
from cachewasm.engine.isa import feature_of_cranelift_flag
from cachewasm.engine.suggest import shown
from cachewasm.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.config import Config

OPTION_OF = {
    "opt_level": "opt_level",
    "enable_nan_canonicalization": "nan_canonicalization",
    "enable_verifier": "debug_verifier",
    "unwind_info": "native_unwind_info",
}
SHARED = (
    "preserve_frame_pointers",
    "enable_probestack",
    "probestack_strategy",
    "is_pic",
    "stack_switch_model",
)
_BOOLS = {"true": True, "on": True, "yes": True, "1": True}
_BOOLS |= {"false": False, "off": False, "no": False, "0": False}


def enable(config: "Config", flag: str) -> None:
    """Switch a flag on. Raises ConfigError, TypeError."""
    if not isinstance(flag, str):
        raise TypeError("expected a str")
    is_switch = isinstance(_known(config, flag), (bool, type(None)))
    if feature_of_cranelift_flag(flag) is None and not is_switch:
        raise ConfigError(f"the flag {shown(flag)} cannot be enabled, only set to a value")
    _assign(config, "cranelift_flag_enable", flag, "true")


def assign(config: "Config", key: str, value: str) -> None:
    """Set a flag. Raises ConfigError, TypeError."""
    if not isinstance(key, str):
        raise TypeError("expected a str for key")
    if not isinstance(value, str):
        raise TypeError("expected a str for value")
    _assign(config, "cranelift_flag_set", key, value)


def _known(config: "Config", flag: str) -> "flags.FlagValue | None":
    """What a flag is now; None if nothing here is equivalent to it."""
    option = OPTION_OF.get(flag)
    if option in _config.OPTIONS:
        value = getattr(config, option)
        return value if isinstance(value, (bool, str)) else None
    return flags.BY_NAME[flag].value if flag in SHARED else None


def _assign(config: "Config", method: str, flag: str, text: str) -> None:
    feature = feature_of_cranelift_flag(flag)
    if feature is not None:
        change = f"{'+' if _bool(flag, text) else '-'}{feature}"
        before = config.target_features
        config.target_features = f"{before},{change}" if before else change
        return
    now = _known(config, flag)
    if now is None:
        raise ConfigError(
            f"the option {method} ('{shown(flag)}') is not supported yet: nothing here is equivalent to "
            "this flag"
        )
    value = _bool(flag, text) if isinstance(now, bool) else text
    if flag in OPTION_OF:
        setattr(config, OPTION_OF[flag], value)
    elif value != now:
        raise ConfigError(f"the flag {flag} has one value here, which is {flags.describe(now)}")


def _bool(flag: str, text: str) -> bool:
    value = _BOOLS.get(text)
    if value is None:
        raise ConfigError(f"Unexpected value for the setting {flag}, expected bool")
    return value
