"""Sizes, ages and numbers of processes as people write them on a command line."""

from cachewasm.errors import ConfigError

_SIZE_UNITS = {
    "": 1,
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}
MAX_JOBS = 1024
# More than any size or age needs; int() refuses thousands of digits with an error of its own.
_MAX_DIGITS = 30
_DURATION_UNITS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGE_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def parse_size(text: str) -> int:
    """Bytes: "500000", "500kB", "1.5 GiB"; kB, MB, GB are decimal. Raises ConfigError."""
    return _parse(text, _SIZE_UNITS, "a size", "a number and a unit such as kB, MB, GB, MiB or GiB")


def parse_age(text: str) -> int:
    """Seconds: "30s", "5m", "12h", "5d", "2w"; the unit is needed. Raises ConfigError."""
    return _parse(text, _AGE_UNITS, "an age", "a number and one of the units s, m, h, d, w")


def parse_duration(text: str) -> float:
    """Seconds, with their fraction: "0.5s", "30s", "5m". Raises ConfigError."""
    milliseconds = _parse(
        text, _DURATION_UNITS, "a duration", "a number and one of the units s, m, h, d"
    )
    return milliseconds / 1000


def parse_jobs(text: str) -> int:
    """How many processes: "4". Raises ConfigError."""
    if text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_JOBS:
        return int(text)
    raise ConfigError(f"{text!r} is not a number of processes from 1 to {MAX_JOBS}")


def _parse(text: str, units: dict[str, int], kind: str, expected: str) -> int:
    stripped = text.strip()
    number = stripped.rstrip("".join(units))
    unit = stripped[len(number) :]
    whole, point, fraction = number.rstrip().partition(".")
    digits = whole + fraction
    if (
        unit not in units
        or not whole
        or (point and not fraction)
        or not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS)
    ):
        raise ConfigError(f"{text!r} is not {kind}: expected {expected}")
    # Exact where a float would round.
    scale: int = 10 ** len(fraction)
    return int(digits) * units[unit] // scale
