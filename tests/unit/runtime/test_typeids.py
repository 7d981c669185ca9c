"""Numbers of function types: one per type, one type per number, whoever asks at the same time."""

import sys
import threading
from collections.abc import Iterator

import pytest

from cachewasm.runtime.typeids import entry_by_id, entry_of
from cachewasm.wasm.types import VALTYPES, FuncType


@pytest.fixture
def eager_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def _type(number: int) -> FuncType:
    digits = []
    while number:
        number, digit = divmod(number, 6)
        digits.append(VALTYPES[digit])
    return FuncType([*digits, *[VALTYPES[0]] * 9], [VALTYPES[1]] * 7)


def test_entry_of_equal_types_is_the_same() -> None:
    first, second = entry_of(_type(5)), entry_of(_type(5))
    assert first is second
    assert entry_by_id(first.id) is first
    assert entry_of(_type(6)).id != first.id


@pytest.mark.usefixtures("eager_switching")
def test_entry_of_in_many_threads_numbers_each_type_once() -> None:
    types = [_type(number) for number in range(1000, 1600)]
    found: list[list[int]] = []
    start = threading.Barrier(4)

    def ask() -> None:
        start.wait()
        found.append([entry_of(each).id for each in types])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[1:] == [found[0]] * 3
    assert len(set(found[0])) == len(types)
    for each, number in zip(types, found[0], strict=True):
        assert entry_by_id(number).type == each
        assert entry_by_id(number).id == number
