"""The two packages under one interface: an engine with a strategy and a cache of one's own.

All else that a benchmark does is the same code for both, since one is the other's drop-in.
"""

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Package:
    """One package, by its import name. `api` is the module; untyped, since it may be either."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.api: Any = importlib.import_module(name)

    def engine(
        self,
        *,
        strategy: str | None = None,
        cache: Path | None = None,
        payload: str = "zstd",
        features: Iterable[str] = (),
        switches: Iterable[str] = (),
    ) -> Any:
        """An engine. `strategy` is for whoever has tiers, `payload` for whoever has several kinds of
        cache entries; without `cache` nothing is cached.

        `features` are WebAssembly features to switch on, `switches` other options. Raises the package's error where it
        does not have one.
        """
        config = self.api.Config()
        for feature in features:
            setattr(config, f"wasm_{feature}", True)
        for switch in switches:
            setattr(config, switch, True)
        if self.name == "wasmtime":
            if cache is not None:
                config.cache = str(_peer_cache_config(cache))
        else:
            if strategy is not None:
                config.strategy = strategy
            config.cache = False
            if cache is not None:
                config.cache = settings = self.api.CacheConfig()
                settings.directory, settings.payload = str(cache), payload
        return self.api.Engine(config)

    def binary(self, text: str) -> bytes:
        """A module's binary format."""
        return bytes(self.api.wat2wasm(text))

    def exports(self, engine: Any, wasm: bytes) -> tuple[Any, Any]:
        """A store, and the exports of an instance without imports in it."""
        store = self.api.Store(engine)
        module = self.api.Module(engine, wasm)
        return store, self.api.Instance(store, module, []).exports(store)


def _peer_cache_config(directory: Path) -> Path:
    """The peer takes its directory from a file."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "config.toml"
    if not file.exists():
        file.write_text(f'[cache]\ndirectory = "{directory / "entries"}"\n')
    return file
