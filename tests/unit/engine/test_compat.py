"""Loading is refused with the sentence of the first field that does not fit, and only then allowed."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachewasm.engine import compat, encoding, environment, host, metadata, tunables
from cachewasm.engine.config import Config
from cachewasm.engine.environment import CompileEnvironment
from cachewasm.engine.flags import DEFAULT_FLAGS, FLAGS, NO_EFFECT, SharedFlags
from cachewasm.engine.isa import X86_64
from cachewasm.engine.operator_cost import OperatorCost
from cachewasm.engine.target import parse_target
from cachewasm.errors import HostError, IncompatibleArtifact
from cachewasm.wasm import features

ENV = environment.from_config(Config())
CONTEXT = "compilation settings of module incompatible with native host\n\nCaused by:\n    "
FIELDS = (
    *("target", "shared_flags", "isa_flags", "tunables", "operator_cost", "features"),
    "identity",
)


def section(version: str | None = None, tier: str = "baseline", **changed: bytes) -> bytes:
    """The section of ENV with some fields' values replaced."""
    values = {
        "target": encoding.text(ENV.target.triple),
        "shared_flags": ENV.flags.to_bytes(),
        "isa_flags": encoding.texts(ENV.target.features),
        "tunables": ENV.tunables.to_bytes(),
        "operator_cost": ENV.operator_cost,
        "features": encoding.u64(ENV.features),
        "identity": ENV.identity,
        "tier": encoding.text(tier),
    }
    values.update(changed)
    text = (ENV.module_version if version is None else version).encode()
    fields = b"".join(encoding.field(name, value) for name, value in values.items())
    return bytes((metadata.LAYOUT, len(text))) + text + fields


def refusal(data: bytes, env: CompileEnvironment = ENV) -> str:
    with pytest.raises(IncompatibleArtifact) as caught:
        compat.check(data, env)
    return str(caught.value)


def chosen(**options: int) -> tunables.Tunables:
    return tunables.choose({**_current(), **options}, address_space_limited=False)


def _current() -> dict[str, int]:
    return {t.name: getattr(ENV.tunables, t.name) for t in tunables.TUNABLES}


def flags_with(name: str, value: bool | int | str) -> bytes:
    items = [(n, value if n == name else v) for n, v in DEFAULT_FLAGS.items]
    return SharedFlags(items).to_bytes()


def engine(**options: object) -> CompileEnvironment:
    config = Config()
    for name, value in options.items():
        setattr(config, name, value)
    return environment.from_config(config)


@pytest.mark.parametrize("tier", metadata.TIERS)
def test_section_is_encoded_field_by_field(tier: str) -> None:
    assert metadata.encode(ENV, tier) == section(tier=tier)


@pytest.mark.parametrize("tier", metadata.TIERS)
def test_metadata_round_trips(tier: str) -> None:
    version, found = metadata.decode(metadata.encode(ENV, tier))
    assert version == ENV.module_version
    assert (found.triple, found.isa_flags) == (ENV.target.triple, ENV.target.features)
    assert (found.flags, found.tunables) == (ENV.flags, ENV.tunables)
    assert found.operator_cost == ENV.operator_cost
    assert (found.features, found.identity, found.tier) == (ENV.features, ENV.identity, tier)


@pytest.mark.parametrize("tier", metadata.TIERS)
def test_check_own_section_is_accepted(tier: str) -> None:
    compat.check(metadata.encode(ENV, tier), ENV)
    compat.check(memoryview(metadata.encode(ENV, tier)), ENV)


def test_check_another_layout_is_refused() -> None:
    assert refusal(b"") == "invalid engine section"
    assert refusal(b"\0" + section()[1:]) == "mismatched version in engine section"
    assert refusal(b"\1") == "engine section too small"
    assert refusal(b"\1\5abcd") == "engine section too small"
    assert refusal(section() + bytes(metadata.MAX_SIZE)) == "invalid engine section"


