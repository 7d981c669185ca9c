"""The real modules, found by name: `python -m benchmarks.fetch` has put them there, or a reason."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.fetch import MODULES, SOURCES, Source
from benchmarks.figures.figure import Setting, Skipped

# A small command, a large one and a large module, where a figure takes one of each.
PROGRAM, INTERPRETER, LARGE = "icepll.wasm", "python.wasm", "esbuild.wasm"
# Their artifacts have 1.2, 1.4, 6 and 29 MB, that of PROGRAM 0.1 MB.
LARGER = ("icepack.wasm", "quickjs.wasm", "resvg.wasm", LARGE)
FEATURES = {source.name: source.features for source in SOURCES}


def module_path(name: str) -> Path | str:
    """The module's file, or why there is none."""
    path = MODULES / name
    if not path.exists():
        return f"{name} is not there: run `python -m benchmarks.fetch {name}`"
    return path


def modules(setting: Setting) -> Iterator[tuple[Source, bytes] | Skipped]:
    """The wanted modules, smallest first, and those that are missing."""
    found: list[tuple[Source, bytes]] = []
    for source in SOURCES:
        if not setting.wants(source.stem):
            continue
        path = module_path(source.name)
        if isinstance(path, str):
            yield Skipped(source.stem, path)
        else:
            found.append((source, path.read_bytes()))
    yield from sorted(found, key=lambda each: len(each[1]))
