"""The ingredients of a key: every field of an environment by name, bounded as a manifest is."""

import pytest
from blake3 import blake3

from cachewasm.cache import manifest
from cachewasm.engine import identity, ingredients
from cachewasm.engine.config import Config
from cachewasm.engine.environment import CompileEnvironment, from_config
from cachewasm.engine.flags import FLAGS, SharedFlags
from cachewasm.engine.isa import FEATURES, X86_64
from cachewasm.engine.operator_cost import OperatorCost
from cachewasm.engine.target import Target, parse_target
from cachewasm.engine.tunables import TUNABLES, Tunables
from cachewasm.wasm.features import FEATURES as WASM_FEATURES

ENV = from_config(Config())
FIELDS = [name for name in CompileEnvironment.__slots__ if not name.startswith("_")]
TARGET = parse_target("x86-64-v2")


def _changed(**fields: object) -> CompileEnvironment:
    given = {name: getattr(ENV, name) for name in FIELDS} | fields
    return CompileEnvironment(**given)  # type: ignore[arg-type]


def _differing(environment: CompileEnvironment) -> set[str]:
    before, after = ingredients.of_environment(ENV), ingredients.of_environment(environment)
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_ingredients_of_any_field_that_changes_change() -> None:
    others = {
        "target": parse_target("armv8-a" if ENV.target.arch == X86_64 else "x86-64-v1"),
        "flags": SharedFlags((*ENV.flags.items, ("new", True))),
        "tunables": Tunables({t.name: 0 for t in TUNABLES}),
        "operator_cost": OperatorCost({"nop": 1}).to_bytes(),
        "features": 0,
        "identity": bytes(32),
        "module_version": "mine",
    }
    assert set(others) == set(FIELDS)
    assert all(_differing(_changed(**{name: value})) for name, value in others.items())


@pytest.mark.parametrize("tunable", [tunable.name for tunable in TUNABLES])
def test_ingredients_name_the_tunable(tunable: str) -> None:
    values = {each.name: getattr(ENV.tunables, each.name) for each in TUNABLES}
    values[tunable] = not values[tunable] if values[tunable] in (0, 1) else values[tunable] + 65536
    assert _differing(_changed(tunables=Tunables(values))) == {f"tunables.{tunable}"}


@pytest.mark.parametrize("flag", [flag.name for flag in FLAGS])
def test_ingredients_name_the_flag(flag: str) -> None:
    items = [(name, "other" if name == flag else value) for name, value in ENV.flags.items]
    assert _differing(_changed(flags=SharedFlags(items))) == {f"flags.{flag}"}


def test_ingredients_tell_a_truth_value_from_a_number() -> None:
    found = ingredients.of_environment(_changed(flags=SharedFlags([("a", True), ("b", 1)])))
    assert (found["flags.a"], found["flags.b"]) == ("true", 1)


def test_ingredients_tell_cpu_features_and_tuning() -> None:
    environment = _changed(target=Target(TARGET.triple, (*TARGET.features, "avx"), "znver4"))
    found = ingredients.of_environment(environment)
    assert found["isa.features"] == " ".join(environment.target.features)
    assert (found["isa.tune"], found["isa.cpu"]) == ("znver4", "x86-64")


def test_ingredients_of_this_compiler_tell_its_parts() -> None:
    found = ingredients.of_environment(ENV)
    assert found["compiler.sources"] == identity.source_digest().hex()
    assert str(found["compiler.llvmlite"])[0].isdigit()
    assert str(found["compiler.libraries"]).startswith(("build-id-", "content-"))
    assert "compiler.identity" not in found


def test_ingredients_of_another_compiler_tell_its_identity() -> None:
    found = ingredients.of_environment(_changed(identity=bytes(32)))
    assert found["compiler.identity"] == "00" * 32
    assert "compiler.sources" not in found


def test_ingredients_identity_is_the_digest_of_its_parts() -> None:
    digest = blake3(derive_key_context="cachewasm compiler identity v1")
    for name, value in identity.compiler_parts():
        digest.update(len(name).to_bytes(2, "little") + name.encode())
        digest.update(len(value).to_bytes(4, "little") + value)
    assert digest.digest() == identity.compiler_identity()


def test_ingredients_of_everything_at_once_fit_in_a_manifest() -> None:
    every = sum(feature.bit for feature in WASM_FEATURES)
    environment = _changed(
        target=Target(TARGET.triple, FEATURES[X86_64]), features=every, module_version="v" * 255
    )
    found = ingredients.of_environment(environment)
    assert len(found) < manifest.MAX_PAIRS // 4
    assert len(manifest.encode(found)) < manifest.MAX_SIZE // 8
    assert all("." in name for name in found)
