"""`Module(engine, wasm)` over the real modules: what a miss costs in each tier, and a hit.

A miss compiles, stores and maps; the sizes of what it made are rows of their own. A compile of the
largest modules takes long, so each module is compiled no more often than its figures need.
"""

import contextlib
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from time import perf_counter

from benchmarks.fetch import MODULES, Source
from benchmarks.figures.figure import BYTES, Figure, Group, Item, Setting, Skipped, figure, mean
from benchmarks.figures.inputs import FEATURES, LARGER, PROGRAM, module_path, modules
from benchmarks.measure import Measure, Pairs, per_call
from benchmarks.package import Package

HIT_LIMITS = {"zstd": 0.75, "raw": 0.45}
# One call after one of the peer's finds the processor's caches full of the other's code, which of a
# small module is a large part: so its hits are measured in rows of so many, too.
HITS_IN_A_ROW = 10
MISS_LIMITS = {"baseline": 3.0, "optimized": 12.0}
# Smaller ones are measured too, but say more of starting a compile than of compiling.
LIMIT_FROM = 500_000


class _Miss:
    """The measure of one miss in a cache directory of its own, and the sizes that it leaves."""

    def __init__(
        self, package: Package, source: Source, wasm: bytes, strategy: str, folder: Path
    ) -> None:
        self._package = package
        self._source = source
        self._wasm = wasm
        self._strategy = strategy
        self._folder = folder / package.name / f"{source.stem} {strategy}"
        self._fresh = count()
        self.artifact = 0
        self.entry = 0

    def __call__(self) -> float:
        cache = self._folder / str(next(self._fresh))
        engine = self._package.engine(
            strategy=self._strategy, cache=cache, features=self._source.features
        )
        start = perf_counter()
        module = self._package.api.Module(engine, self._wasm)
        seconds = perf_counter() - start
        if not self.artifact:
            self.artifact = len(module.serialize())
            self.entry = _largest(cache)
        del module, engine
        # The peer may still be writing beside its entry.
        shutil.rmtree(cache, ignore_errors=True)
        return seconds


def _largest(folder: Path) -> int:
    """The size of the largest file: the entry, beside whatever else a cache keeps."""
    sizes = [0]
    for path in folder.rglob("*"):
        # Files with temporary names come and go.
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                sizes.append(path.stat().st_size)
    return max(sizes)


def _sizes(label: str, ours: _Miss, peer: _Miss) -> Iterator[Figure]:
    for what, a, b in (
        ("artifact", ours.artifact, peer.artifact),
        ("cache entry", ours.entry, peer.entry),
    ):
        if a and b:
            yield figure(f"{what}, {label}", Pairs((a,), (b,)), part=True, unit=BYTES)


def misses(strategy: str) -> Group:
    """The group of a tier: one row for each module, their mean, and the sizes."""

    def group(setting: Setting) -> Iterator[Item]:
        parts: list[Figure] = []
        large: list[Figure] = []
        sizes: list[Figure] = []
        for item in modules(setting):
            if isinstance(item, Skipped):
                yield item
                continue
            source, wasm = item
            label = f"{source.stem}, {strategy}"
            name = f"Module({source.stem}), miss, {strategy}"
            ours, peer = (
                _Miss(package, source, wasm, strategy, setting.folder / "miss")
                for package in (setting.ours, setting.peer)
            )
            try:
                pairs = setting.pairs(ours, peer, 11)
            except (setting.ours.api.WasmtimeError, setting.peer.api.WasmtimeError) as error:
                yield Skipped(name, _first_line(error))
                continue
            parts.append(figure(name, pairs, part=True))
            yield parts[-1]
            if len(wasm) >= LIMIT_FROM:
                large.append(parts[-1])
            sizes += _sizes(label, ours, peer)
        name = f"miss, {strategy}, mean over {len(large)} of {LIMIT_FROM // 1000} KB and more"
        if large:
            yield mean(name, large, MISS_LIMITS[strategy])
        else:
            yield Skipped(name, "none of these modules is there")
        yield from sizes

    return group


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _hit(
    package: Package, file: str, folder: Path, payload: str, calls: int, strategy: str
) -> Measure:
    cache = folder / "hit" / f"{package.name} {payload} {strategy}"
    features = FEATURES[file]
    engine = package.engine(strategy=strategy, cache=cache, payload=payload, features=features)
    wasm = (MODULES / file).read_bytes()

    def run() -> None:
        for _ in range(calls):
            package.api.Module(engine, wasm)

    run()
    return per_call(run, calls)


def hits(setting: Setting) -> Iterator[Item]:
    """`Module(engine, wasm)` that finds its code in the cache: what a miss leaves there by default, and of
    the smallest also the optimized code that can be put there ahead.

    The peer has one kind of entry, and is compared with all of ours.
    """
    for payload, limit in HIT_LIMITS.items():
        rows = [
            (PROGRAM, "auto", 1, 101),
            (PROGRAM, "auto", HITS_IN_A_ROW, 31),
            (PROGRAM, "optimized", 1, 101),
            (PROGRAM, "optimized", HITS_IN_A_ROW, 31),
            *((file, "auto", 1, 31) for file in LARGER),
        ]
        for file, strategy, calls, usual in rows:
            hit = "hit" if calls == 1 else f"{calls} hits in a row"
            tier = ", optimized" if strategy == "optimized" else ""
            name = f"Module({Path(file).stem}{tier}), {hit}, {payload}"
            path = module_path(file)
            if isinstance(path, str):
                yield Skipped(name, path)
                continue
            if not setting.wants(Path(file).stem):
                continue
            ours, peer = (
                _hit(package, file, setting.folder, payload, calls, strategy)
                for package in (setting.ours, setting.peer)
            )
            yield figure(name, setting.pairs(ours, peer, usual), limit)
