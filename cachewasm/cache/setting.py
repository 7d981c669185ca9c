"""What a row in the table of cache settings is: a descriptor that reads, checks and writes a value.

A value comes as text (of an environment variable), as a TOML value (of a file) or as a Python value
(of an argument), and must mean the same wherever it comes from. Files keep the types of Wasmtime's
configuration: a count, a size, a span of time and a share are strings with units, never numbers.

Whoever reads a value knows where it stands, so the ConfigError raised here is a sentence that the
reader puts a place before. Wrong types in Python are a TypeError. On the warm path of a user who
has configured something.
"""

import os

from cachewasm.cache.config import relative_directory
from cachewasm.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cachewasm.cache.settings import CacheConfig

    Value = bool | int | str | tuple[int, ...] | None

# Of every number: what fits in 63 bits, and in 19 digits.
_MAX = (1 << 63) - 1
_MAX_DIGITS = 19
_INVALID = "Invalid value, please refer to the documentation"
_WORDS = {
    **dict.fromkeys(("1", "true", "on", "yes"), True),
    **dict.fromkeys(("0", "false", "off", "no"), False),
}
# Units by what they mean; the first of each is the smallest.
_NO_UNITS = {"": 1}
_DECIMAL_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_SIZE_UNITS = {
    **_DECIMAL_UNITS,
    "Ki": 1 << 10,
    "Mi": 1 << 20,
    "Gi": 1 << 30,
    "Ti": 1 << 40,
    "Pi": 1 << 50,
}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PERCENT = {"%": 1}
_MAX_LABEL = 64
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
# By name: datetime is not imported for a name's sake.
_TOML_TYPES = {
    "bool": "a boolean",
    "int": "an integer",
    "float": "a float",
    "str": "a string",
    "list": "an array",
    "dict": "a table",
    "datetime": "a date with a time",
    "date": "a date",
    "time": "a time",
}


class Setting:
    """One setting: its key in files, its default, and the variable that sets it, if any may.

    `example` is a value other than the default, as a file spells it.
    """

    __slots__ = ("default", "example", "key", "name", "variable")

    toml_type: type = str
    expected = "a string"

    key: str
    name: str
    variable: str | None

    def __init__(self, default: "Value", example: str, *, variable: str | None = "") -> None:
        self.default = default
        self.example = example
        self.variable = variable

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.key = name.replace("_", "-")
        if self.variable == "":
            self.variable = f"CACHEWASM_{name.upper()}"

    def __get__(self, config: "CacheConfig | None", owner: type) -> object:
        return self if config is None else config._values.get(self.name, self.default)

    def __set__(self, config: "CacheConfig", value: object) -> None:
        config._choose(self, value)

    def from_text(self, text: str) -> "Value":
        """The value that `text` spells. Raises ConfigError."""
        return text

    def from_toml(self, value: object) -> "Value":
        """The value of a file. Raises ConfigError."""
        if type(value) is not self.toml_type:
            found = _TOML_TYPES.get(type(value).__name__, "something else")
            raise ConfigError(f"invalid type: {found}, expected {self.expected}")
        return self.from_text(str(value))

    def from_argument(self, value: object) -> "Value":
        """The value of an argument: text, or what reading gives. Raises ConfigError, TypeError."""
        if not isinstance(value, str):
            raise TypeError("expected a str")
        return self.from_text(value)

    def to_text(self, value: "Value") -> str:
        """How people read `value`."""
        return "none" if value is None else str(value)


class Location(Setting):
    """An absolute path, or None."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, config: "CacheConfig | None", owner: type) -> str | None: ...

    def from_text(self, text: str) -> str:
        """A path as it is."""
        if not text:
            raise ConfigError("the path is empty: it has to be absolute")
        if not os.path.isabs(text):
            raise ConfigError(self.relative(text))
        if "\0" in text:
            raise ConfigError("a path cannot contain a null character")
        return text

    def relative(self, path: str) -> str:
        """What is said of a path that is not absolute."""
        return f"the path has to be absolute, path: {path}"

    def from_argument(self, value: object) -> "Value":
        """A str or a PathLike of one."""
        return super().from_argument(os.fspath(value) if hasattr(value, "__fspath__") else value)


class Label(Setting):
    """A short name, or None."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, config: "CacheConfig | None", owner: type) -> str | None: ...

    def from_text(self, text: str) -> str:
        """What can stand in a listing and needs no quotes in a shell."""
        if not (0 < len(text) <= _MAX_LABEL and _LABEL.issuperset(text)):
            raise ConfigError(
                f"a name has 1 to {_MAX_LABEL} of the characters a-z, 0-9, `-`, `_` and `.`, not `{text}`"
            )
        return text


