"""The address map and the function names are searched in place."""

from array import array
from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_addrmap_truncated_or_too_long_is_refused() -> None:
    for length in range(1, len(ADDRESSES)):
        with pytest.raises(IncompatibleArtifact):
            addrmap.lookup(ADDRESSES[:length], 5)
    for more in (b"\0", b"\0\0"):
        with pytest.raises(IncompatibleArtifact):
            addrmap.lookup(memoryview(bytes(ADDRESSES) + more), 5)


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


CODE_STEPS = st.one_of(
    st.integers(0, 300), st.sampled_from([0, 1, 255, 256, 0xFFFF, 0x10000, 0x10001, 1 << 20])
)
WASM_STEPS = st.one_of(
    st.integers(-300, 300),
    st.sampled_from([0, 127, 128, -128, -129, 0x7FFF, 0x8000, -0x8000, -0x8001, 1 << 30]),
)


@given(
    first=st.integers(0, 1 << 30),
    steps=st.lists(st.tuples(CODE_STEPS, st.none() | WASM_STEPS), max_size=30),
    times=st.integers(1, 20),
    asked=st.lists(st.integers(0, 700), min_size=1, max_size=10),
)
def test_addrmap_lookup_is_that_of_a_list_of_rows(
    first: int, steps: list[tuple[int, int | None]], times: int, asked: list[int]
) -> None:
    codes, wasms = [first], [first]
    wasm = first
    for code_step, wasm_step in steps * times:
        wasm = (wasm + (wasm_step or 0)) % NO_OFFSET
        codes.append(codes[-1] + code_step)
        wasms.append(NO_OFFSET if wasm_step is None else wasm)
    section = memoryview(addrmap.encode(array("I", codes), array("I", wasms)))
    for number in asked:
        code = codes[number % len(codes)]
        for code_offset in (code - 1, code, code + 1):
            row = bisect_right(codes, code_offset) - 1
            expected = None if row < 0 or wasms[row] == NO_OFFSET else wasms[row]
            assert addrmap.lookup(section, code_offset) == expected


def test_addrmap_steps_that_eight_bits_hold_take_no_more() -> None:
    codes = array("I", range(0, 255 * 2560, 255))
    wasms = array("I", (9999 - row // 2 + row % 2 * 127 for row in range(2560)))  # 127, -128, ...
    # Their number, and ten blocks, the first row of each in the index.
    assert len(addrmap.encode(codes, wasms)) == 4 + 10 * (12 + 2 * 255)


@pytest.mark.parametrize("rows", [1, 256, 257, 512])
def test_addrmap_of_whole_blocks_has_its_first_and_last_row(rows: int) -> None:
    codes, wasms = array("I", range(rows)), array("I", range(1000, 1000 + rows))
    section = memoryview(addrmap.encode(codes, wasms))
    assert addrmap.lookup(section, 0) == 1000
    assert addrmap.lookup(section, rows - 1) == addrmap.lookup(section, rows) == 999 + rows


def test_addrmap_without_rows_knows_nothing() -> None:
    assert addrmap.lookup(memoryview(addrmap.encode(array("I"), array("I"))), 7) is None


@pytest.mark.parametrize(
    "steps",
    [
        "02000000 04 00",  # no word
        "03000000 04 00 65",  # half of one
        "04000000 04 00 0000",  # no words behind the mark
        "06000000 04 00 0000 6500",  # the upper one is missing
        "06000000 04 00 6500 6500",  # one too many
        "01000000 04",  # no step of a wasm offset
        "01000000 04 05",  # a byte behind the end
        "03000000 04 05",  # the end is behind the section
    ],
)
def test_addrmap_with_steps_too_many_or_too_few_is_refused(steps: str) -> None:
    section = memoryview(bytes.fromhex("02000000 00000000 ffffffff" + steps))
    with pytest.raises(IncompatibleArtifact, match="the address map is damaged"):
        addrmap.lookup(section, 5)


def test_addrmap_with_a_block_that_ends_behind_the_section_is_refused() -> None:
    section = bytearray(addrmap.encode(array("I", range(257)), array("I", range(257))))
    ends = memoryview(section)[4 + 2 * 8 : 4 + 3 * 8].cast("I")
    assert ends.tolist() == [510, 510]
    ends[0] = 512
    with pytest.raises(IncompatibleArtifact):
        addrmap.lookup(memoryview(section), 5)


def test_addrmap_with_any_byte_damaged_is_refused_or_harmless() -> None:
    codes = array("I", range(0, 600 * 100, 100))
    wasms = array("I", (row * 100 + row % 7 * 9 for row in range(600)))
    section = addrmap.encode(codes, wasms)
    for position in range(len(section)):
        damaged = bytearray(section)
        damaged[position] ^= 0xFF
        for code_offset in (0, 30_000, 59_999):
            try:
                found = addrmap.lookup(memoryview(damaged), code_offset)
            except IncompatibleArtifact:
                continue
            assert found is None or 0 <= found < NO_OFFSET


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
    assert encoded == bytes.fromhex("03000000 00000000 ffffffff 0a000000 0405 00f6 0000 6500 0000")
