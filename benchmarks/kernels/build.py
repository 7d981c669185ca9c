"""Writes the kernels' `.wasm` files from the `.wat` files beside them; `--check` only compares.

The converter is PyPI wasmtime's, so that the binaries owe nothing to the engine they measure.
"""

import argparse
import sys

import wasmtime

from benchmarks.kernels import FOLDER, KERNELS


def main(arguments: list[str]) -> int:
    """Build, or compare and return 1 if a binary is not what its text gives."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    stale = []
    for kernel in KERNELS:
        binary = FOLDER / f"{kernel.name}.wasm"
        made = bytes(wasmtime.wat2wasm((FOLDER / f"{kernel.name}.wat").read_text()))
        if not options.check:
            binary.write_bytes(made)
        elif not binary.exists() or binary.read_bytes() != made:
            stale.append(binary.name)
    for name in stale:
        print(f"{name} is not what its text gives", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
