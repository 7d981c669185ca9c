"""The WebAssembly features: which exist, which this engine implements, which are on by default.

One row per feature, named as `Config.wasm_<name>` and the drop-in API name it. What every engine of
today has (mutable globals, sign extension, saturating conversions) is part of the base language and
has no row. A set of features is an int of bits; bits are stored in artifacts, so a bit never
changes its meaning and new rows are appended.

On the warm path: an artifact's features are compared with the engine's before it is loaded.
"""

from cachewasm.errors import UnsupportedModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Feature:
    """One optional part of the language."""

    __slots__ = ("bit", "default", "implemented", "name")

    def __init__(self, index: int, name: str, *, implemented: bool, default: bool) -> None:
        self.bit = 1 << index
        self.name = name
        self.implemented = implemented
        self.default = default

    def __repr__(self) -> str:
        return f"Feature({self.name})"


_ON = (True, True)  # implemented, and on unless the Config turns it off
_OFF = (True, False)  # implemented, and off unless the Config turns it on
_NO = (False, False)  # known by name, refused when asked for or met

_ROWS = (
    ("multi_value", _ON),
    ("bulk_memory", _ON),
    ("reference_types", _ON),
    ("extended_const", _ON),
    ("multi_memory", _ON),
    ("simd", _ON),
    ("relaxed_simd", _ON),
    ("tail_call", _NO),
    ("memory64", _NO),
    ("threads", _NO),
    ("shared_everything_threads", _NO),
    ("exceptions", _OFF),
    ("legacy_exceptions", _OFF),
    ("function_references", _NO),
    ("gc", _NO),
    ("custom_page_sizes", _NO),
    ("wide_arithmetic", _NO),
    ("stack_switching", _NO),
    ("branch_hinting", _NO),
    ("component_model", _NO),
    ("component_model_async", _NO),
    ("component_model_more_async_builtins", _NO),
    ("component_model_async_stackful", _NO),
    ("component_model_threading", _NO),
    ("component_model_error_context", _NO),
    ("component_model_gc", _NO),
    ("component_model_map", _NO),
    ("component_model_memory64", _NO),
    ("component_model_fixed_length_lists", _NO),
    ("component_model_implements", _NO),
)

FEATURES = tuple(
    Feature(index, name, implemented=implemented, default=default)
    for index, (name, (implemented, default)) in enumerate(_ROWS)
)
BY_NAME = {feature.name: feature for feature in FEATURES}

# What a feature is an extension of, so that it makes no sense without: first what others need.
NEEDS = {
    "relaxed_simd": "simd",
    "shared_everything_threads": "threads",
    "function_references": "reference_types",
    "gc": "function_references",
    "legacy_exceptions": "exceptions",
    **{
        feature.name: "component_model"
        for feature in FEATURES
        if feature.name.startswith("component_model_")
    },
}

MULTI_VALUE = BY_NAME["multi_value"].bit
BULK_MEMORY = BY_NAME["bulk_memory"].bit
REFERENCE_TYPES = BY_NAME["reference_types"].bit
EXTENDED_CONST = BY_NAME["extended_const"].bit
MULTI_MEMORY = BY_NAME["multi_memory"].bit
SIMD = BY_NAME["simd"].bit
RELAXED_SIMD = BY_NAME["relaxed_simd"].bit
TAIL_CALL = BY_NAME["tail_call"].bit
MEMORY64 = BY_NAME["memory64"].bit
THREADS = BY_NAME["threads"].bit
EXCEPTIONS = BY_NAME["exceptions"].bit
LEGACY_EXCEPTIONS = BY_NAME["legacy_exceptions"].bit
FUNCTION_REFERENCES = BY_NAME["function_references"].bit
GC = BY_NAME["gc"].bit
WIDE_ARITHMETIC = BY_NAME["wide_arithmetic"].bit
STACK_SWITCHING = BY_NAME["stack_switching"].bit
COMPONENT_MODEL = BY_NAME["component_model"].bit

IMPLEMENTED = sum(feature.bit for feature in FEATURES if feature.implemented)
DEFAULT = sum(feature.bit for feature in FEATURES if feature.default)


def features_in(mask: int) -> "Iterator[Feature]":
    """The features of `mask`, in table order."""
    return (feature for feature in FEATURES if feature.bit & mask)


def require(features: int, needed: int, what: str, offset: int | None = None) -> None:
    """Raise `UnsupportedModule`, naming the feature, unless `needed` (one bit) is in `features`."""
    if features & needed:
        return
    feature = next(features_in(needed))
    why = "is not enabled" if feature.implemented else "is not implemented"
    raise UnsupportedModule(
        f"{what} needs the WebAssembly feature `{feature.name}`, which {why}", offset=offset
    )
