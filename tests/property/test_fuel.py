"""Random programs use up the same fuel in both tiers, with checks by code, and under PyPI wasmtime.

Some calls get little fuel, so that they end in the middle. What is left is looked at after every call,
however it ended, and in host functions.
"""

import random
from collections.abc import Iterator
from functools import cache

import wasmtime
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import cachewasm
from cachewasm.wasm import features
from cachewasm.wasm.body import instructions, read_locals
from cachewasm.wasm.decode import decode
from tests.property.programs.compare import VARIANTS, config_of
from tests.property.programs.observe import Run, Trace
from tests.property.programs.program import CHOICES, Call, Program, generate

PLENTY = 10**9


class MeteredRun(Run):
    """A run in which each call begins with a stated amount of fuel."""

    def __init__(self, package: object, engine: object, program: Program, fuel: list[int]) -> None:
        super().__init__(package, engine, program)  # type: ignore[arg-type]
        self._fuel = fuel
        # Initialisation is other code there and here, so what is left within is not looked at.
        self._store.set_fuel(PLENTY)
        self._is_instantiated = False

    def _call(self, exports: object, call: Call) -> object:
        self._is_instantiated = True
        self._store.set_fuel(self._fuel[len(self.trace) % len(self._fuel)])
        return super()._call(exports, call), self._store.get_fuel()

    def _first(self, value: int) -> int:
        if self._is_instantiated:
            self.trace.append(("left", self._store.get_fuel()))
        return super()._first(value)


@cache
def _engine(variant: str) -> cachewasm.Engine:
    config = config_of(variant)
    config.cache = False
    config.consume_fuel = True
    return cachewasm.Engine(config)


@cache
def _oracle() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.consume_fuel = True
    return wasmtime.Engine(config)


def _instructions(program: Program) -> set[str]:
    module = decode(program.wasm, features.DEFAULT)
    names = set()
    for body in module.code:
        _, start = read_locals(module.data, body.start, body.end, module.features)
        names |= {
            op.name for _, op, _ in instructions(module.data, start, body.end, module.features)
        }
    return names


# Before these PyPI wasmtime asks whether there is enough at times, and we always do.
_BULK = {"memory.copy", "memory.init", "table.copy", "table.fill", "table.init"}


def _pairs(data: bytes) -> Iterator[tuple[str, Trace, Trace]]:
    """What was compared, what it gave, and what it should have given."""
    program = generate(data)
    chosen = random.Random(data)
    fuel = [chosen.choice((PLENTY, PLENTY, chosen.randrange(300))) for _ in range(7)]
    first, *others = VARIANTS
    wanted = MeteredRun(cachewasm, _engine(first), program, fuel).run()
    for variant in others:
        yield variant, MeteredRun(cachewasm, _engine(variant), program, fuel).run(), wanted
    used = _instructions(program)
    if "table.grow" in used:
        return  # PyPI wasmtime forgets to charge for what came before an attempt that fails
    if used & _BULK:
        fuel = [PLENTY]
        wanted = MeteredRun(cachewasm, _engine(first), program, fuel).run()
    oracle = MeteredRun(wasmtime, _oracle(), program, fuel).run()
    yield "oracle", _without_faults(oracle), _without_faults(wanted)


def _without_faults(trace: Trace) -> Trace:
    # PyPI wasmtime gives back before an access that it knows to be out of bounds at compile time.
    return [event for event in trace if "MEMORY_OUT_OF_BOUNDS" not in str(event)]


# A difference is told as it is: making it smaller would run each program four times over.
@settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
)
@given(data=st.binary(min_size=CHOICES // 2, max_size=CHOICES))
def test_fuel_of_a_random_program_is_the_same_everywhere(data: bytes) -> None:
    for name, found, wanted in _pairs(data):
        assert found == wanted, f"{name}: {generate(data).wasm.hex()}"


def test_fuel_of_some_programs_runs_out() -> None:
    seen = set()
    for seed in range(12):
        for name, found, _ in _pairs(random.Random(seed).randbytes(CHOICES)):
            seen.add(name)
            seen |= {f"{name} runs out" for event in found if "OUT_OF_FUEL" in str(event)}
    assert seen >= {"oracle", "optimized", "optimized runs out"}
