"""Modules from text, compiled once in a session, and instances of them in a store of the test's own.

Tests of behaviour take the package from `api`, so that `--engine wasmtime` shows whether they ask
for what the oracle does; `own` marks those that ask for more, or for what the oracle aborts on.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import wasmtime

Instantiate = Callable[..., Any]


@pytest.fixture(scope="session")
def api(engine_module: ModuleType) -> Any:
    """The package under test."""
    return engine_module


@pytest.fixture
def own(api: Any) -> None:
    """Skips what only cachewasm promises."""
    if api.__name__ != "cachewasm":
        pytest.skip("the oracle does not promise this")


@pytest.fixture(scope="session")
def wasm() -> Callable[[str], bytes]:
    """Text to binary, by an independent encoder."""
    known: dict[str, bytes] = {}

    def encode(text: str) -> bytes:
        if text not in known:
            known[text] = bytes(wasmtime.wat2wasm(text))
        return known[text]

    return encode


@pytest.fixture(scope="session")
def engine(api: Any) -> Any:
    """The session's engine, with the default configuration."""
    return api.Engine()


@pytest.fixture(scope="session")
def tier_engine(new_engine: Callable[[str], Any]) -> Callable[[str], Any]:
    """The session's engine of a strategy."""
    known: dict[str, Any] = {}
    return lambda strategy: known.setdefault(strategy, new_engine(strategy))


@pytest.fixture(scope="session")
def module(api: Any, engine: Any, wasm: Callable[[str], bytes]) -> Callable[..., Any]:
    """The module of a text, compiled once for an engine."""
    known: dict[tuple[int, str], Any] = {}

    def compiled(text: str, maker: Any = engine) -> Any:
        key = (id(maker), text)
        if key not in known:
            known[key] = api.Module(maker, wasm(text))
        return known[key]

    return compiled


@pytest.fixture
def store(api: Any, engine: Any) -> Any:
    """A store of the test's own."""
    return api.Store(engine)


@pytest.fixture
def instantiate(api: Any, store: Any, module: Callable[..., Any]) -> Instantiate:
    """The exports of a new instance of a text in `store`, with these imports."""
    return lambda text, *imports: api.Instance(store, module(text), imports).exports(store)


@pytest.fixture
def functype(api: Any) -> Callable[[str, str], Any]:
    """A function type from the names of its types: `functype("i32 f64", "i32")`."""

    def make(params: str = "", results: str = "") -> Any:
        return api.FuncType(
            [getattr(api.ValType, name)() for name in params.split()],
            [getattr(api.ValType, name)() for name in results.split()],
        )

    return make
