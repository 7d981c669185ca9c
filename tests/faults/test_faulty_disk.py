"""A real module on a disk that fails at each call in turn: compiled or found, it computes the same."""

import errno
import shutil
from pathlib import Path

import pytest
import wasmtime

import cachewasm

from ..store.faulty import Disk, Fault, problems_after

WASM = bytes(wasmtime.wat2wasm('(module (func (export "f") (result i32) i32.const 42))'))
FAULTS = (
    Fault("error", errno.EIO),
    Fault("error", errno.ENOSPC, is_lasting=True),
    Fault("nothing"),
)


def _compute(directory: Path) -> None:
    config = cachewasm.Config()
    config.cache = str(directory)
    engine = cachewasm.Engine(config)
    module = cachewasm.Module(engine, WASM)
    store = cachewasm.Store(engine)
    function = cachewasm.Instance(store, module, []).exports(store)["f"]
    assert isinstance(function, cachewasm.Func)
    assert function(store) == 42


@pytest.fixture(params=["miss", "hit"])
def original(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A cache directory of the module, or what is none yet."""
    directory = tmp_path / "original"
    _compute(directory)
    return directory if request.param == "hit" else tmp_path / "none"


def test_module_computes_the_same_whichever_call_fails(original: Path, tmp_path: Path) -> None:
    def fresh(name: str) -> Path:
        directory = tmp_path / name
        if original.exists():
            shutil.copytree(original, directory)
        return directory

    with Disk().in_use() as disk:
        _compute(fresh("recorded"))
    problems = []
    for at, call in enumerate(disk.calls):
        for number, fault in enumerate(FAULTS):
            if fault.kind == "nothing" and call not in ("pread", "read"):
                continue
            directory = fresh(f"{at}.{number}")
            with Disk(fault, at).in_use():
                _compute(directory)
            found = problems_after(str(directory))
            problems += [f"{fault} at call {at}, {call}: {each}" for each in found]
    assert len(disk.calls) > 5
    assert problems == []
