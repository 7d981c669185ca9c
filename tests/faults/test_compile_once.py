"""Real modules, missed by several processes and threads at once: compiled and stored once."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import cachewasm
from cachewasm.cache.local import LocalStore

WASM = (Path(__file__).parent.parent.parent / "examples" / "mandelbrot.wasm").read_bytes()

PROGRAM = """
import json, sys
from cachewasm import Engine, Module, Store
engine = Engine()
with open(sys.argv[1], "rb") as file:
    wasm = file.read()
print("ready", flush=True)
sys.stdin.readline()
Module(engine, wasm)
Store(engine)
print(json.dumps(engine._cache.counters.snapshot()))
"""


def test_module_missed_by_processes_together_is_compiled_once(tmp_path: Path) -> None:
    path = tmp_path / "module.wasm"
    path.write_bytes(WASM)
    children = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROGRAM, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "CACHEWASM_DIR": str(tmp_path / "cache")},
        )
        for _ in range(4)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    counts = [json.loads(child.communicate()[0]) for child in children]
    assert [child.returncode for child in children] == [0] * 4
    # The module and the support image.
    assert sum(count.get("store", 0) for count in counts) == 2
    assert all(
        count.get("hit", 0) + count.get("shared", 0) == 2 - count.get("store", 0)
        for count in counts
    )
    assert not any(
        "lock-failure" in name or name == "give-up" for count in counts for name in count
    )
    assert os.listdir(tmp_path / "cache" / "tmp") == []
    assert os.listdir(tmp_path / "cache" / "locks").count("keys") == 1


def test_module_missed_by_threads_together_is_compiled_once(tmp_path: Path) -> None:
    config = cachewasm.Config()
    config.cache = str(tmp_path / "cache")
    engine = cachewasm.Engine(config)
    cachewasm.Store(engine)  # the support image is there from now on
    assert isinstance(engine._cache, LocalStore)
    before = engine._cache.counters.snapshot()
    everybody = threading.Barrier(4)

    def make() -> None:
        everybody.wait()
        modules.append(cachewasm.Module(engine, WASM))

    modules: list[cachewasm.Module] = []
    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(modules) == 4
    after = engine._cache.counters.snapshot()
    counts = {name: after.get(name, 0) - before.get(name, 0) for name in ("store", "hit", "shared")}
    assert counts["store"] == 1
    assert counts["hit"] + counts["shared"] == 3