def test_check_another_version_is_refused_before_the_rest_is_looked_at() -> None:
    expected = "Module was compiled with incompatible version '45'"
    assert refusal(section("45")) == expected
    assert refusal(b"\1\2" + b"45" + b"anything") == expected
    assert refusal(section("")) == "Module was compiled with incompatible version ''"


def test_check_custom_version_accepts_its_own() -> None:
    env = engine(module_version="mine")
    compat.check(section("mine"), env)
    assert "version 'yours'" in refusal(section("yours"), env)


def test_check_without_a_version_accepts_every_version() -> None:
    env = engine(module_version="")
    compat.check(section("45"), env)
    assert metadata.encode(env, "baseline")[:2] == b"\1\0"


def test_check_another_architecture_is_refused() -> None:
    other = "aarch64" if ENV.target.arch == X86_64 else "x86_64"
    data = section(target=encoding.text(f"{other}-unknown-linux-gnu"))
    assert refusal(data) == f"Module was compiled for architecture '{other}'"
    data = section(target=encoding.text(""))
    assert refusal(data) == "Module was compiled for architecture ''"


def test_check_another_operating_system_is_refused() -> None:
    data = section(target=encoding.text(f"{ENV.target.arch}-unknown-freebsd"))
    assert refusal(data) == "Module was compiled for operating system 'freebsd'"


def test_check_vendor_and_environment_do_not_matter() -> None:
    compat.check(section(target=encoding.text(f"{ENV.target.arch}-pc-linux-musl")), ENV)


@pytest.mark.parametrize("name", [flag.name for flag in FLAGS if flag.bucket != NO_EFFECT])
def test_check_required_flag_with_another_value_is_refused(name: str) -> None:
    data = section(shared_flags=flags_with(name, 7))
    expected = f'setting "{name}" is configured to Num(7) which is not supported'
    assert refusal(data) == f"{CONTEXT}{expected}\n"


def test_check_required_flag_of_another_kind_is_refused() -> None:
    data = section(shared_flags=flags_with("is_pic", 1))
    assert 'setting "is_pic" is configured to Num(1)' in refusal(data)


def test_check_required_flag_that_is_missing_is_refused() -> None:
    data = section(shared_flags=SharedFlags(DEFAULT_FLAGS.items[1:]).to_bytes())
    assert f'setting "{FLAGS[0].name}" is not configured' in refusal(data)


@pytest.mark.parametrize("name", [flag.name for flag in FLAGS if flag.bucket == NO_EFFECT])
def test_check_flag_without_effect_on_loading_is_accepted(name: str) -> None:
    compat.check(section(shared_flags=flags_with(name, 7)), ENV)


def test_check_unknown_flag_is_refused() -> None:
    items = [*DEFAULT_FLAGS.items, ("enable_magic", True)]
    data = section(shared_flags=SharedFlags(items).to_bytes())
    expected = 'unknown shared setting "enable_magic" configured to Bool(true)'
    assert refusal(data) == f"{CONTEXT}{expected}\n"


def test_check_unknown_isa_flag_is_refused() -> None:
    data = section(isa_flags=encoding.texts([*ENV.target.features, "warp"]))
    expected = 'don\'t know how to test for target-specific flag "warp" at runtime'
    assert refusal(data) == f"{CONTEXT}{expected}\n"


def test_check_isa_flag_that_the_host_lacks_is_refused() -> None:
    lost = ENV.target.features[0]
    _, found = metadata.decode(section())
    with pytest.raises(IncompatibleArtifact) as caught:
        compat.check_metadata(found, ENV, (host.host_features() - {lost}).__contains__)
    expected = f'compilation setting "{lost}" is enabled, but not available on the host'
    assert str(caught.value) == f"{CONTEXT}{expected}\n"


def test_check_isa_flag_that_the_function_tells_of_is_judged_by_it(
    host_with: Callable[[frozenset[str]], None],
) -> None:
    host_with(frozenset(ENV.target.features))
    data = section(isa_flags=encoding.texts([*ENV.target.features, "warp"]))
    host.ask(lambda name: None)
    expected = (
        'failed to detect if target-specific flag "warp" is available at runtime '
        '(compile setting "warp")'
    )
    assert refusal(data) == f"{CONTEXT}{expected}\n"
    host.ask(lambda name: False)
    expected = 'compilation setting "warp" is enabled, but not available on the host'
    assert refusal(data) == f"{CONTEXT}{expected}\n"


