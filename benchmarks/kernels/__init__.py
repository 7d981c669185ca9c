"""Eight small kernels, each a loop that some kind of real program spends its time in.

Every kernel exports `run(n: i32)`, which returns a checksum, so that a wrong result is seen before
a wrong time. `size` makes a run take about 100 ms; `quick` about a tenth of that. The text beside
each `.wasm` is its source: `python -m benchmarks.kernels.build` writes the binaries again.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel; `checksum` is the result of `run(size)`, `quick_checksum` that of `run(quick)`."""

    name: str
    size: int
    quick: int
    checksum: int | float
    quick_checksum: int | float

    def binary(self) -> bytes:
        return (FOLDER / f"{self.name}.wasm").read_bytes()


KERNELS = (
    Kernel("fib", 35, 29, 9227465, 514229),
    Kernel("sieve", 12_000_000, 1_500_000, 94881354, -1110326322),
    Kernel("matmul", 320, 144, 1088.0, 3371.0),
    Kernel("hash64", 320, 32, -6054881072856428767, 2931939730493631250),
    Kernel("quicksort", 1_000_000, 100_000, 7093535744509856991, 3550489392536428778),
    Kernel("nbody", 900_000, 90_000, 0.06530170438587003, 0.030210125430766538),
    Kernel("interp", 3_000_000, 300_000, 1856220293, 1521782161),
    Kernel("arx", 6_000_000, 600_000, -1361953760, 892372621),
)
