"""Unwind tables: those of objects joined in the module's order, as readers of ELF see them."""

import io
from collections.abc import Callable

import pytest
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile

import cachewasm
from cachewasm.compiler.linker import unwind
from cachewasm.compiler.linker.fragment import decode, encode, make_fragment
from cachewasm.compiler.plan import compile_shard, make_plan
from cachewasm.engine.environment import CompileEnvironment, from_config
from cachewasm.errors import InternalError
from cachewasm.wasm.text.parser import wat2wasm

TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")
TIERS = ("baseline", "optimized")

WAT = """(module (tag $t (param i32))
  (func $throw (param i32) (throw $t (local.get 0)))
  (func $through (param i32) (call $throw (local.get 0)))
  (func (export "catch") (param i32) (result i32)
    (block $c (result i32)
      (try_table (catch $t $c) (call $through (local.get 0))) (i32.const -1)))
  (func (export "other") (param i32) (result i32)
    (block $c (result i32)
      (try_table (catch $t $c) (call $throw (local.get 0)) (call $through (local.get 0)))
      (i32.const -1))))"""


def _config(target: str, tier: str) -> cachewasm.Config:
    config = cachewasm.Config()
    config.wasm_exceptions = True
    config.target = target
    config.strategy = tier
    return config


@pytest.fixture(scope="module")
def artifact() -> Callable[[str, str], bytes]:
    """The artifact of WAT for a target and tier."""
    known: dict[tuple[str, str], bytes] = {}

    def make(target: str, tier: str) -> bytes:
        if (target, tier) not in known:
            engine = cachewasm.Engine(_config(target, tier))
            known[target, tier] = bytes(engine.precompile_module(WAT.encode()))
        return known[target, tier]

    return make


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("target", TARGETS)
def test_tables_cover_the_functions_and_lead_to_their_landing_pads(
    artifact: Callable[[str, str], bytes], target: str, tier: str
) -> None:
    elf = ELFFile(io.BytesIO(artifact(target, tier)))
    functions = {
        symbol["st_value"]: symbol["st_size"]
        for symbol in elf.get_section_by_name(".symtab").iter_symbols()
        if symbol["st_info"]["type"] == "STT_FUNC" and "::function[" in symbol.name
    }
    pads = elf.get_section_by_name(".gcc_except_table")
    entries = [each for each in elf.get_dwarf_info().EH_CFI_entries() if isinstance(each, FDE)]
    starts = [each["initial_location"] for each in entries]
    assert starts == sorted(starts)
    assert set(functions) <= set(starts)
    with_pads = [each for each in entries if each.lsda_pointer is not None]
    assert len(with_pads) == 2
    first, second = (each.lsda_pointer for each in with_pads)
    assert pads["sh_addr"] == first < second < pads["sh_addr"] + pads["sh_size"]
    for each in entries:
        assert functions.get(each["initial_location"]) in (None, each["address_range"])


@pytest.mark.parametrize("tier", TIERS)
def test_tables_do_not_depend_on_the_shards(tier: str) -> None:
    env: CompileEnvironment = from_config(_config(TARGETS[0], tier))
    plan = make_plan(wat2wasm(WAT), env, tier)
    whole = [compile_shard(plan, shard) for shard in plan.shards]
    parts = [compile_shard(plan, part) for shard in plan.shards for part in _halves(shard)]
    assert len(parts) > len(whole)
    assert _linked(whole) == _linked(parts)


def _halves(shard):
    middle = (shard.indices.start + shard.indices.stop) // 2
    if middle == shard.indices.start:
        return [shard]
    return [
        type(shard)(indices=part, is_types=shard.is_types, weight=shard.weight)
        for part in (
            range(shard.indices.start, middle),
            range(middle, shard.indices.stop),
        )
    ]


def _linked(codes):
    from cachewasm.compiler.linker.link import link

    image = link([code.fragment for code in codes])
    return image.text, image.unwind


@pytest.mark.parametrize("target", TARGETS)
def test_rows_pass_through_a_pipe(target: str) -> None:
    env = from_config(_config(target, "baseline"))
    plan = make_plan(wat2wasm(WAT), env, "baseline")
    for shard in plan.shards:
        fragment = compile_shard(plan, shard).fragment
        assert decode(encode(fragment)) == fragment
        unwind.check(fragment.unwind, len(fragment.text))


def test_rows_that_are_damaged_are_refused() -> None:
    plan = make_plan(wat2wasm(WAT), from_config(_config(TARGETS[0], "baseline")), "baseline")
    fragment = compile_shard(plan, plan.shards[-1]).fragment
    rows, size = fragment.unwind, len(fragment.text)
    assert rows
    for bad in (
        rows[:-1],
        rows + b"\0",
        b"\xff" * 4 + rows[4:],
        rows[:8] + b"\xff" * 4 + rows[12:],
    ):
        with pytest.raises(InternalError, match="unwind"):
            unwind.check(bad, size)
    with pytest.raises(InternalError, match="unwind"):
        unwind.check(rows, 1)


def test_objects_with_other_tables_are_refused() -> None:
    import llvmlite.binding as llvm

    from cachewasm.compiler import codegen

    codegen.initialize()
    text = """target triple = "x86_64-unknown-linux-gnu"
    @type = external constant i8
    declare void @callee()
    declare hidden i32 @personality(...)
    define hidden void @f() uwtable personality ptr @personality {
      invoke void @callee() to label %done unwind label %pad
    done:
      ret void
    pad:
      %landed = landingpad { ptr, i32 } catch ptr @type
      ret void
    }"""
    machine = llvm.Target.from_triple(TARGETS[0]).create_target_machine(reloc="pic")
    with pytest.raises(InternalError, match=r"landing pad|loaded|supported"):
        make_fragment(machine.emit_object(llvm.parse_assembly(text)))


def test_module_without_the_feature_has_no_tables() -> None:
    engine = cachewasm.Engine()
    elf = ELFFile(io.BytesIO(bytes(engine.precompile_module(b"(module (func))"))))
    assert elf.get_section_by_name(".eh_frame") is None