def test_check_isa_flag_that_the_function_has_found_is_accepted(
    host_with: Callable[[frozenset[str]], None],
) -> None:
    host_with(frozenset(ENV.target.features))
    host.ask(lambda name: name == "warp")
    compat.check(section(isa_flags=encoding.texts([*ENV.target.features, "warp"])), ENV)


def test_check_isa_flag_on_a_host_that_does_not_tell_is_refused(
    host_with: Callable[[frozenset[str]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    host_with(frozenset())

    def cannot_tell() -> frozenset[str]:
        raise HostError("nothing is known")

    monkeypatch.setattr(host, "probe", cannot_tell)
    expected = (
        f'cannot determine if host feature "{ENV.target.features[0]}" is available at runtime, '
        "configure a probing function with `Config::detect_host_feature`"
    )
    assert expected in refusal(section())


def test_check_isa_flags_of_a_lower_level_are_accepted() -> None:
    compat.check(section(isa_flags=encoding.texts([])), ENV)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("memory_reservation", 65536, "with a memory reservation of '65536' but '{}' is expected"),
        ("memory_guard_size", 65536, "with a memory guard size of '65536' but '{}' is expected"),
        ("guard_before_linear_memory", 0, "without guard before linear memory but it is enabled"),
        ("memory_may_move", 0, "without memory may move but it is enabled"),
        ("memory_init_cow", 0, "without memory initialization with CoW but it is enabled"),
        ("table_lazy_init", 1, "with table lazy init but it is not enabled"),
        ("signals_based_traps", 0, "without Signals-based traps but it is enabled"),
        ("wasm_backtrace", 0, "without WebAssembly backtrace support but it is enabled"),
        ("debug_symbols", 0, "without debug symbols but it is enabled"),
        ("debug_info", 1, "with native debug information support but it is not enabled"),
        ("consume_fuel", 1, "with fuel support but it is not enabled"),
        ("epoch_interruption", 1, "with epoch interruption but it is not enabled"),
    ],
)
def test_check_another_tunable_is_refused(option: str, value: int, message: str) -> None:
    expected = message.format(getattr(ENV.tunables, option))
    data = section(tunables=chosen(**{option: value}).to_bytes())
    assert refusal(data) == f"Module was compiled {expected} for the host"


def test_check_tunable_that_only_the_module_has_is_refused() -> None:
    message = "Module was compiled with WebAssembly backtrace support but it is not enabled"
    assert refusal(section(), engine(wasm_backtrace=False)).startswith("Module was compiled with ")
    env = engine(wasm_backtrace=False, module_version=ENV.module_version)
    assert refusal(section(), env) == f"{message} for the host"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("generate_address_map", 0),
        ("memory_guaranteed_dense_image_size", 0),
        ("memory_reservation_for_growth", 65536),
    ],
)
def test_check_tunable_that_code_does_not_depend_on_may_differ(option: str, value: int) -> None:
    compat.check(section(tunables=chosen(**{option: value}).to_bytes()), ENV)


def test_check_branch_protection_is_no_reason_to_refuse() -> None:
    compat.check(section(tunables=chosen(branch_protection=1).to_bytes()), ENV)
    protected = engine(branch_protection=True, module_version=ENV.module_version)
    compat.check(section(), protected)


@pytest.mark.parametrize(
    ("option", "message"),
    [("consume_fuel", "fuel support"), ("epoch_interruption", "epoch interruption")],
)
def test_check_module_that_is_not_metered_is_refused(option: str, message: str) -> None:
    env = engine(module_version=ENV.module_version, **{option: True})
    expected = f"Module was compiled without {message} but it is enabled for the host"
    assert refusal(section(), env) == expected


