"""Where the cache is and whether it is used, by the environment.

Follows the XDG Base Directory Specification: a relative XDG_CACHE_HOME is ignored. CACHEWASM_DIR
comes from somebody who means this program, so a relative one is an error: it would make another
cache in every working directory. On the warm path.
"""

import os

from cachewasm.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_OFF = ("0", "false", "off", "no")


def cache_enabled(environ: "Mapping[str, str]") -> bool:
    """Whether CACHEWASM_CACHE leaves the cache switched on."""
    return environ.get("CACHEWASM_CACHE", "").lower() not in _OFF


def cache_directory(environ: "Mapping[str, str]") -> str | None:
    """The absolute path of the cache directory; None if this user has no place for one.

    CACHEWASM_DIR, else $XDG_CACHE_HOME/cachewasm, else ~/.cache/cachewasm; an empty variable
    counts as unset. Raises ConfigError if CACHEWASM_DIR is not absolute.
    """
    chosen = environ.get("CACHEWASM_DIR", "")
    if chosen:
        if not os.path.isabs(chosen):
            raise ConfigError(f"CACHEWASM_DIR must be an absolute path, not {chosen!r}")
        return chosen
    base = environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):
        return os.path.join(base, "cachewasm")
    home = environ.get("HOME", "")
    if not os.path.isabs(home):
        home = _home_of_this_user()
    if not os.path.isabs(home):
        return None
    return os.path.join(home, ".cache", "cachewasm")


def _home_of_this_user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        # A container may run under a number that no account has.
        return ""
