"""Strings, names and identifiers of the text format (sections 6.3.3 to 6.3.5)."""

import re

MALFORMED_UTF8 = "malformed UTF-8 encoding"

# A whole string. What an escape may be is decided here; that it names a character, by `unquote`.
STRING = (
    r'"[^"\\\x00-\x1f\x7f]*+'
    r"(?:\\(?:[0-9a-fA-F]{2}|[tnr\"'\\]|u\{[0-9a-fA-F]++(?:_[0-9a-fA-F]++)*+\})"
    r'[^"\\\x00-\x1f\x7f]*+)*+"'
)

# Bytes come in runs: a data segment is often nothing else.
_ESCAPE = re.compile(rb"((?:\\[0-9a-fA-F]{2})++)|\\u\{([0-9a-fA-F_]++)\}|\\(.)")
_SHORT = {b"t": b"\t", b"n": b"\n", b"r": b"\r"}
_MAX_CODE_POINT_DIGITS = 8


class StringError(Exception):
    """A token that is a string in form, but has no value."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def unquote(token: str) -> bytes:
    """The bytes that a string token stands for. Raises `StringError`."""
    try:
        content = token[1:-1].encode()
    except UnicodeEncodeError:
        raise StringError(MALFORMED_UTF8) from None
    return _ESCAPE.sub(_unescape, content) if b"\\" in content else content


def _unescape(escape: re.Match[bytes]) -> bytes:
    if escape[1] is not None:
        return bytes.fromhex(escape[1].replace(b"\\", b"").decode())
    if escape[2] is None:
        return _SHORT.get(escape[3], escape[3])
    digits = escape[2].replace(b"_", b"").lstrip(b"0") or b"0"
    try:
        if len(digits) > _MAX_CODE_POINT_DIGITS:
            raise ValueError
        return chr(int(digits, 16)).encode()
    except (ValueError, OverflowError):  # surrogates too: they cannot be encoded
        raise StringError("illegal escape: no Unicode scalar value") from None


def name(token: str) -> str:
    """The name that a string token stands for: it must be UTF-8. Raises `StringError`."""
    try:
        return unquote(token).decode()
    except UnicodeDecodeError:
        raise StringError(MALFORMED_UTF8) from None


def identifier(token: str) -> str:
    """The name of an identifier token, plain or quoted, without `$`. Raises `StringError`."""
    plain = name(token[1:]) if token.startswith('$"') else token[1:]
    if not plain:
        raise StringError("empty identifier")
    return plain
