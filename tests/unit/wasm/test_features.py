"""The feature table."""

import pytest

from cachewasm.errors import UnsupportedModule
from cachewasm.wasm import features


def test_features_bits_are_distinct_single_bits() -> None:
    bits = [feature.bit for feature in features.FEATURES]
    assert all(bit.bit_count() == 1 for bit in bits)
    assert len(set(bits)) == len(bits) == len(features.BY_NAME)


def test_features_default_is_implemented() -> None:
    assert features.DEFAULT & ~features.IMPLEMENTED == 0


def test_features_stored_bits_never_move() -> None:
    # Artifacts hold these bits: a row may be appended, none may move.
    assert [features.BY_NAME[name].bit for name in ("multi_value", "multi_memory", "gc")] == [
        1 << 0,
        1 << 4,
        1 << 14,
    ]


def test_features_in_mask_gives_those_features() -> None:
    mask = features.SIMD | features.MULTI_VALUE
    assert [feature.name for feature in features.features_in(mask)] == ["multi_value", "simd"]


@pytest.mark.parametrize(
    ("needed", "name", "why"),
    [
        (features.BULK_MEMORY, "bulk_memory", "not enabled"),
        (features.GC, "gc", "not implemented"),
    ],
)
def test_require_missing_feature_names_it_and_says_why(needed: int, name: str, why: str) -> None:
    with pytest.raises(UnsupportedModule, match=f"`{name}`.*{why}"):
        features.require(0, needed, "something")


def test_require_present_feature_is_silent() -> None:
    features.require(features.DEFAULT, features.MULTI_VALUE, "something")
