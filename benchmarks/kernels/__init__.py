"""Kernels and programs, each a loop that some kind of real program spends its time in.

Every one exports `run(n: i32)`, which returns a checksum, so that a wrong result is seen before a
wrong time. `size` makes a run take about 100 ms; `quick` about a tenth of that. None imports
anything. The source stands beside each `.wasm` and says what is measured: text by hand, C by
Debian's clang, and four libraries out of Debian's source packages that a C file drives (their
licences: LICENSES.md). `python -m benchmarks.kernels.build` writes the binaries again.
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

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}.wasm"

    @property
    def source(self) -> Path:
        text = self.path.with_suffix(".wat")
        return text if text.exists() else self.path.with_suffix(".c")

    def binary(self) -> bytes:
        return self.path.read_bytes()


KERNELS = (
    # By hand: calls, streaming, floats, 64-bit integers, branches, an interpreter loop.
    Kernel("fib", 35, 29, 9227465, 514229),
    Kernel("sieve", 12_000_000, 1_500_000, 94881354, -1110326322),
    Kernel("matmul", 320, 144, 1088.0, 3371.0),
    Kernel("hash64", 320, 32, -6054881072856428767, 2931939730493631250),
    Kernel("quicksort", 1_000_000, 100_000, 7093535744509856991, 3550489392536428778),
    Kernel("nbody", 900_000, 90_000, 0.06530170438587003, 0.030210125430766538),
    Kernel("interp", 3_000_000, 300_000, 1856220293, 1521782161),
    Kernel("arx", 6_000_000, 600_000, -1361953760, 892372621),
    # C, integers: a hash, streaming bytes, dynamic programming, branches in a recursion.
    Kernel("sha256", 14_000, 1400, 5624021791057214070, 5689322347430649970),
    Kernel("life", 256, 25, 6866009989427703796, 3945563061455598851),
    Kernel("edit", 5000, 1600, 1553930426671515876, 8012563351656668870),
    Kernel("queens", 12, 11, 15613227177186889, 2947577959506751),
    # C, floats: double precision, and single precision with indirect calls.
    Kernel("fft", 600, 60, 0.2090787878260697, 0.209078787825838),
    Kernel("rays", 300, 95, 3260064141687222277, 8582033409525332469),
    # C, memory and branches: a compressor, a parser, an automaton, strings, an allocator.
    Kernel("lz", 2048, 192, 6376688129806134248, 7809878760095701267),
    Kernel("json", 750, 75, 3746766498845841164, 439541915357993732),
    Kernel("regex", 400, 40, 2286173313104305728, 846694065183779153),
    Kernel("strings", 4096, 400, 7291043470296316335, 3357708047890317352),
    Kernel("trees", 200_000, 20_000, 3953552631562459363, 2254729647481152493),
    # C, indirect calls.
    Kernel("expr", 10_000, 1000, 4699732500260244943, 8905151747275712443),
    # Libraries: two compressors, an XML parser, a language.
    Kernel("zlib", 1280, 128, 5874843204245863014, 4452512704045175254),
    Kernel("bzip2", 768, 72, 6588432951495062756, 8714197801503853394),
    Kernel("expat", 27_000, 2700, 819964080781216277, 1743524710716868455),
    Kernel("lua", 16_000, 1600, 8853320242487075549, 1545651216748853241),
)
