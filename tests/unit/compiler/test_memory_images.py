"""Where data gets images: what is in them is what writing the segments one by one makes."""

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from cachewasm.compiler.memory_images import MAX_IMAGES, MIN_SIZE, MemoryImage, place_data
from cachewasm.wasm import constexpr
from cachewasm.wasm.decode import decode
from cachewasm.wasm.features import DEFAULT
from cachewasm.wasm.module import DataSegment, Module, SegmentMode
from cachewasm.wasm.types import Limits, MemoryType

PAGE = 4096
LARGE_PAGE = 65536
PAGES = 64
MIB = 1 << 20
BYTES = bytes(range(1, 256)) * 4096


def module(segments: "list[tuple[int, int | None, int, int]]") -> Module:
    """A module with two memories; segments are (memory, offset or None, start in BYTES, size)."""
    return Module(
        data=BYTES,
        features=DEFAULT,
        memories=(MemoryType(Limits(PAGES)), MemoryType(Limits(PAGES))),
        data_segments=tuple(
            DataSegment(
                SegmentMode.PASSIVE if offset is None else SegmentMode.ACTIVE,
                memory,
                None if offset is None else ((constexpr.I32_CONST, offset),),
                start,
                size,
            )
            for memory, offset, start, size in segments
        ),
    )


_segment = st.tuples(
    st.integers(0, 1),
    st.none() | st.integers(0, PAGES * 65536 - 200_000),
    st.integers(0, 800_000),
    st.integers(0, 200_000),
)


@settings(deadline=None)
@given(st.lists(_segment, max_size=20), st.sampled_from([PAGE, LARGE_PAGE]))
def test_images_hold_what_writing_in_order_makes(
    segments: "list[tuple[int, int | None, int, int]]", page: int
) -> None:
    made = module(segments)
    placed = place_data(made, page, 64 * MIB)
    expected = [bytearray(PAGES * 65536) for _ in range(2)]
    written = [bytearray(PAGES * 65536) for _ in range(2)]
    for memory, offset, start, size in segments:
        if offset is not None:
            expected[memory][offset : offset + size] = BYTES[start : start + size]
            written[memory][offset : offset + size] = b"\1" * size
    if placed is None:
        assert sum(memory.count(1) for memory in written) < MIN_SIZE
        return
    found = [bytearray(PAGES * 65536) for _ in range(2)]
    for image in placed.images:
        assert (image.start | image.source | image.size) % page == 0
        body = placed.section[image.source : image.source + image.size]
        found[image.memory][image.start : image.start + image.size] = body
    assert found == expected
    assert len(placed.images) <= MAX_IMAGES
    for (_, offset, start, size), place in zip(segments, placed.starts, strict=True):
        assert place + size <= len(placed.section)
        if offset is None:
            assert placed.section[place : place + size] == BYTES[start : start + size]


def test_images_are_split_at_long_holes_only() -> None:
    placed = place_data(
        module([(0, 10, 0, 70_000), (0, 100_000, 0, 10), (0, 300_000, 0, 10)]), PAGE, MIB
    )
    assert placed is not None
    assert placed.images == [
        MemoryImage(0, 0, 0, 102_400),
        MemoryImage(0, 299_008, 102_400, 4096),
    ]


def test_images_of_scattered_data_are_as_large_as_the_option_allows() -> None:
    scattered = module([(0, i * 200_000, 0, 10) for i in range(20)])
    assert place_data(scattered, PAGE, MIB) is None
    placed = place_data(scattered, PAGE, 4 * MIB)
    assert placed is not None
    assert len(placed.images) == MAX_IMAGES


def test_images_of_dense_data_do_not_need_the_option() -> None:
    assert place_data(module([(0, 0, 0, 100_000)]), PAGE, 0) is not None


@pytest.mark.parametrize("page", [PAGE, LARGE_PAGE])
def test_images_are_left_out_for_little_data(page: int) -> None:
    assert place_data(module([(0, 0, 0, 60_000)]), page, MIB) is None
    assert place_data(module([(0, 0, 0, 65_536)]), page, MIB) is not None


def test_images_are_left_out_if_writing_may_fail_or_concerns_others() -> None:
    data = '"' + "a" * 70_000 + '"'
    for fields in (
        f"(memory 2) (data (i32.const 65536) {data})",
        f'(memory 2) (data (i32.const 0) {data}) (data (i32.const 131073) "")',
        f'(import "" "" (memory 2)) (data (i32.const 0) {data})',
        f'(import "" "" (global i32)) (memory 2) (data (global.get 0) {data})',
        f'(import "" "" (memory 2)) (memory 2) (data (memory 1) (i32.const 0) {data}) '
        '(data (i32.const 0) "a")',
        f"(memory 2) (data {data})",
    ):
        wasm = bytes(wasmtime.wat2wasm(f"(module {fields})"))
        assert place_data(decode(wasm, DEFAULT), PAGE, MIB) is None, fields[:60]
