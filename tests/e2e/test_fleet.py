"""Processes on machines that differ, and one directory: each runs what it can, and nothing else.

A machine is simulated by what its probe says: the only thing that is asked about a CPU.
"""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cachewasm.engine import host
from cachewasm.engine.isa import LEVELS, X86_64, without

SCRIPT = """
import json, sys
from cachewasm.engine import host
features, directory, mode, lock, *paths = sys.argv[1:]
available = frozenset(features.split())
host.probe = lambda: available
import cachewasm
from cachewasm.artifact.format import ENGINE_SECTION
from cachewasm.engine import metadata
from cachewasm.loader import image
from cachewasm.runtime import process

mapped = []
load = image.load
def load_and_tell(artifact, **options):
    section = bytes(artifact.section(ENGINE_SECTION))
    mapped.append(sorted(metadata.decode(section)[1].isa_flags))
    return load(artifact, **options)
image.load = load_and_tell

config = cachewasm.Config()
settings = cachewasm.CacheConfig()
settings.directory, settings.mode = directory, mode
if lock:
    settings.lock_file = lock
config.cache = cache = cachewasm.Cache(settings)
engine = cachewasm.Engine(config)
store = cachewasm.Store(engine)
results = []
for path in paths:
    with open(path, "rb") as file:
        instance = cachewasm.Instance(store, cachewasm.Module(engine, file.read()), [])
    results.append(instance.exports(store)["f"](store, 5))
counts = cache.counts()
cache.store.record() if mode == "read-write" else None
print(json.dumps({"results": results, "mapped": mapped, "counts": counts}))
"""
TEXT = '(module (func (export "f") (param i32) (result i32) local.get 0 i32.popcnt))'

V1, V2, V3, V4 = LEVELS[X86_64].values()
HERE = host.host_features() if host.machine() == X86_64 else frozenset()

pytestmark = pytest.mark.skipif(not HERE >= V3, reason="simulates weaker hosts than x86-64-v3")

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def run(
    engine_module: ModuleType, python: Callable[..., bytes], directory: Path, tmp_path: Path
) -> Run:
    """Run the module in a process on a host with the features."""
    if engine_module.__name__ != "cachewasm":
        pytest.skip("the oracle does not promise this")
    path = tmp_path / "f.wat"
    path.write_text(TEXT)

    def run_on(
        features: frozenset[str], mode: str = "read-write", lock: str = ""
    ) -> dict[str, Any]:
        said = python("-c", SCRIPT, " ".join(features), str(directory), mode, lock, str(path))
        found: dict[str, Any] = json.loads(said)
        assert found["results"] == [2]
        # The support image and the module.
        assert len(found["mapped"]) == 2
        assert all(features.issuperset(needed) for needed in found["mapped"])
        return found

    return run_on


def needed(found: dict[str, Any]) -> list[frozenset[str]]:
    return [frozenset(each) for each in found["mapped"]]


@pytest.mark.parametrize("lost", ["sse4.1", "avx2", "fma"])
def test_weaker_host_uses_nothing_of_a_stronger_one(run: Run, lost: str) -> None:
    weak = without(X86_64, HERE, [lost])
    assert needed(run(HERE)) == [V3, V3]
    found = run(weak)
    assert found["counts"]["store"] == 2
    assert "subset-hit" not in found["counts"]
    assert run(weak)["counts"] == {"hit": 2, "alias-hit": 1}
    assert run(HERE)["counts"] == {"hit": 2, "alias-hit": 1}


@pytest.mark.parametrize("lost", ["sse4.1", "avx2", "fma"])
def test_stronger_host_uses_what_a_weaker_one_has_made(run: Run, lost: str) -> None:
    weak = without(X86_64, HERE, [lost])
    made = needed(run(weak))
    found = run(HERE)
    assert needed(found) == made != [V3, V3]
    assert found["counts"] == {"subset-hit": 2, "alias-hit": 1}


def test_host_that_must_hit_runs_an_image_of_a_lower_level(run: Run) -> None:
    run(V1)
    found = run(HERE, "must-hit")
    assert needed(found) == [V1, V1]
    assert found["counts"] == {"subset-hit": 2, "alias-hit": 1}


def test_host_that_must_hit_takes_the_lower_level_of_a_lock_file(
    run: Run, directory: Path, python: Callable[..., bytes], tmp_path: Path
) -> None:
    lock = tmp_path / "app.lock"
    python(
        *("-m", "cachewasm_cli", "cache", "lock", str(tmp_path / "f.wat"), "-o", str(lock)),
        *("--warm", "--target", "x86-64-v1", "--target", "x86-64-v2"),
        *("--cache-dir", str(directory)),
    )
    assert needed(run(HERE, "must-hit", str(lock))) == [V2, V2]
    assert needed(run(without(X86_64, HERE, ["sse4.1"]), "must-hit", str(lock))) == [V1, V1]


def test_commands_tell_hits_of_a_lower_level_apart(
    run: Run, directory: Path, python: Callable[..., bytes], tmp_path: Path
) -> None:
    run(V2)
    run(HERE)
    place = ("--cache-dir", str(directory))
    command = ("-m", "cachewasm_cli", "cache")
    counts = json.loads(python(*command, "stats", "--json", *place))
    assert counts["counts"]["subset-hit"] == 2
    assert counts["hits"] == 2
    assert b'hits_total{kind="subset"} 2' in python(*command, "stats", "--prometheus", *place)
    said = python(*command, "why", str(tmp_path / "f.wat"), "--target", "x86-64-v3", *place)
    assert b": hit (made for x86-64-v2)" in said
    known = json.loads(
        python(*command, "why", str(tmp_path / "f.wat"), "--target", "x86-64-v2", "--json", *place)
    )
    assert (known["hit"], known["made_for"]) == (True, None)
