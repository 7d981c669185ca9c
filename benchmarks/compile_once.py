"""Compiles one module and ends: `python -m benchmarks.compile_once PACKAGE STRATEGY WASM`.

The process whose memory `benchmarks.figures.peak` samples, the same for both packages.
"""

import sys
from pathlib import Path

from benchmarks.package import Package


def main(name: str, strategy: str, wasm: str) -> None:
    """Compile with nothing cached."""
    package = Package(name)
    package.api.Module(package.engine(strategy=strategy), Path(wasm).read_bytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
