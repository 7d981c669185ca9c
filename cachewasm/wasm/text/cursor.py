"""A position in the tokens, and the errors of a parser that looks at them.

Everything that parses moves a cursor forward. Errors say what was expected and carry the place of
the token at fault; those that the official scripts name begin with their words.
"""

from cachewasm.errors import TextError
from cachewasm.wasm import features
from cachewasm.wasm.text import keywords, numbers, strings
from cachewasm.wasm.text.lexer import Place, Tokens, quoted
from cachewasm.wasm.text.strings import StringError

_INDEX_STARTS = frozenset("$0123456789")


class Cursor:
    """The position `pos` in `tokens`; `texts` is `tokens.texts`."""

    __slots__ = ("pos", "texts", "tokens")

    def __init__(self, tokens: Tokens, pos: int = 0) -> None:
        self.tokens = tokens
        self.texts = tokens.texts
        self.pos = pos

    @property
    def token(self) -> str:
        """The next token; empty at the end of the input."""
        return self.texts[self.pos]

    @property
    def place(self) -> Place:
        """The place of the next token."""
        return self.tokens.place(self.pos)

    def at_form(self, keyword: str) -> bool:
        """Whether `( keyword` is next."""
        return self.texts[self.pos] == "(" and self.texts[self.pos + 1] == keyword

    def take_form(self, keyword: str) -> bool:
        """Pass over `( keyword`, if that is next; say whether it was."""
        if self.at_form(keyword):
            self.pos += 2
            return True
        return False

    def take(self, text: str) -> bool:
        """Pass over the token `text`, if that is next; say whether it was."""
        if self.texts[self.pos] == text:
            self.pos += 1
            return True
        return False

    def expect(self, text: str) -> None:
        """Pass over the token `text`, which must be next."""
        if self.texts[self.pos] != text:
            raise self.unexpected(f"`{text}`")
        self.pos += 1

    def at_string(self) -> bool:
        """Whether a string is next."""
        return self.texts[self.pos].startswith('"')

    def at_index(self) -> bool:
        """Whether an index, by number or identifier, is next."""
        return self.texts[self.pos][:1] in _INDEX_STARTS

    def string(self) -> bytes:
        """The bytes of the string that must be next."""
        if not self.at_string():
            raise self.unexpected("a string")
        try:
            value = strings.unquote(self.texts[self.pos])
        except StringError as error:
            raise self.error(error.reason) from None
        self.pos += 1
        return value

    def name(self) -> str:
        """The name that must be next: a string that is UTF-8."""
        if not self.at_string():
            raise self.unexpected("a name")
        try:
            value = strings.name(self.texts[self.pos])
        except StringError as error:
            raise self.error(error.reason) from None
        self.pos += 1
        return value

    def optional_identifier(self) -> str | None:
        """The identifier, without `$`, if one is next."""
        if not self.texts[self.pos].startswith("$"):
            return None
        try:
            value = strings.identifier(self.texts[self.pos])
        except StringError as error:
            raise self.error(error.reason) from None
        self.pos += 1
        return value

    def u32(self) -> int:
        """The unsigned 32-bit integer that must be next."""
        return self.unsigned(32)

    def unsigned(self, bits: int) -> int:
        """The unsigned integer that must be next."""
        token = self.texts[self.pos]
        if token.isdecimal() and len(token) < 10:
            self.pos += 1
            return int(token)
        if not token or token[0] in '("$)':
            raise self.unexpected("an integer")
        try:
            value = numbers.unsigned(token, bits)
        except numbers.NotANumber:
            raise self.unexpected("an integer") from None
        except numbers.NumberError as error:
            raise self.error(error.reason) from None
        self.pos += 1
        return value

    def skip_form(self) -> None:
        """Pass over the rest of a form whose opening parenthesis has been passed."""
        depth, pos, texts = 1, self.pos, self.texts
        while depth:
            token = texts[pos]
            if token == "(":
                depth += 1
            elif token == ")":
                depth -= 1
            elif not token:
                self.pos = pos
                raise self.unexpected("`)`")
            pos += 1
        self.pos = pos

    def error(self, message: str, pos: int | None = None) -> TextError:
        """The error `message` at the next token, or at the one at `pos`."""
        return self.tokens.error(self.pos if pos is None else pos, message)

    def unexpected(self, expected: str) -> TextError:
        """The error that the next token is not what it must be.

        Raises `UnsupportedModule` if the token belongs to a proposal that is not implemented.
        """
        token = self.texts[self.pos]
        if token and token[0] not in '("$)':
            self.refuse_later(token)
            if not keywords.is_known(token) and not numbers.is_number(token):
                return self.error(f"unknown operator {quoted(token)}, expected {expected}")
        return self.error(f"unexpected token {quoted(token)}, expected {expected}")

    def refuse_later(self, keyword: str) -> None:
        """Raise `UnsupportedModule` if `keyword` belongs to a proposal that is not implemented."""
        feature = keywords.later_feature(keyword)
        if feature is not None:
            self.refuse(feature, f"`{keyword}`")

    def refuse(self, feature: int, what: str) -> None:
        """Raise `UnsupportedModule`: `what`, at the next token, needs `feature`."""
        place = self.place
        features.require(0, feature, f"{what} (at line {place.line}, column {place.column})")
