"""Peak memory of compiling a large module, summed over all processes that take part."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures.figure import BYTES, Item, Setting, Skipped, figure
from benchmarks.figures.inputs import LARGE, module_path
from benchmarks.measure import Measure
from benchmarks.package import Package
from benchmarks.processes import environment
from benchmarks.pss import PROC, peak

ROOT = Path(__file__).parent.parent.parent
LIMIT = 2.0


def _peak(package: Package, strategy: str, wasm: Path) -> Measure:
    arguments = ["-m", "benchmarks.compile_once", package.name, strategy, str(wasm)]
    # The child finds this very folder, and the packages that this process has found.
    path = [str(ROOT), *filter(None, sys.path)]
    variables = {**environment(), "PYTHONPATH": ":".join(path)}
    return lambda: float(peak([sys.executable, *arguments], variables))


def peaks(setting: Setting) -> Iterator[Item]:
    """`Module(engine, wasm)` on a miss in a process of its own, with whatever it starts."""
    path = module_path(LARGE)
    for strategy in ("baseline", "optimized"):
        name = f"peak memory, Module({Path(LARGE).stem}), {strategy}"
        if isinstance(path, str):
            yield Skipped(name, path)
            continue
        if not (PROC / "self" / "smaps_rollup").exists():
            yield Skipped(name, "the kernel does not tell the proportional set size")
            continue
        ours, peer = (_peak(package, strategy, path) for package in (setting.ours, setting.peer))
        # Bytes are beyond any budget of seconds: the fewest pairs are taken.
        try:
            pairs = setting.pairs(ours, peer, 3, warm_up=False)
        except subprocess.CalledProcessError as error:
            yield Skipped(name, error.stderr.decode(errors="replace").strip().rpartition("\n")[2])
            continue
        yield figure(name, pairs, LIMIT, unit=BYTES)
