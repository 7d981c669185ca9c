"""What Config says of memories: guards, reservation, moving, room for growth, signals."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

import cachewasm
from cachewasm.abi.vmctx import MEMORY
from cachewasm.loader import native

PAGE = 65536
MIB = 1 << 20
GROWING = """(module
  (memory (export "m") 1 64)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"""

pytestmark = pytest.mark.usefixtures("own")


def config(**options: Any) -> cachewasm.Config:
    made = cachewasm.Config()
    for name, value in options.items():
        setattr(made, name, value)
    return made


def instance(text: str, **options: Any) -> tuple[cachewasm.Store, Any]:
    store = cachewasm.Store(cachewasm.Engine(config(**options)))
    module = cachewasm.Module(store.engine, text)
    return store, cachewasm.Instance(store, module, []).exports(store)


def field(memory: Any, name: str) -> int:
    return native.read_u64(memory._definition + MEMORY.offsets[name])


def mappings() -> Iterator[tuple[int, int, str]]:
    with open("/proc/self/maps") as maps:
        for line in maps:
            found = re.match(r"(\w+)-(\w+) (\S+)", line)
            assert found
            yield int(found[1], 16), int(found[2], 16), found[3]


def access(start: int, end: int) -> set[str]:
    """The permissions of a range of addresses; "" where nothing is mapped."""
    found, at = set(), start
    for low, high, permissions in mappings():
        if high <= at or low >= end:
            continue
        if low > at:
            found.add("")
        found.add(permissions[:3])
        at = high
    return found | ({""} if at < end else set())


@pytest.mark.parametrize("size", [PAGE, 3 * MIB])
@pytest.mark.parametrize("reservation", [4096 * MIB, MIB, 0])
def test_guards_lie_on_both_sides_and_cannot_be_accessed(size: int, reservation: int) -> None:
    _, exports = instance(GROWING, memory_guard_size=size, memory_reservation=reservation)
    base, capacity = field(exports["m"], "base"), field(exports["m"], "capacity")
    assert capacity == max(reservation, PAGE)
    assert access(base - size, base) == {"---"}
    assert access(base, base + PAGE) == {"rw-"}
    assert access(base + capacity, base + capacity + size) == {"---"}


def test_guard_before_is_left_out_on_request() -> None:
    _, exports = instance(GROWING, guard_before_linear_memory=False)
    assert field(exports["m"], "guard_before") == 0
    assert field(exports["m"], "guard_after") == 32 * MIB


def test_guard_before_that_was_set_on_is_there_without_signals() -> None:
    _, exports = instance(GROWING, signals_based_traps=False, guard_before_linear_memory=True)
    base, capacity = field(exports["m"], "base"), field(exports["m"], "capacity")
    assert access(base - 32 * MIB, base) == {"---"}
    assert access(base + capacity, base + capacity + 32 * MIB) == {"---"}


def test_reservation_beyond_the_length_is_held_but_not_accessible() -> None:
    _, exports = instance(GROWING, memory_reservation=8 * MIB, memory_may_move=False)
    base = field(exports["m"], "base")
    assert access(base + PAGE, base + 8 * MIB) == {"---"}


@pytest.mark.parametrize("guard", [0, PAGE])
def test_grow_beyond_the_reservation_moves_content_and_guards(guard: int) -> None:
    options = {"memory_reservation_for_growth": 2 * PAGE, "memory_guard_size": guard}
    store, exports = instance(GROWING, memory_reservation=PAGE, **options)
    memory = exports["m"]
    exports["store"](store, PAGE - 4, 77)
    assert exports["grow"](store, 1) == 1
    assert field(memory, "capacity") == 4 * PAGE
    exports["store"](store, 2 * PAGE - 4, 78)
    base = field(memory, "base")
    assert exports["grow"](store, 2) == 2
    assert field(memory, "base") == base
    assert [exports["load"](store, n * PAGE - 4) for n in (1, 2, 4)] == [77, 78, 0]
    assert access(base, base + 4 * PAGE) == {"rw-"}
    if guard:
        assert access(base - guard, base) == {"---"}
        assert access(base + 4 * PAGE, base + 4 * PAGE + guard) == {"---"}
    with pytest.raises(cachewasm.Trap, match="out of bounds"):
        exports["load"](store, 4 * PAGE - 3)


def test_room_for_growth_ends_at_the_maximum() -> None:
    store, exports = instance(GROWING, memory_reservation=0, memory_guard_size=0)
    assert exports["grow"](store, 1) == 1
    assert field(exports["m"], "capacity") == 64 * PAGE


@pytest.mark.emulator_cannot(
    "it keeps a record of each page of 32 TiB of guards, and has no room for that"
)
def test_room_for_growth_that_no_system_has_is_done_without() -> None:
    store, exports = instance(
        GROWING.replace("1 64", "1"),
        memory_reservation=0,
        memory_reservation_for_growth=1 << 46,
        memory_guard_size=1 << 44,
    )
    assert exports["grow"](store, 1) == 1
    assert exports["grow"](store, 100) == 2
    assert exports["load"](store, 102 * PAGE - 4) == 0


def test_memory_that_may_not_move_grows_within_its_reservation_only() -> None:
    store, exports = instance(GROWING, memory_reservation=3 * PAGE, memory_may_move=False)
    base = field(exports["m"], "base")
    assert exports["grow"](store, 3) == -1
    assert exports["grow"](store, 2) == 1
    assert exports["grow"](store, 1) == -1
    assert field(exports["m"], "base") == base
    exports["store"](store, 3 * PAGE - 4, 5)
    assert exports["load"](store, 3 * PAGE - 4) == 5


@pytest.mark.parametrize(
    "options", [{}, {"memory_reservation": 0}, {"signals_based_traps": False}], ids=repr
)
def test_set_limits_bounds_growth_with_every_kind_of_memory(options: dict[str, Any]) -> None:
    store, exports = instance(GROWING, **options)
    store.set_limits(memory_size=3 * PAGE + 100)
    assert exports["grow"](store, 3) == -1
    assert exports["grow"](store, 2) == 1
    with pytest.raises(cachewasm.WasmtimeError, match="failed to grow memory by `1`"):
        exports["m"].grow(store, 1)
    store.set_limits()
    assert exports["m"].grow(store, 1) == 3


def test_wasi_sees_a_memory_that_moved_or_grew_in_its_place() -> None:
    config = cachewasm.Config()
    config.memory_reservation = 0
    config.memory_guard_size = 0
    config.memory_reservation_for_growth = 0
    store = cachewasm.Store(cachewasm.Engine(config))
    store.set_wasi(cachewasm.WasiConfig())
    linker = cachewasm.Linker(store.engine)
    linker.define_wasi()
    module = cachewasm.Module(
        store.engine,
        """(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "random at the end") (result i32)
    (call $random (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 64))
      (i32.const 64))))""",
    )
    exports: Any = linker.instantiate(store, module).exports(store)
    for _ in range(20):
        assert exports["random at the end"](store) == 0
        end = exports["memory"].data_len(store)
        assert any(exports["memory"].read(store, end - 64, end))
        exports["memory"].grow(store, 1)
