"""Artifact keys: what the digest covers, and names there and back."""

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from cachewasm.cache.keys import ArtifactKey, parse_entry_name
from cachewasm.errors import InternalError

WASM, COMPAT = bytes(range(32)), bytes(range(32, 64))
KEY = ArtifactKey(WASM, COMPAT, "x86-64-v3:+avx,+avx2", "optimized")
NAME = "00/000102030405060708090a0b0c0d0e0f.2021222324252627.x86-64-v3-b269d561.optimized"


def test_key_digest_is_blake3_over_length_prefixed_parts() -> None:
    parts = (WASM, COMPAT, b"x86-64-v3:+avx,+avx2", b"optimized")
    message = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    assert KEY.digest == blake3(message, derive_key_context="cachewasm artifact v1").digest()


@pytest.mark.parametrize(
    "other",
    [
        ArtifactKey(bytes(32), COMPAT, KEY.isa, KEY.tier),
        ArtifactKey(WASM, bytes(32), KEY.isa, KEY.tier),
        ArtifactKey(WASM, COMPAT, "x86-64-v3:+avx", KEY.tier),
        ArtifactKey(WASM, COMPAT, "x86-64-v2:+avx,+avx2", KEY.tier),
        ArtifactKey(WASM, COMPAT, KEY.isa, "baseline"),
    ],
)
def test_key_any_other_part_gives_another_key_and_name(other: ArtifactKey) -> None:
    assert other != KEY
    assert other.digest != KEY.digest
    assert other.entry_name != KEY.entry_name


def test_key_equal_parts_give_equal_keys() -> None:
    assert ArtifactKey(WASM, COMPAT, KEY.isa, KEY.tier) == KEY
    assert hash(ArtifactKey(WASM, COMPAT, KEY.isa, KEY.tier)) == hash(KEY)


def test_key_entry_name_is_spelled_out() -> None:
    assert KEY.entry_name == NAME


def test_key_entry_name_is_parsed_back() -> None:
    parts = parse_entry_name(NAME)
    assert parts is not None
    assert (parts.wasm, parts.compat) == (WASM.hex()[:32], COMPAT.hex()[:16])
    assert (parts.isa, parts.tier) == ("x86-64-v3-b269d561", "optimized")


@pytest.mark.parametrize(
    "name",
    [
        "",
        NAME[3:],
        "01" + NAME[2:],
        NAME.upper(),
        NAME + ".tmp",
        NAME.replace("-b269d561", ""),
        NAME.replace("optimized", ""),
        NAME.replace("optimized", "o/../x"),
        NAME.replace(".2021222324252627", ""),
        NAME.replace("optimized", "opt\N{LATIN SMALL LETTER I WITH ACUTE}mized"),
    ],
)
def test_key_name_that_no_key_has_is_not_parsed(name: str) -> None:
    assert parse_entry_name(name) is None


@pytest.mark.parametrize(
    ("isa", "tier"),
    [
        ("", "optimized"),
        ("x86/64", "optimized"),
        ("..", "optimized"),
        ("x" * 33, "optimized"),
        ("x86-64", ""),
        ("x86-64", "a.b"),
        ("X86", "optimized"),
    ],
)
def test_key_label_unfit_for_a_name_is_refused(isa: str, tier: str) -> None:
    with pytest.raises(InternalError):
        ArtifactKey(WASM, COMPAT, isa, tier)


def test_key_digest_of_another_size_is_refused() -> None:
    with pytest.raises(InternalError):
        ArtifactKey(WASM[:31], COMPAT, "x86-64", "optimized")


LABELS = st.text("abcz019-_", min_size=1, max_size=32)


@given(LABELS, st.text(max_size=20), LABELS)
def test_key_every_name_parses(label: str, features: str, tier: str) -> None:
    key = ArtifactKey(WASM, COMPAT, f"{label}:{features}", tier)
    assert parse_entry_name(key.entry_name) is not None
