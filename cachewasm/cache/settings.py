"""`CacheConfig`: the one table of the settings of a cache, and where each value comes from.

The class body is the table; the reading of files and variables, what `cachewasm cache config` prints
and the checks of the documentation derive from it. An argument counts more than a variable, a variable
more than the file, the file more than the default. On the warm path of a user who has configured
something.
"""

import os

from cachewasm.cache.config import cache_directory, default_config_file, may_exist
from cachewasm.cache.setting import (
    Choice,
    Count,
    Directory,
    Duration,
    FileMode,
    Label,
    Level,
    Limit,
    Location,
    NotYet,
    Owners,
    Percent,
    Setting,
    Size,
    Switch,
    quoted,
)
from cachewasm.cache.trust import Rules
from cachewasm.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from cachewasm.cache.setting import Value

DEFAULT, FILE, VARIABLE, ARGUMENT = "default", "file", "variable", "argument"

_HOUR = 3600
_DAY = 24 * _HOUR


class Origin:
    """Where a value comes from: `kind` is one of the four above.

    `place` is the path of the file or the name of the variable, `line` counts from 1.
    """

    __slots__ = ("kind", "line", "place")

    def __init__(self, kind: str, place: str | None = None, line: int | None = None) -> None:
        self.kind = kind
        self.place = place
        self.line = line

    def __str__(self) -> str:
        if self.kind == FILE:
            return f"{self.place}:{self.line}"
        return self.kind if self.place is None else f"{self.kind} {self.place}"


_DEFAULT = Origin(DEFAULT)
_ARGUMENT = Origin(ARGUMENT)


