"""Slices of regions: executable while they are somebody's, and never writable then."""

import contextlib
import gc
import itertools
import os
import re
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachewasm.loader import arena, native

PAGE = os.sysconf("SC_PAGE_SIZE")
CODE = b"\xc3" * 100


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process without slices, which has given them all back in the end."""
    made = arena._Arena()
    monkeypatch.setattr(arena, "_arena", made)
    yield
    gc.collect()
    made.sort_out()
    assert all(region.is_free for region in made.regions)
    assert len(made.regions) <= 1


def made(code: bytes = CODE, text_size: int = PAGE, guard: int = 0) -> arena.Slice:
    found = arena.slice_with(memoryview(code), text_size, guard)
    assert found is not None
    return found


def content(found: native.Mapping) -> bytes:
    return bytes(native.view(int(found), found.size))


def permissions(address: int) -> str:
    with open("/proc/self/maps") as maps:
        for line in maps:
            place = re.match(r"(\w+)-(\w+) (\S+)", line)
            assert place
            if int(place[1], 16) <= address < int(place[2], 16):
                return place[3]
    return ""


def test_slices_lie_in_one_region() -> None:
    slices = [made(bytes([i]) * (i * PAGE + 1)) for i in range(8)]
    start = min(map(int, slices))
    assert max(int(each) + each.size for each in slices) <= start + arena.REGION
    for i, each in enumerate(slices):
        assert each.size == (i + 1) * PAGE
        assert content(each) == (bytes([i]) * (i * PAGE + 1)).ljust(each.size, b"\0")
    assert len({int(each) for each in slices}) == len(slices)


@pytest.mark.emulator_cannot("/proc/self/maps never shows code as executable")
def test_slice_is_executable_and_readable_until_it_is_given_back() -> None:
    found = made(CODE * 100, PAGE)
    address = int(found)
    assert found.size == 3 * PAGE
    assert [permissions(address + i * PAGE) for i in range(3)] == ["r-xp", "r--p", "r--p"]
    del found
    assert {permissions(address + i * PAGE) for i in range(3)} == {"rw-p"}


def test_slice_that_is_given_back_is_taken_again_without_what_it_held() -> None:
    first = made(b"\xcc" * 2 * PAGE)
    behind = made()
    address = int(first)
    del first
    again = made(b"\xc3")
    assert int(again) == address
    assert content(again) == b"\xc3".ljust(PAGE, b"\0")
    assert content(behind).startswith(CODE)


def test_slices_beyond_a_region_are_in_another_which_goes_with_them() -> None:
    half = arena.REGION // 2
    slices = [made(b"\xc3" * half) for _ in range(5)]
    regions = [region.start for region in arena._arena.regions]
    assert len(regions) == 3
    assert all(
        any(start <= int(each) < start + arena.REGION for each in slices) for start in regions
    )
    del slices
    assert [region.start for region in arena._arena.regions] == regions[:1]
    assert not any(permissions(start) for start in regions[1:])


def test_whole_region_can_be_a_slice_and_more_cannot() -> None:
    assert made(b"\xc3" * arena.REGION).size == arena.REGION
    assert arena.slice_with(memoryview(bytes(arena.REGION + 1)), PAGE, 0) is None
    assert made()


def test_callbacks_come_before_the_slice_is_free() -> None:
    found = made()
    address = int(found)
    seen: list[list[tuple[int, int]]] = []
    found.before_unmap(lambda: seen.append(arena._arena.regions[0].free))
    del found
    (free,) = seen
    assert not any(start <= address < end for start, end in free)


def test_process_that_may_not_make_memory_executable_has_no_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []
    protect = native.mprotect

    def refuse(address: int, size: int, protection: int) -> None:
        calls.append(protection)
        if protection & native.PROT_EXEC:
            raise PermissionError(13, "Permission denied")
        protect(address, size, protection)

    monkeypatch.setattr(native, "mprotect", refuse)
    assert arena.slice_with(memoryview(CODE), PAGE, native.PROT_BTI) is None
    assert native.PROT_READ | native.PROT_EXEC | native.PROT_BTI in calls
    del calls[:]
    assert arena.slice_with(memoryview(CODE), PAGE, 0) is None
    assert not calls


def test_slice_that_cannot_be_made_writable_is_never_taken_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = made()
    address = int(found)

    def refuse(*_: int) -> None:
        raise OSError(12, "Cannot allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr(native, "mprotect", refuse)
        del found
    other = made()
    assert int(other) != address
    arena._arena.returned.append((address, address + PAGE))


def test_slice_that_is_dropped_while_another_is_taken_is_sorted_in_later() -> None:
    found = made()
    address = int(found)
    with arena._lock:
        del found
        assert arena._arena.returned == [(address, address + PAGE)]
    assert int(made()) == address


def test_forked_child_takes_slices_though_another_thread_held_the_lock() -> None:
    kept = made()
    with arena._lock:
        child = os.fork()
        if not child:
            status = 1
            with contextlib.suppress(BaseException):
                mine = made(b"\x90" * PAGE)
                right = content(mine) == b"\x90" * PAGE and content(kept).startswith(CODE)
                status = 0 if right else 2
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert content(kept).startswith(CODE)


def test_threads_that_take_and_give_back_never_share_a_slice() -> None:
    faults: list[int] = []

    def work(number: int) -> None:
        mine = bytes([number])
        for i in range(300):
            size = 1 + (i * 37 + number) % 9 * PAGE
            slices = [made(mine * size), made(mine * PAGE)]
            if any(content(each)[:size] != (mine * size)[: each.size] for each in slices):
                faults.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.integers(1, 200), st.booleans()), max_size=60))
def test_room_of_a_region_is_never_given_twice(
    steps: list[tuple[int, bool]],
) -> None:
    region = arena._Region()
    taken: list[tuple[int, int]] = []
    for pages, gives_back in steps:
        if gives_back and taken:
            region.give_back(*taken.pop(pages % len(taken)))
        else:
            start = region.take(pages * PAGE)
            if start:
                taken.append((start, start + pages * PAGE))
        ranges = sorted([*region.free, *taken])
        assert ranges[0][0] == region.start
        assert ranges[-1][1] == region.start + arena.REGION
        assert all(one[1] == other[0] for one, other in itertools.pairwise(ranges))
        # Neighbours are joined.
        assert all(
            one[1] < other[0] for one, other in zip(region.free, region.free[1:], strict=False)
        )
    for each in taken:
        region.give_back(*each)
    assert region.is_free
    native.munmap(region.start, arena.REGION)
