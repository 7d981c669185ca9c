"""The shared flags: settings of code generation that hold for every target.

All are in the key, and in the metadata of an artifact: code made with other values is not mistaken
for code made with these. A few are set by a Config option, the others are written down because
runtime and code rely on them. Each row stands in one bucket, which says what is asked of an artifact
when it is loaded: that it has the one value that this engine supports, that the flag is off, that it
has the value unless some feature or system makes others possible, or nothing. A flag without a row is
refused: nobody knows what it says of the code.
"""

from cachewasm.engine import encoding
from cachewasm.wasm import features

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cachewasm.engine.encoding import Reader

    FlagValue = bool | int | str

_BOOL, _NUM, _ENUM = range(3)


# The buckets.
ONE_VALUE = "must have one value"
OFF = "must be off"
WITH_FEATURE = "must have one value without a feature"
ON_SYSTEM = "must have one value on an operating system"
NO_EFFECT = "without effect on loading"


class Flag:
    """A row: the value that code is generated with by default, and its bucket.

    `where` is the WebAssembly feature, or the operating system, that the bucket speaks of; `option`
    the Config option that sets the flag, if one does.
    """

    __slots__ = ("bucket", "name", "option", "value", "where")

    def __init__(
        self, name: str, value: "FlagValue", bucket: str, *, where: str = "", option: str = ""
    ) -> None:
        self.name = name
        self.value = value
        self.bucket = bucket
        self.where = where
        self.option = option

    def accepts(self, value: "FlagValue", wasm_features: int, system: str) -> bool:
        """Whether code with this value can be loaded by an engine with these features, on `system`."""
        # The kinds are compared as well: 1 equals True, but is not what this engine writes.
        if type(value) is type(self.value) and value == self.value:
            return True
        if self.bucket == WITH_FEATURE:
            return bool(wasm_features & features.BY_NAME[self.where].bit)
        if self.bucket == ON_SYSTEM:
            return system != self.where
        return self.bucket == NO_EFFECT

    @property
    def may_be_missing(self) -> bool:
        """Whether code that says nothing of the flag can be loaded."""
        return self.bucket == NO_EFFECT


FLAGS = (
    # Backtraces walk the chain of frame pointers.
    Flag("preserve_frame_pointers", True, ONE_VALUE),
    # A frame larger than a page touches each of its pages, so that none steps over a stack guard.
    Flag("enable_probestack", True, ONE_VALUE),
    # Linux lets a stack be touched anywhere above its guard; other systems have functions for it.
    Flag("probestack_strategy", "inline", ON_SYSTEM, where="linux"),
    # Images are mapped at any address.
    Flag("is_pic", True, ONE_VALUE),
    # Code that takes floats for real numbers, or that may trap later than it has stored, is none of
    # a conforming engine's.
    Flag("fast_math", False, OFF),
    Flag("late_traps", False, OFF),
    # How a continuation's stack is made; there are none without the feature.
    Flag("stack_switch_model", "none", WITH_FEATURE, where="stack_switching"),
    # LLVM's levels of code generation in the two tiers: how fast code is, not how it is called.
    Flag("baseline_opt_level", 0, NO_EFFECT),
    Flag("optimized_opt_level", 1, NO_EFFECT),
    # What the optimized tier aims at.
    Flag("opt_level", "speed", NO_EFFECT, option="opt_level"),
    # Whether every NaN that arithmetic makes is the canonical one.
    Flag("enable_nan_canonicalization", False, NO_EFFECT, option="nan_canonicalization"),
)
BY_NAME = {flag.name: flag for flag in FLAGS}
# Flags that a Config sets, by the names of its options.
BY_OPTION = {flag.option: flag for flag in FLAGS if flag.option}


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


def choose(chosen: "Mapping[str, FlagValue]") -> SharedFlags:
    """The flags for what a Config has set, by the names of its options; the rest by default."""
    if not chosen:
        return DEFAULT_FLAGS
    return SharedFlags((flag.name, chosen.get(flag.option, flag.value)) for flag in FLAGS)


def refusal(found: SharedFlags, wasm_features: int, system: str) -> str | None:
    """Why an engine with these features, on this system, cannot load code with the flags `found`."""
    names = set()
    for name, value in found.items:
        flag = BY_NAME.get(name)
        if flag is None:
            return f'unknown shared setting "{name}" configured to {describe(value)}'
        if name in names:
            return f'setting "{name}" is configured twice'
        if not flag.accepts(value, wasm_features, system):
            return f'setting "{name}" is configured to {describe(value)} which is not supported'
        names.add(name)
    for flag in FLAGS:
        if not flag.may_be_missing and flag.name not in names:
            return f'setting "{flag.name}" is not configured'
    return None


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
