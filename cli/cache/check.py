"""What a check of `cache doctor` has found.

That something is in order, that it is worth knowing about (WARN: the cache works, but slower, unsafely
shared or not for long), or that it keeps the cache or a part of it from working (FAIL); then it says what to do.
"""

from dataclasses import dataclass

OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """What a check has found; `advice` is what to do about it."""

    name: str
    state: str
    found: str
    advice: str = ""
