"""What loading makes of each field of the metadata and of the tunables, written down by hand.

A field or a tunable that is added fails here until somebody decides: is an artifact with another
value refused, or is it loaded all the same?
"""

import pytest

from cachewasm.engine import compat, encoding, environment, metadata, tunables
from cachewasm.engine.config import Config
from cachewasm.engine.environment import CompileEnvironment
from cachewasm.engine.metadata import Metadata
from cachewasm.engine.tunables import TUNABLES, Tunable, Tunables
from cachewasm.errors import IncompatibleArtifact

REFUSED, LOADED = "refused", "loaded"

METADATA = {
    "triple": REFUSED,
    "flags": REFUSED,  # by the bucket of each: test_flags.py
    "isa_flags": REFUSED,
    "tunables": REFUSED,
    # Compared where fuel is counted.
    "operator_cost": REFUSED,
    "features": REFUSED,
    # Another compiler's code keeps the same conventions; what changes those changes the version.
    "identity": LOADED,
    # Code of both tiers serves every engine.
    "tier": LOADED,
}
TUNABLES_DECIDED = {
    "memory_reservation": REFUSED,
    "memory_guard_size": REFUSED,
    "memory_may_move": REFUSED,
    "signals_based_traps": REFUSED,
    "guard_before_linear_memory": REFUSED,
    "memory_init_cow": REFUSED,
    # Code that fills no table takes a pending one for empty.
    "table_lazy_init": REFUSED,
    # How much room a memory takes when it moves, and how far images fill holes: code does not care.
    "memory_reservation_for_growth": LOADED,
    "memory_guaranteed_dense_image_size": LOADED,
    # Code without the map runs all the same; its traps have no offsets.
    "generate_address_map": LOADED,
    "wasm_backtrace": REFUSED,
    "debug_symbols": REFUSED,
    "consume_fuel": REFUSED,
    "epoch_interruption": REFUSED,
    "debug_info": REFUSED,
    "wasm_relaxed_simd_deterministic": REFUSED,
    # Code that no exception passes through runs without, and debuggers may miss it.
    "native_unwind_info": LOADED,
    # Marks that no indirect branch misses; the loader protects pages of code that has them.
    "branch_protection": LOADED,
}
# An environment's fields: where each goes in an artifact.
ENVIRONMENT = {
    "target": ("triple", "isa_flags"),
    "flags": ("flags",),
    "tunables": ("tunables",),
    "features": ("features",),
    "operator_cost": ("operator_cost",),
    "identity": ("identity",),
    "module_version": (),  # the section's head, which is read before all of these
}

ENV = environment.from_config(Config())


def test_metadata_every_field_is_decided() -> None:
    assert set(Metadata.__slots__) == set(METADATA), "decide what loading makes of the field"


def test_environment_every_field_reaches_the_metadata() -> None:
    public = {name for name in CompileEnvironment.__slots__ if not name.startswith("_")}
    assert public == set(ENVIRONMENT), "say where the field goes"
    assert {name for names in ENVIRONMENT.values() for name in names} | {"tier"} == set(METADATA)


def test_tunables_every_row_is_decided() -> None:
    names = {tunable.name for tunable in TUNABLES}
    assert names == set(TUNABLES_DECIDED), "decide what loading makes of the tunable"
    for tunable in TUNABLES:
        is_refused = TUNABLES_DECIDED[tunable.name] == REFUSED
        assert (tunable.wording is not None) == is_refused, tunable.name


@pytest.mark.parametrize("tunable", TUNABLES, ids=lambda tunable: tunable.name)
def test_tunable_with_another_value_is_loaded_only_if_that_was_decided(tunable: Tunable) -> None:
    values = {each.name: getattr(ENV.tunables, each.name) for each in TUNABLES}
    own = values[tunable.name]
    values[tunable.name] = own + tunables.SIZE_UNIT if tunable.is_size else not own
    changed = encoding.field("tunables", Tunables(values).to_bytes())
    section = metadata.encode(ENV, "baseline")
    own_bytes = encoding.field("tunables", ENV.tunables.to_bytes())
    assert own_bytes in section
    section = section.replace(own_bytes, changed)
    if TUNABLES_DECIDED[tunable.name] == LOADED:
        compat.check(section, ENV)
        return
    with pytest.raises(IncompatibleArtifact, match=f"^Module was compiled .*{tunable.wording}"):
        compat.check(section, ENV)
