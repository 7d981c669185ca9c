"""Configuration files of any shape: tomllib for the values, a look at the text for their lines.

tomllib says nothing of where a key stands. The text that it has accepted is looked through statement
by statement, past strings, comments and brackets, so that a key inside a string is none. Off the
warm path.
"""

import re
import tomllib

from cachewasm.errors import ConfigError

# tomllib takes time by the square of the number of parts that a dotted key has.
MAX_LINE = 1024

# What a bracket or a line end may stand in without meaning anything.
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'",
    re.DOTALL,
)
_COMMENT = re.compile(r"#[^\n]*")
_BLANK = re.compile(r"[ \t\r\n]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def settings(text: str, path: str) -> dict[str, tuple[object, int]]:
    """The values of the table `cache` with their lines, by key.

    Raises ConfigError, which names `path`, for what is not TOML and for anything beside that table.
    """
    said = f"failed to parse config file: {path}"
    for number, row in enumerate(text.split("\n"), start=1):
        if len(row) > MAX_LINE:
            raise ConfigError(f"{said}: line {number}: more than {MAX_LINE} characters")
    try:
        document = tomllib.loads(text)
        lines = key_lines(text)
    except RecursionError:
        raise ConfigError(f"{said}: it is nested too deeply") from None
    except ValueError as error:
        last = text.rstrip().count("\n") + 1
        reason = str(error).replace("at end of document", f"at the end, line {last}")
        raise ConfigError(f"{said}: {reason}") from None
    for key in document:
        if key != "cache":
            line = lines.get((key,), 1)
            raise ConfigError(f"{said}: line {line}: unknown field `{key}`, expected `cache`")
    table = document.get("cache", {})
    line = lines.get(("cache",), 1)
    if not isinstance(table, dict):
        raise ConfigError(f"{said}: line {line}: `cache` has to be a table")
    return {key: (value, lines.get(("cache", key), line)) for key, value in table.items()}


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line of each table and key of `text`, which is TOML, by at most two keys of its path.

    Keys within an inline table are not looked for: they stand on the line of its own key.
    """
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    line, counted = 1, 0
    position = _skip_blank(text, 0)
    while position < len(text):
        line += text.count("\n", counted, position)
        counted = position
        if text[position] == "[":
            position += 2 if text.startswith("[[", position) else 1
            path, position = _key(text, position)
            table = path
        else:
            key, position = _key(text, position)
            path = (table + key)[:2]
        for length in (1, 2):
            found.setdefault(path[:length], line)
        position = _skip_blank(text, _end_of_statement(text, position))
    return found


def _skip_blank(text: str, position: int) -> int:
    """Past blanks, line ends and comments."""
    while True:
        blank = _BLANK.match(text, position)
        position = blank.end() if blank else position
        comment = _COMMENT.match(text, position)
        if comment is None:
            return position
        position = comment.end()


def _key(text: str, position: int) -> tuple[tuple[str, ...], int]:
    """The first two parts of the dotted key at `position`, and where it ends."""
    parts = []
    while True:
        while text[position] in " \t":
            position += 1
        match = _STRING.match(text, position) or _BARE.match(text, position)
        if match is None:
            raise ValueError("a key is missing")
        part = match[0]
        parts.append(tomllib.loads(f"key = {part}")["key"] if part[0] in "\"'" else part)
        position = match.end()
        while text[position] in " \t":
            position += 1
        if text[position] != ".":
            return tuple(parts[:2]), position
        position += 1


def _end_of_statement(text: str, position: int) -> int:
    """The line end outside of all brackets at which the statement ends that has begun before."""
    depth = 0
    while position < len(text):
        character = text[position]
        token = None
        if character == "#":
            token = _COMMENT.match(text, position)
        elif character in "\"'":
            token = _STRING.match(text, position)
        elif character == "\n" and depth <= 0:
            break
        # The bracket that ends the name of a table has none that begins it.
        depth += (character in "[{") - (character in "]}")
        position = token.end() if token else position + 1
    return position