class CacheConfig:
    """The settings of a cache, which a `Cache` reads once. Not thread-safe.

    Each can be read, and set to what it reads as or to the text that a file would have. Sizes are in
    bytes, spans of time in seconds. A new one has the variables of the environment and no file.
    Raises ConfigError for unacceptable values, TypeError for wrong types.
    """

    __slots__ = ("_file", "_is_in_use", "_origins", "_values")

    # Config.cache, which cannot import this module, knows its values by this.
    chooses_cache = True

    # Of the whole directory, or of all its users.
    directory = Directory(None, '"/var/cache/cachewasm"', variable="CACHEWASM_DIR")
    mode = Choice("read-write", "read-only", "must-hit")
    lock_timeout = Duration(600, '"1m"')
    lock_file = Location(None, '"/srv/app/app.lock"')
    stats_log = Location(None, '"/tmp/build-17.stats"')

    # How entries are written.
    payload = Choice("zstd", "raw")
    baseline_compression_level = Level(None, "9")
    sync = Switch(False, "true")
    namespace = Label(None, '"nightly"')

    # Who may write, and who is believed.
    file_mode = FileMode(0o600, '"0660"')
    trusted_owners = Owners((), "[1000]", variable=None)
    key_file = Location(None, '"/run/secrets/cachewasm.key"')

    # What is removed, and when.
    file_count_soft_limit = Count(65536, '"100K"')
    files_total_size_soft_limit = Size(512 << 20, '"10Gi"')
    file_count_limit_percent_if_deleting = Percent(
        70, '"50%"', subject="files count limit percent if deleting"
    )
    files_total_size_limit_percent_if_deleting = Percent(
        70, '"50%"', subject="files total size limit percent if deleting"
    )
    max_age = Limit(None, '"30d"')
    cleanup_interval = Duration(_HOUR, '"1d"')
    allowed_clock_drift_for_files_from_future = Duration(_DAY, '"1h"')

    # Known to Wasmtime or announced, and refused by name.
    worker_event_queue_size = NotYet()
    optimized_compression_level = NotYet()
    optimized_compression_usage_counter_threshold = NotYet()
    optimizing_compression_task_timeout = NotYet()
    remote = NotYet()

    def __init__(self, *, environ: "Mapping[str, str] | None" = None) -> None:
        self._read(None, os.environ if environ is None else environ)

    @classmethod
    def from_file(
        cls,
        path: "str | os.PathLike[str] | None" = None,
        *,
        environ: "Mapping[str, str] | None" = None,
    ) -> "CacheConfig":
        """The settings of a file, below those of the environment.

        By default the file is the one that CACHEWASM_CONFIG names, else the user's own if there is
        one. Raises ConfigError with file, line and key; also if others could have written the file.
        """
        if environ is None:
            environ = os.environ
        config = cls.__new__(cls)
        config._read(_chosen_file(path, environ), environ)
        return config

    @classmethod
    def defaults(cls, directory: str | None) -> "CacheConfig":
        """Nothing but the defaults, for `directory`, in use: no variable and no file is read."""
        config = cls(environ={})
        config._values["directory"] = directory
        return config.in_use()

    @property
    def file(self) -> str | None:
        """The absolute path of the file that was read, if one was."""
        return self._file

    def origin(self, name: str) -> Origin:
        """Where the value of the setting `name`, an attribute, comes from."""
        return self._origins.get(name, _DEFAULT)

    def in_use(self) -> "CacheConfig":
        """A copy that can be read only."""
        copy = CacheConfig.__new__(CacheConfig)
        copy._values = dict(self._values)
        copy._origins = dict(self._origins)
        copy._is_in_use = True
        copy._file = self._file
        return copy

    def rules(self) -> Rules:
        """Whom to believe, and how files are made.

        Raises ConfigError if the file of the secret cannot be read or believed, and if files would be
        made that nobody believes.
        """
        secret = None
        if self.key_file is not None:
            from cachewasm.cache.secret import read_secret

            secret = read_secret(self.key_file, outside=self.directory)
        rules = Rules(self.trusted_owners, secret, self.file_mode)
        if rules.file_mode & 0o020 and secret is None and not rules.owners:
            raise ConfigError(
                f"file_mode: what a group can write (mode {rules.file_mode:04o}) is believed only "
                "with trusted_owners or a key_file"
            )
        return rules

    def identity(self) -> "tuple[tuple[str, Value], ...]":
        """What is equal for two configurations with the same effect; hashable."""
        return tuple((name, getattr(self, name)) for name in _NAMES)

    def _choose(self, setting: Setting, value: object) -> None:
        if self._is_in_use:
            raise ConfigError(f"{setting.name}: the cache is in use, its settings are fixed")
        try:
            self._put(setting, setting.from_argument(value), _ARGUMENT)
        except ConfigError as error:
            raise ConfigError(f"{setting.name}: {error}") from None

    def _put(self, setting: Setting, value: "Value", origin: Origin) -> None:
        self._values[setting.name] = value
        self._origins[setting.name] = origin

    def _read(self, path: str | None, environ: "Mapping[str, str]") -> None:
        self._values: dict[str, Value] = {}
        self._origins: dict[str, Origin] = {}
        self._is_in_use = False
        self._file = path
        if path is not None:
            self._read_file(path)
        for setting in SETTINGS.values():
            text = environ.get(setting.variable, "") if setting.variable else ""
            if text:
                try:
                    self._put(setting, setting.from_text(text), Origin(VARIABLE, setting.variable))
                except ConfigError as error:
                    raise ConfigError(f"{setting.variable}: {error}") from None
        if "directory" not in self._values:
            self._values["directory"] = cache_directory(environ)

    def _read_file(self, path: str) -> None:
        from cachewasm.cache.config_file import read

        for key, (value, line) in read(path).items():
            setting = SETTINGS.get(key)
            place = f"failed to parse config file: {path}: line {line}"
            if setting is None:
                known = quoted(row.key for row in SETTINGS.values() if not isinstance(row, NotYet))
                raise ConfigError(f"{place}: unknown field `{key}`, expected one of {known}")
            try:
                self._put(setting, setting.from_toml(value), Origin(FILE, path, line))
            except ConfigError as error:
                raise ConfigError(f"{place}: `{key}`: {error}") from None


# Every row, by key, in the order in which they are listed; the refused ones last.
SETTINGS: dict[str, Setting] = {
    row.key: row for row in vars(CacheConfig).values() if isinstance(row, Setting)
}
_NAMES = tuple(row.name for row in SETTINGS.values() if not isinstance(row, NotYet))


def _chosen_file(path: "str | os.PathLike[str] | None", environ: "Mapping[str, str]") -> str | None:
    """The file to read; None if nobody has named one and the user has none."""
    if path is not None:
        path = os.fspath(path)
        if not isinstance(path, str):
            raise TypeError("expected a str or a PathLike of one")
        return os.path.abspath(path)
    named = environ.get("CACHEWASM_CONFIG", "")
    if named:
        if not os.path.isabs(named):
            raise ConfigError(f"CACHEWASM_CONFIG: the path has to be absolute, path: {named}")
        return named
    own = default_config_file(environ)
    return own if own is not None and may_exist(own) else None
