"""The description of a machine in JSON, and the environment of an engine there."""

import pytest

from cachewasm.engine import host
from cachewasm.engine.config import Config
from cachewasm.engine.environment import from_config, on_machine
from cachewasm.engine.isa import LEVELS, X86_64
from cachewasm.engine.machine import Machine, this_machine
from cachewasm.errors import ConfigError, HostError

V2 = Machine(X86_64, LEVELS[X86_64]["x86-64-v2"])


def test_machine_json_round_trips() -> None:
    for machine in (V2, Machine("aarch64", frozenset(("neon",)), address_space_limited=True)):
        assert Machine.from_json(machine.to_json()) == machine
    assert Machine.from_json('{"machine": "x86_64", "features": []}').features == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "1", "null", '{"machine": "x86_64"}', '{"features": []}'),
        *('{"machine": "riscv64", "features": []}', '{"machine": ["x86_64"], "features": []}'),
        *('{"machine": "x86_64", "features": "avx"}', '{"machine": "x86_64", "features": [1]}'),
        '{"machine": "x86_64", "features": ["neon"]}',
        '{"machine": "x86_64", "features": [], "address_space_limited": 1}',
        '{"machine": "x86_64", "features": [], "more": 1}',
        "[" * 100_000,
    ],
)
def test_machine_of_other_json_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError):
        Machine.from_json(text)


@pytest.mark.parametrize("target", [None, "native", "x86-64-v1"])
def test_environment_on_this_machine_is_that_of_this_process(target: str | None) -> None:
    config = Config()
    if target is not None:
        config.target = target
    assert on_machine(config, this_machine()) == from_config(config)


def test_environment_on_another_machine_has_its_level_and_limits() -> None:
    environment = on_machine(Config(), V2)
    assert environment.target.level == "x86-64-v2"
    limited = on_machine(Config(), Machine(V2.arch, V2.features, address_space_limited=True))
    assert limited.tunables.memory_reservation == 0


def test_environment_of_a_machine_without_the_lowest_level_is_an_error() -> None:
    with pytest.raises(HostError, match="lacks what every"):
        on_machine(Config(), Machine(X86_64, frozenset(("avx",))))


def test_level_target_is_the_same_as_this_hosts() -> None:
    assert host.level_target(host.machine(), host.host_features()) == host.host_target()
