"""Compiling in this process, where no server can be started: the same errors, the same answers."""

import sys
from collections.abc import Callable

import pytest

import cachewasm
from cachewasm.compiler.processes import local, requests
from cachewasm.errors import InternalError, InvalidModule

ANSWER = bytes.fromhex(
    "0061736d01000000 01050160 00017f 030201 00 0a06 0104 00 412a 0b".replace(" ", "")
)


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an application without an interpreter of its own."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)


def engine_of(progress: Callable[[int, int], object] | None = None) -> cachewasm.Engine:
    config = cachewasm.Config()
    config.cache = False
    config.compile_progress = progress
    return cachewasm.Engine(config)


def test_local_module_is_compiled() -> None:
    shown: list[tuple[int, int]] = []
    engine = engine_of(lambda *numbers: shown.append(numbers))
    assert not local.can_spawn()
    assert cachewasm.Engine.detect_precompiled(engine.precompile_module(ANSWER)) == "module"
    assert shown == [(1, 1)]


def test_local_module_that_is_invalid_is_refused_with_the_place() -> None:
    with pytest.raises(InvalidModule) as caught:
        engine_of().precompile_module(ANSWER.replace(b"\x41\x2a", b"\x42\x2a"))
    assert caught.value.offset is not None


def test_local_progress_that_raises_ends_the_compile() -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyError(done)

    with pytest.raises(KeyError, match="1"):
        engine_of(interrupt).precompile_module(ANSWER)


def test_local_bug_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "compile_shard", lambda *_: 1 / 0)
    with pytest.raises(InternalError, match="ZeroDivisionError"):
        engine_of().precompile_module(ANSWER)


def test_local_request_that_nobody_knows_is_an_internal_error() -> None:
    with pytest.raises(InternalError, match="does not know the request"):
        local.ask([b"make coffee"])


def test_local_result_is_unclean_where_others_use_llvm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "llvmlite.binding", raising=False)
    assert local.is_clean()
    monkeypatch.setitem(sys.modules, "llvmlite.binding", sys)
    assert not local.is_clean()
    monkeypatch.delattr(sys, "frozen")
    assert local.is_clean()
