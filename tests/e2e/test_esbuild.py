"""esbuild, 14 MB that the Go compiler makes: it compiles and loads in both tiers.

To run it takes Go's JavaScript glue, which has no place here. Its imports are stubs, which nothing
calls before `run`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_esbuild_instance_has_the_oracles_memory_and_stack(
    both: Callable[[str], Any],
    start_program: Callable[..., Any],
    module_path: Callable[[str], Path],
    strategy: str,
) -> None:
    wasm = module_path("esbuild.wasm").read_bytes()
    ours, oracle = (start_program(package, engine, wasm, "") for package, engine in both(strategy))
    assert list(ours.exports) == list(oracle.exports)
    assert ours.call("getsp") == oracle.call("getsp")
    size = oracle.memory.data_len(oracle.store)
    assert ours.memory.data_len(ours.store) == size
    assert ours.memory.read(ours.store) == oracle.memory.read(oracle.store)
