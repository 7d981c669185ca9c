"""A cursor over the bytes of a module: what the section decoders read with.

Reading is bounded by the binary; whether a section ended where its size says is checked once, after
it was read. A count is compared with the bytes that are left before anything is made from it.
"""

from cachewasm.errors import MalformedModule, UnsupportedModule
from cachewasm.wasm import limits
from cachewasm.wasm.leb128 import UNEXPECTED_END, read_unsigned
from cachewasm.wasm.typecodes import reftype_at, valtype_at
from cachewasm.wasm.types import ValType


class Reader:
    """Reads forward from `pos`. Raises `MalformedModule` with the offset at fault."""

    __slots__ = ("data", "features", "pos")

    def __init__(self, data: bytes, pos: int, features: int) -> None:
        self.data = data
        self.pos = pos
        self.features = features

    def byte(self) -> int:
        """One byte."""
        if self.pos >= len(self.data):
            raise MalformedModule(UNEXPECTED_END, offset=self.pos)
        self.pos += 1
        return self.data[self.pos - 1]

    def u32(self) -> int:
        """An unsigned 32-bit integer: an index, say."""
        pos = self.pos
        if pos < len(self.data) and self.data[pos] < 0x80:
            self.pos = pos + 1
            return self.data[pos]
        value, self.pos = read_unsigned(self.data, pos, 32)
        return value

    def u64(self) -> int:
        """An unsigned 64-bit integer."""
        value, self.pos = read_unsigned(self.data, self.pos, 64)
        return value

    def length(self) -> int:
        """The length of something whose every item takes a byte or more.

        The bytes left are counted from where the length itself starts, as in the reference
        interpreter: which of two errors a lying length gives depends on it.
        """
        start = self.pos
        length, self.pos = read_unsigned(self.data, start, 32)
        if length > len(self.data) - start:
            raise MalformedModule("length out of bounds", offset=start)
        return length

    def count(self, limit: int, what: str) -> int:
        """A length of at most `limit`; `what` names the items."""
        start = self.pos
        count = self.length()
        if count > limit:
            raise UnsupportedModule(
                f"too many {what}: {count} exceed the implementation limit of {limit}",
                offset=start,
            )
        return count

    def skip(self, size: int) -> int:
        """Pass over `size` bytes; the position where they start."""
        start = self.pos
        if size > len(self.data) - start:
            raise MalformedModule(UNEXPECTED_END, offset=len(self.data))
        self.pos += size
        return start

    def name(self) -> str:
        """A name: UTF-8, strictly."""
        start = self.skip(self.count(limits.NAME_LENGTH, "bytes in a name"))
        try:
            return self.data[start : self.pos].decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedModule("malformed UTF-8 encoding", offset=start + error.start) from None

    def valtype(self) -> ValType:
        """A value type."""
        valtype = valtype_at(self.data, self.pos, self.features)
        self.pos += 1
        return valtype

    def reftype(self) -> ValType:
        """A reference type."""
        reftype = reftype_at(self.data, self.pos, self.features)
        self.pos += 1
        return reftype
