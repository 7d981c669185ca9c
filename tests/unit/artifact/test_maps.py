"""The address map and the function names are searched in place."""

from array import array

import pytest

from cachewasm.artifact import addrmap, names
from cachewasm.artifact.addrmap import NO_OFFSET
from cachewasm.errors import IncompatibleArtifact

ROWS = {0: NO_OFFSET, 4: 100, 9: 90, 64: NO_OFFSET, 80: 7}
ADDRESSES = memoryview(addrmap.encode(array("I", ROWS), array("I", ROWS.values())))


@pytest.mark.parametrize(
    ("code_offset", "wasm_offset"),
    [
        (0, None),
        (3, None),
        (4, 100),
        (8, 100),
        (9, 90),
        (63, 90),
        (64, None),
        (80, 7),
        (1 << 40, 7),
    ],
)
def test_addrmap_lookup_finds_the_preceding_row(code_offset: int, wasm_offset: int | None) -> None:
    assert addrmap.lookup(ADDRESSES, code_offset) == wasm_offset


def test_addrmap_lookup_before_the_first_row_is_none() -> None:
    assert addrmap.lookup(memoryview(addrmap.encode(array("I", [8]), array("I", [1]))), 7) is None
    assert addrmap.lookup(memoryview(b""), 7) is None


def test_addrmap_truncated_is_refused() -> None:
    for length in range(1, len(ADDRESSES)):
        with pytest.raises(IncompatibleArtifact):
            addrmap.lookup(ADDRESSES[:length], 5)


def test_addrmap_of_many_rows_with_wide_steps_gives_back_every_row() -> None:
    rows = {}
    code, step = 0, 1
    for i in range(2000):
        step = step * 75 % 65537
        code += 1 + step % (200_000 if i % 97 == 0 else 40)
        rows[code] = (
            NO_OFFSET if i % 500 == 499 else 1 + step * (61 if i % 50 == 0 else 1) % 4_000_000
        )
    section = memoryview(addrmap.encode(array("I", rows), array("I", rows.values())))
    expected = [None if wasm == NO_OFFSET else wasm for wasm in rows.values()]
    assert [addrmap.lookup(section, code) for code in rows] == expected
    ends = list(rows)[1:]
    assert [addrmap.lookup(section, code - 1) for code in ends] == expected[:-1]


NAMES = {3: "main", 0: "größe", 200: "", 17: "a\udcffb", 2**32 - 1: "last"}


def test_names_lookup_round_trips() -> None:
    section = memoryview(names.encode(NAMES))
    assert {funcidx: names.lookup(section, funcidx) for funcidx in NAMES} == NAMES


@pytest.mark.parametrize("funcidx", [1, 4, 18, 2**32 - 2])
def test_names_lookup_of_a_nameless_function_is_none(funcidx: int) -> None:
    assert names.lookup(memoryview(names.encode(NAMES)), funcidx) is None


def test_names_empty_section_has_none() -> None:
    assert names.lookup(memoryview(b""), 0) is None
    assert names.lookup(memoryview(names.encode({})), 0) is None


def test_names_damaged_section_is_refused_or_harmless() -> None:
    section = names.encode(NAMES)
    for length in range(1, len(section)):
        try:
            names.lookup(memoryview(section[:length]), 2**32 - 1)
        except IncompatibleArtifact:
            continue
        pytest.fail(f"{length} bytes were accepted")
    for position in range(len(section)):
        damaged = bytearray(section)
        damaged[position] ^= 0xFF
        for funcidx in NAMES:
            try:
                names.lookup(memoryview(damaged), funcidx)
            except IncompatibleArtifact:
                continue


def test_encode_bytes_are_those_of_the_format_document() -> None:
    # The vectors of docs/format/artifact.md: whoever changes them raises ABI_VERSION.
    assert names.encode({3: "main", 0: "a"}) == bytes.fromhex(
        "02000000 00000000 03000000 01000000 05000000 61 6d61696e"
    )
    encoded = addrmap.encode(array("I", [0, 4, 9]), array("I", [NO_OFFSET, 100, 90]))
    assert encoded == bytes.fromhex("03000000 00000000 00000000 0000 0400 0500 0000 6400 f6ff")