class Directory(Location):
    """The path of the cache directory."""

    __slots__ = ()

    def relative(self, path: str) -> str:
        """The sentence for all places that name the directory."""
        return relative_directory(path)


class Choice(Setting):
    """One of a few words."""

    __slots__ = ("words",)

    def __init__(self, *words: str) -> None:
        super().__init__(words[0], f'"{words[1]}"')
        self.words = words

    if TYPE_CHECKING:

        def __get__(self, config: "CacheConfig | None", owner: type) -> str: ...

    def from_text(self, text: str) -> str:
        """One of `words`, in this spelling."""
        if text not in self.words:
            raise ConfigError(f"unknown value `{text}`, expected one of {quoted(self.words)}")
        return text


class Number(Setting):
    """A number of something, at least 0; as text it may have a unit."""

    __slots__ = ()

    # What comes after the digits, and the factor that it stands for.
    units = _NO_UNITS

    if TYPE_CHECKING:

        def __get__(self, config: "CacheConfig | None", owner: type) -> int: ...

    def from_text(self, text: str) -> "Value":
        """Digits and a unit, perhaps with blanks between."""
        stripped = text.strip(" \t")
        digits = stripped.rstrip("".join(self.units))
        factor = self.units.get(stripped[len(digits) :])
        digits = digits.rstrip(" \t")
        if factor is None or not (digits.isascii() and digits.isdigit()):
            raise ConfigError(f"{_INVALID}: expected {self.expected}, not `{text}`")
        number = int(digits) * factor if len(digits) <= _MAX_DIGITS else _MAX + 1
        return self.checked(number)

    def from_argument(self, value: object) -> "Value":
        """Text, or the number itself."""
        if isinstance(value, int) and not isinstance(value, bool):
            return self.checked(value)
        if not isinstance(value, str):
            raise TypeError("expected an int or a str")
        return self.from_text(value)

    def checked(self, number: int) -> int:
        """`number` if it is in the range. Raises ConfigError."""
        if not 0 <= number <= _MAX:
            raise ConfigError(f"{_INVALID}: {number if number < 0 else 'it'} is out of range")
        return number

    def to_text(self, value: "Value") -> str:
        """In the largest unit that loses nothing."""
        if not isinstance(value, int):
            return super().to_text(value)
        exact = [unit for unit, factor in self.units.items() if value and value % factor == 0]
        unit = max(exact, key=self.units.__getitem__, default=next(iter(self.units)))
        return f"{value // self.units[unit]}{unit}"


class Count(Number):
    """How many of something."""

    __slots__ = ()

    units = _DECIMAL_UNITS
    expected = 'a string such as "65536", "100K" or "1M"'


class Size(Number):
    """Bytes on the disk."""

    __slots__ = ()

    units = _SIZE_UNITS
    expected = 'a string such as "512Mi", "10G" or "1Ti"'


class Duration(Number):
    """A span of time, in whole seconds."""

    __slots__ = ()

    units = _SECONDS
    expected = 'a string such as "30s", "5m", "12h" or "30d"'

    if TYPE_CHECKING:

        def __get__(self, config: "CacheConfig | None", owner: type) -> int: ...


class Limit(Duration):
    """A span of time, or None for no limit."""

    __slots__ = ()

    expected = 'a string such as "30s", "5m", "12h" or "30d", or "none"'

    if TYPE_CHECKING:

        def __get__(self, config: "CacheConfig | None", owner: type) -> int | None: ...  # type: ignore[override]

    def from_text(self, text: str) -> "Value":
        """`none`, or a span of time."""
        return None if text == "none" else super().from_text(text)

    def from_argument(self, value: object) -> "Value":
        """None, too."""
        return None if value is None else super().from_argument(value)


class Percent(Number):
    """A share, from 0 to 100."""

    __slots__ = ("subject",)

    units = _PERCENT
    expected = 'a string such as "70%"'

    def __init__(self, default: int, example: str, *, subject: str) -> None:
        super().__init__(default, example)
        self.subject = subject

    def checked(self, number: int) -> int:
        """At most 100."""
        if not 0 <= number <= 100:
            raise ConfigError(f"Invalid {self.subject}: {number} not in range 0-100%")
        return number


