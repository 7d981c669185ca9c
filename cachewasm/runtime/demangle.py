"""Names of Rust functions as people write them.

Rust has two manglings. The newer one is demangle_v0.py's. The older one is `_ZN`, then per component
its length in bytes and its text, then `E`; in it `$LT$` and the like stand for characters that symbols
may not have, and `..` for `::`. Anything else is left as it is.

On the warm path as a module; its function runs when something traps.
"""

_ESCAPES = {
    "SP": "@",
    "BP": "*",
    "RF": "&",
    "LT": "<",
    "GT": ">",
    "LP": "(",
    "RP": ")",
    "C": ",",
}
_HASH_SIZE = 17
_DIGITS = frozenset("0123456789")
_HEX = frozenset("0123456789abcdef")
_UNIQUE = frozenset("0123456789ABCDEF@")


def demangle(name: str) -> str:
    """What a function is called in its source, or `name` itself."""
    if not name.startswith(("_ZN", "_R")) or not name.isascii():
        return name
    # LLVM makes names unique by adding this.
    symbol, _, number = name.partition(".llvm.")
    if not set(number) <= _UNIQUE:
        symbol = name
    if symbol.startswith("_ZN"):
        return _demangle_legacy(symbol) or name
    from cachewasm.runtime import demangle_v0

    try:
        return demangle_v0.demangle(symbol)
    except demangle_v0.Unreadable:
        return name


def _demangle_legacy(name: str) -> str | None:
    parts = []
    position = 3
    while not name.startswith("E", position):
        end = position
        while name[end : end + 1] in _DIGITS:
            end += 1
        # C++ mangles alike; a length has few digits.
        if not 0 < end - position < 6:
            return None
        size = int(name[position:end])
        part = name[end : end + size]
        if len(part) != size:
            return None
        parts.append(part)
        position = end + size
    rest = name[position + 1 :]
    is_rust = len(parts) > 1 and len(parts[-1]) == _HASH_SIZE and parts[-1][0] == "h"
    if not is_rust or rest[:1] not in ("", "."):
        return None
    return "::".join(map(_unescaped, parts)) + rest


def _unescaped(part: str) -> str:
    if part.startswith("_$"):
        part = part[1:]
    pieces = part.replace("..", "::").split("$")
    # Text and escapes take turns; from the first that is no escape on, all is text.
    for i in range(1, len(pieces), 2):
        character = _ESCAPES.get(pieces[i]) or _by_number(pieces[i])
        if character is None or i + 1 == len(pieces):
            return "".join(pieces[:i]) + "$" + "$".join(pieces[i:])
        pieces[i] = character
    return "".join(pieces)


def _by_number(code: str) -> str | None:
    """The character of `u` and its number in hexadecimal digits."""
    digits = code[1:]
    if code[:1] != "u" or not 0 < len(digits) < 6 or not set(digits) <= _HEX:
        return None
    number = int(digits, 16)
    return chr(number) if number >= 0x20 and not 0xD800 <= number < 0xE000 else None