def test_check_other_costs_are_refused_where_fuel_is_counted() -> None:
    costs = OperatorCost({"i32.add": 7}).to_bytes()
    env = engine(module_version=ENV.module_version, consume_fuel=True)
    metered = env.tunables.to_bytes()
    compat.check(section(tunables=metered), env)
    message = "Module costs are incompatible"
    assert refusal(section(tunables=metered, operator_cost=costs), env) == message
    compat.check(section(operator_cost=costs), ENV)


def test_check_module_features_must_be_a_subset() -> None:
    compat.check(section(features=encoding.u64(0)), ENV)
    data = section(features=encoding.u64(ENV.features | features.THREADS))
    assert refusal(data) == (
        "Module was compiled with support for WebAssembly feature `threads` "
        "but it is not enabled for the host"
    )
    data = section(features=encoding.u64(ENV.features | 1 << 63))
    assert "feature that is unknown" in refusal(data)


def test_check_another_compiler_of_the_same_version_is_accepted() -> None:
    compat.check(section(identity=bytes(32)), ENV)


def test_check_every_field_has_a_test_above() -> None:
    _, found = metadata.decode(section())
    assert sorted(metadata.Metadata.__slots__) == sorted(
        ["tier", "triple", "flags", *(set(FIELDS) - {"target", "shared_flags"})]
    )
    assert found.tier == "baseline"


def test_check_first_field_that_does_not_fit_is_named() -> None:
    bad_flags = flags_with("is_pic", False)
    data = section(
        target=encoding.text("sparc-unknown-linux-gnu"),
        shared_flags=bad_flags,
        tunables=chosen(memory_may_move=0).to_bytes(),
        features=encoding.u64(1 << 63),
    )
    assert "architecture 'sparc'" in refusal(data)
    data = section(shared_flags=bad_flags, isa_flags=encoding.texts(["warp"]))
    assert "is_pic" in refusal(data)
    data = section(tunables=chosen(memory_may_move=0).to_bytes(), features=encoding.u64(1 << 63))
    assert "memory may move" in refusal(data)


def test_check_unknown_tier_is_refused() -> None:
    assert "the tier `turbo` is unknown" in refusal(section(tier="turbo"))


def test_check_every_truncation_is_refused() -> None:
    data = section()
    for length in range(len(data)):
        refusal(data[:length])
    assert "unexpected bytes" in refusal(data + b"\0")


@given(st.integers(0, len(section()) - 1), st.integers(1, 255))
def test_check_flipped_bits_never_escape_as_another_error(position: int, flip: int) -> None:
    data = bytearray(section())
    data[position] ^= flip
    try:
        compat.check(bytes(data), ENV)
    except IncompatibleArtifact:
        return
    # Accepted only where the field is one that loading does not insist on.
    _, found = metadata.decode(bytes(data))
    assert set(found.isa_flags) <= host.host_features()
    assert found.features & ~ENV.features == 0


def test_check_host_another_architecture_is_refused_even_for_equal_bytes() -> None:
    triple = "aarch64-unknown-linux-gnu" if ENV.target.arch == X86_64 else "x86-64-v1"
    env = engine(target=triple)
    message = refusal(metadata.encode(env, "baseline"), env)
    assert message.startswith(
        "compilation settings are not compatible with the native host\n\nCaused by:\n    target '"
    )
    assert "specified in the configuration does not match the host" in message


def test_refusal_of_target_names_the_feature_that_the_host_lacks() -> None:
    target = parse_target("x86-64-v3")
    available = frozenset(target.features)
    assert compat.refusal_of_target(target, X86_64, available) is None
    reason = compat.refusal_of_target(target, X86_64, available - {"fma"})
    assert reason == 'compilation setting "fma" is enabled, but not available on the host'


def test_check_host_with_a_feature_that_the_host_lacks_is_refused(
    host_with: Callable[[frozenset[str]], None],
) -> None:
    host_with(frozenset(ENV.target.features[1:]))
    lost = ENV.target.features[0]
    assert f'"{lost}" is enabled, but not available' in refusal(section())
