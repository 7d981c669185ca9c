"""The official scripts, in both tiers: a script passes whole, or is listed with what it needs.

The scripts are not part of this project. `CACHEWASM_SPEC_DIR` names their folder, by default
`../shared/spec` beside the checkout; the scripts in the folder itself are run, and those in legacy/. Without them
the tests are skipped, in continuous integration they fail.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import cachewasm
from cachewasm.wasm.features import BY_NAME
from cachewasm.wasm.text.wast import parse_script
from cachewasm.wast.runner import Outcome, Verdict, run
from tests.spec.proposals import NEEDS

TIERS = ("baseline", "optimized")

FOLDER = Path(
    os.environ.get("CACHEWASM_SPEC_DIR")
    or Path(__file__).parent.parent.parent.parent / "shared" / "spec"
)
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.wast"))
# Of the exceptions that came before those of the specification.
LEGACY = sorted(path.stem for path in FOLDER.glob("legacy/*.wast"))
MISSING = f"no official script (*.wast) is in {FOLDER}: CACHEWASM_SPEC_DIR names their folder"

there = pytest.mark.skipif(not SCRIPTS and os.environ.get("CI") != "true", reason=MISSING)


# What other options for memories, traps and stacks may change, with the options to look at it with.
MEMORY_SCRIPTS = [
    name
    for name in SCRIPTS
    if name not in NEEDS
    and re.match(
        "address|align|bulk|call|data|endianness|float_memory|load|memory|skip-stack|stack"
        "|start|store|traps|unreachable|unwind"
        "|simd_(?:address|align|load|memory|store)",
        name,
    )
]
MEMORY_OPTIONS: dict[str, dict[str, int]] = {
    "without signals": {"signals_based_traps": False},
    "moving": {"memory_reservation": 0, "memory_reservation_for_growth": 0},
}
# What may go on elsewhere, have an effect or take long: where fuel and epochs are looked at.
METERED_SCRIPTS = [
    name
    for name in SCRIPTS
    if name not in NEEDS
    and re.match(
        "block$|br|bulk|call|fac$|forward|func|i64$|if$|labels|left-to-right|local|loop|memory_(copy|grow)"
        "|nop|return|select|skip-stack|stack|start|switch|table_(copy|fill|grow|init)|throw|traps|try"
        "|unreach|unwind",
        name,
    )
]
# Bulk operations use up fuel, and no epoch is looked at.
METERED = [(name, "consume_fuel") for name in METERED_SCRIPTS] + [
    (name, "epoch_interruption")
    for name in METERED_SCRIPTS
    if not re.match("bulk|memory_|table_", name)
]
# More than any script uses up.
PLENTY = 2**62


# What tables that are filled late may change.
TABLE_SCRIPTS = [
    name
    for name in SCRIPTS
    if NEEDS.get(name) != "memory64"
    and re.match("bulk|call_indirect|elem|exports|instance|linking|ref|start|table", name)
]


def _outcomes(
    name: str, tier: str, *, edit: Callable[[str], str] = str, **options: int
) -> Iterator[tuple[str, Outcome]]:
    """The outcomes of a script, each with its place."""
    config = cachewasm.Config()
    config.strategy = tier
    config.wasm_exceptions = True
    config.wasm_legacy_exceptions = name.startswith("legacy/")
    for option, value in options.items():
        setattr(config, option, value)
    script = parse_script(edit((FOLDER / f"{name}.wast").read_text(encoding="utf-8")))
    engine = cachewasm.Engine(config)
    store = cachewasm.Store(engine)
    if options.get("consume_fuel"):
        store.set_fuel(PLENTY)
    store.set_epoch_deadline(PLENTY)
    for outcome in run(script, engine, store):
        place = script.place(outcome.command)
        yield f"{name}.wast:{place.line}:{place.column}", outcome


@there
def test_scripts_are_there() -> None:
    assert SCRIPTS, MISSING


def _problems(name: str, tier: str, **options: int) -> list[str]:
    return [
        f"{place}: {outcome.verdict.value}: {outcome.reason}"
        for place, outcome in _outcomes(name, tier, **options)
        if outcome.verdict is not Verdict.PASSED
    ]


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in NEEDS])
def test_script_passes_whole(name: str, tier: str) -> None:
    assert not _problems(name, tier)


# The tiers share the translation of memory instructions: each option in one of them.
@pytest.mark.parametrize(("options", "tier"), [*zip(MEMORY_OPTIONS, TIERS, strict=True)])
@pytest.mark.parametrize("name", MEMORY_SCRIPTS)
def test_script_passes_whole_with_other_memories(name: str, options: str, tier: str) -> None:
    assert not _problems(name, tier, **MEMORY_OPTIONS[options])


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", TABLE_SCRIPTS)
def test_script_fails_nothing_with_tables_filled_late(name: str, tier: str) -> None:
    outcomes = [outcome for _, outcome in _outcomes(name, tier, table_lazy_init=True)]
    assert [outcome.reason for outcome in outcomes if outcome.verdict is Verdict.FAILED] == []
    skipped = any(outcome.verdict is Verdict.SKIPPED for outcome in outcomes)
    assert skipped == (name in NEEDS)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize(("name", "option"), METERED)
def test_script_passes_whole_while_metered(name: str, option: str, tier: str) -> None:
    assert not _problems(name, tier, **{option: True})


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", [name for name in SCRIPTS if name in NEEDS])
def test_script_that_needs_a_feature_fails_nothing_and_is_not_whole(name: str, tier: str) -> None:
    outcomes = list(_outcomes(name, tier))
    assert not [
        f"{place}: {outcome.reason}"
        for place, outcome in outcomes
        if outcome.verdict is Verdict.FAILED
    ]
    assert any(outcome.verdict is Verdict.SKIPPED for _, outcome in outcomes), (
        f"{name} passes whole: it must leave the list"
    )


_TAIL_CALL = re.compile(r"\(return_call[^()]*(?:\([^()]*\)[^()]*)*\)")


def _without_tail_calls(text: str) -> str:
    """A tail call leaves the try around it, so what it throws is not caught: like a throw there."""
    return _TAIL_CALL.sub("(throw $untold)", text).replace("(tag $e0)", "(tag $e0) (tag $untold)")


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", LEGACY)
def test_legacy_script_passes_but_for_tail_calls(name: str, tier: str) -> None:
    outcomes = list(_outcomes(f"legacy/{name}", tier, edit=_without_tail_calls))
    assert outcomes
    assert not [
        f"{place}: {outcome.verdict.value}: {outcome.reason}"
        for place, outcome in outcomes
        if outcome.verdict is not Verdict.PASSED
    ]


@there
def test_every_listed_script_exists() -> None:
    assert not NEEDS.keys() - set(SCRIPTS)


def test_every_listed_feature_is_not_implemented() -> None:
    assert not [name for name in NEEDS.values() if BY_NAME[name].implemented]
