"""The flags of Cranelift that have an equivalent here, for `Config.cranelift_flag_enable` and `_set`.

A flag stands for an option, for a CPU feature of engine/isa.py, or for a shared flag that has one
value here; then only that value is accepted. Every other flag is refused by name, since what it asks
for would not happen. Names of flags and spellings of values are Cranelift's.
"""

from cachewasm.engine import config as _config
from cachewasm.engine import flags
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
CPU_FEATURE_OF = {
    "has_cmpxchg16b": "cx16",
    "has_sse3": "sse3",
    "has_ssse3": "ssse3",
    "has_sse41": "sse4.1",
    "has_sse42": "sse4.2",
    "has_popcnt": "popcnt",
    "has_avx": "avx",
    "has_avx2": "avx2",
    "has_fma": "fma",
    "has_avx_vnni": "avxvnni",
    "has_bmi1": "bmi",
    "has_bmi2": "bmi2",
    "has_lzcnt": "lzcnt",
    "has_avx512bitalg": "avx512bitalg",
    "has_avx512dq": "avx512dq",
    "has_avx512f": "avx512f",
    "has_avx512vl": "avx512vl",
    "has_avx512vbmi": "avx512vbmi",
    "has_avx512vnni": "avx512vnni",
    "has_lse": "lse",
    "has_fp16": "fullfp16",
    "has_dotprod": "dotprod",
}
SHARED = (
    "preserve_frame_pointers",
    "enable_probestack",
    "probestack_strategy",
    "is_pic",
    "stack_switch_model",
)
# The option that has single CPU features: `+avx2,-bmi2`.
_CPU_FEATURES = "target_features"
_BOOLS = {"true": True, "on": True, "yes": True, "1": True}
_BOOLS |= {"false": False, "off": False, "no": False, "0": False}


def enable(config: "Config", flag: str) -> None:
    """Switch a flag on. Raises ConfigError, TypeError."""
    if not isinstance(flag, str):
        raise TypeError("expected a str")
    if flag not in CPU_FEATURE_OF and not isinstance(_known(config, flag), (bool, type(None))):
        raise ConfigError(f"the flag {flag} cannot be enabled, only set to a value")
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
    if flag in CPU_FEATURE_OF and _CPU_FEATURES in _config.OPTIONS:
        sign = "+" if _bool(flag, text) else "-"
        before = getattr(config, _CPU_FEATURES)
        change = f"{sign}{CPU_FEATURE_OF[flag]}"
        setattr(config, _CPU_FEATURES, f"{before},{change}" if before else change)
        return
    now = _known(config, flag)
    if now is None:
        raise ConfigError(
            f"the option {method} ('{flag}') is not supported yet: nothing here is equivalent to "
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
