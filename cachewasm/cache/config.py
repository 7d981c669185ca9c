"""Where the cache and its configuration are, by the environment alone.

Follows the XDG Base Directory Specification: a relative XDG_CACHE_HOME or XDG_CONFIG_HOME is
ignored. What a person has written for this program is not: a relative CACHEWASM_DIR is an error,
since it would make another cache in every working directory.

Nearly every process runs with the settings' defaults. This module finds that out with a look at the
variables and one failed stat, so that a hit imports neither the settings nor a reader of their
file. On the warm path.
"""

import os

from cachewasm.cache import files
from cachewasm.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_OFF = ("0", "false", "off", "no")
_PREFIX, _ENCODED_PREFIX = "CACHEWASM_", b"CACHEWASM_"
# Variables with that prefix which are no settings, or are heeded here.
_NO_SETTINGS = ("CACHEWASM_CACHE", "CACHEWASM_DIR", "CACHEWASM_TRACEBACK")


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
            raise ConfigError(f"CACHEWASM_DIR: {relative_directory(chosen)}")
        return chosen
    return _below_home(environ, "XDG_CACHE_HOME", ".cache", "cachewasm")


def relative_directory(path: str) -> str:
    """What is said of a cache directory that is not absolute."""
    return f"Cache directory path has to be absolute, path: {path}"


def default_config_file(environ: "Mapping[str, str]") -> str | None:
    """Where the user's configuration is if it exists; None if this user has no place for one.

    $XDG_CONFIG_HOME/cachewasm/config.toml, else ~/.config/cachewasm/config.toml: never a path in the
    working directory, whose files may be anybody's.
    """
    return _below_home(environ, "XDG_CONFIG_HOME", ".config", "cachewasm/config.toml")


def is_default(environ: "Mapping[str, str]") -> bool:
    """Whether no variable and no file sets anything but the directory."""
    if any(name not in _NO_SETTINGS for name in _own_names(environ)):
        return False
    path = default_config_file(environ)
    return path is None or not may_exist(path)


def _own_names(environ: "Mapping[str, str]") -> list[str]:
    """The names that begin with our prefix."""
    # os.environ decodes every name that it is asked for, one by one: half of what an engine takes.
    encoded = getattr(environ, "_data", None)
    if isinstance(encoded, dict):
        return [os.fsdecode(name) for name in encoded if name.startswith(_ENCODED_PREFIX)]
    return [name for name in environ if name.startswith(_PREFIX)]


def may_exist(path: str) -> bool:
    """Whether there is something at `path`, readable or not.

    A directory on the way that may not be searched belongs to somebody else, whose configuration
    does not count: a container may run as a user who is not at home in HOME.
    """
    return files.status_of(path) is not None


def names_a_file(path: str) -> bool:
    """Whether a `Config.cache` of `path` is a configuration file rather than a cache directory.

    What lies there decides; where nothing does, the suffix `.toml`.
    """
    if path.endswith(".toml"):
        return not files.is_directory(path)
    return files.is_file(path)


def _below_home(environ: "Mapping[str, str]", variable: str, default: str, name: str) -> str | None:
    base = environ.get(variable, "")
    if os.path.isabs(base):
        return os.path.join(base, name)
    home = environ.get("HOME", "")
    if not os.path.isabs(home):
        home = _home_of_this_user()
    if not os.path.isabs(home):
        return None
    return os.path.join(home, default, name)


def _home_of_this_user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        # A container may run under a number that no account has.
        return ""
