"""The compile environment: its bytes, its hashes, and that both depend on nothing else."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cachewasm.engine import encoding, environment, host, tunables
from cachewasm.engine.config import Config
from cachewasm.engine.environment import DEFAULT_COST, CompileEnvironment, from_config
from cachewasm.engine.flags import DEFAULT_FLAGS, SharedFlags
from cachewasm.engine.identity import PACKAGE
from cachewasm.engine.isa import LEVELS
from cachewasm.engine.operator_cost import OperatorCost
from cachewasm.engine.target import parse_target
from cachewasm.errors import CachewasmError, InternalError

ROOT = os.path.dirname(PACKAGE)


def make(**changes: object) -> CompileEnvironment:
    fields: dict[str, object] = {
        "target": parse_target("x86-64-v2"),
        "flags": DEFAULT_FLAGS,
        "tunables": tunables.choose({}, address_space_limited=False),
        "operator_cost": DEFAULT_COST,
        "features": 31,
        "identity": bytes(range(32)),
        "module_version": "1.2.3",
    }
    return CompileEnvironment(**{**fields, **changes})  # type: ignore[arg-type]


CHANGES = {
    "flags": SharedFlags([*DEFAULT_FLAGS.items[:-1], ("optimized_opt_level", 2)]),
    "tunables": tunables.choose({"wasm_backtrace": False}, address_space_limited=False),
    "operator_cost": OperatorCost({"i32.add": 3}).to_bytes(),
    "features": 30,
    "identity": bytes(32),
    "module_version": "1.2.4",
}


def test_environment_round_trips() -> None:
    env = make()
    copy = CompileEnvironment.from_bytes(env.to_bytes())
    assert copy == env
    assert copy.to_bytes() == env.to_bytes()
    assert copy.compat_hash == env.compat_hash
    assert copy.engine_section == env.engine_section


@pytest.mark.parametrize("name", CHANGES)
def test_environment_each_field_changes_the_compat_hash(name: str) -> None:
    changed = make(**{name: CHANGES[name]})
    assert changed.compat_hash != make().compat_hash
    assert changed.isa_digest == make().isa_digest
    assert changed.precompile_compatibility_hash("auto") != make().precompile_compatibility_hash(
        "auto"
    )
    assert CompileEnvironment.from_bytes(changed.to_bytes()) == changed


def test_environment_isa_is_apart_from_the_compat_hash() -> None:
    one, other = make(), make(target=parse_target("x86-64-v3"))
    assert one.compat_hash == other.compat_hash
    assert one.isa_digest != other.isa_digest
    hashes = {env.precompile_compatibility_hash(s) for env in (one, other) for s in ("auto", "x")}
    assert len(hashes) == 4


def test_environment_of_another_architecture_has_another_compat_hash() -> None:
    assert make(target=parse_target("armv8-a")).compat_hash != make().compat_hash


def test_environment_every_slot_is_covered() -> None:
    public = {name for name in CompileEnvironment.__slots__ if not name.startswith("_")}
    assert public == {*CHANGES, "target"}


def test_environment_is_immutable() -> None:
    with pytest.raises(AttributeError, match="features"):
        make().features = 3


def test_environment_bytes_name_every_field_with_its_length() -> None:
    data = make(features=5).to_bytes()
    assert encoding.text("features") + encoding.blob((5).to_bytes(8, "little")) in data
    for name in ("target", "cpu", "isa_flags", "tune", "module_version", "shared_flags"):
        assert encoding.text(name) in data
    for name in ("tunables", "operator_cost", "identity"):
        assert encoding.text(name) in data


def test_environment_from_damaged_bytes_is_refused() -> None:
    data = make().to_bytes()
    for length in range(len(data)):
        with pytest.raises(InternalError):
            CompileEnvironment.from_bytes(data[:length])
    with pytest.raises(InternalError, match="unexpected bytes"):
        CompileEnvironment.from_bytes(data + b"\0")
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 0x80
        try:
            copy = CompileEnvironment.from_bytes(bytes(flipped))
        except CachewasmError:
            continue
        assert copy != make()


def test_environment_hash_has_a_stable_value() -> None:
    # The hash names entries of caches that are shared: changing it is a decision, not an accident.
    env = make(flags=SharedFlags([("a", True)]))
    assert (
        env.compat_hash.hex() == "cfed08c501e5c67d1057ea4335ebcdfa0023cfb5fcbb7c2ccd837b97a42be2da"
    )
    assert (
        env.isa_digest.hex() == "3effd0c3634812d56ee61c38ec869d89690b27413c2055a915d1714671d92323"
    )


def test_environment_hash_is_the_same_in_every_process(tmp_path: Path) -> None:
    # A copy, so that the sources stay as they are while the processes run.
    package = tmp_path / "cachewasm"
    for folder in ("engine", "wasm"):
        shutil.copytree(f"{PACKAGE}/{folder}", package / folder)
    for name in ("__init__.py", "errors.py", "managed.py"):
        shutil.copy(f"{PACKAGE}/{name}", package)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from cachewasm.engine import config, environment\n"
        "c = config.Config()\n"
        "print(environment.from_config(c).precompile_compatibility_hash(c.strategy).hex())"
    )
    found = []
    for seed, place, locale in (("0", "/", "C"), ("1", tmp_path, "C.UTF-8"), ("7", "/", "tr_TR")):
        variables = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale, "HOME": str(place)}
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, cwd=place, env=variables, check=True, capture_output=True)
        found.append(run.stdout)
    assert len(found[0]) == 65
    assert found == [found[0]] * 3


def test_engine_imports_nothing_heavy() -> None:
    # What these import on their own depends on the version of Python, and the warm path needs them.
    code = (
        f"import ctypes, struct, blake3, sys; sys.path.insert(0, {ROOT!r}); before = set(sys.modules)\n"
        "from cachewasm.engine import compat, config, environment\n"
        "env = environment.from_config(config.Config())\n"
        "compat.check_host(env)\n"
        "print(*sorted(m for m in set(sys.modules) - before if not m.startswith('cachewasm')))"
    )
    command = [sys.executable, "-I", "-c", code]
    added = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert added == []


def test_engine_imports_itself_what_is_below_and_the_features_only() -> None:
    code = (
        f"import sys; sys.path.insert(0, {ROOT!r})\n"
        "from cachewasm.engine import compat, config, environment\n"
        "print(*sorted(m for m in sys.modules if m.startswith('cachewasm.')))"
    )
    command = [sys.executable, "-I", "-c", code]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    others = [name for name in loaded if not name.startswith("cachewasm.engine")]
    below = ["cachewasm.errors", "cachewasm.managed"]
    assert others == [*below, "cachewasm.wasm", "cachewasm.wasm.features"]


def test_environment_for_another_target_differs_in_it_only() -> None:
    other = parse_target("armv8-a")
    for changes in ({}, *({name: value} for name, value in CHANGES.items())):
        env = make(**changes)
        assert env.for_target(other) == make(**{**changes, "target": other})
        assert env.for_target(env.target) == env


def test_environment_of_equal_options_is_made_once() -> None:
    one, other = Config(), Config()
    assert from_config(one) is from_config(other)
    other.cache, other.max_wasm_stack = False, 1 << 20
    assert from_config(one) is from_config(other)
    other.wasm_backtrace = False
    assert from_config(one) != from_config(other)
    one.wasm_backtrace = False
    assert from_config(one) is from_config(other)


def test_environment_is_made_anew_for_another_host(
    host_with: Callable[[frozenset[str]], None],
) -> None:
    config = Config()
    levels = LEVELS[host.machine()]
    for level, features in levels.items():
        host_with(features)
        assert from_config(config).target.level == level
        config.target = "native"
        assert set(from_config(config).target.features) == features
        config = Config()


def test_environments_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_made", {})
    for number in range(2 * environment._MAX_MADE):
        config = Config()
        config.module_version = str(number)
        assert from_config(config).module_version == str(number)
        assert len(environment._made) <= environment._MAX_MADE