class Level(Number):
    """A zstd compression level; None for one by size."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, config: "CacheConfig | None", owner: type) -> int | None: ...  # type: ignore[override]

    toml_type = int
    expected = "an integer"
    MAXIMUM = 21

    def from_toml(self, value: object) -> "Value":
        """An integer, not a string."""
        return self.checked(value) if type(value) is int else super().from_toml(value)

    def from_argument(self, value: object) -> "Value":
        """None, too."""
        return None if value is None else super().from_argument(value)

    def to_text(self, value: "Value") -> str:
        """The number; or how it is chosen."""
        return "by-size" if value is None else str(value)

    def checked(self, number: int) -> int:
        """A level that every zstd has."""
        if not 0 <= number <= self.MAXIMUM:
            raise ConfigError(
                f"Invalid baseline compression level: {number} not in 0..={self.MAXIMUM}"
            )
        return number


class Switch(Setting):
    """On or off."""

    __slots__ = ()

    toml_type = bool
    expected = "a boolean"

    if TYPE_CHECKING:

        def __get__(self, config: "CacheConfig | None", owner: type) -> bool: ...

    def from_text(self, text: str) -> bool:
        """Any of a few words, in any case."""
        value = _WORDS.get(text.lower())
        if value is None:
            raise ConfigError(f"unknown value `{text}`, expected one of {quoted(_WORDS)}")
        return value

    def from_toml(self, value: object) -> "Value":
        """A boolean."""
        return value if isinstance(value, bool) else super().from_toml(value)

    def from_argument(self, value: object) -> "Value":
        """A bool."""
        if not isinstance(value, bool):
            raise TypeError("expected a bool")
        return value

    def to_text(self, value: "Value") -> str:
        """As TOML has it."""
        return "true" if value else "false"


class FileMode(Setting):
    """The permission bits of new files: the owner's read and write, and any of the others' but
    execution and a write by everybody.
    """

    __slots__ = ()

    expected = 'a string such as "0600", "0640" or "0660"'

    if TYPE_CHECKING:

        def __get__(self, config: "CacheConfig | None", owner: type) -> int: ...

    def from_text(self, text: str) -> int:
        """Three octal digits, perhaps after a 0."""
        if not (len(text) in (3, 4) and text.isascii() and text.isdigit()) or set(text) & {*"89"}:
            raise ConfigError(f"{_INVALID}: expected {self.expected}, not `{text}`")
        return self.checked(int(text, 8))

    def from_argument(self, value: object) -> "Value":
        """Text, or the bits."""
        if isinstance(value, int) and not isinstance(value, bool):
            return self.checked(value)
        if not isinstance(value, str):
            raise TypeError("expected an int or a str")
        return self.from_text(value)

    def checked(self, mode: int) -> int:
        """`mode` if files can have it. Raises ConfigError."""
        if mode & ~0o664 or mode & 0o600 != 0o600:
            raise ConfigError(
                f"the mode {mode:04o} must let the owner read and write, "
                "nobody execute and not everybody write"
            )
        return mode

    def to_text(self, value: "Value") -> str:
        """Octal."""
        return f"{value:04o}"


class Owners(Setting):
    """Users by number, in ascending order; a file or an argument may name them.

    No variable: who is trusted stands in a file that is judged by its own owner.
    """

    __slots__ = ()

    toml_type = list
    expected = 'an array of numbers and names of users such as [1000, "builder"]'

    if TYPE_CHECKING:

        def __get__(self, config: "CacheConfig | None", owner: type) -> tuple[int, ...]: ...

    def from_toml(self, value: object) -> "Value":
        """An array."""
        if not isinstance(value, list) or not all(type(each) in (int, str) for each in value):
            raise ConfigError(f"invalid type, expected {self.expected}")
        return tuple(sorted({_user(each) for each in value}))

    def from_argument(self, value: object) -> "Value":
        """A list or a tuple."""
        if not isinstance(value, (list, tuple)) or any(
            type(each) not in (int, str) for each in value
        ):
            raise TypeError("expected a list of int and str")
        return tuple(sorted({_user(each) for each in value}))

    def to_text(self, value: "Value") -> str:
        """Numbers, as in an array."""
        return str(list(value)) if isinstance(value, tuple) else "[]"


class NotYet(Setting):
    """A setting whose function does not exist: nothing may be said of it."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(None, '"1"')

    def from_text(self, text: str) -> "Value":
        """Never."""
        raise ConfigError("this setting is not supported yet")

    def from_toml(self, value: object) -> "Value":
        """Never."""
        return self.from_text("")

    def from_argument(self, value: object) -> "Value":
        """Never."""
        return self.from_text("")


def quoted(words: "Iterable[str]") -> str:
    """A list of what would be right."""
    return ", ".join(f"`{word}`" for word in words)


def _user(user: int | str) -> int:
    if isinstance(user, int):
        # The largest number means nobody to the kernel.
        if not 0 <= user < (1 << 32) - 1:
            raise ConfigError(f"{user} is not the number of a user")
        return user
    import pwd

    try:
        return pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):
        raise ConfigError(f"there is no user `{user}`") from None
