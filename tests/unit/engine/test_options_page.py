"""docs/engine-and-config.md has one row for each option and each public name of `Engine`."""

import os
import re
from pathlib import Path

import pytest

from cachewasm import Engine
from cachewasm.engine.config import OPTIONS, Config
from cachewasm.engine.flags import FLAGS, Flag, describe
from cachewasm.engine.options import KEY, NO_EFFECT, REFUSED
from cachewasm.engine.rules import RULES

ROOT = Path(__file__).parent.parent.parent.parent
PAGE = ROOT / "docs" / "engine-and-config.md"
UPDATE = os.environ.get("CACHEWASM_UPDATE_GOLDEN", "") not in ("", "0")
METHOD = "method"

# What the drop-in API's model has, from its documentation.
MODEL_CONFIG = """
wasm_features wasm_tail_call wasm_branch_hinting wasm_custom_page_sizes wasm_threads
wasm_shared_everything_threads wasm_reference_types wasm_function_references wasm_wide_arithmetic wasm_gc
wasm_simd wasm_relaxed_simd wasm_bulk_memory wasm_multi_value wasm_multi_memory wasm_memory64
wasm_extended_const wasm_stack_switching wasm_exceptions wasm_legacy_exceptions
wasm_relaxed_simd_deterministic wasm_component_model wasm_component_model_async
wasm_component_model_more_async_builtins wasm_component_model_async_stackful
wasm_component_model_threading wasm_component_model_error_context wasm_component_model_gc
wasm_component_model_map wasm_component_model_memory64 wasm_component_model_fixed_length_lists
wasm_component_model_implements gc_support shared_memory concurrency_support
enable_compiler target strategy cranelift_debug_verifier cranelift_wasmtime_debug_checks
cranelift_opt_level cranelift_regalloc_algorithm cranelift_nan_canonicalization cranelift_flag_enable
cranelift_flag_set enable_incremental_compilation parallel_compilation compiler_inlining emit_clif
module_version generate_address_map debug_info debug_symbols guest_debug native_unwind_info
wasm_backtrace wasm_backtrace_details wasm_backtrace_max_frames debug_adapter_modules
metadata_for_internal_asserts metadata_for_gc_heap_corruption x86_float_abi_ok detect_host_feature
wmemcheck operator_cost
memory_reservation memory_may_move memory_guard_size memory_reservation_for_growth memory_init_cow
memory_guaranteed_dense_image_size guard_before_linear_memory table_lazy_init force_memory_init_memfd
gc_heap_initial_size gc_heap_reservation gc_heap_guard_size gc_heap_reservation_for_growth
gc_heap_may_move gc_zeal_alloc_counter collector signals_based_traps consume_fuel epoch_interruption
max_wasm_stack async_stack_size async_stack_zeroing allocation_strategy with_host_memory
with_host_stack with_custom_code_memory profiler coredump_on_trap macos_use_mach_ports rr cache
"""
MODEL_ENGINE = """
new config weak same is_recording is_replaying detect_precompiled detect_precompiled_file
precompile_module precompile_component precompile_compatibility_hash increment_epoch is_pulley
tls_eager_initialize pooling_allocator_metrics unload_process_handlers
"""


def table(kind: str) -> list[list[str]]:
    """The rows of all tables whose first column is called `kind`: cells without their spaces."""
    rows: list[list[str]] = []
    column = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            column = ""
            continue
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if column == kind and set(cells[0]) != {"-"}:
            rows.append([cells[0].strip("`"), *cells[1:]])
        column = column or cells[0]
    return rows


def by_name(kind: str) -> dict[str, list[str]]:
    return {row[0]: row for row in table(kind)}


def _rewritten(text: str) -> str:
    """The page with the effects that the options have."""
    effects = "|".join((KEY, NO_EFFECT, REFUSED))
    for name, option in OPTIONS.items():
        row = rf"^(\| `{name}` \|) (?:{effects}) \|"
        text = re.sub(row, rf"\1 {option.effect} |", text, flags=re.MULTILINE)
    return text


def test_page_says_of_each_option_the_effect_that_it_has() -> None:
    text = PAGE.read_text(encoding="utf-8")
    if UPDATE:
        PAGE.write_text(_rewritten(text), encoding="utf-8")
    rows = by_name("option")
    assert set(OPTIONS) - set(rows) == set(), "give the option a row"
    assert {name: rows[name][1] for name in OPTIONS} == {
        name: option.effect for name, option in OPTIONS.items()
    }


def test_page_has_every_item_of_the_model() -> None:
    assert set(MODEL_CONFIG.split()) - set(by_name("option")) == set()
    assert set(MODEL_ENGINE.split()) - set(by_name("item")) == set()


def test_page_has_every_public_name() -> None:
    rows = by_name("item")
    assert {name for name in vars(Engine) if not name.startswith("_")} - set(rows) == set()
    methods = {
        name for name, value in vars(Config).items() if callable(value) and not name.startswith("_")
    } - set(OPTIONS)
    page = PAGE.read_text(encoding="utf-8")
    inner = {name for name in methods if name.startswith("chosen_")}
    assert [name for name in sorted(methods - inner) if name not in page] == []


@pytest.mark.parametrize("kind", ["option", "item"])
def test_page_rows_are_whole_and_their_tests_exist(kind: str) -> None:
    rows = table(kind)
    for name, *cells in rows:
        assert all(cells), f"the row of {name} has an empty cell"
        assert (ROOT / cells[-1]).is_file(), f"{name}: there is no {cells[-1]}"
    assert len(by_name(kind)) == len(rows), "an option has two rows"


def test_page_effects_are_words_that_it_explains() -> None:
    assert {row[1] for row in by_name("option").values()} <= {KEY, NO_EFFECT, REFUSED, METHOD}


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_page_has_every_flag_with_its_bucket(flag: Flag) -> None:
    _, default, asks = by_name("flag")[flag.name]
    where = f" (`{flag.where}`)" if flag.where else ""
    by = f"; set by `{flag.option}`" if flag.option else ""
    assert (default, asks) == (f"`{describe(flag.value)}`", flag.bucket + where + by)


def test_page_has_every_contradiction() -> None:
    said = [row[0] for row in table("set together")]
    for rule in RULES:
        if not rule.one.startswith("wasm_"):
            assert any(rule.one in row and rule.other in row for row in said), rule.one
