"""The shared flags: settings of code generation that hold for every target.

No Config option sets them; they are written down because code made with other values must not be
mistaken for code made with these: all are in the key, and in the metadata of an artifact. Each row
stands in one of two buckets: an artifact must have the one value that the engine supports, or the
flag has no effect on whether an artifact can be loaded.
"""

from cachewasm.engine import encoding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cachewasm.engine.encoding import Reader

    FlagValue = bool | int | str

_BOOL, _NUM, _ENUM = range(3)


class Flag:
    """A row: the value that code is generated with, and whether loading insists on it."""

    __slots__ = ("name", "required", "value")

    def __init__(self, name: str, value: "FlagValue", *, required: bool) -> None:
        self.name = name
        self.value = value
        self.required = required


FLAGS = (
    # Backtraces walk the chain of frame pointers.
    Flag("preserve_frame_pointers", True, required=True),
    # A frame larger than a page touches each of its pages, so that none steps over a stack guard.
    Flag("enable_probestack", True, required=True),
    Flag("probestack_strategy", "inline", required=True),
    # Images are mapped at any address.
    Flag("is_pic", True, required=True),
    # LLVM's levels of code generation in the two tiers: how fast code is, not how it is called.
    Flag("baseline_opt_level", 0, required=False),
    Flag("optimized_opt_level", 1, required=False),
)
BY_NAME = {flag.name: flag for flag in FLAGS}


class SharedFlags:
    """Names and values, in the order in which they are recorded. Immutable, compared by value.

    Read from an artifact these may be any names and values; engine/compat.py judges them.
    """

    __slots__ = ("items",)

    def __init__(self, items: "Iterable[tuple[str, FlagValue]]") -> None:
        self.items = tuple(items)

    def __getitem__(self, name: str) -> "FlagValue":
        for known, value in self.items:
            if known == name:
                return value
        raise KeyError(name)

    def to_bytes(self) -> bytes:
        parts = [encoding.u16(len(self.items))]
        for name, value in self.items:
            parts += (encoding.text(name), _value_bytes(value))
        return b"".join(parts)

    @classmethod
    def read(cls, reader: "Reader") -> "SharedFlags":
        items = [(reader.text(), _read_value(reader)) for _ in range(reader.u16())]
        reader.finish()
        return cls(items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SharedFlags) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.items)


DEFAULT_FLAGS = SharedFlags((flag.name, flag.value) for flag in FLAGS)


def describe(value: "FlagValue") -> str:
    """A value as messages show it: with its kind, since 1 and true are different values."""
    if isinstance(value, bool):
        return f"Bool({str(value).lower()})"
    if isinstance(value, int):
        return f"Num({value})"
    return f'Enum("{value}")'


def _value_bytes(value: "FlagValue") -> bytes:
    if isinstance(value, bool):
        return bytes((_BOOL, value))
    if isinstance(value, int):
        return bytes((_NUM, value))
    return bytes((_ENUM,)) + encoding.text(value)


def _read_value(reader: "Reader") -> "FlagValue":
    kind = reader.u8()
    if kind == _ENUM:
        return reader.text()
    number = reader.u8()
    if kind == _NUM:
        return number
    if kind == _BOOL and number <= 1:
        return bool(number)
    raise reader.fail(f"a flag of kind {kind} cannot have the value {number}")
