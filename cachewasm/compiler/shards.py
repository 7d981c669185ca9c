"""Cut a module into shards: what LLVM gets at once.

A shard is consecutive functions, or the trampolines of consecutive types. Borders depend on the
module alone, never on processors or clocks. Small modules make small shards, for balance; large ones
make larger shards, since each costs LLVM 2 to 3 ms besides its functions, but never so large that
the IR of those under way matters.

A body of HUGE_BODY bytes or more is a shard of its own and takes the baseline pipeline in every
tier: what the optimized one needs for a function grows faster than the function, and nobody waits
minutes for the one that holds a whole interpreter. The size of the body alone decides.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from cachewasm.record import dataclass
from cachewasm.wasm.module import ByteRange, Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasm.types import FuncType

HUGE_BODY = 64 << 10

# Weights are in bytes of bodies. An empty function takes LLVM as long as 40 bytes of code do, the
# two trampolines of a type as long as 64 and 8 more for each parameter and result.
_FUNCTION = 40
_TYPE, _VALUE = 64, 8
# A module is cut into about so many shards, within these bounds of a shard's weight. The upper one
# leaves a huge body alone.
_SHARDS = 32
_LEAST, _MOST = 4 << 10, HUGE_BODY
# A job for an executor carries the whole module with it, so there are few of them.
_JOBS = 16


@dataclass(frozen=True, slots=True)
class Shard:
    """Functions, by index; with `is_types` the trampolines of types, by position among those types
    of the module that have their own."""

    indices: range
    weight: int
    is_types: bool = False

    @property
    def functions(self) -> int:
        """How many functions it holds."""
        return 0 if self.is_types else len(self.indices)

    def parts(self) -> "list[Shard]":
        """One shard for each function or type: what to try alone where the whole has failed."""
        if len(self.indices) < 2:
            return [self]
        weight = self.weight // len(self.indices)
        return [Shard(range(i, i + 1), weight, self.is_types) for i in self.indices]


def is_huge(body: ByteRange) -> bool:
    """Whether the function with this body takes the baseline pipeline in every tier."""
    return body.size >= HUGE_BODY


def cut(module: Module, own_types: "Sequence[FuncType]") -> list[Shard]:
    """The shards of a module, in the order in which they are linked.

    `own_types` are the types that have trampolines of their own. Their shards come first, and
    there is at least one: it also has what all functions share.
    """
    weights = [body.size + _FUNCTION for body in module.code]
    types = [_TYPE + _VALUE * (len(t.param_types) + len(t.result_types)) for t in own_types]
    target = min(max((sum(weights) + sum(types)) // _SHARDS, _LEAST), _MOST)
    shards = [
        Shard(range(start, end), sum(types[start:end]), is_types=True)
        for start, end in _group(types, target)
    ]
    first = module.imported_funcs
    shards += [
        Shard(range(first + start, first + end), sum(weights[start:end]))
        for start, end in _group(weights, target)
    ]
    return shards if own_types else [Shard(range(0), 0, is_types=True), *shards]


def jobs(shards: Sequence[Shard]) -> list[range]:
    """The shards, by number, in groups for an executor's jobs."""
    weights = [shard.weight for shard in shards]
    return [range(*pair) for pair in _group(weights, max(sum(weights) // _JOBS, _MOST))]


def _group(weights: Sequence[int], target: int) -> Iterator[tuple[int, int]]:
    """Start and end of consecutive groups that weigh at most `target`, or have one member."""
    borders = [0]
    weight = 0
    for i, each in enumerate(weights):
        if weight and weight + each > target:
            borders.append(i)
            weight = 0
        weight += each
    if weights:
        borders.append(len(weights))
    return pairwise(borders)
