"""The tables of tunables and shared flags."""

import inspect

import pytest

from cachewasm.engine import encoding, tunables
from cachewasm.engine.flags import DEFAULT_FLAGS, FLAGS, SharedFlags, describe
from cachewasm.engine.tunables import FOUR_GIB, MAX_SIZE, TUNABLES, Tunables
from cachewasm.errors import ConfigError, InternalError


def read(data: bytes) -> Tunables:
    return Tunables.read(encoding.Reader(data, InternalError))


def test_tunables_class_states_exactly_the_table() -> None:
    names = [tunable.name for tunable in TUNABLES]
    assert list(inspect.get_annotations(Tunables)) == names == list(Tunables.__slots__)


def test_choose_by_default_guards_memories() -> None:
    chosen = tunables.choose({}, address_space_limited=False)
    assert chosen.memory_reservation == FOUR_GIB
    assert chosen.memory_guard_size == 32 << 20
    assert not chosen.explicit_bounds_checks


def test_choose_defaults_are_the_models() -> None:
    chosen = tunables.choose({}, address_space_limited=False)
    assert chosen.guard_before_linear_memory
    assert chosen.memory_may_move
    assert chosen.memory_reservation_for_growth == 2 << 30
    assert chosen.memory_init_cow
    assert chosen.memory_guaranteed_dense_image_size == 16 << 20


def test_choose_without_signals_reserves_but_has_no_guards() -> None:
    chosen = tunables.choose({"signals_based_traps": False}, address_space_limited=False)
    assert (chosen.memory_reservation, chosen.memory_guard_size) == (FOUR_GIB, 0)
    assert chosen.explicit_bounds_checks
    assert not chosen.memories_move


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("signals", [False, True])
def test_choose_a_guard_in_front_keeps_the_size_of_guards(*, signals: bool, limited: bool) -> None:
    options = {"signals_based_traps": signals, "guard_before_linear_memory": True}
    chosen = tunables.choose(options, address_space_limited=limited)
    assert (chosen.guard_before_linear_memory, chosen.memory_guard_size) == (True, 32 << 20)


@pytest.mark.parametrize("signals", [False, True])
def test_choose_under_a_limit_reserves_nothing(signals: bool) -> None:
    chosen = tunables.choose({"signals_based_traps": signals}, address_space_limited=True)
    assert (chosen.memory_reservation, chosen.memory_guard_size) == (0, 0)
    assert chosen.memory_reservation_for_growth == 1 << 20
    assert not chosen.memory_init_cow
    assert chosen.memories_move
    assert chosen.explicit_bounds_checks


def test_choose_what_was_chosen_stands_under_a_limit() -> None:
    chosen = tunables.choose({"memory_reservation": FOUR_GIB}, address_space_limited=True)
    assert chosen.memory_reservation == FOUR_GIB
    assert not chosen.explicit_bounds_checks


@pytest.mark.parametrize(
    ("size", "rounded"), [(0, 0), (1, 65536), (65536, 65536), (65537, 131072), (MAX_SIZE,) * 2]
)
def test_choose_rounds_sizes_up_to_the_largest_page(size: int, rounded: int) -> None:
    chosen = tunables.choose({"memory_guard_size": size}, address_space_limited=False)
    assert chosen.memory_guard_size == rounded


@pytest.mark.parametrize("size", [-1, MAX_SIZE + 1, 1 << 64])
def test_choose_impossible_size_is_refused_by_name(size: int) -> None:
    with pytest.raises(ConfigError, match="memory_reservation"):
        tunables.choose({"memory_reservation": size}, address_space_limited=False)


def test_explicit_bounds_checks_below_four_gib() -> None:
    small = tunables.choose({"memory_reservation": FOUR_GIB - 65536}, address_space_limited=False)
    assert small.explicit_bounds_checks


def test_tunables_round_trip_and_differ_in_bytes() -> None:
    base = tunables.choose({}, address_space_limited=False)
    seen = {base.to_bytes()}
    for tunable in TUNABLES:
        changed = 65536 if tunable.is_size else 1 - tunable.default
        other = tunables.choose({tunable.name: changed}, address_space_limited=False)
        assert read(other.to_bytes()) == other != base
        seen.add(other.to_bytes())
    assert len(seen) == 1 + len(TUNABLES)


def test_tunables_read_anything_else_is_refused() -> None:
    data = tunables.choose({}, address_space_limited=False).to_bytes()
    for bad in (data[:-1], data + b"\0", data.replace(b"may_move", b"may_mope"), b"", data[:-8]):
        with pytest.raises(InternalError):
            read(bad)
    with pytest.raises(InternalError, match="`native_unwind_info` cannot be 2"):
        read(data[:-8] + encoding.u64(2))


def test_flags_defaults_are_the_table() -> None:
    assert dict(DEFAULT_FLAGS.items) == {flag.name: flag.value for flag in FLAGS}
    assert DEFAULT_FLAGS["probestack_strategy"] == "inline"
    with pytest.raises(KeyError):
        DEFAULT_FLAGS["no such flag"]


def test_flags_round_trip_keeps_kinds() -> None:
    flags = SharedFlags([("a", True), ("b", 1), ("c", "x"), ("d", False), ("e", 0), ("f", "")])
    found = SharedFlags.read(encoding.Reader(flags.to_bytes(), InternalError))
    assert found == flags
    assert [describe(value) for _, value in found.items] == [
        "Bool(true)",
        "Num(1)",
        'Enum("x")',
        "Bool(false)",
        "Num(0)",
        'Enum("")',
    ]
    assert SharedFlags([("a", True)]) != SharedFlags([("a", 1)])


@pytest.mark.parametrize("value", [b"\0\2", b"\3\0", b"\2\5\0ab"])
def test_flags_read_bad_value_is_refused(value: bytes) -> None:
    data = encoding.u16(1) + encoding.text("a") + value
    with pytest.raises(InternalError):
        SharedFlags.read(encoding.Reader(data, InternalError))
