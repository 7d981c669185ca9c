"""Names of Rust functions in the newer of its two manglings (`_R...`).

A name is a path in prefix notation; `B` refers back to a part that stood before. What is rare is not
understood and raises Unreadable: characters as arguments, identifiers that are not ASCII. Depth and size of what is read are bounded, since parts that refer to
each other can be far larger than the name.

Source: Rust RFC 2603.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_DEPTH = 100
_MAX_SIZE = 10_000

_BASIC = {
    "a": "i8",
    "b": "bool",
    "c": "char",
    "d": "f64",
    "e": "str",
    "f": "f32",
    "h": "u8",
    "i": "isize",
    "j": "usize",
    "l": "i32",
    "m": "u32",
    "n": "i128",
    "o": "u128",
    "p": "_",
    "s": "i16",
    "t": "u16",
    "u": "()",
    "v": "...",
    "x": "i64",
    "y": "u64",
    "z": "!",
}
_SIGNED, _UNSIGNED = frozenset("aslxni"), frozenset("htmyoj")
_POINTERS = {"R": ("&", ""), "Q": ("&", "mut "), "P": ("*const ", ""), "O": ("*mut ", "")}
_SPECIAL = {"C": "closure", "S": "shim"}
_DIGITS = "0123456789"
_DIGITS_62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_UNNAMED = "'_"
_NAMES = "abcdefghijklmnopqrstuvwxyz"
_HEX = frozenset("0123456789abcdef")


class Unreadable(Exception):
    """A name is not of this mangling, or has a part that is not understood."""


def demangle(name: str) -> str:
    """What a name that begins with `_R` stands for. Raises Unreadable."""
    reader = _Reader(name[2:])
    reader.path(in_value=True)
    found = "".join(reader.out)
    if reader.peek().isupper():
        reader.path(in_value=True)  # the crate that made this instance
    rest = reader.text[reader.at :]
    if rest and not rest.startswith("."):
        raise Unreadable
    return found + rest


class _Reader:
    """Reads `text` forward from `at` and appends what it means to `out`."""

    __slots__ = ("at", "bound", "depth", "out", "size", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.bound = 0  # lifetimes that `for<...>` has named around here
        self.out: list[str] = []
        self.size = 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def next(self) -> str:
        found = self.peek()
        if not found:
            raise Unreadable
        self.at += 1
        return found

    def skip(self, wanted: str) -> bool:
        if self.peek() != wanted:
            return False
        self.at += 1
        return True

    def emit(self, text: str) -> None:
        self.size += len(text)
        if self.size > _MAX_SIZE:
            raise Unreadable
        self.out.append(text)

    def enter(self) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise Unreadable

    def number_62(self) -> int:
        if self.skip("_"):
            return 0
        value = 0
        for _ in range(12):
            digit = self.next()
            if digit == "_":
                return value + 1
            if digit not in _DIGITS_62:
                raise Unreadable
            value = value * 62 + _DIGITS_62.index(digit)
        raise Unreadable

    def disambiguator(self) -> int:
        return self.number_62() + 1 if self.skip("s") else 0

    def identifier(self) -> str:
        start = self.at
        if not self.skip("0"):
            while self.peek() and self.peek() in _DIGITS and self.at - start < 5:
                self.at += 1
        if self.at == start:
            raise Unreadable
        size = int(self.text[start : self.at])
        self.skip("_")
        found = self.text[self.at : self.at + size]
        if len(found) != size:
            raise Unreadable
        self.at += size
        return found

    def back(self) -> int:
        """Go back to where a reference points; where to go on afterwards."""
        here = self.at - 1
        target = self.number_62()
        if target >= here:
            raise Unreadable
        after, self.at = self.at, target
        return after

    def path(self, *, in_value: bool) -> None:
        self.enter()
        tag = self.next()
        if tag == "C":
            crate, name = self.disambiguator(), self.identifier()
            self.emit(f"{name}[{crate:x}]" if crate else name)
        elif tag == "N":
            self._nested(in_value=in_value)
        elif tag in ("M", "X", "Y"):
            self._implementation(tag)
        elif tag == "I":
            self.path(in_value=in_value)
            self.emit("::<" if in_value else "<")
            self._list(self._argument)
            self.emit(">")
        elif tag == "B":
            after = self.back()
            self.path(in_value=in_value)
            self.at = after
        else:
            raise Unreadable
        self.depth -= 1

    def _nested(self, *, in_value: bool) -> None:
        namespace = self.next()
        self.path(in_value=in_value)
        number, name = self.disambiguator(), self.identifier()
        if namespace.isupper():
            kind = _SPECIAL.get(namespace, namespace)
            self.emit(f"::{{{kind}{':' if name else ''}{name}#{number}}}")
        elif not namespace.islower():
            raise Unreadable
        elif name:
            self.emit(f"::{name}")

    def _implementation(self, tag: str) -> None:
        if tag != "Y":
            # Where the implementation stands is not shown; it counts, or reading it might never end.
            self.disambiguator()
            shown = len(self.out)
            self.path(in_value=False)
            del self.out[shown:]
        self.emit("<")
        self.type()
        if tag != "M":
            self.emit(" as ")
            self.path(in_value=False)
        self.emit(">")

    def _pointer(self, tag: str) -> None:
        before, after = _POINTERS[tag]
        self.emit(before)
        if before == "&" and self.skip("L"):
            name = self._lifetime()
            self.emit("" if name == _UNNAMED else f"{name} ")
        self.emit(after)
        self.type()

    def _function(self) -> None:
        """A type of functions."""
        outer = self._binder()
        if self.skip("U"):
            self.emit("unsafe ")
        if self.skip("K"):
            convention = "C" if self.skip("C") else self.identifier().replace("_", "-")
            self.emit(f'extern "{convention}" ')
        self.emit("fn(")
        self._list(self.type)
        self.emit(")")
        if not self.skip("u"):
            self.emit(" -> ")
            self.type()
        self.bound = outer

    def _lifetime(self) -> str:
        number = self.number_62()
        if not number:
            return _UNNAMED
        if number > self.bound:
            raise Unreadable
        return f"'{_NAMES[self.bound - number]}"

    def _binder(self) -> int:
        """`for<...>`, if there is one here; how many lifetimes had names before."""
        outer = self.bound
        if self.skip("G"):
            self.bound += self.number_62() + 1
            if self.bound > len(_NAMES):
                raise Unreadable
            named = ", ".join(f"'{name}" for name in _NAMES[outer : self.bound])
            self.emit(f"for<{named}> ")
        return outer

    def _bound(self) -> None:
        """A trait, and the types that it names."""
        is_open = self._open_path()
        while self.skip("p"):
            self.emit(", " if is_open else "<")
            is_open = True
            self.emit(f"{self.identifier()} = ")
            self.type()
        if is_open:
            self.emit(">")

    def _open_path(self) -> bool:
        """A path without the bracket that would end it; whether there is one to come."""
        self.enter()
        is_open = False
        if self.skip("B"):
            after = self.back()
            is_open = self._open_path()
            self.at = after
        elif self.skip("I"):
            self.path(in_value=False)
            self.emit("<")
            self._list(self._argument)
            is_open = True
        else:
            self.path(in_value=False)
        self.depth -= 1
        return is_open

    def _list(self, item: "Callable[[], None]", between: str = ", ") -> int:
        """Items up to an `E`, with something between them; how many."""
        count = 0
        while not self.skip("E"):
            if count:
                self.emit(between)
            item()
            count += 1
        return count

    def _argument(self) -> None:
        if self.skip("L"):
            self.emit(self._lifetime())
        elif self.skip("K"):
            self._constant()
        else:
            self.type()

    def type(self) -> None:
        self.enter()
        tag = self.next()
        if tag in _BASIC:
            self.emit(_BASIC[tag])
        elif tag in _POINTERS:
            self._pointer(tag)
        elif tag in ("A", "S"):
            self.emit("[")
            self.type()
            if tag == "A":
                self.emit("; ")
                self._constant()
            self.emit("]")
        elif tag == "T":
            self.emit("(")
            self.emit(",)" if self._list(self.type) == 1 else ")")
        elif tag == "F":
            self._function()
        elif tag == "D":
            self.emit("dyn ")
            outer = self._binder()
            self._list(self._bound, " + ")
            self.bound = outer
            if not self.skip("L"):
                raise Unreadable
            name = self._lifetime()
            self.emit("" if name == _UNNAMED else f" + {name}")
        elif tag == "B":
            after = self.back()
            self.type()
            self.at = after
        else:
            self.at -= 1
            self.path(in_value=False)
        self.depth -= 1

    def _constant(self) -> None:
        self.enter()
        tag = self.next()
        if tag == "p":
            self.emit("_")
        elif tag == "B":
            after = self.back()
            self._constant()
            self.at = after
        elif tag == "b":
            value = self._digits()
            if value not in ("0", "1"):
                raise Unreadable
            self.emit("true" if value == "1" else "false")
        elif tag in _SIGNED or tag in _UNSIGNED:
            sign = "-" if tag in _SIGNED and self.skip("n") else ""
            digits = self._digits()
            shown = str(int(digits, 16)) if len(digits) <= 16 else f"0x{digits}"
            self.emit(f"{sign}{shown}{_BASIC[tag]}")
        else:
            raise Unreadable
        self.depth -= 1

    def _digits(self) -> str:
        """Hexadecimal digits up to a `_`, without leading zeros."""
        start = self.at
        while (digit := self.next()) != "_":
            if digit not in _HEX:
                raise Unreadable
        return self.text[start : self.at - 1].lstrip("0") or "0"
