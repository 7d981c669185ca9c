"""Read a configuration file: only one that nobody else can write, and without tomllib if possible.

The file decides who is trusted, so it is trusted as code is: it belongs to this user or to root, and
neither it nor a directory above it can be changed by others.

tomllib takes 16 ms to import, as much as a whole hit: it would make every start of a user who has
configured anything half as long again. Nearly every such file has one table and a plain value per
line, which is read here; whatever else it has makes the file a matter for tomllib (toml.py). A test
holds that both agree wherever this reader does not give up. On the warm path of a user who has
configured something.
"""

import os
import stat

from cachewasm.cache import files, trust
from cachewasm.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    Settings = dict[str, tuple[object, int]]

MAX_SIZE = 1 << 15

_KEY_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_MAX_DIGITS = 18


def read(path: str) -> "Settings":
    """The values of the table `cache` with their lines, by key. Raises ConfigError."""
    # Some editors begin a file with a byte order mark.
    data = read_private(path, "config file").removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"failed to parse config file: {path}: line {line}: no UTF-8") from None
    found = plain_settings(text)
    if found is None:
        from cachewasm.cache import toml

        found = toml.settings(text, path)
    return found


def plain_settings(text: str) -> "Settings | None":
    """What is set in the table `cache` of a plain file, as TOML means it; None if it is not plain.

    Plain are blank lines, comments, one line `[cache]`, and below it keys of letters, digits, hyphens
    and underscores with a value on the same line: a string without escapes, a decimal integer, a
    boolean, or an array of such strings and integers.
    """
    text = text.replace("\r\n", "\n")
    # TOML has rules on control characters; blanks other than these two are none to it.
    if not text.replace("\n", "").replace("\t", "").isprintable():
        return None
    found: Settings | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip(" \t")
        if not line or line[0] == "#":
            continue
        if line == "[cache]":
            if found is not None:
                return None
            found = {}
            continue
        key, equals, rest = line.partition("=")
        key = key.rstrip(" \t")
        if not equals or found is None or key in found or not key or set(key) - _KEY_CHARACTERS:
            return None
        value = _plain_value(rest.lstrip(" \t"))
        if value is None:
            return None
        found[key] = (value, number)
    return {} if found is None else found


def _plain_value(text: str) -> object:
    """The value that `text` starts with, if nothing but a comment follows; None if it is not plain."""
    if text[:1] == "[":
        inside, bracket, rest = text[1:].partition("]")
        if not bracket or not _is_end(rest):
            return None
        items = [item.strip(" \t") for item in inside.split(",")]
        if not items[-1]:
            items.pop()
        values = [_scalar(item) for item in items]
        return None if None in values else values
    if text[:1] in ('"', "'"):
        end = text.find(text[0], 1)
        return _scalar(text[: end + 1]) if _is_end(text[end + 1 :]) else None
    word = text.partition("#")[0].rstrip(" \t")
    return word == "true" if word in ("true", "false") else _scalar(word)


def _is_end(rest: str) -> bool:
    rest = rest.lstrip(" \t")
    return not rest or rest[0] == "#"


def _scalar(text: str) -> str | int | None:
    quote = text[:1]
    if quote in ('"', "'"):
        content = text[1:-1]
        if len(text) < 2 or text[-1] != quote or quote in content:
            return None
        return None if quote == '"' and "\\" in content else content
    is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) if is_number and (text == "0" or text[0] != "0") else None


def read_private(path: str, what: str, *, is_secret: bool = False) -> bytes:
    """The bytes of a file that nobody else can change, or read if it `is_secret`.

    `what` names its kind in messages. Raises ConfigError.
    """

    def judge(status: os.stat_result) -> None:
        problem = _problem(path, status, is_secret=is_secret)
        if problem is not None:
            raise ConfigError(f"the {what} is not trusted: {problem}")

    try:
        data = files.read_judged(path, MAX_SIZE, judge)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no path of a file"
        raise ConfigError(f"failed to read {what}: {path}: {reason}") from None
    if len(data) > MAX_SIZE:
        raise ConfigError(f"failed to read {what}: {path}: more than {MAX_SIZE} bytes")
    return data


def _problem(path: str, status: os.stat_result, *, is_secret: bool) -> str | None:
    """Why the open file, or one of the directories above it, must not be believed.

    The group with the owner's own number is the owner. What is secret nobody else may read either,
    but for a group that root lets read it.
    """
    if not stat.S_ISREG(status.st_mode):
        return f"{path}: it is not a regular file"
    if is_secret:
        readers = stat.S_IROTH | (stat.S_IRGRP if status.st_uid != 0 else 0)
        if status.st_mode & readers:
            return f"{path}: others can read it (mode {stat.S_IMODE(status.st_mode):04o})"
    is_own_group = status.st_gid == status.st_uid and not is_secret
    problem = trust.owner_problem(status) or trust.writers_problem(
        status, allowed=stat.S_IWGRP if is_own_group else 0
    )
    if problem is not None:
        return f"{path}: {problem}"
    for place, above in files.directories_above(path):
        problem = trust.parent_problem(above)
        if problem is not None:
            return f"{place}: {problem}"
    return None
