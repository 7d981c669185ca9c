"""Split text into tokens (specification, section 6.3).

A token is its text: the first character tells its kind. `(` and `)` stand alone, `"` begins a
string (quotes and escapes still in place: see strings.py), `$` an identifier, a digit or a sign a
number; a letter begins a keyword, or `nan` and `inf`. Blanks, comments and annotations are gone.
One regular expression finds token after token; only nested comments and annotations need code.
"""

import re
from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property

from cachewasm.errors import TextError
from cachewasm.wasm.text.strings import MALFORMED_UTF8, STRING, StringError, unquote

_IDCHAR = r"[0-9A-Za-z!#$%&'*+\-./:<=>?@\\^_`|~]"
_BLANK = r"(?:[ \t\n\r]++|;;[^\n\r]*+|\(;(?:[^;(]++|;(?!\))|\((?!;))*+;\))*+"
_SEPARATED = rf"(?!{_IDCHAR}|\")"

# Group 1 is absent where something begins that is not simply a token.
_TOKEN = re.compile(
    rf"{_BLANK}(?:(\((?![;@])|\)|{_IDCHAR}++(?!\")|{STRING}{_SEPARATED}|\${STRING}{_SEPARATED}))?"
)
_RESERVED = re.compile(rf"(?:{_IDCHAR}|{STRING})++|[,;\[\]{{}}]")
_COMMENT_EDGE = re.compile(r"\(;|;\)")
_ANNOTATION_ID = re.compile(rf"\(@(?:{_IDCHAR}++|({STRING}))")
_ANNOTATION_PART = re.compile(rf"{_BLANK}(?:(\((?!;)|\))|(?:{_IDCHAR}|[,;\[\]{{}}]|{STRING})++)?")
_STRING_START = re.compile(STRING.removesuffix('"'))

_LONGEST_QUOTE = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the text; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Tokens:
    """The tokens of `text`.

    `texts[i]` begins at the offset `starts[i]`. The last text is empty and stands for the end of
    the input, so there is always a token to look at.
    """

    text: str
    texts: list[str] = field(default_factory=list)
    starts: "array[int]" = field(default_factory=lambda: array("Q"))

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", self.text))]

    def place_of_offset(self, offset: int) -> Place:
        """The place of an offset in the text."""
        line = bisect_right(self._lines, offset)
        return Place(line, offset - self._lines[line - 1] + 1)

    def place(self, index: int) -> Place:
        """The place where a token begins."""
        return self.place_of_offset(self.starts[index])

    def error(self, index: int, message: str) -> TextError:
        """The error `message` at a token."""
        return self.error_at_offset(self.starts[index], message)

    def error_at_offset(self, offset: int, message: str) -> TextError:
        """The error `message` at an offset in the text."""
        place = self.place_of_offset(offset)
        return TextError(message, line=place.line, column=place.column)


def tokenize(text: str | bytes) -> Tokens:
    """The tokens of `text`; bytes must be UTF-8. Raises `TextError`."""
    if isinstance(text, bytes):
        text = _decode(text)
    tokens = Tokens(text)
    add, mark = tokens.texts.append, tokens.starts.append
    pos = 0
    while True:
        for match in _TOKEN.finditer(text, pos):
            token = match[1]
            if token is None:
                pos = match.end()
                break
            add(token)
            mark(match.start(1))
        if pos == len(text):
            break
        pos = _skip(tokens, pos)
    add("")
    mark(len(text))
    return tokens


def quoted(token: str) -> str:
    """A token as error messages show it; shortened, and the end of the input named."""
    if not token:
        return "end of input"
    return token if len(token) <= _LONGEST_QUOTE else token[:_LONGEST_QUOTE] + "..."


def _decode(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        readable = Tokens(text[: error.start].decode())
        raise readable.error_at_offset(len(readable.text), MALFORMED_UTF8) from None


def _skip(tokens: Tokens, pos: int) -> int:
    """The offset after the comment or annotation at `pos`; nothing else may be there."""
    if tokens.text.startswith("(;", pos):
        return _skip_comment(tokens, pos)
    if tokens.text.startswith("(@", pos):
        return _skip_annotation(tokens, pos)
    reserved = _RESERVED.match(tokens.text, pos)
    if reserved is None:
        raise _illegal(tokens, pos)
    end = reserved.end()
    if tokens.text.startswith('"', end):  # a string that cannot be read
        if reserved[0] == "$":
            raise tokens.error_at_offset(pos, "empty identifier")
        raise _illegal(tokens, end)
    raise tokens.error_at_offset(pos, f"unknown operator {quoted(reserved[0])}")


def _skip_comment(tokens: Tokens, pos: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(tokens.text, pos):
        depth += 1 if edge[0] == "(;" else -1
        if not depth:
            return edge.end()
    raise tokens.error_at_offset(pos, "unclosed comment")


def _skip_annotation(tokens: Tokens, start: int) -> int:
    text = tokens.text
    head = _ANNOTATION_ID.match(text, start)
    if head is None or head[1] == '""':
        raise tokens.error_at_offset(start, "empty annotation id")
    if head[1] is not None:
        _check_utf8(tokens, head[1], head.start(1))
    depth, pos = 1, head.end()
    while depth:
        part = _ANNOTATION_PART.match(text, pos)
        end = pos if part is None else part.end()
        if part is not None and part[1] is not None:
            depth += 1 if part[1] == "(" else -1
        elif end == len(text):
            raise tokens.error_at_offset(start, "unclosed annotation")
        elif text.startswith("(;", end):
            end = _skip_comment(tokens, end)
        elif end == pos:
            raise _illegal(tokens, pos)
        pos = end
    return pos


def _check_utf8(tokens: Tokens, string: str, offset: int) -> None:
    try:
        unquote(string).decode()
    except StringError as error:
        raise tokens.error_at_offset(offset, error.reason) from None
    except UnicodeDecodeError:
        raise tokens.error_at_offset(offset, MALFORMED_UTF8) from None


def _illegal(tokens: Tokens, pos: int) -> TextError:
    """What is wrong with a character, or a string, that begins no token."""
    string = _STRING_START.match(tokens.text, pos)
    if string is None:
        return _illegal_character(tokens, pos)
    end = string.end()
    if end == len(tokens.text) or tokens.text[end] in "\n\r":
        return tokens.error_at_offset(pos, "unclosed string")
    if tokens.text[end] == "\\":
        return tokens.error_at_offset(end, "illegal escape")
    return _illegal_character(tokens, end)


def _illegal_character(tokens: Tokens, pos: int) -> TextError:
    return tokens.error_at_offset(pos, f"illegal character U+{ord(tokens.text[pos]):04X}")
