"""The canonical byte encoding of everything that identifies an engine.

One value has one encoding: integers are little-endian with a fixed width, text and bytes carry
their length, a field carries its name too. So equal environments are equal bytes, no two different
ones can run together into the same bytes, and a digest over them is a digest over the meaning.

`Reader` is the inverse for bytes from outside: each read is checked against what is left, and every
failure raises the error that the caller chose.
"""

import struct

from cachewasm.errors import WasmtimeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


def u16(value: int) -> bytes:
    return _U16.pack(value)


def u64(value: int) -> bytes:
    return _U64.pack(value)


def blob(data: bytes) -> bytes:
    """Bytes behind a 32-bit length."""
    return _U32.pack(len(data)) + data


def text(value: str) -> bytes:
    """UTF-8 behind a 16-bit length."""
    data = value.encode()
    return _U16.pack(len(data)) + data


def texts(values: "Iterable[str]") -> bytes:
    """A 16-bit count and that many texts."""
    parts = [text(value) for value in values]
    return _U16.pack(len(parts)) + b"".join(parts)


def field(name: str, value: bytes) -> bytes:
    """A named value: its name as text, then the value as a blob."""
    return text(name) + blob(value)


class Reader:
    """Reads the encoding back, front to back. `error` is what a violation raises."""

    __slots__ = ("_data", "_error", "_position")

    def __init__(self, data: bytes, error: "Callable[[str], WasmtimeError]") -> None:
        self._data = data
        self._error = error
        self._position = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self._position + size
        if end > len(self._data):
            raise self._error(f"unexpected end at byte {len(self._data)}")
        piece = self._data[self._position : end]
        self._position = end
        return piece

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return int(_U16.unpack(self.take(2))[0])

    def u64(self) -> int:
        return int(_U64.unpack(self.take(8))[0])

    def blob(self) -> bytes:
        return self.take(int(_U32.unpack(self.take(4))[0]))

    def text(self) -> str:
        return self.utf8(self.u16())

    def utf8(self, size: int) -> str:
        """The next `size` bytes as text."""
        data = self.take(size)
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise self._error(f"malformed UTF-8 before byte {self._position}") from None

    def texts(self) -> tuple[str, ...]:
        return tuple(self.text() for _ in range(self.u16()))

    def field(self, name: str) -> "Reader":
        """The value of the next field, which must be called `name`."""
        found = self.text()
        if found != name:
            raise self._error(f"expected the field `{name}`, found `{found}`")
        return Reader(self.blob(), self._error)

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data) - self._position)

    def finish(self) -> None:
        """There must be nothing left."""
        if self._position != len(self._data):
            raise self._error(f"unexpected bytes after byte {self._position}")

    def fail(self, reason: str) -> WasmtimeError:
        """The error for a value that is readable, but not acceptable; the caller raises it."""
        return self._error(reason)
