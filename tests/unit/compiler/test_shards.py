"""Borders of shards: every function in exactly one, in order, and only the module decides."""

from hypothesis import given
from hypothesis import strategies as st

from cachewasm.compiler.shards import HUGE_BODY, Shard, cut, is_huge, jobs
from cachewasm.wasm.module import ByteRange, Import, Module
from cachewasm.wasm.types import FUNC, FuncType, ValType

sizes = st.lists(
    st.one_of(
        st.integers(2, 300),
        st.integers(2, 40_000),
        st.integers(HUGE_BODY - 2, HUGE_BODY + 2),
        st.just(5_000_000),
    ),
    max_size=200,
)


TYPE = FuncType([ValType.i32()] * 4, [])


def module_of(sizes: list[int], imported: int = 0) -> Module:
    item = Import("env", "f", FUNC, 0)
    code = tuple(ByteRange(0, size) for size in sizes)
    types = (FuncType([], []),)
    return Module(
        b"", 0, types=types, imports=(item,) * imported, funcs=(0,) * len(sizes), code=code
    )


def functions_of(shards: list[Shard]) -> list[int]:
    return [index for shard in shards if not shard.is_types for index in shard.indices]


@given(sizes, st.integers(0, 3), st.integers(0, 100))
def test_cut_holds_everything_once_in_order(sizes: list[int], imported: int, types: int) -> None:
    shards = cut(module_of(sizes, imported), [TYPE] * types)
    assert functions_of(shards) == list(range(imported, imported + len(sizes)))
    of_types = [shard for shard in shards if shard.is_types]
    assert shards[: len(of_types)] == of_types
    assert [index for shard in of_types for index in shard.indices] == list(range(types))
    assert sum(shard.functions for shard in shards) == len(sizes)


@given(sizes)
def test_cut_leaves_huge_functions_alone(sizes: list[int]) -> None:
    for shard in cut(module_of(sizes), [TYPE]):
        if any(sizes[index] >= HUGE_BODY for index in shard.indices if not shard.is_types):
            assert len(shard.indices) == 1


def test_cut_module_without_anything_has_a_shard_for_what_all_share() -> None:
    assert cut(module_of([]), []) == [Shard(range(0), 0, is_types=True)]


def test_cut_small_module_balances_two_processors() -> None:
    weights = [shard.weight for shard in cut(module_of([400] * 120), [TYPE] * 30)]
    assert len(weights) >= 8
    assert max(weights) <= sum(weights) / 4


def test_cut_a_million_functions_or_types_makes_a_bounded_number_of_shards() -> None:
    assert len(cut(module_of([2] * 1_000_000), [TYPE])) <= 1000
    assert len(cut(module_of([]), [TYPE] * 1_000_000)) <= 2000


def test_cut_large_module_has_shards_of_bounded_weight() -> None:
    shards = cut(module_of([3000] * 5000), [TYPE] * 100)
    assert max(shard.weight for shard in shards) <= HUGE_BODY
    assert len(shards) <= 500


def test_shard_parts_hold_one_each_in_order() -> None:
    shard = Shard(range(3, 6), 300)
    assert [part.indices for part in shard.parts()] == [range(3, 4), range(4, 5), range(5, 6)]
    assert shard.parts()[0].parts() == shard.parts()[:1]
    assert Shard(range(2), 9, is_types=True).parts()[1].is_types


def test_is_huge_depends_on_the_size_of_the_body_alone() -> None:
    assert is_huge(ByteRange(0, HUGE_BODY))
    assert not is_huge(ByteRange(1 << 20, HUGE_BODY - 1))


def test_cut_types_of_many_parameters_are_heavier() -> None:
    wide = FuncType([ValType.i32()] * 1000, [])
    few = [shard.weight for shard in cut(module_of([]), [TYPE] * 100)]
    many = [shard.weight for shard in cut(module_of([]), [wide] * 100)]
    assert sum(many) > 50 * sum(few) and len(many) > len(few)


@given(sizes)
def test_jobs_hold_every_shard_once_in_order(sizes: list[int]) -> None:
    shards = cut(module_of(sizes), [TYPE] * 10)
    groups = jobs(shards)
    assert [number for group in groups for number in group] == list(range(len(shards)))
    assert len(groups) <= 40
